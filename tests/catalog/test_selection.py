"""The selection language against a naive reading of the same words."""

from __future__ import annotations

import fnmatch
from collections.abc import Callable, Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from catalog.selection import KEYS, SelectionError, parse_selection

Attributes = dict[str, Sequence[str]]
Check = Callable[[Attributes], bool]

ASSET: Attributes = {
    "env": ["prod"],
    "zone": ["mart"],
    "tier": ["1"],
    "name": ["wh.mart.order items"],
    "namespace": ["postgres://wh-prod:5432"],
    "owner": ["team:finance", "person:ana"],
}


@pytest.mark.parametrize(
    "text",
    [
        "env:prod",
        "env:pr*",
        "env:p?od",
        "env:[pq]rod",
        "env:prod zone:mart",
        "env:prod and zone:mart",
        "  env:prod\tzone:mart  ",
        "env:dev or zone:mart",
        "not env:dev",
        "not not env:prod",
        "not (env:dev or zone:raw)",
        "env:dev zone:raw or tier:1",
        "tier:1 or env:dev zone:raw",
        "env:prod (zone:raw or zone:mart)",
        "not env:dev zone:mart",
        "namespace:postgres://wh-prod:*",
        'name:"wh.mart.order items"',
        'name:*"order items"',
        '"order items"',
        "order",
        "wh.mart.*items",
        "owner:person:ana",
        "owner:team:*",
    ],
)
def test_it_matches(text: str) -> None:
    assert parse_selection(text).matches(ASSET)


@pytest.mark.parametrize(
    "text",
    [
        "env:Prod",
        "env:dev",
        "not env:prod",
        "env:prod zone:raw",
        "env:prod not zone:mart",
        "not (env:prod or zone:raw)",
        "not env:prod or zone:raw",
        "level:*",
        'env:""',
        "ORDER",
        '"env:prod"',
        '"not" env:prod',
    ],
)
def test_it_does_not_match(text: str) -> None:
    assert not parse_selection(text).matches(ASSET)


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("", "empty"),
        ("  ", "empty"),
        ("enw:prod", 'Did you mean "env"?'),
        ("colour:red", "Known: env, zone"),
        ('name:"a', "quote"),
        ("(env:prod", "parenthesis"),
        ("env:prod)", '")"'),
        ("()", '")"'),
        ("env:prod or", "ends"),
        ("not", "ends"),
        ("or env:prod", '"or"'),
        ("env:prod and or zone:raw", '"or"'),
        ("env: prod", '"env:" names no value'),
        ("+env:prod", "walks the graph"),
        ("env:prod+", "walks the graph"),
        ("2+orders+1", "walks the graph"),
        ("orders+1", "walks the graph"),
        ("2+orders", "walks the graph"),
    ],
)
def test_what_cannot_be_read_says_where_and_what_was_expected(text: str, told: str) -> None:
    with pytest.raises(SelectionError) as caught:
        parse_selection(text)

    assert told in str(caught.value)
    assert not text.strip() or text in str(caught.value)


@pytest.mark.parametrize(
    "text", ["(" * 5000 + "a" + ")" * 5000, "not " * 5000 + "a"], ids=["groups", "nots"]
)
def test_a_selection_nested_without_end_is_refused(text: str) -> None:
    with pytest.raises(SelectionError, match="nested too deep"):
        parse_selection(text)


@pytest.mark.parametrize("key", KEYS)
def test_every_key_can_be_asked(key: str) -> None:
    assert parse_selection(f"{key}:a*").matches({key: ["b", "ab"]})


@given(st.text())
def test_any_text_is_a_selection_or_refused(text: str) -> None:
    try:
        node = parse_selection(text)
    except SelectionError:
        return

    assert node.matches(ASSET) in (True, False)


# A law: what is written with all its parentheses is what is read without those not needed.

Written = tuple[str, Check]


def term(key: str, glob: str) -> Written:
    return f"{key}:{glob}", lambda a: any(fnmatch.fnmatchcase(v, glob) for v in a.get(key, ()))


def word(text: str) -> Written:
    return text, lambda a: any(text in name for name in a.get("name", ()))


terms = st.one_of(
    st.builds(
        term, st.sampled_from(["env", "zone", "name"]), st.sampled_from(["a", "b*", "?", "*"])
    ),
    st.builds(word, st.sampled_from(["ab", "notable", "order", "android"])),
)


def negated(inner: Written) -> Written:
    return f"not {inner[0]}", lambda a: not inner[1](a)


def grouped(inner: Written) -> Written:
    return f"( {inner[0]} )", inner[1]


def joined_by_and(parts: list[Written], joint: str) -> Written:
    return joint.join(t for t, _ in parts), lambda a: all(check(a) for _, check in parts)


def joined_by_or(parts: list[Written]) -> Written:
    return " or ".join(t for t, _ in parts), lambda a: any(check(a) for _, check in parts)


def below(inner: st.SearchStrategy[Written]) -> st.SearchStrategy[Written]:
    atoms = st.one_of(terms, inner.map(grouped))
    literals = st.one_of(atoms, atoms.map(negated))
    ands = st.builds(
        joined_by_and, st.lists(literals, min_size=1, max_size=3), st.sampled_from([" ", " and "])
    )
    return st.builds(joined_by_or, st.lists(ands, min_size=1, max_size=3))


values = st.lists(st.sampled_from(["a", "b", "ba", "ab", "order", "notable"]), max_size=2)


@given(
    st.recursive(terms, below, max_leaves=8),
    st.dictionaries(st.sampled_from(["env", "zone", "name"]), values),
)
def test_not_binds_before_and_before_or(written: Written, asset: Attributes) -> None:
    text, expected = written

    assert parse_selection(text).matches(asset) == expected(asset)
