"""The estate with the lookups that facts need, made once per judging."""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Iterable
from dataclasses import replace
from datetime import datetime, timedelta
from functools import cached_property

from catalog.model import AssetKey, Basis, Claim, Environment, Evidence, Place, Zone
from lineage.estate import Dataset, DataTest, DataTestStatus, Estate, Feed, FeedKind, Job, Write
from policies.facts.values import Absent, Known
from policies.model import AssetSubject, FeedSubject, Subject, UnknownReason, WriteSubject

CATALOG_VALIDITY = timedelta(days=365)
"""How long the declared catalog counts as alive after it was last applied."""
WINDOW = timedelta(days=30)
"""How far back what happened is looked at."""
_TIER_WEIGHT = {1: 4.0, 2: 2.0, 3: 1.0, 4: 0.5}
_FEED_NOUNS = {
    FeedKind.RUNS: "run",
    FeedKind.DATA_TESTS: "data test",
    FeedKind.OWNERS: "owner",
    FeedKind.CODE_LOCATION: "code location",
    FeedKind.PRINCIPALS: "principal",
    FeedKind.STATISTICS: "statistic",
}
FEED_FACETS = {
    FeedKind.RUNS: "run.runId",
    FeedKind.DATA_TESTS: "dataQualityAssertions",
    FeedKind.OWNERS: "ownership",
    FeedKind.CODE_LOCATION: "sourceCodeLocation",
    FeedKind.PRINCIPALS: "run.facets",
    FeedKind.STATISTICS: "outputStatistics",
}
"""Where a feed speaks: a path in its events, or a facet's name if several places may hold it."""


