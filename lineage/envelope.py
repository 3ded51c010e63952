"""The usual form of an event, read without looking into its facets.

Most bodies have only the keys that the specification knows, and facets that were sent before. These
are taken apart here, a third of the cost of decoding them whole. Whatever is unusual about a body
is left to the slow way, which knows every case; where both can read one, they read the same.
"""

from __future__ import annotations

from collections.abc import Callable
from itertools import count
from operator import attrgetter
from typing import Any

import msgspec
from msgspec import UNSET, Raw, UnsetType

from lineage.facets import Lately

Facets = dict[str, Raw]


class RunPart(msgspec.Struct, forbid_unknown_fields=True):
    """``run``."""

    runId: Raw  # noqa: N815  # the specification's own name
    facets: Facets | UnsetType = UNSET


class JobPart(msgspec.Struct, forbid_unknown_fields=True):
    """``job``."""

    namespace: str
    name: str
    facets: Facets | UnsetType = UNSET


class InputPart(JobPart, forbid_unknown_fields=True):
    """One of ``inputs``."""

    inputFacets: Facets | UnsetType = UNSET  # noqa: N815


class OutputPart(JobPart, forbid_unknown_fields=True):
    """One of ``outputs``."""

    outputFacets: Facets | UnsetType = UNSET  # noqa: N815


class Envelope(msgspec.Struct, forbid_unknown_fields=True):
    """A RunEvent as every client sends it."""

    eventTime: Raw  # noqa: N815
    run: RunPart
    job: JobPart
    producer: str
    schemaURL: str  # noqa: N815
    eventType: str | UnsetType = UNSET  # noqa: N815
    inputs: list[InputPart] | UnsetType = UNSET
    outputs: list[OutputPart] | UnsetType = UNSET

    def facets(self) -> list[Raw]:
        """Every facet, in the order of ``signature``."""
        found: list[Raw] = []
        for read in self.inputs or ():
            found += read.facets.values() if read.facets else ()
            found += read.inputFacets.values() if read.inputFacets else ()
        found += self.job.facets.values() if self.job.facets else ()
        for written in self.outputs or ():
            found += written.facets.values() if written.facets else ()
            found += written.outputFacets.values() if written.outputFacets else ()
        found += self.run.facets.values() if self.run.facets else ()
        return found

    def unread(self) -> Lately:
        """For each of these, of which sort it was the last time, before there was one."""
        found: Lately = []
        for read in self.inputs or ():
            found += _lasting("dataset", read.facets)
            found += [None] * len(read.inputFacets or ())
        found += _lasting("job", self.job.facets)
        for written in self.outputs or ():
            found += _lasting("dataset", written.facets)
            found += [None] * len(written.outputFacets or ())
        return found + [None] * len(self.run.facets or ())

    def signature(self) -> tuple[object, ...]:
        """All but time, run id and facets' bodies: equal signatures have one template."""
        return (
            self.eventType,
            self.producer,
            self.schemaURL,
            _signed(self.inputs, _OF_INPUT),
            self.job.namespace,
            self.job.name,
            _signed(self.outputs, _OF_OUTPUT),
            *(f if f is UNSET else tuple(f) for f in (self.job.facets, self.run.facets)),
        )

    def structure(self) -> tuple[object, ...]:
        """All of that but the names of the job and the datasets."""
        return (
            self.eventType,
            self.producer,
            self.schemaURL,
            _keyed(self.inputs, _OF_INPUT),
            _keyed(self.outputs, _OF_OUTPUT),
            *(f if f is UNSET else tuple(f) for f in (self.job.facets, self.run.facets)),
        )

    def names(self) -> tuple[str, ...]:
        """These names, in the order of canonical JSON."""
        parts = (*(self.inputs or ()), self.job, *(self.outputs or ()))
        return tuple(text for part in parts for text in (part.name, part.namespace))

    def outline(self) -> dict[str, Any]:
        """The event decoded, each facet as ``{"": its number in the order of ``facets``}``."""
        numbers = count()

        def part(names: dict[str, str], **facets: Facets | UnsetType) -> dict[str, Any]:
            return names | {
                key: {name: {"": next(numbers)} for name in value}
                for key, value in facets.items()
                if value is not UNSET
            }

        event: dict[str, Any] = {"eventTime": "", "producer": self.producer}
        event["schemaURL"] = self.schemaURL
        if self.eventType is not UNSET:
            event["eventType"] = self.eventType
        if self.inputs is not UNSET:
            event["inputs"] = [
                part(_named(p), facets=p.facets, inputFacets=p.inputFacets) for p in self.inputs
            ]
        event["job"] = part(_named(self.job), facets=self.job.facets)
        if self.outputs is not UNSET:
            event["outputs"] = [
                part(_named(p), facets=p.facets, outputFacets=p.outputFacets) for p in self.outputs
            ]
        event["run"] = part({"runId": ""}, facets=self.run.facets)
        return event


decode_envelope = msgspec.json.Decoder(Envelope).decode


def _named(part: JobPart) -> dict[str, str]:
    return {"namespace": part.namespace, "name": part.name}


def _signed(
    parts: list[Any] | UnsetType, io_facets: Callable[[Any], Facets | UnsetType]
) -> tuple[tuple[object, ...], ...] | UnsetType:
    """Names and keys of some inputs or outputs."""
    if parts is UNSET:
        return UNSET
    return tuple(
        (
            part.namespace,
            part.name,
            part.facets if part.facets is UNSET else tuple(part.facets),
            io if (io := io_facets(part)) is UNSET else tuple(io),
        )
        for part in parts
    )


def _keyed(parts: list[Any] | UnsetType, io_facets: Callable[[Any], Facets | UnsetType]) -> object:
    """Keys of some inputs or outputs."""
    signed = _signed(parts, io_facets)
    return UNSET if signed is UNSET else tuple(part[2:] for part in signed)


def _lasting(about: str, facets: Facets | UnsetType) -> Lately:
    return [(about, name) for name in facets or ()]


_OF_INPUT, _OF_OUTPUT = attrgetter("inputFacets"), attrgetter("outputFacets")
