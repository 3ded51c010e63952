"""Reducers: many names of a dataset's parts become one, exactly as the Python client does it."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from openlineage.client.dataset import trimmers

from catalog.errors import UserError
from lineage.reducers import NO_REDUCERS, Reducer, Reducers, read_reducers

EVERYTHING = Reducers(tuple(Reducer))
CLIENT: dict[Reducer, Callable[[], trimmers.DatasetNameTrimmer]] = {
    Reducer.KEY_VALUE: trimmers.KeyValueTrimmer,
    Reducer.DATES: trimmers.DateTrimmer,
    Reducer.YEAR_MONTH_DAY: trimmers.MultiDirDateTrimmer,
    Reducer.YEAR_MONTH: trimmers.YearMonthTrimmer,
}
PARTS = st.one_of(
    st.sampled_from(
        ["", "data", "day=1", "a=b=c", "2026", "01", "1", "13", "31", "202601", "202613", "2026-01",
         "2026-01-31", "2026-02-31", "31.01.2026", "20260131", "20260131T0901Z", "0000",
         "2026-01-31T09:01:00.000Z", "20260131-20260201", "x20260131", "٢٠٢٦", " 5"]
    ),
    st.text(alphabet="0123456789-=.TZ", max_size=10),
)  # fmt: skip
PATHS = st.lists(PARTS, max_size=6).map("/".join)


def until_nothing_more(name: str, reducer: Reducer) -> str:
    trimmer = CLIENT[reducer]()
    while (shorter := trimmer.trim(name)) != name:
        name = shorter
    return name


@given(PATHS, st.sampled_from(sorted(Reducer)))
@example("/20260131", Reducer.DATES)
@example("//a=1//b=2//", Reducer.KEY_VALUE)
@example("2026/01/31", Reducer.YEAR_MONTH_DAY)
def test_each_reducer_takes_off_what_the_client_takes_off(name: str, reducer: Reducer) -> None:
    expected = until_nothing_more(name, reducer)

    # A name of nothing would be no name: the client may leave one behind, we never do.
    assert Reducers((reducer,)).reduce(name) == expected or not expected.strip("/")


@given(PATHS | st.text())
def test_a_reduced_name_is_reduced_for_good_and_is_how_the_name_began(name: str) -> None:
    reduced = EVERYTHING.reduce(name)

    assert EVERYTHING.reduce(reduced) == reduced
    assert name.startswith(reduced)
    assert bool(reduced.strip("/")) == bool(name.strip("/"))


@given(PATHS | st.text())
def test_without_a_setting_every_name_stays_as_it_was_sent(name: str) -> None:
    assert NO_REDUCERS.reduce(name) == name


@pytest.mark.parametrize(
    ("name", "reduced"),
    [
        ("/wh/orders/day=2026-01-31/hour=5", "/wh/orders"),
        ("/wh/orders/2026-01-31", "/wh/orders"),
        ("/wh/orders/20260131T0901Z/", "/wh/orders"),
        ("/wh/orders/2026/01/31", "/wh/orders"),
        ("/wh/orders/2026/01", "/wh/orders"),
        ("/wh/orders/202601", "/wh/orders"),
        ("/wh/orders/country=de/2026/01/31", "/wh/orders"),
        ("/wh/orders", "/wh/orders"),
        ("/20260131", "/20260131"),
        ("db.schema.orders_20260131", "db.schema.orders_20260131"),
        ("/wh/orders_20260131", "/wh/orders_20260131"),
    ],
)
def test_parts_are_known_by_what_they_are_called(name: str, reduced: str) -> None:
    assert EVERYTHING.reduce(name) == reduced


def test_a_setting_names_reducers_in_any_order() -> None:
    assert read_reducers(" dates, key_value,") == Reducers((Reducer.KEY_VALUE, Reducer.DATES))
    assert read_reducers("") == NO_REDUCERS


def test_a_setting_that_names_no_reducer_is_told_what_there_is() -> None:
    with pytest.raises(UserError, match=r'"key_values" is no reducer.*mean "key_value"'):
        read_reducers("dates,key_values")
