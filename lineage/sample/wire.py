"""From what happened to the bytes that the OpenLineage client would send of it."""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from datetime import UTC, datetime

from openlineage.client.event_v2 import (
    InputDataset,
    Job,
    OutputDataset,
    Run,
    RunEvent,
    RunState,
)
from openlineage.client.facet_v2 import (
    InputDatasetFacet,
    error_message_run,
    nominal_time_run,
    parent_run,
)
from openlineage.client.serde import Serde

from catalog.model import AssetKey
from lineage.sample.facets import VOICES, Facets, assertions, statistics
from lineage.sample.model import Activity, Check, Company

_TERMINAL = (RunState.COMPLETE, RunState.FAIL, RunState.ABORT)


@dataclass(frozen=True, slots=True)
class Message:
    """One thing that a job reports about one of its runs."""

    activity: Activity
    state: RunState
    at: datetime
    run_id: str
    version: str
    """The commit of the code that ran."""
    nominal: datetime | None = None
    """When the schedule wanted the run; ``None``: no schedule did."""
    dag: AssetKey | None = None
    dag_run_id: str | None = None
    rows: tuple[int, ...] = ()
    """Rows written, one for each output."""
    checks: tuple[Check, ...] = ()
    failing: tuple[frozenset[int], ...] = ()
    """For each check, the positions of the data tests that failed."""
    error: str | None = None


class Wire:
    """Turns messages into events, and into the bytes of events."""

    def __init__(self, company: Company) -> None:
        self.company = company
        self._facets = Facets(company)
        self._templates: dict[Message, _Template] = {}

    def event(self, message: Message) -> RunEvent:
        """The event as an object of the OpenLineage client."""
        activity = message.activity
        says = VOICES[activity.tool].producer
        run = self._facets.of_run(activity, stamp(message.nominal or message.at))
        if message.nominal:
            run["nominalTime"] = nominal_time_run.NominalTimeRunFacet(
                nominalStartTime=stamp(message.nominal), producer=says
            )
        if message.dag and message.dag_run_id:
            namespace, name, run_id = message.dag.namespace, message.dag.name, message.dag_run_id
            run["parent"] = parent_run.ParentRunFacet(
                run=parent_run.Run(runId=run_id),
                job=parent_run.Job(namespace=namespace, name=name),
                root=parent_run.Root(
                    run=parent_run.RootRun(runId=run_id),
                    job=parent_run.RootJob(namespace=namespace, name=name),
                ),
                producer=says,
            )
        if message.error:
            run["errorMessage"] = error_message_run.ErrorMessageRunFacet(
                message=message.error, programmingLanguage="PYTHON", producer=says
            )
        return RunEvent(
            eventType=message.state,
            eventTime=stamp(message.at),
            run=Run(runId=message.run_id, facets=run),
            job=Job(
                activity.job.namespace,
                activity.job.name,
                facets=self._facets.of_job(activity, message.version),
            ),
            inputs=[*self._inputs(message), *self._tested(message)],
            outputs=self._outputs(message),
            producer=says,
        )

    def encode(self, message: Message) -> bytes:
        """The same event as JSON: what the client would put into the request, to the byte.

        Events of one job differ in little. So the client serialises each kind of event once,
        around stand-ins, and every further event only replaces those.
        """
        shape = _shape(message)
        template = self._templates.get(shape)
        if template is None:
            template = _Template.of(Serde.to_json(self.event(shape)), _slots(shape))
            self._templates[shape] = template
        return template.fill(_slots(message))

    def _inputs(self, message: Message) -> list[InputDataset]:
        says = VOICES[message.activity.tool].producer
        describes = message.state in _TERMINAL
        return [
            InputDataset(
                key.namespace,
                key.name,
                facets=self._facets.of_input(key, says) if describes else {},
            )
            for key in message.activity.inputs
        ]

    def _tested(self, message: Message) -> list[InputDataset]:
        says = VOICES[message.activity.tool].producer
        tested = []
        for number, check in enumerate(message.checks):
            facets: dict[str, InputDatasetFacet] = {}
            if message.state in _TERMINAL:
                facets["dataQualityAssertions"] = assertions(
                    self.company.datasets[check.dataset].tests,
                    message.failing[number],
                    says,
                    is_skipped=check.is_skipped,
                )
            tested.append(
                InputDataset(
                    check.dataset.namespace,
                    check.dataset.name,
                    inputFacets=facets,
                )
            )
        return tested

    def _outputs(self, message: Message) -> list[OutputDataset]:
        says = VOICES[message.activity.tool].producer
        if message.state in (RunState.FAIL, RunState.ABORT):
            return []
        if message.state is RunState.START:
            return [OutputDataset(key.namespace, key.name) for key in message.activity.outputs]
        return [
            OutputDataset(
                key.namespace,
                key.name,
                facets=self._facets.of_output(message.activity, key),
                outputFacets={} if message.activity.operation else statistics(rows, says),
            )
            for key, rows in zip(message.activity.outputs, message.rows, strict=True)
        ]


def stamp(at: datetime) -> str:
    """An instant as the events of this company write it."""
    return at.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")


# Stand-ins: right for the client's own checks, and found nowhere else in any event. -----------

_AT = datetime(2001, 1, 1, 1, 1, 1, 1, tzinfo=UTC)
_NOMINAL = datetime(2002, 2, 2, 2, 2, 2, 2, tzinfo=UTC)
_RUN = "11111111-1111-7111-8111-111111111111"
_DAG_RUN = "22222222-2222-7222-8222-222222222222"
_VERSION = "3" * 40
_ROWS = 4_000_000_000_000_000


def _shape(message: Message) -> Message:
    """The message with stand-ins for everything that differs from run to run."""
    return replace(
        message,
        at=_AT,
        run_id=_RUN,
        version=_VERSION,
        nominal=_NOMINAL if message.nominal else None,
        dag_run_id=_DAG_RUN if message.dag_run_id else None,
        rows=tuple(_ROWS + number for number in range(len(message.rows))),
    )


def _slots(message: Message) -> list[str]:
    """What differs from run to run, as it stands in the JSON; always in the same order."""
    return [
        stamp(message.at),
        message.run_id,
        message.version,
        stamp(message.nominal or message.at),
        message.dag_run_id or _DAG_RUN,
        *(str(rows) for rows in message.rows),
    ]


@dataclass(frozen=True, slots=True)
class _Template:
    """A serialised event, cut at its stand-ins."""

    texts: tuple[str, ...]
    slots: tuple[int, ...]
    """Which slot stands between a text and the next."""

    @classmethod
    def of(cls, text: str, slots: list[str]) -> _Template:
        # Without a nominal time two slots hold the same text; either is right.
        index = {slot: number for number, slot in enumerate(slots)}
        parts = re.split("(" + "|".join(re.escape(slot) for slot in slots) + ")", text)
        return cls(tuple(parts[::2]), tuple(index[slot] for slot in parts[1::2]))

    def fill(self, slots: list[str]) -> bytes:
        parts = [self.texts[0]]
        for slot, text in zip(self.slots, self.texts[1:], strict=True):
            parts += (slots[slot], text)
        return "".join(parts).encode()