class EstateIndex:
    """An estate, and quick answers about it. Noise is left out: it is no subject."""

    def __init__(self, estate: Estate) -> None:
        self.estate = estate
        self.as_of = estate.as_of
        self.datasets = {k: d for k, d in estate.datasets.items() if d.noise is None}
        self.jobs = {k: j for k, j in estate.jobs.items() if j.noise is None}
        self.feeds = {(f.namespace, f.evidence): f for f in estate.feeds}
        self.writes = self._writes()

    def _writes(self) -> dict[WriteSubject, Write]:
        found: dict[WriteSubject, Write] = {}
        for write in sorted(self.estate.writes, key=lambda w: (w.last_at, w.operation)):
            if write.dataset not in self.datasets or write.job not in self.jobs:
                continue
            subject = WriteSubject(write.job, write.dataset, write.principal, write.last_run_id)
            earlier = found.pop(subject, None)  # another operation of the same three
            found[subject] = _joined(earlier, write) if earlier else write
        return found

    # Feeds --------------------------------------------------------------------------------------

    def feed(self, namespace: str, evidence: FeedKind) -> Feed:
        """The feed; one that nobody ever heard of has not spoken."""
        known = self.feeds.get((namespace, evidence))
        return known or Feed(namespace, evidence, (), None, None, 0)

    def is_alive(self, namespace: str, evidence: FeedKind) -> bool:
        """Whether that kind of evidence arrived for the namespace within its validity."""
        return self.feed(namespace, evidence).is_alive(self.as_of)

    @cached_property
    def catalog_is_alive(self) -> bool:
        """Whether a catalog was applied and is not too old to rely on."""
        applied_at = self.estate.catalog.applied_at
        return applied_at is not None and self.as_of - applied_at <= CATALOG_VALIDITY

    def silence(self, namespace: str, evidence: FeedKind) -> Absent:
        """What a missing value means, as its feed tells: nothing there, or not known."""
        feed = self.feed(namespace, evidence)
        noun = _FEED_NOUNS[evidence]
        if feed.last_at is None:
            why = f"no {noun} ever arrived from {namespace}"
            return Absent(UnknownReason.NO_FEED, why)
        heard = Evidence(
            f"newest {noun} from {namespace}",
            event_id=feed.event_id,
            facet=FEED_FACETS[evidence],
        )
        if not self.is_alive(namespace, evidence):
            why = f"no {noun} arrived from {namespace} since {feed.last_at:%Y-%m-%d}"
            return Absent(UnknownReason.STALE, why, (heard,))
        return Absent(None, f"{noun}s arrive from {namespace}, and none for this", (heard,))

    def catalog_evidence(self, value: str) -> tuple[Evidence, ...]:
        """The declared files as evidence of what is not in them."""
        return tuple(Evidence(value, place=Place(f, 1)) for f in self.estate.catalog.files[:1])

    # Datasets -----------------------------------------------------------------------------------

    @cached_property
    def namespaces(self) -> dict[str, tuple[Dataset, ...]]:
        """Datasets by namespace, but for exposures: nobody could send evidence of those."""
        grouped: defaultdict[str, list[Dataset]] = defaultdict(list)
        for dataset in self.datasets.values():
            if not dataset.is_exposure:
                grouped[dataset.key.namespace].append(dataset)
        return {namespace: tuple(found) for namespace, found in grouped.items()}

    def environment(self, key: AssetKey) -> Claim[Environment] | None:
        """Where a dataset lives, as far as anybody knows."""
        dataset = self.estate.datasets.get(key)
        return dataset.environment if dataset else None

    def is_noise(self, key: AssetKey) -> bool:
        """Whether a dataset is known and no subject."""
        return key in self.estate.datasets and key not in self.datasets

    def recent_tests(self, dataset: Dataset) -> tuple[DataTest, ...]:
        """Data tests whose newest result was executed within the window."""
        since = self.as_of - WINDOW
        return tuple(t for t in dataset.tests if was_executed(t) and t.at >= since)

    def path_to(self, key: AssetKey) -> tuple[Dataset, ...]:
        """A dataset and all upstream of it at any distance; noise is walked through, not listed."""
        known, numbers, above = self._graph
        start = numbers[key]
        seen = {start}
        waiting = [start]
        while waiting:
            for number in above[waiting.pop()]:
                if number not in seen:
                    seen.add(number)
                    waiting.append(number)
        return tuple(known[number] for number in seen if known[number].noise is None)

    @cached_property
    def _graph(
        self,
    ) -> tuple[tuple[Dataset, ...], dict[AssetKey, int], tuple[tuple[int, ...], ...]]:
        # Numbers and not keys: walks are the costliest thing that facts do.
        known = tuple(self.estate.datasets.values())
        numbers = {dataset.key: number for number, dataset in enumerate(known)}
        above = tuple(tuple(numbers[k] for k in d.upstream if k in numbers) for d in known)
        return known, numbers, above

    # Weights ------------------------------------------------------------------------------------

    @cached_property
    def consumers_p95(self) -> int:
        """95th percentile (nearest rank) of the consumers of production datasets."""
        counts = sorted(d.consumers for d in self.datasets.values() if is_prod(d.environment))
        return counts[math.ceil(0.95 * len(counts)) - 1] if counts else 0

    def criticality(self, subject: Subject) -> float:
        """How much a subject weighs in a score: tier times a damped count of consumers."""
        if isinstance(subject, FeedSubject):
            return 1.0
        key = subject.asset
        if key in self.datasets:
            return self._criticality(self.datasets[key])
        outputs = [self._criticality(d) for d in self._outputs.get(key, ())]
        return max(outputs, default=1.0)

    def _criticality(self, dataset: Dataset) -> float:
        damped = math.log2(1 + min(dataset.consumers, self.consumers_p95))
        return _TIER_WEIGHT[dataset.tier.value] * (1 + damped)

    @cached_property
    def _outputs(self) -> dict[AssetKey, tuple[Dataset, ...]]:
        grouped: defaultdict[AssetKey, list[Dataset]] = defaultdict(list)
        for dataset in self.datasets.values():
            if is_prod(dataset.environment):
                for job in dataset.writers:
                    grouped[job].append(dataset)
        return {job: tuple(found) for job, found in grouped.items()}

    # Who answers --------------------------------------------------------------------------------

    def asset(self, subject: Subject) -> Dataset | Job | None:
        """The asset that a subject is about: a write is about its dataset."""
        if isinstance(subject, FeedSubject):
            return None
        return self.datasets.get(subject.asset) or self.jobs.get(subject.asset)

    def tier(self, subject: Subject) -> int | None:
        """The tier of the dataset that a subject is about, else the best of what a job writes."""
        if isinstance(subject, FeedSubject):
            return None
        if subject.asset in self.datasets:
            return self.datasets[subject.asset].tier.value
        return min((d.tier.value for d in self._outputs.get(subject.asset, ())), default=None)

    def has(self, subject: Subject) -> bool:
        """Whether a subject, or what it is about, is still there."""
        if isinstance(subject, FeedSubject):
            return subject.namespace in self.namespaces
        if isinstance(subject, WriteSubject) and subject.job not in self.jobs:
            return False
        return self.asset(subject) is not None

    def environments(self, subject: Subject) -> set[Environment | None]:
        """Where a subject belongs; a feed to every environment that its namespace holds."""
        if isinstance(subject, FeedSubject):
            datasets = self.namespaces.get(subject.namespace, ())
            return {d.environment.value if d.environment else None for d in datasets}
        asset = self.asset(subject)
        return {asset.environment.value if asset and asset.environment else None}

    # Subjects -----------------------------------------------------------------------------------

    @cached_property
    def subjects(self) -> tuple[Subject, ...]:
        """Everything that can be judged, in a stable order."""
        return (
            *(AssetSubject(key) for key in sorted(self.datasets)),
            *(AssetSubject(key) for key in sorted(self.jobs)),
            *sorted(self.writes, key=lambda w: (w.dataset, w.job, w.principal or "")),
            *self._feed_subjects(),
        )

    def _feed_subjects(self) -> Iterable[FeedSubject]:
        pairs = {*self.feeds, *((n, e) for n in self.namespaces for e in FeedKind)}
        for namespace, evidence in sorted(pairs):
            yield FeedSubject(namespace, evidence, self.feed(namespace, evidence).producers)

    def seen(self, subject: Subject) -> tuple[int, datetime, datetime]:
        """Distinct events that a subject counts (1 for a state), and the first and last of them."""
        if isinstance(subject, WriteSubject):
            write = self.writes[subject]
            return write.runs, write.first_at, write.last_at
        if isinstance(subject, FeedSubject):
            datasets = self.namespaces.get(subject.namespace, ())
            first = min((d.first_seen for d in datasets), default=self.as_of)
            return 1, first, max((d.last_seen for d in datasets), default=self.as_of)
        asset = self.asset(subject)
        last = asset.last_seen if asset and asset.last_seen else self.as_of
        return 1, last, last


