"""Facts about a job."""

from __future__ import annotations

from lineage.estate import Job
from policies.cel import FactType
from policies.facts.index import EstateIndex, observed, of_claim, seen_in
from policies.facts.registry import Carrier, Registry
from policies.facts.values import Absent, Known
from policies.model import UnknownReason

FACTS: Registry[Job] = Registry("job")


@FACTS.fact("name", FactType.STRING)
def name(_: EstateIndex, job: Job) -> Known:
    """The shortest unambiguous ending of its name.

    Absent: never.
    Source: the name as its producers send it.
    """
    return observed(job.display_name)


@FACTS.fact("env", FactType.STRING)
def environment(_: EstateIndex, job: Job) -> Known | None:
    """The environment in which it runs.

    Values: dev, test, staging, prod.
    Absent: no declared rule matches and nothing in its name suggests one.
    Source: declared environments, else a guess from namespace, name and what it writes.
    """
    return of_claim(job.environment)


@FACTS.fact("proved_below", FactType.BOOL, Carrier.RUNS)
def is_proved_below(_: EstateIndex, job: Job) -> Known | Absent:
    """Whether its present version ran to completion outside production first.

    Absent: no version of its code, or no lower environment, is known.
    Source: facet ``sourceCodeLocation`` and run events.
    """
    if job.proved_below is None:
        why = "the version of its code, or where it ran before, is not known"
        return Absent(UnknownReason.NO_FEED, why)
    event_id = job.code.event_id if job.code else None
    version = (job.code.version if job.code else None) or "version"
    return observed(job.proved_below, seen_in(event_id, version, "job.facets.sourceCodeLocation"))
