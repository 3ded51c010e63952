"""Laws: backwards meets forwards, the past is a fresh store, PROV-JSON is read back as it was."""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from prov.model import ProvDocument
from sqlalchemy import Engine, select, update

from catalog.database import connect, writing
from catalog.moments import microseconds, moment
from lineage.history import Standpoint, stand
from lineage.ingest import Arrival, Ingestor
from lineage.log import EVENT
from lineage.provenance.as_json import aftermath_json, edit_json, story_json
from lineage.provenance.backwards import backwards
from lineage.provenance.descents import descends_from_edit
from lineage.provenance.forwards import forwards, forwards_of_run
from lineage.provenance.model import Version
from lineage.provenance.prov_json import aftermath_prov, story_prov
from tests.lineage.provenance.happenings import (
    Event,
    above,
    at_noon,
    below,
    declare,
    fill,
    histories,
    versions,
)
from tests.lineage.worlds import NOW, CleanStore, CorpusFile

LAW = settings(max_examples=25, suppress_health_check=[HealthCheck.function_scoped_fixture])
UNBOUNDED = 10_000


def all_told(seen: Standpoint) -> dict[str, Any]:
    """Every answer that a standpoint has."""
    keys = sorted(seen.estate.datasets)
    stories = ((key, backwards(seen, key)) for key in keys)
    aftermaths = ((key, forwards(seen, key)) for key in keys)
    return {
        "backwards": {str(key): story_json(s) for key, s in stories if s},
        "forwards": {str(key): aftermath_json(a) for key, a in aftermaths if a},
        "descents": {
            str(key): ([edit_json(edit) for edit in d.edits], d.more, d.since, d.is_certain)
            for key, d in descends_from_edit(seen).items()
        },
    }


def run_of(version: Version) -> str:
    """By what one version alone can be asked for: producers may call two the same."""
    assert version.run is not None
    return version.run.run_id


# Backwards and forwards -------------------------------------------------------------------------


@LAW
@given(happened=histories())
def test_backwards_from_what_was_built_of_a_version_meets_forwards_from_it(
    clean_store: CleanStore, happened: list[list[Event]]
) -> None:
    seen = at_noon(fill(clean_store(), *happened))
    up: dict[Version, set[Version]] = {}
    down: dict[Version, set[Version]] = {}

    for version in versions(seen):
        story = backwards(seen, version.dataset, run_of(version), UNBOUNDED, UNBOUNDED)
        aftermath = forwards(seen, version.dataset, run_of(version), UNBOUNDED, UNBOUNDED)
        assert story is not None
        assert aftermath is not None
        assert not story.truncated
        assert not aftermath.truncated
        up[version], down[version] = above(story), below(aftermath)

    for one, other in ((a, b) for a in up for b in up):
        assert (one in up[other]) == (other in down[one])


@LAW
@given(happened=histories())
def test_forwards_from_a_run_is_forwards_from_each_version_that_it_wrote(
    clean_store: CleanStore, happened: list[list[Event]]
) -> None:
    seen = at_noon(fill(clean_store(), *happened))
    by_run: dict[Any, set[Version]] = defaultdict(set)
    for version in versions(seen):
        by_run[version.run].add(version)

    for run, wrote in by_run.items():
        found = forwards_of_run(seen, run)
        assert found is not None
        each = [forwards(seen, version.dataset, run.run_id) for version in wrote]
        assert below(found) == {version for one in each if one for version in below(one)}


@LAW
@given(happened=histories())
def test_what_stands_on_an_edit_now_is_what_forwards_from_it_has_now_or_was_replaced_by_strangers(
    clean_store: CleanStore, tmp_path_factory: pytest.TempPathFactory, happened: list[list[Event]]
) -> None:
    engine = fill(clean_store(), *happened)
    declare(engine, tmp_path_factory.mktemp("declared"))
    seen = at_noon(engine)

    found = descends_from_edit(seen)

    stands = {key: {edit.version for edit in descent.edits} for key, descent in found.items()}
    for version in versions(seen):
        aftermath = forwards(seen, version.dataset, run_of(version))
        assert aftermath is not None
        now = {one.dataset for one in aftermath.datasets if one.is_current}
        is_edit = any(version in edits for edits in stands.values())
        story = backwards(seen, version.dataset, run_of(version), depth=0)
        assert story is not None
        if story.built[0].edit is not None:
            assert now <= {key for key, edits in stands.items() if version in edits}
        else:
            assert not is_edit


