"""The past: what is answered of an instant is what a fresh store would answer then."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

import pytest
from hypothesis import Phase, given, settings
from hypothesis import strategies as st
from sqlalchemy import Engine, func, select

from catalog.database import connect
from catalog.model import Kind
from catalog.moments import moment
from catalog.shapes import document
from lineage.events import parse_event
from lineage.graph.evidence import Supports
from lineage.graph.impact import backward_flows, causes, cycles, impact
from lineage.graph.loading import estate_graph
from lineage.graph.paths import shortest_paths
from lineage.graph.printing import (
    causes_json,
    flows_json,
    impact_json,
    lineage_json,
    paths_json,
)
from lineage.graph.questions import Question, ask
from lineage.history import Standpoint, stand
from lineage.log import EVENT
from lineage.provenance.descents import descends_from_edit
from lineage.templates import RefusedError
from lineage.trust.sentence import trust_of
from lineage.trust_cli import sentence_json
from tests.lineage.worlds import CleanStore, CorpusFile, take

SOME = 25
"""Assets of which all is asked."""
FOUND = (Phase.explicit, Phase.reuse, Phase.generate)
"""An example takes seconds, so none is made smaller; what failed names corpus and instant."""


@dataclass(frozen=True, slots=True)
class Corpus:
    """What one sort of producer sent, in order of arrival, and a store that holds it."""

    bodies: tuple[bytes, ...]
    engine: Engine


@pytest.fixture(scope="module")
def corpora(
    corpus: Sequence[CorpusFile], tmp_path_factory: pytest.TempPathFactory
) -> Mapping[str, Corpus]:
    bodies: dict[str, list[bytes]] = {}
    for file in corpus:
        bodies.setdefault(file.name.split("/")[1], []).extend(filter(is_usable, file.bodies))
    stores = tmp_path_factory.mktemp("corpora")
    return {
        name: Corpus(tuple(found), filled(stores / name, found))
        for name, found in bodies.items()
        if found
    }


def filled(place: Path, bodies: Sequence[bytes]) -> Engine:
    engine = connect(f"sqlite:///{place}.db")
    take(engine, [bodies])
    return engine


def is_usable(body: bytes) -> bool:
    try:
        parse_event(body)
    except RefusedError:
        return False
    return True


def answers(seen: Standpoint) -> str:
    """What is answered to every question, as JSON."""
    graph, estate = estate_graph(seen), seen.estate
    keys = sorted([*estate.datasets, *estate.jobs])
    hidden = {key for key, job in estate.jobs.items() if job.noise}
    found: list[object] = [flows_json(cycles(graph), backward_flows(estate, graph))]
    descents = descends_from_edit(seen)
    with seen.engine.connect() as connection:
        supports = Supports(connection, seen)
        for key in keys[:: max(1, len(keys) // SOME)]:
            plain, rich = Question(key), Question(key, through_jobs=True, with_faded=True)
            found += [lineage_json(ask(graph, question, hidden)) for question in (plain, rich)]
            found.append(impact_json(impact(estate, graph, key)))
            found.append(causes_json(causes(seen.observed, estate, graph, key, {})))
            if key.kind is Kind.DATASET:
                found.append(sentence_json(trust_of(seen, estate.datasets[key], descents)))
                for end in ask(graph, Question(key)).nodes[-1:]:
                    paths = shortest_paths(graph, key, end.key)
                    on = {hop.ends: supports.of(hop) for way in paths.paths for hop in way}
                    found.append(paths_json(paths, on))
    return document(found)


@settings(max_examples=5, phases=FOUND)
@given(st.data())
def test_as_of_is_what_a_fresh_store_answers_after_the_events_up_to_then(
    corpora: Mapping[str, Corpus], clean_store: CleanStore, data: st.DataObject
) -> None:
    cuts = {
        name: data.draw(st.sampled_from(sorted({parse_event(b).time for b in corpus.bodies})), name)
        for name, corpus in corpora.items()
    }
    for name, corpus in corpora.items():
        cut = cuts[name]
        past = answers(stand(corpus.engine, moment(cut)))

        fresh = clean_store()
        take(fresh, [[b for b in corpus.bodies if parse_event(b).time <= cut]])

        assert answers(stand(fresh, moment(cut))) == past


@settings(max_examples=3, phases=FOUND)
@given(st.data())
def test_known_at_is_what_a_fresh_store_answers_after_what_was_received_by_then(
    corpora: Mapping[str, Corpus], clean_store: CleanStore, data: st.DataObject
) -> None:
    for name, corpus in corpora.items():
        bodies = data.draw(st.permutations(corpus.bodies), label=name)
        number = data.draw(st.integers(0, len(bodies)), label=name)
        by_then, later = bodies[:number], bodies[number:]
        engine = clean_store()
        take(engine, [by_then])
        known_at, as_of = last_received(engine), moment(2_000_000_000_000_000)
        take(engine, [later])
        seen = answers(stand(engine, as_of, known_at))

        fresh = clean_store()
        take(fresh, [by_then])

        assert answers(stand(fresh, as_of)) == seen


def last_received(engine: Engine) -> datetime:
    """An instant between what has been received and all that comes."""
    with engine.connect() as connection:
        last = connection.execute(select(func.max(EVENT.c.received_at))).scalar()
    at = moment(last) if last is not None else moment(0)
    while time.time_ns() // 1000 <= (last or 0):
        time.sleep(0.001)
    return at
