"""What the fold reads in the events of a run: which facets, and which of them win their places.

That depends on the events' templates and their order alone, so it is worked out once for all runs
of a job, and each run is then read by numbers.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import NamedTuple

from msgspec import Struct

from lineage import data_tests
from lineage.facets import Body, Recent
from lineage.principals import PRECEDENCE
from lineage.templates import Place, Template

Name = tuple[str, str]
"""Namespace and name of a dataset or a job."""

Suite = Callable[[Body], bytes]
"""Which data tests a facet is about: a hash of their keys."""

Candidates = tuple[tuple[int, int], ...]
"""Numbers of an event, the newest first, and of one of its holes: all of one instant and rank."""

PLANS = 16
"""How many plans are remembered with the template of a run's newest event."""
FLOWS = 8
"""And how many flows with each of these."""


class ReportPlace(NamedTuple):
    """Where data tests are reported."""

    side: str
    """input, output, or run for what is said of the run itself."""
    is_io: bool
    """Whether it is among the facets about this run only."""
    facet: str


REPORT_PLACES = tuple(
    ReportPlace(side, is_io, name)
    for name in data_tests.FACETS
    for side, is_io in (("input", False), ("input", True), ("output", False), ("run", False))
)
"""Every place, by its number."""

_PLACE_NUMBER = {place: number for number, place in enumerate(REPORT_PLACES)}


class Interest(Struct, frozen=True, gc=False):
    """A facet that the fold reads, and what it competes for."""

    side: str
    number: int | None
    """Of the input or output that it is about."""
    what: str
    """The facet's name; ``statistics`` for two of them."""
    hole: int
    place: int = 0
    """For reports of data tests, its number."""
    tests: Suite | None = None
    """The same: those about different data tests do not compete."""

    def subject(self, template: Template) -> Name | None:
        """The dataset that it is about."""
        if self.number is None:
            return None
        place = (template.inputs if self.side == "input" else template.outputs)[self.number]
        return place.namespace, place.name


class Written(NamedTuple):
    """What one run said of one dataset that it writes."""

    name: Name
    operation: str
    """What the lifecycle facet says, upper case; empty: nothing."""
    sources: tuple[Name, ...]
    """Datasets that its column lineage names."""


Pairs = frozenset[tuple[Name, Name]]
"""Sources with their targets."""


class Flow(Struct, frozen=True, eq=False):
    """What a run reads, writes and derives: one object for runs of which the same was said."""

    key: bytes
    """The same for all runs of one job of which the same was said, remembered or not."""
    inputs: tuple[Name, ...]
    targets: tuple[Name, ...]
    """Datasets that are written."""
    describe: Callable[[], tuple[tuple[Written, ...], Pairs | None]]
    """Reads the facets, which only a flow that is not stored yet needs."""

    @property
    def outputs(self) -> tuple[Written, ...]:
        """What was said of each target."""
        return self.describe()[0]

    @property
    def explicit(self) -> Pairs | None:
        """Every flow between datasets that lineage facets describe; ``None``: none of them does."""
        return self.describe()[1]


class Plan(Struct, frozen=True, eq=False):
    """What is read in events of some templates, the newest first."""

    parents: tuple[Candidates, ...]
    principals: tuple[tuple[str, Candidates], ...]
    """The most telling facet first."""
    version: tuple[Candidates, ...]
    inputs: tuple[Name, ...]
    outputs: tuple[Name, ...]
    shaping: tuple[tuple[Name, str, Candidates], ...]
    """What decides what happens to a dataset that is written."""
    statistics: tuple[tuple[Name, bool, Candidates], ...]
    """With whether it is of an output."""
    reports: tuple[tuple[int, int, Name | None, Interest], ...]
    """With the numbers of the event and of its group, and the dataset."""
    lineage: tuple[tuple[int, int], ...]
    """Every lineage facet: what these describe adds up."""
    flows: Recent[tuple[bytes, ...], Flow]
    """What came of it lately, by the hashes of the facets that decide that."""


