"""What runs in a row show."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from catalog.model import Environment
from lineage import observed as o
from lineage.estate import RunState
from lineage.habits import first_reads, first_tests, proved_below

NOON = datetime(2026, 11, 20, 12, tzinfo=UTC)


def at(hours: float) -> datetime:
    return NOON + timedelta(hours=hours)


def run(job_id: int, started: float, shape_id: int) -> o.Run:
    return o.Run(
        f"{job_id}-{started}", job_id, RunState.COMPLETE, at(started), at(started + 0.1), shape_id,
        None, None, None, "https://example.com", "v1", "00",
    )  # fmt: skip


def job(job_id: int, name: str) -> o.Asset:
    return o.Asset(job_id, "jobs", name, True, NOON, NOON, "00", {})


def test_the_first_reader_of_the_newest_batch_is_found() -> None:
    shapes = {1: o.Shape(inputs=(7,)), 2: o.Shape(edges=((7, 8),))}
    seen = o.Observed(shapes=shapes, recent=(run(1, 3, 1), run(2, 2, 2), run(1, -1, 1)))

    assert first_reads(seen, {7: at(0)}) == {7: at(2)}
    assert first_reads(seen, {7: at(4)}) == {}
    assert first_reads(seen, {}) == {}


def test_the_first_test_of_the_newest_batch_is_found() -> None:
    seen = o.Observed(answered_at={7: (at(-1), at(1), at(2)), 8: (at(1),)})

    assert first_tests(seen, {7: at(0), 8: at(5)}) == {7: at(1)}


def proved(successes: dict[tuple[int, str], datetime]) -> dict[int, bool]:
    seen = o.Observed(
        jobs={1: job(1, "prod.marts.orders"), 2: job(2, "staging.marts.orders")},
        first_success=successes,
    )
    places = {1: Environment.PROD, 2: Environment.STAGING}
    return proved_below(seen, lambda _: "v1", places.get)


def test_a_version_is_proved_if_it_completed_below_before() -> None:
    assert proved({(1, "v1"): at(2), (2, "v1"): at(1)}) == {1: True}


def test_a_version_that_ran_below_later_or_never_is_not_proved() -> None:
    assert proved({(1, "v1"): at(1), (2, "v1"): at(2)}) == {1: False}
    assert proved({(1, "v1"): at(1), (2, "v0"): at(0)}) == {1: False}


def test_without_versions_below_nothing_is_said() -> None:
    seen = o.Observed(jobs={1: job(1, "orders")}, first_success={(1, "v1"): at(1)})

    assert proved_below(seen, lambda _: "v1", lambda _: Environment.PROD) == {}
    assert proved_below(seen, lambda _: None, lambda _: Environment.DEV) == {}
