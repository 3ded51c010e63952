"""Events from files: NDJSON, one object, an array, each also compressed, and folders of them."""

from __future__ import annotations

import codecs
import contextlib
import gzip
import sys
import zlib
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from io import BufferedReader
from pathlib import Path
from typing import IO, Any

import orjson

from catalog.errors import UserError
from lineage.ingest import Arrival, Ingestor, Receipt, Status
from lineage.templates import RefusedError

BATCH = 512
"""Most events that share one commit."""
BATCH_BYTES = 64_000_000
"""And how much of them at most, roughly."""
BUFFER = 1 << 20
"""Bytes read from a file at once."""
MOST_BAD = 1000
"""Lines that may come before the first good one for it to be a file of an event a line."""

SUFFIXES = (".json", ".ndjson", ".jsonl", ".gz")
"""Endings of files that are read from a folder; a file that is named itself is read in any case."""


_TOO_DEEP = b"[" * 2000
"""Refused for its depth, in place of an element that would be."""


@dataclass(slots=True)
class Summary:
    """What became of everything that was read."""

    received: int = 0
    stored: int = 0
    duplicates: int = 0
    warnings: int = 0
    rejected: int = 0
    rejections: list[dict[str, object]] = field(default_factory=list)
    """Source, line and reason of each event that could not be used."""

    def add(self, arrivals: Sequence[Arrival], receipts: Sequence[Receipt]) -> None:
        """Count one batch."""
        for arrival, receipt in zip(arrivals, receipts, strict=True):
            self.received += 1
            self.stored += receipt.status is Status.STORED
            self.duplicates += receipt.status is Status.DUPLICATE
            self.warnings += bool(receipt.oddities)
            if receipt.refusal is not None:
                self.rejected += 1
                source, _, line = arrival.source.rpartition(":")
                refusal = receipt.refusal
                wanted = f"; expected {refusal.expected}" if refusal.expected else ""
                self.rejections.append(
                    {"source": source, "line": int(line), "reason": f"{refusal.detail}{wanted}"}
                )


def files_in(paths: Sequence[str]) -> list[Path | None]:
    """Files to read, folders opened and sorted; ``None`` stands for standard input, ``-``.

    Raises:
        UserError: A path does not exist.
    """
    found: list[Path | None] = []
    for name in paths:
        path = Path(name)
        if name == "-":
            found.append(None)
        elif path.is_dir():
            found += sorted(p for p in path.rglob("*") if p.suffix in SUFFIXES and p.is_file())
        elif path.exists():
            found.append(path)
        else:
            raise UserError(f'"{name}" does not exist; expected a file, a folder or - for input')
    return found


def ingest_files(ingestor: Ingestor, paths: Iterable[Path | None], summary: Summary) -> None:
    """Take in every event of some files, counting into ``summary``.

    Small files share commits, large ones of an event a line are never in memory as a whole. A file
    that cannot be read is one rejection; neither the others nor what was read of it are lost.
    """
    batch: list[Arrival] = []
    size = 0
    for path in paths:
        name = "-" if path is None else str(path)
        try:
            for line, body in _events(path):
                batch.append(Arrival(body, f"{name}:{line}"))
                size += len(body)
                if len(batch) == BATCH or size > BATCH_BYTES:
                    summary.add(batch, ingestor.ingest(batch))
                    batch, size = [], 0
        except (OSError, EOFError, zlib.error) as error:
            refused = RefusedError(400, f"the file cannot be read: {error}", "", "a complete file")
            arrival = Arrival(b"", f"{name}:1")
            ingestor.refuse(arrival, refused)
            summary.add([arrival], [Receipt(Status.REJECTED, None, refusal=refused)])
    if batch:
        summary.add(batch, ingestor.ingest(batch))


def _events(path: Path | None) -> Iterator[tuple[int, bytes]]:
    """Line and body of each event in a file, or in standard input for ``None``."""
    with contextlib.ExitStack() as stack:
        file: Any = (
            sys.stdin.buffer if path is None else stack.enter_context(path.open("rb", BUFFER))
        )
        if not hasattr(file, "peek"):
            file = BufferedReader(file)
            stack.callback(file.detach)  # what was handed in stays open
        if file.peek(2)[:2] == b"\x1f\x8b":
            file = stack.enter_context(gzip.open(file))
        yield from _split(file)


def _split(file: IO[bytes]) -> Iterator[tuple[int, bytes]]:
    """Line and body of each event: one a line if the first line is one, else the whole."""
    head = file.readline().removeprefix(codecs.BOM_UTF8)
    if _is_object(head):
        yield 1, head
        yield from ((n, line) for n, line in enumerate(file, 2) if line.strip())
        return
    content = head + file.read()
    try:
        whole = orjson.loads(content)
    except orjson.JSONDecodeError:
        whole = None
    if isinstance(whole, list):
        yield from ((index + 1, _written(event)) for index, event in enumerate(whole))
        return
    lines = content.splitlines()
    if isinstance(whole, dict) or (content.strip() and not any(map(_is_object, lines[:MOST_BAD]))):
        yield 1, content
        return
    yield from ((n, line) for n, line in enumerate(lines, 1) if line.strip())


def _written(event: object) -> bytes:
    try:
        return orjson.dumps(event)
    except orjson.JSONEncodeError:  # it could be read, but is nested too deep to be written
        return _TOO_DEEP


def _is_object(line: bytes) -> bool:
    """Whether a line is an object by itself: those of a pretty-printed file are none."""
    if not line.lstrip().startswith(b"{"):
        return False
    try:
        orjson.loads(line)
    except orjson.JSONDecodeError:
        return False
    return True
