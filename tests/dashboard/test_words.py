from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dashboard import words
from policies.model import UnknownReason

NOW = datetime(2026, 11, 21, 12, 0, tzinfo=UTC)


@pytest.mark.parametrize(
    ("floor", "ceiling", "coverage", "said"),
    [
        (2, 4, 0.62, "L2 Managed (up to L4, 38% evidence missing)"),
        (4, 4, 1.0, "L4 Measured"),
        (4, 4, 0.9, "L4 Measured (10% evidence missing)"),
        (None, None, 0.22, "Not assessed (78% of the evidence is missing)"),
    ],
)
def test_a_level_is_printed_with_what_is_not_known(
    floor: int | None, ceiling: int | None, coverage: float, said: str
) -> None:
    assert words.standing(floor, ceiling, coverage) == said


@pytest.mark.parametrize(
    ("share", "said"),
    [(0, "0%"), (0.001, "under 1%"), (0.5, "50%"), (0.999, "over 99%"), (1, "100%")],
)
def test_only_nothing_is_none_and_only_all_is_all(share: float, said: str) -> None:
    assert words.percent(share) == said


def test_points_that_are_certain_are_one_number() -> None:
    assert words.points(0.5, 0.5) == "50"
    assert words.points(0.54, 0.71) == "54 to 71"


@pytest.mark.parametrize(
    ("ago", "clock", "age"),
    [
        (timedelta(seconds=5), "11:59 UTC", "just now"),
        (timedelta(seconds=-5), "12:00 UTC", "just now"),
        (timedelta(days=-2), "23 Nov 12:00 UTC", "ahead of our clock"),
        (timedelta(minutes=12), "11:48 UTC", "12 min ago"),
        (timedelta(hours=14), "yesterday 22:00 UTC", "14 h ago"),
        (timedelta(days=3), "18 Nov 12:00 UTC", "3 days ago"),
        (timedelta(days=400), "17 Oct 2025 12:00 UTC", "400 days ago"),
    ],
)
def test_a_moment_is_said_as_people_say_it(ago: timedelta, clock: str, age: str) -> None:
    assert words.clock(NOW - ago, NOW) == clock
    assert words.age(NOW - ago, NOW) == age


@pytest.mark.parametrize(
    ("items", "said"),
    [([], ""), (["a"], "a"), (["a", "b"], "a and b"), (list("abcdef"), "a, b, c and 3 more")],
)
def test_lists_read_as_sentences(items: list[str], said: str) -> None:
    assert words.listed(items) == said


@pytest.mark.parametrize(
    ("uri", "name"),
    [
        ("https://github.com/OpenLineage/OpenLineage/tree/1.54.0/integration/dbt", "dbt"),
        ("https://github.com/apache/airflow/tree/providers-openlineage/2.9.0", "apache/airflow"),
        ("https://shop.example/notebook/", "shop.example/notebook"),
        ("by-hand", "by-hand"),
    ],
)
def test_a_producer_has_a_short_name(uri: str, name: str) -> None:
    assert words.producer(uri) == name


@pytest.mark.parametrize(
    "text", ["**a** _b_ `c`", "<b>", ":red[x] :smile:", "$x$", "[a](b)", "# h"]
)
def test_names_from_outside_lose_their_markup(text: str) -> None:
    shown = words.plain(text)

    for mark in "*_`<>[]:$#()":
        assert shown.count(mark) == shown.count(f"\\{mark}")


@pytest.mark.parametrize("text", ["https://evil.example", "www.evil.example", "ana@example.com"])
def test_names_from_outside_never_become_links(text: str) -> None:
    bare = words.plain(text).replace("\\", "")

    assert text not in bare
    assert bare.replace("\u2060", "") == text


@given(st.text(alphabet="a` \n"))
def test_a_code_span_holds_any_backticks(text: str) -> None:
    span = words.code(text)

    line = " ".join(text.split())
    fence = span[: len(span) - len(span.lstrip("`"))]
    assert not line or (span.endswith(fence) and line in span and "\n" not in span)
    assert not line or fence not in line


def test_every_reason_for_not_knowing_has_words() -> None:
    assert words.REASONS.keys() == {reason.value for reason in UnknownReason}


@given(st.text(), st.integers(min_value=5, max_value=100))
def test_a_name_in_a_list_has_a_greatest_length(name: str, most: int) -> None:
    cut = words.short(name, most)

    assert len(cut) <= most
    assert cut == name or (len(name) > most and "…" in cut)


def test_a_long_name_keeps_both_ends() -> None:
    assert words.short("warehouse." + "x" * 900 + ".orders", 21) == "warehouse.…xxx.orders"


@pytest.mark.parametrize(
    ("seconds", "said"),
    [
        (0, "0.0 s"),
        (4.24, "4.2 s"),
        (59.7, "1 min"),
        (725, "12 min 5 s"),
        (11400, "3 h 10 min"),
        (187200, "2 days 4 h"),
        (86400, "1 day"),
    ],
)
def test_durations_read_as_people_say_them(seconds: float, said: str) -> None:
    assert words.lasted(seconds) == said


@pytest.mark.parametrize(
    ("events", "days", "said"),
    [
        (1, 0, "once"),
        (5, 0.2, "5 times within a day"),
        (240, 10, "about 24 a day"),
        (4, 14, "about 2 a week"),
        (2, 90, "less than weekly"),
    ],
)
def test_how_often_something_came_reads_as_people_say_it(
    events: int, days: float, said: str
) -> None:
    assert words.pace(events, NOW - timedelta(days=days), NOW) == said


@pytest.mark.parametrize(
    ("size", "said"), [(812, "812 B"), (1400, "1.4 kB"), (3_200_000_000, "3.2 GB")]
)
def test_sizes_read_in_the_largest_unit_that_fits(size: int, said: str) -> None:
    assert words.size(size) == said


@pytest.mark.parametrize(
    "url",
    ["javascript:alert(1)", "https://x.example/a b", "https://x.example/)](", "ftp://x", ""],
)
def test_only_a_plain_web_address_becomes_a_link(url: str) -> None:
    assert words.link(url, "there") == ""
    assert words.link("https://x.example/a?b=c#d", "there") == "[there](https://x.example/a?b=c#d)"


def test_an_exact_time_has_seconds() -> None:
    assert words.clock(NOW, NOW, is_exact=True) == "12:00:00 UTC"


@pytest.mark.parametrize(
    ("value", "said"),
    [(12000.0, "12,000"), (12.25, "12.25"), (-3.0, "-3"), (0.00031, "0.00031"), (0.0, "0"),
     (1e300, "1e+300"), (1234.5, "1,234.50")],
)  # fmt: skip
def test_measured_numbers_are_as_short_as_they_can_be_read(value: float, said: str) -> None:
    assert words.number(value) == said
