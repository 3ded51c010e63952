"""Declared aliases: what they mean, and what is refused before it can join anything wrongly."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from catalog.entries import check_aliases
from catalog.formats import FormatError, read_catalog
from catalog.model import Alias, Apart, Catalog, Place

PLACES = st.sampled_from(["a", "b", "c", "d"])


def read(folder: Path, *lines: str) -> Catalog:
    (folder / "a.yml").write_text("\n".join(["aliases:", *(f"  - {{{x}}}" for x in lines)]))
    return read_catalog(folder)


def test_places_and_names_are_declared_to_be_others(tmp_path: Path) -> None:
    catalog = read(
        tmp_path,
        'namespace: "postgres://10.20.0.15:5432", is: "postgres://wh-prod:5432"',
        "namespace: a, name: x, is: {namespace: b, name: y}",
        "namespace: a, name: z, is: b",
        'namespace: file, name: "/warehouse", apart: true',
    )

    assert catalog.aliases == (
        Alias(
            "postgres://10.20.0.15:5432", None, "postgres://wh-prod:5432", None, Place("a.yml", 2)
        ),
        Alias("a", "x", "b", "y", Place("a.yml", 3)),
        Alias("a", "z", "b", "z", Place("a.yml", 4)),
    )
    assert catalog.apart == (Apart("file", "/warehouse", Place("a.yml", 5)),)


@pytest.mark.parametrize(
    ("lines", "told"),
    [
        (["namespace: a"], "a.yml:2:5: aliases.0: an alias needs either is, what it is, or apart"),
        (["namespace: a, name: x, is: b, apart: true"], "needs either is"),
        (["namespace: a, apart: true"], "give its name too"),
        (["namespace: a, is: {namespace: b, name: x}"], "give its name too"),
        (['namespace: " ", is: b'], "should match pattern"),
        (['namespace: a, is: ""'], "should match pattern"),
        (["namespace: a, equals: b"], 'unknown key "equals".* Known here: namespace, name, is,'),
        (["namespace: a, is: b", "namespace: a, is: c"], 'a.yml:3: what "a" is, is declared at'),
        (["namespace: a, is: a"], '"a" comes back to itself by way of "a"'),
        (["namespace: a, is: b", "namespace: b, is: c", "namespace: c, is: a"], "a.yml:4: .*ring"),
        (["namespace: a, name: x, is: a"], '"x" in "a" comes back to itself'),
    ],
)
def test_an_alias_that_cannot_be_used_is_refused_with_its_place(
    tmp_path: Path, lines: list[str], told: str
) -> None:
    with pytest.raises(FormatError, match=told):
        read(tmp_path, *lines)


@given(st.lists(st.tuples(PLACES, PLACES), unique_by=lambda pair: pair[0]))
def test_a_ring_is_always_found_and_a_chain_never_taken_for_one(
    pairs: list[tuple[str, str]],
) -> None:
    aliases = [Alias(a, None, b, None, Place("a.yml", n)) for n, (a, b) in enumerate(pairs)]
    after = dict(pairs)

    def comes_back(start: str) -> bool:
        seen = {start}
        while (start := after.get(start, "")) and start not in seen:
            seen.add(start)
        return bool(start)

    assert bool(list(check_aliases(aliases))) == any(map(comes_back, after))
