"""What is built from: observations, the declared catalog, and what follows from both."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Any

import networkx as nx

from catalog.model import AssetKey, Catalog, Kind, Trust
from lineage import observed as o
from lineage.claims import Claims
from lineage.estate import DataTest
from lineage.keys import trust_in
from lineage.noise import drawn_through, noise_in


class Scene:
    """Everything that datasets, jobs and writes are made from."""

    def __init__(self, seen: o.Observed, catalog: Catalog, as_of: datetime) -> None:
        self.seen = seen
        self.catalog = catalog
        self.as_of = as_of
        # One table holds both, so no dataset has the number of a job.
        self._keys = {i: key_of(Kind.DATASET, asset) for i, asset in seen.datasets.items()}
        self._keys |= {i: key_of(Kind.JOB, asset) for i, asset in seen.jobs.items()}
        self.noise = noise_in(seen)
        self.claims = Claims(seen, catalog, seen.current, self.noise)
        self.graph = self._graph()
        self.tests = self._tests()

    def key(self, dataset_id: int) -> AssetKey:
        """The identity of a dataset."""
        return self._keys[dataset_id]

    def keys(self, ids: Iterable[int]) -> tuple[AssetKey, ...]:
        """Identities of datasets, in order."""
        keys = [self._keys[i] for i in ids]
        return tuple(sorted(keys) if len(keys) > 1 else keys)

    def job_key(self, job_id: int) -> AssetKey:
        """The identity of a job."""
        return self._keys[job_id]

    def other_names(self, key: AssetKey, asset: o.Asset) -> tuple[AssetKey, ...]:
        """All names of an asset but the one that stands for it."""
        if len(asset.names) < 2:
            return ()
        return tuple(k for name in asset.names if (k := AssetKey(key.kind, *name)) != key)

    def _tests(self) -> dict[int, tuple[DataTest, ...]]:
        """The newest result of each data test, by the dataset or job that it tests."""
        found: dict[int, list[DataTest]] = defaultdict(list)
        for result in self.seen.tests:
            told = result.assertion
            found[result.asset_id].append(
                DataTest(
                    name=told.name,
                    column=told.column,
                    status=result.status,
                    blocking=told.blocking,
                    at=result.at,
                    job=self.job_key(result.job_id),
                    run_id=result.run_id,
                    event_id=result.event_id,
                    expected=told.expected,
                    actual=told.actual,
                    description=told.description or told.title,
                    results_30d=result.results_30d,
                    flips_30d=result.flips_30d,
                    trust=self._trust(result),
                    is_doubtful=result.is_doubtful,
                )
            )
        return {
            i: tuple(sorted(tests, key=lambda t: (t.column or "", t.name, t.description or "")))
            for i, tests in found.items()
        }

    def _trust(self, result: o.TestResult) -> Trust:
        """How far to believe it: by the key that its event came with."""
        key = self.seen.keys.get(self.seen.reported_by.get(result.event_id, 0))
        if key is None:
            return Trust.E1
        i = result.asset_id
        is_dataset = i in self.seen.datasets
        asset = self.seen.datasets[i] if is_dataset else self.seen.jobs[i]
        claim = self.claims.environment(i) if is_dataset else self.claims.job_environment(i)
        names = {namespace for namespace, _ in asset.names}
        return trust_in(key, names, claim.value if claim else None)

    def _graph(self) -> nx.DiGraph[int]:
        """Current dataset to dataset edges between real datasets, drawn through noise."""
        graph: nx.DiGraph[int] = nx.DiGraph()
        graph.add_nodes_from(i for i in self.seen.datasets if i not in self.noise)
        current = (
            edge for shapes in self.seen.current.values() for s in shapes for edge in s.edges
        )
        graph.add_edges_from(drawn_through([*current, *self.seen.flows], self.noise.__contains__))
        return graph


def key_of(kind: Kind, asset: o.Asset) -> AssetKey:
    """The identity of an asset of one kind."""
    return AssetKey(kind, asset.namespace, asset.name)


def facet_of(asset: o.Asset, name: str) -> Mapping[str, Any]:
    """The body of a facet; empty if it has none."""
    facet = asset.facets.get(name)
    return facet.body if facet else {}
