"""Facts about a write: one job, run by one principal, writing one dataset, over 30 days."""

from __future__ import annotations

from catalog.model import Basis, Evidence, Trust
from lineage.estate import Write
from policies.cel import FactType
from policies.facts.index import EstateIndex, observed, of_claim
from policies.facts.registry import Carrier, Registry
from policies.facts.values import Absent, Known
from policies.model import UnknownReason

FACTS: Registry[Write] = Registry("w")
RUN_FACET = "outputs"
"""Where events say what a run wrote: marks the evidence that is one run each."""


@FACTS.fact("env", FactType.STRING)
def environment(index: EstateIndex, write: Write) -> Known | None:
    """The environment of the dataset that is written.

    Values: dev, test, staging, prod.
    Absent: the environment of the dataset is not known.
    Source: declared environments, else a guess from namespace and name.
    """
    return of_claim(index.environment(write.dataset))


@FACTS.fact("job", FactType.STRING)
def job(index: EstateIndex, write: Write) -> Known:
    """The shortest unambiguous ending of the writing job's name.

    Absent: never.
    Source: run events.
    """
    return observed(index.jobs[write.job].display_name, _events(write))


@FACTS.fact("dataset", FactType.STRING)
def dataset(index: EstateIndex, write: Write) -> Known:
    """The shortest unambiguous ending of the written dataset's name.

    Absent: never.
    Source: run events.
    """
    return observed(index.datasets[write.dataset].display_name, _events(write))


@FACTS.fact("principal", FactType.STRING, Carrier.PRINCIPALS)
def principal(_: EstateIndex, write: Write) -> Known | None:
    """Who ran the job, such as ``person:ana`` or ``service:airflow-prod``.

    Absent: nothing that arrived names anybody.
    Source: the sender's key if its scope names one, else what the orchestrator or engine says.
    """
    if write.principal is None:
        return None
    why, trust = write.principal_why or "", write.principal_trust or Trust.E1
    return Known(write.principal, Basis.ASSERTED, _events(write), why, trust)


@FACTS.fact("job_sanctioned", FactType.BOOL)
def job_is_sanctioned(_: EstateIndex, write: Write) -> Known | Absent:
    """Whether a pipeline of the dataset's environment has the job and may write the dataset.

    Absent: no pipeline is declared or guessed for that environment.
    Source: declared pipelines, else guessed ones.
    """
    return of_claim(write.job_sanctioned) or _no_pipeline()


@FACTS.fact("principal_sanctioned", FactType.BOOL)
def principal_is_sanctioned(_: EstateIndex, write: Write) -> Known | Absent:
    """Whether that pipeline may be run by the principal; true where it names no principals.

    Absent: no pipeline has the job, or it names principals and nobody says who ran the job.
    Source: declared pipelines, else guessed ones.
    """
    if write.principal_sanctioned is None and write.job_sanctioned is not None:
        why = "nothing says who ran it, and its pipeline names who may"
        return Absent(UnknownReason.NO_FEED, why)
    return of_claim(write.principal_sanctioned) or _no_pipeline()


@FACTS.fact("objection", FactType.STRING)
def objection(_: EstateIndex, write: Write) -> Known | None:
    """The clause that says why a write is not sanctioned.

    Absent: job and principal are sanctioned, or nobody can tell.
    Source: declared pipelines, else guessed ones.
    """
    for claim in (write.job_sanctioned, write.principal_sanctioned):
        if claim is not None and not claim.value:
            return Known(claim.why, claim.basis, claim.evidence, claim.why)
    return None


@FACTS.fact("op", FactType.STRING)
def operation(_: EstateIndex, write: Write) -> Known:
    """What the write does to the dataset.

    Values: WRITE without a lifecycle facet, else ALTER, CREATE, DROP, OVERWRITE, RENAME, TRUNCATE.
    Absent: never.
    Source: facet ``lifecycleStateChange``.
    """
    return observed(write.operation, _events(write))


@FACTS.fact("runs", FactType.INT)
def runs(_: EstateIndex, write: Write) -> Known:
    """How many runs wrote it within 30 days.

    Unit: runs.
    Absent: never.
    Source: run events.
    """
    return observed(write.runs, _events(write))


@FACTS.fact("last_at", FactType.TIMESTAMP)
def last_at(_: EstateIndex, write: Write) -> Known:
    """End of its newest run.

    Absent: never.
    Source: run events.
    """
    return Known(write.last_at, Basis.ASSERTED, _events(write))


@FACTS.fact("reporter", FactType.STRING)
def reporter(_: EstateIndex, write: Write) -> Known:
    """Who reported it: the producer, as its events say. Not the principal.

    Absent: never.
    Source: ``producer`` of the events.
    """
    return observed(write.producer, _events(write))


@FACTS.fact("event", FactType.STRING)
def event(_: EstateIndex, write: Write) -> Known | None:
    """Id of the newest event that reports it.

    Absent: the event is no longer kept.
    Source: run events.
    """
    return observed(write.event_ids[0], _events(write)) if write.event_ids else None


def _events(write: Write) -> tuple[Evidence, ...]:
    return tuple(
        Evidence(f"run of {write.job.name}", event_id=event_id, facet=RUN_FACET)
        for event_id in write.event_ids
    )


def _no_pipeline() -> Absent:
    why = "no pipeline is known for its environment, so nobody can say who may write there"
    return Absent(UnknownReason.NO_FEED, why)