def _joined(earlier: Write, later: Write) -> Write:
    return replace(
        later,
        runs=later.runs + earlier.runs,
        first_at=min(later.first_at, earlier.first_at),
        event_ids=(*later.event_ids, *earlier.event_ids)[:20],
    )


def was_executed(test: DataTest) -> bool:
    """Whether a result says anything: skipped and broken ones do not."""
    return test.status in (DataTestStatus.PASS, DataTestStatus.FAIL)


def is_prod(environment: Claim[Environment] | None) -> bool:
    """Whether an asset is known to live in production."""
    return environment is not None and environment.value is Environment.PROD


def of_claim(
    claim: Claim[Environment] | Claim[Zone] | Claim[str] | Claim[bool] | Claim[int] | None,
) -> Known | None:
    """A claim as a fact."""
    if claim is None:
        return None
    value = str(claim.value) if isinstance(claim.value, str) else claim.value
    return Known(value, claim.basis, claim.evidence, claim.why)


def seen_in(event_id: str | None, value: str, facet: str | None = None) -> tuple[Evidence, ...]:
    """An event as the only piece of evidence, if there is one."""
    return (Evidence(value, event_id=event_id, facet=facet),) if event_id else ()


def observed(value: str | int | bool, evidence: tuple[Evidence, ...] = ()) -> Known:
    """A value that producers reported."""
    return Known(value, Basis.ASSERTED, evidence)
