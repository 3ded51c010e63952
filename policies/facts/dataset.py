"""Facts about a dataset."""

from __future__ import annotations

from datetime import timedelta

from catalog.model import Basis, Environment, Evidence, Trust
from lineage.estate import Dataset, DataTest, DataTestStatus, FeedKind
from policies.cel import FactType
from policies.facts.index import (
    FEED_FACETS,
    EstateIndex,
    observed,
    of_claim,
    seen_in,
    was_executed,
)
from policies.facts.kinds import class_of, proves_key
from policies.facts.registry import Carrier, Registry
from policies.facts.values import Absent, Known
from policies.model import UnknownReason

FACTS: Registry[Dataset] = Registry("ds")
TESTED_WITHIN = timedelta(days=7)
"""How recent a data test must be for a stage to count as tested."""
_FEWEST_RESULTS = 10
_NON_PROD = (Environment.DEV, Environment.TEST, Environment.STAGING)


@FACTS.fact("name", FactType.STRING)
def name(_: EstateIndex, dataset: Dataset) -> Known:
    """The shortest unambiguous ending of its name.

    Absent: never.
    Source: the name as its producers send it.
    """
    return observed(dataset.display_name, seen_in(dataset.event_id, dataset.key.name))


@FACTS.fact("env", FactType.STRING)
def environment(_: EstateIndex, dataset: Dataset) -> Known | None:
    """The environment in which it lives.

    Values: dev, test, staging, prod.
    Absent: no declared rule matches and nothing in its name suggests one.
    Source: declared environments, else a guess from namespace and name.
    """
    return of_claim(dataset.environment)


@FACTS.fact("env_declared", FactType.BOOL)
def environment_is_declared(index: EstateIndex, dataset: Dataset) -> Known | Absent:
    """Whether its environment is known by more than a guess.

    Absent: it is only guessed, or no environment is declared at all.
    Source: declared environments.
    """
    claim = dataset.environment
    if claim is not None and not claim.is_guess:
        return Known(True, claim.basis, claim.evidence, claim.why)
    if claim is not None:
        why = f"its environment is only guessed, because {claim.why}"
        return Absent(UnknownReason.WEAK, why, claim.evidence)
    rules = index.estate.catalog.environments
    if not rules:
        return Absent(UnknownReason.NO_FEED, "no environment is declared anywhere")
    evidence = tuple(Evidence(f"{r.environment}: does not match", place=r.place) for r in rules[:5])
    return Known(False, Basis.DECLARED, evidence, "no declared rule matches it")


@FACTS.fact("zone", FactType.STRING)
def zone(_: EstateIndex, dataset: Dataset) -> Known | None:
    """Where it stands in the flow of data.

    Values: source, landing, raw, staging, intermediate, mart, consumer, export, test, adhoc.
    Absent: no declared rule matches and nothing in its name or place suggests one.
    Source: declared zones, else a guess.
    """
    return of_claim(dataset.zone)


@FACTS.fact("tier", FactType.INT)
def tier(_: EstateIndex, dataset: Dataset) -> Known | None:
    """How much the business depends on it, 1 the most and 4 the least.

    Absent: never; undeclared, it is computed from its consumers and marked as a guess.
    Source: declared assets, else the graph.
    """
    return of_claim(dataset.tier)


@FACTS.fact("kind", FactType.STRING)
def kind(_: EstateIndex, dataset: Dataset) -> Known | None:
    """What sort of thing it is.

    Values: table, view, file, topic, report, notebook, model.
    Absent: neither a facet nor the scheme of its namespace says.
    Source: facet ``datasetType``, else the producer's own facets, else the namespace.
    """
    if dataset.kind is None:
        return None
    return observed(dataset.kind, _named(dataset))


@FACTS.fact("owners", FactType.STRINGS, Carrier.OWNERS)
def owners(index: EstateIndex, dataset: Dataset) -> Known | None:
    """Principals who answer for it, the one that counts first; placeholders do not count.

    Absent: it has none, no owner ever arrives from its namespace and no catalog was applied.
    Source: declared assets, else facet ``ownership``, else a guess.
    """
    if dataset.owners:
        best = dataset.owners[0]
        evidence = tuple(e for claim in dataset.owners for e in claim.evidence)
        values = [str(claim.value) for claim in dataset.owners]
        return Known(values, best.basis, evidence or _named(dataset), best.why)
    if index.catalog_is_alive:
        declared = index.catalog_evidence("no entry names an owner for it")
        return Known([], Basis.DECLARED, (*declared, *_named(dataset)), "no entry names an owner")
    if index.is_alive(dataset.key.namespace, FeedKind.OWNERS):
        heard = index.silence(dataset.key.namespace, FeedKind.OWNERS).evidence
        return Known([], Basis.ASSERTED, (*_named(dataset), *heard), "its events name no owner")
    return None


