"""What is planted in the company, and the answer key to it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace

from catalog.model import AssetKey, Environment, Place
from lineage.sample.document import (
    Document,
    Lines,
    PlantPart,
    RunPart,
    ScenarioError,
    SubjectPart,
)
from lineage.sample.inventory import Inventory
from lineage.sample.model import (
    ALWAYS,
    Activity,
    Check,
    Expectation,
    FeedSubject,
    Flow,
    Schedule,
    Span,
    Subject,
    Tool,
    WriteSubject,
    job_key,
)


class Troubles:
    """The troubles of one scenario, applied to what its families do."""

    def __init__(self, document: Document, lines: Lines, inventory: Inventory) -> None:
        self._document = document
        self._lines = lines
        self._inventory = inventory
        self._plants = [
            (plant, lines.at("troubles", index, "plant", number))
            for index, trouble in enumerate(document.troubles)
            for number, plant in enumerate(trouble.plant)
        ]

    def runs(self) -> Iterator[tuple[RunPart, Place]]:
        """The jobs beside the families."""
        return ((plant.run, place) for plant, place in self._plants if plant.run)

    def flow(self, run: RunPart, schedule: Schedule, place: Place) -> Flow:
        """A planted run as what it does."""
        namespace, _, name = run.job.partition(" ")

        def used(names: Sequence[str]) -> tuple[AssetKey, ...]:
            return tuple(self._inventory.use(ref, Environment.PROD, place) for ref in names)

        activity = Activity(
            job=job_key(namespace, name),
            tool=Tool(run.kind),
            environment=None,
            inputs=used(run.reads),
            outputs=used(run.writes),
            checks=tuple(Check(key) for key in used(run.checks)),
            principal=run.principal,
            owner=run.owner,
            operation=run.operation,
            previously=used([run.previously])[0] if run.previously else None,
        )
        return Flow(schedule, (activity,))

    def lifespan(self, key: AssetKey) -> Span:
        """The days in which a dataset is built."""
        begins, ends = self._planted("begins", key), self._planted("ends", key)
        return Span(begins.days_ago if begins else None, ends.days_ago if ends else None)

    def checks(self, keys: Sequence[AssetKey]) -> tuple[Check, ...]:
        """The checks of datasets, as far as no plant takes them away."""
        checks = []
        for key in keys:
            if not self._planted("without_tests", key):
                stop = self._planted("stop_tests", key)
                span = Span(until_days_ago=stop.days_ago) if stop else ALWAYS
                skipped = self._planted("skip_tests", key) is not None
                checks.append(Check(key, span, is_skipped=skipped))
        return tuple(checks)

    def with_owners(self, flows: Sequence[Flow]) -> list[Flow]:
        """The flows, where planted owners replace those of the datasets' writers."""
        changed = list(flows)
        for plant, place in self._plants:
            if plant.owner_of:
                key = self._inventory.existing(plant.owner_of, place)
                owner = None if plant.is_ == "nobody" else plant.is_
                self._inventory.set_owner(key, None)
                changed = [
                    replace(
                        flow,
                        activities=tuple(
                            replace(activity, owner=owner) if key in activity.outputs else activity
                            for activity in flow.activities
                        ),
                    )
                    for flow in changed
                ]
        return changed

    def answer_key(self, activities: Sequence[Activity]) -> tuple[Expectation, ...]:
        """Which subjects must fail which policies, and which only look like it.

        Raises:
            ScenarioError: A line or a plant names something that does not exist.
        """
        for plant, place in self._plants:
            for field in ("without_tests", "stop_tests", "skip_tests", "begins", "ends"):
                if named := getattr(plant, field):
                    self._inventory.existing(named, place)
        return tuple(
            Expectation(
                id=trouble.id,
                policy=trouble.policy,
                subject=self._subject(
                    trouble.subject, activities, self._lines.at("troubles", index, "subject")
                ),
                must_fail=trouble.expect == "fail",
                because=trouble.because,
                place=self._lines.at("troubles", index, "subject"),
            )
            for index, trouble in enumerate(self._document.troubles)
        )

    def _planted(self, field: str, key: AssetKey) -> PlantPart | None:
        """The plant whose field names a dataset, if there is one."""
        for plant, place in self._plants:
            named = getattr(plant, field)
            if named and self._inventory.key(named, place) == key:
                return plant
        return None

    def _subject(self, named: SubjectPart, activities: Sequence[Activity], place: Place) -> Subject:
        if named.dataset:
            return self._inventory.existing(named.dataset, place)
        if named.feed:
            return FeedSubject(self._inventory.namespace(named.feed, place))
        if not named.write:
            raise ScenarioError(place, "a subject is a write, a dataset or a feed.")
        namespace, job, dataset = named.write
        written = self._inventory.existing(dataset, place)
        write = WriteSubject(job_key(namespace, job), written, named.principal)
        if not any(
            activity.job == write.job
            and write.dataset in activity.outputs
            and activity.principal == write.principal
            for activity in activities
        ):
            raise ScenarioError(place, f'no run of "{namespace}" "{job}" writes that as that.')
        return write
