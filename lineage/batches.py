"""Many events in one request: each is taken or refused by itself."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

import msgspec
import orjson

from lineage.ingest import Receipt
from lineage.templates import RefusedError

EVENTS = 1000
"""Most events in one request."""

_EXPECTED = f"an array of at most {EVENTS} OpenLineage events"
_ARRAY = msgspec.json.Decoder(list[msgspec.Raw])
# A string that never ends goes to the end, and is not looked for again from each of its quotes.
_TOKEN = re.compile(rb'"(?:[^"\\]|\\.)*+(?:"|\\?\Z)|[\[\]{},]', re.DOTALL)


def split(body: bytes) -> list[bytes]:
    """The events of an array, each as it was sent; whether each is one, is for others to say.

    Raises:
        RefusedError: It is no array, or holds too many.
    """
    try:
        bodies = [bytes(raw) for raw in _ARRAY.decode(body)]
    except msgspec.ValidationError as error:
        raise RefusedError(422, f"the body is no array: {error}", "", _EXPECTED) from error
    except (msgspec.DecodeError, RecursionError):
        # One of them is no JSON, such as a bare NaN, or too deep: the others are none the worse.
        bodies = list(_apart(body))
    if len(bodies) > EVENTS:
        raise RefusedError(413, f"the body holds {len(bodies)} events", "", _EXPECTED)
    return bodies


def _apart(body: bytes) -> Iterator[bytes]:
    """Cut an array at its own commas, whatever stands between them."""
    text = body.strip()
    if not text.startswith(b"["):
        raise RefusedError(400, "the body is not JSON", "", _EXPECTED)
    depth, begun, ended = 0, 1, False
    for token in _TOKEN.finditer(text):
        mark = token[0]
        if mark in (b"[", b"{"):
            depth += 1
        elif mark in (b"]", b"}"):
            depth -= 1
            ended = depth == 0
        if ended or (depth == 1 and mark == b","):
            part = text[begun : token.start()].strip()
            if part or not ended or begun > 1:
                yield part
            begun = token.end()
        if ended:
            break
    if not ended:
        raise RefusedError(400, "the body ends early", "", _EXPECTED)
    if text[begun:]:
        raise RefusedError(400, "the body goes on after its array", "", _EXPECTED)


def summary(receipts: Sequence[Receipt]) -> bytes:
    """The answer to a batch that was taken in: how many, and what was wrong with which."""
    failed = [
        {
            "index": index,
            "reason": ": ".join(filter(None, (receipt.refusal.path, receipt.refusal.detail))),
            "retriable": False,
        }
        for index, receipt in enumerate(receipts)
        if receipt.refusal is not None
    ]
    return orjson.dumps(
        {
            "status": "partial_success" if failed else "success",
            "summary": {
                "received": len(receipts),
                "successful": len(receipts) - len(failed),
                "failed": len(failed),
                "retriable": 0,
                "non_retriable": len(failed),
            },
            "failed_events": failed,
        }
    )
