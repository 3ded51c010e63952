"""The whole verdict about every real and hostile event file, as the index beside them states it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

import orjson
import pytest

from lineage.events import parse_event
from lineage.templates import RefusedError
from tests.lineage.worlds import CorpusFile


def verdict(body: bytes) -> tuple[str, list[str]]:
    """Accept, accept_with_warnings or reject; and what there is to say."""
    try:
        parsed = parse_event(body)
    except RefusedError as refused:
        return "reject", [str(refused)]
    # That a secret was taken out is told too, and breaks no schema.
    odd = [o for o in parsed.oddities if not o.message.startswith("held a secret")]
    said = [f"{oddity.path}: {oddity.message}" for oddity in odd]
    return "accept_with_warnings" if said else "accept", said


def test_every_real_event_gets_its_verdict(corpus: Sequence[CorpusFile]) -> None:
    different = {}
    for file in corpus:
        answers = [verdict(body) for body in file.bodies]
        if dict(Counter(answer for answer, _ in answers)) != file.verdicts:
            different[file.name] = [said for _, said in answers if said]

    assert different == {}


@pytest.mark.parametrize("key", ["producer", "schemaURL"])
def test_real_event_without_an_address_is_stored_with_a_warning(
    corpus: Sequence[CorpusFile], key: str
) -> None:
    clean = next(f for f in corpus if f.name.endswith("marquez/event_simple.json")).bodies[0]
    event = orjson.loads(clean)
    del event[key]

    answer, said = verdict(orjson.dumps(event))

    assert answer == "accept_with_warnings"
    assert [line for line in said if line.startswith(f"{key}: missing; expected a URI")]