# Time -------------------------------------------------------------------------------------------


@settings(LAW, max_examples=25)
@given(happened=histories(), number=st.integers(-1, 40))
def test_as_of_an_instant_is_what_a_fresh_store_tells_of_the_events_up_to_then(
    clean_store: CleanStore, happened: list[list[Event]], number: int
) -> None:
    until = at_noon(fill(clean_store(), [])).as_of.replace(hour=0, minute=max(number, 0))
    past = [
        [e for e in events if datetime.fromisoformat(e["eventTime"]) <= until]
        for events in happened
    ]
    whole = all_told(stand(fill(clean_store(), *happened), until))

    fresh = all_told(stand(fill(clean_store(), *past), until))

    assert whole == fresh


@LAW
@given(happened=histories(), share=st.floats(0, 1))
def test_known_at_an_instant_is_what_a_fresh_store_tells_of_the_events_received_by_then(
    clean_store: CleanStore, happened: list[list[Event]], share: float
) -> None:
    events = [event for events in happened for event in events]
    engine = fill(clean_store(), events)
    received = microseconds(NOW)
    with writing(engine) as connection:  # the first came a second before the second
        connection.execute(update(EVENT).values(received_at=received + EVENT.c.seq * 1_000_000))
    known = int(share * len(events))
    late = all_told(stand(engine, NOW, moment(received + known * 1_000_000)))

    fresh = all_told(stand(fill(clean_store(), events[:known]), NOW))

    assert late == fresh


def _instants(engine: Engine, share: Sequence[float]) -> Iterator[datetime]:
    """Some of the instants at which something happened."""
    with engine.connect() as connection:
        times = connection.execute(select(EVENT.c.event_time).order_by(EVENT.c.event_time))
        found = list(times.scalars())
    return (moment(found[int(s * (len(found) - 1))]) for s in share)


@settings(LAW, max_examples=3)
@given(data=st.data())
def test_as_of_an_instant_of_real_events_is_what_a_fresh_store_tells(
    corpus: Sequence[CorpusFile], tmp_path_factory: pytest.TempPathFactory, data: st.DataObject
) -> None:
    files = [f for f in corpus if "reject" not in f.verdicts]
    folder = tmp_path_factory.mktemp("past")
    engine = connect(f"sqlite:///{folder / 'all.db'}")
    Ingestor(engine).ingest([Arrival(body, "t") for file in files for body in file.bodies])
    (until,) = _instants(engine, [data.draw(st.floats(0, 1))])
    seen = stand(engine, until)
    with seen.engine.connect() as connection:
        kept = connection.execute(select(EVENT.c.event_id)).scalars()
        known = {bytes(event_id) for event_id in kept}
    fresh = connect(f"sqlite:///{folder / 'fresh.db'}")
    bodies = [body for file in files for body in file.bodies]
    receipts = Ingestor(connect("sqlite://")).ingest([Arrival(body, "t") for body in bodies])
    past = [
        body
        for body, receipt in zip(bodies, receipts, strict=True)
        if receipt.event_id is not None and bytes.fromhex(receipt.event_id) in known
    ]
    Ingestor(fresh).ingest([Arrival(body, "t") for body in past])

    assert all_told(seen) == all_told(stand(fresh, until))

    engine.dispose()
    fresh.dispose()


# PROV-JSON --------------------------------------------------------------------------------------

Record = tuple[str, str, str]
"""Its kind, its name, and all that is said of it."""


def records(document: Mapping[str, Any]) -> list[Record]:
    """What a PROV-JSON document says; names that a serializer gave say nothing."""
    found = [
        (kind, "" if name.startswith("_:") else name, _normal(said))
        for kind, named in document.items()
        if kind != "prefix"
        for name, said in named.items()
    ]
    return sorted(found)


def _normal(said: Mapping[str, Any]) -> str:
    def value(name: str, told: Any) -> Any:
        if name in ("prov:time", "prov:startTime", "prov:endTime"):
            return datetime.fromisoformat(told)
        return sorted(told, key=str) if isinstance(told, list) else told

    return repr(sorted((name, value(name, told)) for name, told in said.items()))


