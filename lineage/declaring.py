"""Datasets and flows that facets declare without any run: derivations, and uses outside dbt."""

from __future__ import annotations

import hashlib
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import replace

from catalog.model import AssetKey, Kind
from catalog.moments import moment
from lineage import observed as o
from lineage.derivation import explicit_lineage
from lineage.exposures import Exposure, dbt_unique_id, exposures_in, exposures_of

BEYOND = 1 << 48
"""Surrogates of datasets that only facets name begin here; those of the tables stay below."""


def declare(seen: o.Observed) -> o.Observed:
    """What was seen of whole assets, with what their facets declare beside it."""
    return _Declarations(seen).added()


class _Declarations:
    def __init__(self, seen: o.Observed) -> None:
        self._seen = seen
        self._datasets = dict(seen.datasets)
        self._ids = {(a.namespace, a.name): i for i, a in seen.datasets.items()}

    def added(self) -> o.Observed:
        flows = {*self._derived()}
        uses = dict(self._uses())
        flows |= {(source, i) for i, use in uses.items() for source in self._sources(use.exposure)}
        return replace(
            self._seen,
            datasets=self._datasets,
            flows=tuple(sorted(flows)),
            uses=uses,
        )

    def _derived(self) -> Iterator[tuple[int, int]]:
        """What the ``lineage`` facets of datasets say; in events of runs, those of jobs count."""
        for asset in self._seen.datasets.values():
            facet = asset.facets.get("lineage")
            if facet is None or not facet.path.startswith("dataset."):
                continue
            said = explicit_lineage(facet.body, own_dataset=(asset.namespace, asset.name))
            for source, target in said.dataset_flows if said else ():
                yield self._number(source, facet), self._number(target, facet)

    def _uses(self) -> Iterator[tuple[int, o.Use]]:
        carried = {}
        told: dict[str, list[o.Facet]] = defaultdict(list)
        for asset in self._seen.datasets.values():
            facet = asset.facets.get("dbt_exposures")
            if facet is not None:
                found = exposures_in(facet.body)
                carried[AssetKey(Kind.DATASET, asset.namespace, asset.name)] = found
                for exposure in found:
                    told[exposure.unique_id].append(facet)
        for exposure in exposures_of(carried.items()):
            facets = sorted(told[exposure.unique_id], key=lambda f: (f.order[1], f.event_id))
            number = self._number(exposure.key, *facets)
            yield number, o.Use(exposure, facets[-1].event_id, facets[-1].path)

    def _sources(self, exposure: Exposure) -> Iterator[int]:
        for key in exposure.datasets:
            yield self._ids[key.namespace, key.name]
        for job_id, job in self._seen.jobs.items() if exposure.nodes else ():
            if dbt_unique_id({n: f.body for n, f in job.facets.items()}) in exposure.nodes:
                for shape in self._seen.current.get(job_id, ()):
                    yield from (dataset_id for dataset_id, _ in shape.outputs)

    def _number(self, key: AssetKey, *facets: o.Facet) -> int:
        """The surrogate of a dataset; one that no event names itself is known by these facets."""
        key = self._seen.identities.key(key)
        name = key.namespace, key.name
        if name not in self._ids:
            number = BEYOND + int.from_bytes(hashlib.sha256(repr(name).encode()).digest()[:5])
            self._ids[name] = number
            times = [moment(f.order[1]) for f in facets]
            names = self._seen.identities.group(key)
            self._datasets[number] = o.Asset(
                number,
                *name,
                seen=True,
                first_seen=min(times),
                last_seen=max(times),
                event_id=facets[-1].event_id,
                facets={},
                names=names.members,
                title=names.title,
                ids=(number,),
            )
        return self._ids[name]
