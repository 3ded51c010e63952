"""What dbt says of those who use its datasets, and which of its nodes a job is.

Pure functions of decoded facets: whatever a producer put there, they answer and never raise.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Any

from catalog.model import AssetKey, Kind
from lineage.events import text_of
from lineage.redact import redact_text
from lineage.values import object_of, objects_in

NAMESPACE = "dbt"
"""Of all exposures: their ids name the project, and nothing tells one warehouse from another."""


class ExposureKind(StrEnum):
    """What sort of use it is."""

    REPORT = "report"
    NOTEBOOK = "notebook"
    APPLICATION = "application"
    ML = "ml"


_KINDS = {
    "dashboard": ExposureKind.REPORT,
    "analysis": ExposureKind.REPORT,
    "notebook": ExposureKind.NOTEBOOK,
    "application": ExposureKind.APPLICATION,
    "ml": ExposureKind.ML,
}


@dataclass(frozen=True, slots=True)
class Exposure:
    """A use of data outside dbt that its project declares."""

    unique_id: str
    """Such as ``exposure.shop.revenue``."""
    name: str
    kind: ExposureKind | None = None
    """``None``: not said, or a word that dbt does not know."""
    url: str | None = None
    owner: str | None = None
    """As it was sent: an e-mail address where there is one, else a name. dbt itself sends none."""
    nodes: tuple[str, ...] = ()
    """Ids of the dbt nodes that it stands on, where the facet names them."""
    datasets: tuple[AssetKey, ...] = ()
    """Datasets that it stands on: those whose facet names it."""

    @property
    def key(self) -> AssetKey:
        """Its identity as an asset."""
        return AssetKey(Kind.DATASET, NAMESPACE, self.unique_id)


def exposures_in(facet: Mapping[str, Any]) -> tuple[Exposure, ...]:
    """Exposures that the facet ``dbt_exposures`` of a dataset names as its users, by id."""
    found: dict[str, Exposure] = {}
    for entry in objects_in(facet.get("exposures")):
        exposure = _exposure(entry)
        if exposure is not None:
            known = found.get(exposure.unique_id)
            found[exposure.unique_id] = _merged(known, exposure) if known else exposure
    return tuple(found[unique_id] for unique_id in sorted(found))


def exposures_of(
    carried: Iterable[tuple[AssetKey, Iterable[Exposure]]],
) -> tuple[Exposure, ...]:
    """Every exposure once, by id, with all datasets whose facets name it.

    Args:
        carried: Datasets and what their facets name.
    """
    found: dict[str, Exposure] = {}
    for dataset, exposures in carried:
        for exposure in exposures:
            used = replace(exposure, datasets=tuple(sorted({*exposure.datasets, dataset})))
            known = found.get(exposure.unique_id)
            found[exposure.unique_id] = _merged(known, used) if known else used
    return tuple(found[unique_id] for unique_id in sorted(found))


def dbt_unique_id(job_facets: Mapping[str, Mapping[str, Any]]) -> str | None:
    """The id of the dbt node that a job runs, such as ``model.shop.orders``.

    It stays the same in all ways of running dbt, while the job's name does not.
    """
    return unique_id_in(object_of(job_facets.get("dbt_node")))


def unique_id_in(facet: Mapping[str, Any]) -> str | None:
    """The same of the facet alone."""
    told = text_of(facet.get("unique_id"))
    return text_of(told.strip()) if told else None


def _exposure(entry: Mapping[str, Any]) -> Exposure | None:
    unique_id, name = text_of(entry.get("unique_id")), text_of(entry.get("name"))
    unique_id = unique_id or name
    if unique_id is None:
        return None
    url, owner = text_of(entry.get("url")), entry.get("owner")
    if isinstance(owner, dict):
        owner = text_of(owner.get("email")) or text_of(owner.get("name"))
    needs = entry.get("depends_on")
    nodes = needs.get("nodes") if isinstance(needs, dict) else needs
    nodes = nodes if isinstance(nodes, list) else []
    return Exposure(
        unique_id=unique_id,
        name=name or unique_id.rpartition(".")[2] or unique_id,
        kind=_KINDS.get((text_of(entry.get("type")) or "").lower()),
        url=redact_text(url) if url else None,
        owner=text_of(owner),
        nodes=tuple(sorted({node for node in nodes if isinstance(node, str) and node})),
    )


def _merged(one: Exposure, other: Exposure) -> Exposure:
    """What both say; of two words the later in the alphabet, so that order is no matter."""
    return Exposure(
        unique_id=one.unique_id,
        name=max(one.name, other.name),
        kind=max((k for k in (one.kind, other.kind) if k), default=None),
        url=max((u for u in (one.url, other.url) if u), default=None),
        owner=max((o for o in (one.owner, other.owner) if o), default=None),
        nodes=tuple(sorted({*one.nodes, *other.nodes})),
        datasets=tuple(sorted({*one.datasets, *other.datasets})),
    )