@FACTS.fact("last_write_at", FactType.TIMESTAMP, Carrier.RUNS)
def last_write_at(_: EstateIndex, dataset: Dataset) -> Known | None:
    """End of the newest successful run that wrote it.

    Absent: no successful run that wrote it was reported.
    Source: run events.
    """
    if dataset.last_write_at is None:
        return None
    return Known(dataset.last_write_at, Basis.ASSERTED, _named(dataset))


@FACTS.fact("last_changed_at", FactType.TIMESTAMP, Carrier.STATISTICS)
def last_changed_at(_: EstateIndex, dataset: Dataset) -> Known | None:
    """The newest instant at which anybody measured that its data had changed.

    Absent: no producer measures it.
    Source: facet ``dataQualityMetrics.lastUpdated``.
    """
    if dataset.last_changed_at is None:
        return None
    return Known(dataset.last_changed_at, Basis.ASSERTED, _named(dataset))


@FACTS.fact("upstream_envs", FactType.STRINGS, Carrier.RUNS)
def upstream_environments(index: EstateIndex, dataset: Dataset) -> Known | Absent:
    """Environments of the datasets one hop above it.

    Absent: one of them is not known and no known one is outside production.
    Source: current lineage edges and declared or guessed environments.
    """
    claims = [index.environment(key) for key in dataset.upstream if not index.is_noise(key)]
    known = [claim for claim in claims if claim is not None]
    if len(known) < len(claims) and not any(c.value in _NON_PROD for c in known):
        why = "the environment of a dataset that it is made from is not known"
        return Absent(UnknownReason.NO_FEED, why)
    if not claims and not index.is_alive(dataset.key.namespace, FeedKind.RUNS):
        return index.silence(dataset.key.namespace, FeedKind.RUNS)
    guesses = [claim for claim in known if claim.is_guess]
    evidence = tuple(e for claim in known for e in claim.evidence) or _named(dataset)
    return Known(
        sorted({str(claim.value) for claim in known}),
        Basis.GUESSED if guesses else Basis.ASSERTED,
        evidence,
        guesses[0].why if guesses else "",
    )


# Data tests -------------------------------------------------------------------------------------


@FACTS.fact("tests_last_run_at", FactType.TIMESTAMP, Carrier.DATA_TESTS)
def tests_last_run_at(index: EstateIndex, dataset: Dataset) -> Known | None:
    """The newest executed data test on it, passed or failed; a skipped one does not count.

    Absent: none was ever executed, or data tests stopped arriving from its namespace.
    Source: facets ``dataQualityAssertions`` and ``test``.
    """
    at = dataset.tests_last_run_at
    if at is None or not index.is_alive(dataset.key.namespace, FeedKind.DATA_TESTS):
        return None
    executed = [t for t in dataset.tests if was_executed(t)]
    newest = sorted(executed, key=lambda t: t.at, reverse=True)[:3]
    trust = newest[0].trust if newest else Trust.E1
    return Known(at, Basis.ASSERTED, _results(newest) or _named(dataset), told=trust)


@FACTS.fact("test_types", FactType.STRINGS, Carrier.DATA_TESTS)
def test_types(index: EstateIndex, dataset: Dataset) -> Known | Absent:
    """Classes of the data tests executed on it within 30 days.

    Values: freshness, volume, schema, completeness, uniqueness, validity.
    Absent: data tests do not arrive from its namespace.
    Source: names of the assertions.
    """
    tests = index.recent_tests(dataset)
    return _from_tests(index, dataset, tests, sorted({class_of(t.name) for t in tests}))


@FACTS.fact("key_tested", FactType.BOOL, Carrier.DATA_TESTS)
def key_is_tested(index: EstateIndex, dataset: Dataset) -> Known | Absent:
    """Whether, within 30 days, one column was tested unique and not null, or a combination unique.

    Absent: data tests do not arrive from its namespace.
    Source: names and columns of the assertions.
    """
    tests = index.recent_tests(dataset)
    return _from_tests(index, dataset, tests, proves_key(tests))


@FACTS.fact("tests_blocking", FactType.INT, Carrier.DATA_TESTS)
def tests_blocking(index: EstateIndex, dataset: Dataset) -> Known | Absent:
    """How many data tests executed within 30 days stop the line when they fail.

    Absent: data tests do not arrive from its namespace.
    Source: ``severity`` of the assertions.
    """
    tests = [t for t in index.recent_tests(dataset) if t.blocking]
    return _from_tests(index, dataset, tests, len(tests))