def read_back(document: Mapping[str, Any]) -> ProvDocument:
    """What the library of the standard's authors makes of it, which must be the same."""
    found = ProvDocument.deserialize(content=json.dumps(document), format="json")
    written = json.loads(found.serialize(format="json") or "")
    assert records(written) == records(document)
    assert ProvDocument.deserialize(content=json.dumps(written), format="json") == found
    return found


def keeps_constraints(document: Mapping[str, Any]) -> None:
    """The basics of PROV-CONSTRAINTS."""

    def relations(kind: str) -> list[dict[str, Any]]:
        return list(document.get(kind, {}).values())

    generations = [(g["prov:entity"], g["prov:activity"]) for g in relations("wasGeneratedBy")]
    assert len(generations) == len({entity for entity, _ in generations}), "one for each entity"
    at = {
        g["prov:entity"]: datetime.fromisoformat(g["prov:time"])
        for g in relations("wasGeneratedBy")
        if "prov:time" in g
    }
    spans = {
        name: tuple(
            datetime.fromisoformat(said[end]) if end in said else None
            for end in ("prov:startTime", "prov:endTime")
        )
        for name, said in document.get("activity", {}).items()
    }
    for start, end in spans.values():
        assert start is None or end is None or start <= end
    for entity, run in generations:
        start, end = spans[run]
        assert start is None or entity not in at or start <= at[entity], "made after it began"
        assert end is None or entity not in at or at[entity] <= end, "made before it ended"
    for used in relations("used"):
        _, end = spans[used["prov:activity"]]
        made = at.get(used["prov:entity"])
        assert made is None or end is None or made <= end, "used after it was made"
        assert (used["prov:entity"], used["prov:activity"]) not in generations
    for derived in relations("wasDerivedFrom"):
        new, old = at.get(derived["prov:generatedEntity"]), at.get(derived["prov:usedEntity"])
        assert new is None or old is None or old <= new, "derived after its source was made"
        assert derived["prov:generatedEntity"] != derived["prov:usedEntity"]
    for gone in relations("wasInvalidatedBy"):
        ended = datetime.fromisoformat(gone["prov:time"])
        assert at[gone["prov:entity"]] <= ended
        for used in relations("used"):
            start, _ = spans[used["prov:activity"]]
            is_it = used["prov:entity"] == gone["prov:entity"]
            assert not is_it or start is None or start <= ended, "used before it was gone"
    named = {*document.get("entity", {}), *spans, *document.get("agent", {})}
    for kind in document.keys() - {"prefix", "entity", "activity", "agent"}:
        for said in relations(kind):
            ends = {v for k, v in said.items() if k in _ENDS}
            assert ends <= named, "nothing is related that is not there"


_ENDS = {
    "prov:entity", "prov:activity", "prov:agent", "prov:plan", "prov:generatedEntity",
    "prov:usedEntity", "prov:specificEntity", "prov:generalEntity", "prov:informed",
    "prov:informant", "prov:delegate", "prov:responsible",
}  # fmt: skip


@LAW
@given(happened=histories())
def test_prov_json_is_read_back_as_the_same_graph_and_keeps_the_constraints(
    clean_store: CleanStore, happened: list[list[Event]]
) -> None:
    seen = at_noon(fill(clean_store(), *happened))

    for version in versions(seen):
        story = backwards(seen, version.dataset, run_of(version))
        aftermath = forwards(seen, version.dataset, run_of(version))
        assert story is not None
        assert aftermath is not None
        for document in (story_prov(story, seen.estate), aftermath_prov(aftermath, seen.estate)):
            read_back(document)
            keeps_constraints(document)


def test_prov_json_of_real_events_is_read_back_as_the_same_graph(
    bodies: list[bytes], tmp_path: Path
) -> None:
    engine = connect(f"sqlite:///{tmp_path / 'all.db'}")
    Ingestor(engine).ingest([Arrival(body, "t") for body in bodies])
    seen = stand(engine)
    stories = [s for key in seen.estate.datasets if (s := backwards(seen, key))]

    for story in stories:
        document = story_prov(story, seen.estate)
        read_back(document)
        keeps_constraints(document)

    assert len(stories) > 40
    engine.dispose()