def plan_of(templates: tuple[Template, ...], groups: tuple[int, ...]) -> Plan:
    """What is read in events of these templates.

    Args:
        templates: Of the newest event first.
        groups: For each a number, which those of one instant and rank share.
    """
    plans = templates[0].once(_no_plans)
    key = (templates[1:], groups[1:])
    plan = plans.get(key)
    if plan is None:
        plan = _make(templates, groups)
        plans.put(key, plan)
    return plan


def _no_plans(_: Template) -> Recent[tuple[tuple[Template, ...], tuple[int, ...]], Plan]:
    return Recent(PLANS)


def _make(templates: tuple[Template, ...], groups: tuple[int, ...]) -> Plan:
    won: dict[tuple[str, Name | None, str], tuple[int, list[tuple[int, int]]]] = {}
    reports = []
    for index, (template, group) in enumerate(zip(templates, groups, strict=True)):
        for interest in template.alike(interests):
            subject = interest.subject(template)
            if interest.tests is not None:
                reports.append((index, group, subject, interest))
                continue
            key = (interest.side, subject, interest.what)
            known = won.setdefault(key, (group, []))
            if known[0] == group:
                known[1].append((index, interest.hole))
    best = {key: tuple(candidates) for key, (_, candidates) in won.items()}

    def of_run(side: str, names: Iterable[str]) -> tuple[tuple[str, Candidates], ...]:
        return tuple((n, best[side, None, n]) for n in names if (side, None, n) in best)

    return Plan(
        parents=tuple(c for _, c in of_run("run", ("parent", "parentRun"))),
        principals=of_run("run", PRECEDENCE),
        version=tuple(c for _, c in of_run("job", ("sourceCodeLocation",))),
        inputs=_named(place for template in templates for place in template.inputs),
        outputs=_named(place for template in templates for place in template.outputs),
        shaping=tuple(
            (name, what, candidates)
            for (side, name, what), candidates in best.items()
            if side == "output" and name and what in _SHAPING
        ),
        statistics=tuple(
            (name, side == "output", candidates)
            for (side, name, what), candidates in best.items()
            if name and what == _STATISTICS
        ),
        reports=tuple(reports),
        lineage=tuple(
            (index, template.job_facets["lineage"])
            for index, template in enumerate(templates)
            if "lineage" in template.job_facets
        ),
        flows=Recent(FLOWS),
    )


_SHAPING = ("columnLineage", "lifecycleStateChange")
_STATISTICS = "statistics"


def _named(places: Iterable[Place]) -> tuple[Name, ...]:
    return tuple(sorted({(place.namespace, place.name) for place in places}))


def interests(template: Template) -> tuple[Interest, ...]:
    """Facets of an event that the fold reads, but for those that describe lineage."""
    return tuple(_find(template))


def _find(template: Template) -> Iterator[Interest]:
    for name in ("parent", "parentRun", *PRECEDENCE):
        if name in template.run_facets:
            yield Interest("run", None, name, template.run_facets[name])
    if "sourceCodeLocation" in template.job_facets:
        hole = template.job_facets["sourceCodeLocation"]
        yield Interest("job", None, "sourceCodeLocation", hole)
    yield from _reports("run", None, template.run_facets, is_io=False)
    for side, places in (("input", template.inputs), ("output", template.outputs)):
        for number, place in enumerate(places):
            for name in _SHAPING:
                if side == "output" and name in place.facets:
                    yield Interest(side, number, name, place.facets[name])
            for name in ("outputStatistics", "inputStatistics"):
                if name in place.io_facets:
                    yield Interest(side, number, _STATISTICS, place.io_facets[name])
                    break
            yield from _reports(side, number, place.facets, is_io=False)
            yield from _reports(side, number, place.io_facets, is_io=True)


def _reports(
    side: str, number: int | None, facets: Mapping[str, int], *, is_io: bool
) -> Iterator[Interest]:
    for name in sorted(facets.keys() & _SUITES.keys()):
        place = _PLACE_NUMBER.get(ReportPlace(side, is_io, name))
        if place is not None:
            yield Interest(side, number, name, facets[name], place, _SUITES[name])


def _suite(name: str) -> Suite:
    def tests(facet: Body) -> bytes:
        keys = b"".join(result.key for result in data_tests.results_in(name, facet))
        return hashlib.sha256(keys).digest()[:16]

    return tests


_SUITES = {name: _suite(name) for name in data_tests.FACETS}
