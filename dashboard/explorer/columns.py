"""Which columns of some assets feed which, as a standpoint knows it."""

from __future__ import annotations

from collections.abc import Collection, Iterable

import streamlit as st

from catalog.model import AssetKey, Kind
from dashboard.explorer.traced import ColumnTie
from dashboard.instants import Known
from lineage.column_links import ColumnLink
from lineage.columns import column_links
from lineage.derivation import INDIRECT
from lineage.graph.estate_graph import EstateGraph

NOISE_MOST = 500
"""Temporary datasets that are looked through, at most."""


def column_ties(known: Known, keys: Collection[AssetKey]) -> tuple[ColumnTie, ...]:
    """Every current link between columns of these datasets, also through temporary ones; sorted."""
    datasets = tuple(sorted(key for key in keys if key.kind is Kind.DATASET))
    return _ties(known, known.name, datasets)


@st.cache_resource(show_spinner=False, max_entries=16)
def _ties(_known: Known, name: str, keys: tuple[AssetKey, ...]) -> tuple[ColumnTie, ...]:
    del name  # it is what the result is kept by
    noise = noise_beside(_known.graph, keys)
    links = column_links(_known.standpoint, {*keys, *noise})
    return straight((tie(link) for link in links if link.current), noise, set(keys))


def tie(link: ColumnLink) -> ColumnTie:
    """A link as it is drawn."""
    return ColumnTie(
        link.source.asset,
        link.source.field,
        link.target.asset,
        link.target.field,
        link.type == INDIRECT,
        link.masking,
        link.subtype or "",
    )


def noise_beside(graph: EstateGraph, keys: Iterable[AssetKey]) -> set[AssetKey]:
    """Temporary datasets next to some, through nothing but such."""
    found: set[AssetKey] = set()
    waiting = [key for key in keys if key in graph]
    while waiting and len(found) < NOISE_MOST:
        key = waiting.pop()
        for beyond in (*graph.neighbours(key, up=True), *graph.neighbours(key, up=False)):
            if beyond not in found and beyond.kind is Kind.DATASET and graph.is_noise(beyond):
                found.add(beyond)
                waiting.append(beyond)
    return found


def straight(
    ties: Iterable[ColumnTie], noise: Collection[AssetKey], keys: Collection[AssetKey]
) -> tuple[ColumnTie, ...]:
    """Ties between real datasets only: what leads through noise is drawn through it.

    A way is masked if one of its hops is, and indirect if one of them is.
    """
    below: dict[tuple[AssetKey, str], list[ColumnTie]] = {}
    kept: set[ColumnTie] = set()
    waiting: list[ColumnTie] = []
    for one in ties:
        if one.source in noise:
            below.setdefault((one.source, one.source_field), []).append(one)
        elif one.source in keys:
            waiting.append(one)
    seen = set(waiting)
    while waiting:
        one = waiting.pop()
        if one.target in keys:
            kept.add(one)
            continue
        for onward in below.get((one.target, one.target_field), ()):
            longer = ColumnTie(
                one.source,
                one.source_field,
                onward.target,
                onward.target_field,
                one.is_indirect or onward.is_indirect,
                one.is_masked or onward.is_masked,
                one.how if one.how == onward.how else "",
            )
            if longer not in seen:
                seen.add(longer)
                waiting.append(longer)
    return tuple(
        sorted(
            kept,
            key=lambda t: (
                t.source, t.source_field, t.target, t.target_field,
                t.is_indirect, t.is_masked, t.how,
            ),
        )
    )  # fmt: skip