@FACTS.fact("read_since_failure", FactType.BOOL, Carrier.RUNS)
def was_read_since_failure(index: EstateIndex, dataset: Dataset) -> Known | Absent:
    """Whether a run read it after a blocking data test failed that fails still.

    Absent: data tests or runs do not arrive from its namespace.
    Source: assertions and run events. False where no blocking data test fails.
    """
    failing = [
        t for t in index.recent_tests(dataset) if t.blocking and t.status is DataTestStatus.FAIL
    ]
    if failing and dataset.last_read_at is None:
        if not index.is_alive(dataset.key.namespace, FeedKind.RUNS):
            return index.silence(dataset.key.namespace, FeedKind.RUNS)
        return _from_tests(index, dataset, failing, False)
    read_at = dataset.last_read_at
    read = any(read_at is not None and read_at > t.at for t in failing)
    return _from_tests(index, dataset, failing, read)


@FACTS.fact("tested_on_arrival", FactType.BOOL, Carrier.DATA_TESTS)
def is_tested_on_arrival(index: EstateIndex, dataset: Dataset) -> Known | Absent:
    """Whether its newest batch was tested before anything read it.

    Absent: no batch was seen to arrive, data tests do not arrive from its namespace, or the newest
    batch was neither tested nor read yet.
    Source: run events and assertions.
    """
    if dataset.last_write_at is None:
        return Absent(UnknownReason.NO_FEED, "no run was seen to write it")
    if not index.is_alive(dataset.key.namespace, FeedKind.DATA_TESTS):
        return index.silence(dataset.key.namespace, FeedKind.DATA_TESTS)
    tested, read = dataset.first_tested_at, dataset.first_read_at
    if tested is None and read is None:
        return Absent(UnknownReason.FEW, "its newest batch was neither tested nor read yet")
    in_time = tested is not None and (read is None or tested <= read)
    return _from_tests(index, dataset, [t for t in dataset.tests if was_executed(t)], in_time)


@FACTS.fact("path_tested_share", FactType.DOUBLE, Carrier.DATA_TESTS)
def path_tested_share(index: EstateIndex, dataset: Dataset) -> Known | Absent:
    """Share, 0 to 1, of it and all datasets above it that had a data test within 7 days.

    Absent: data tests do not arrive from the namespace of one that had none.
    Source: current lineage edges and assertions.
    """
    path = index.path_to(dataset.key)
    since = index.as_of - TESTED_WITHIN
    untested = [s for s in path if s.tests_last_run_at is None or s.tests_last_run_at < since]
    for namespace in sorted({stage.key.namespace for stage in untested}):
        if not index.is_alive(namespace, FeedKind.DATA_TESTS):
            return index.silence(namespace, FeedKind.DATA_TESTS)
    return Known(1 - len(untested) / len(path), Basis.ASSERTED, _named(dataset))


@FACTS.fact("test_flip_share", FactType.DOUBLE, Carrier.DATA_TESTS)
def test_flip_share(index: EstateIndex, dataset: Dataset) -> Known | Absent:
    """Highest share, 0 to 1, of results in 30 days that turned pass into fail or back.

    Absent: no data test on it has ten results in 30 days.
    Source: assertions.
    """
    enough = [t for t in dataset.tests if t.results_30d >= _FEWEST_RESULTS]
    if not enough:
        gap = index.silence(dataset.key.namespace, FeedKind.DATA_TESTS)
        few = f"no data test on it has {_FEWEST_RESULTS} results in 30 days"
        return gap if gap.reason else Absent(UnknownReason.FEW, few, gap.evidence)
    worst = max(enough, key=lambda t: (t.flips_30d / t.results_30d, t.name))
    share = worst.flips_30d / worst.results_30d
    return Known(share, Basis.ASSERTED, _results([worst]), told=worst.trust)


# Shared -------------------------------------------------------------------------------------------


def _named(dataset: Dataset) -> tuple[Evidence, ...]:
    return seen_in(dataset.event_id, f"newest event that names {dataset.display_name}")


def _results(tests: list[DataTest] | tuple[DataTest, ...]) -> tuple[Evidence, ...]:
    return tuple(
        Evidence(
            f"{t.name}({t.column}): {t.status}" if t.column else f"{t.name}: {t.status}",
            event_id=t.event_id,
            facet=FEED_FACETS[FeedKind.DATA_TESTS],
        )
        for t in tests[:5]
    )


def _from_tests(
    index: EstateIndex,
    dataset: Dataset,
    tests: list[DataTest] | tuple[DataTest, ...],
    value: bool | int | list[str],
) -> Known | Absent:
    """A value read from data tests, which only a living feed of them can back."""
    gap = index.silence(dataset.key.namespace, FeedKind.DATA_TESTS)
    if gap.reason is not None:
        return gap
    trust = min((t.trust for t in tests), default=Trust.E1)
    proofs = _results(tests) or (*gap.evidence, *_named(dataset))
    return Known(value, Basis.ASSERTED, proofs, told=trust)
