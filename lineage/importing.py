"""Events from files: NDJSON, one object, an array, each also compressed, and folders of them."""

from __future__ import annotations

import codecs
import gzip
import sys
import zlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import orjson

from catalog.errors import UserError
from lineage.ingest import Arrival, Ingestor, Receipt, Status
from lineage.templates import RefusedError

BATCH = 512
"""Events that share one commit."""

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


def ingest_file(ingestor: Ingestor, path: Path | None, summary: Summary) -> None:
    """Take in every event of one file, counting into ``summary``.

    A file that cannot be read is one rejection; the others are not lost with it.
    """
    name = "-" if path is None else str(path)
    try:
        content = sys.stdin.buffer.read() if path is None else path.read_bytes()
        if content[:2] == b"\x1f\x8b":
            content = gzip.decompress(content)
        content = content.removeprefix(codecs.BOM_UTF8)
    except (OSError, EOFError, zlib.error) as error:
        refused = RefusedError(400, f"the file cannot be read: {error}", "", "a complete file")
        arrival = Arrival(b"", f"{name}:1")
        ingestor.refuse(arrival, refused)
        summary.add([arrival], [Receipt(Status.REJECTED, None, refusal=refused)])
        return
    batch: list[Arrival] = []
    for line, body in _split(content):
        batch.append(Arrival(body, f"{name}:{line}"))
        if len(batch) == BATCH:
            summary.add(batch, ingestor.ingest(batch))
            batch = []
    if batch:
        summary.add(batch, ingestor.ingest(batch))


def _split(content: bytes) -> Iterator[tuple[int, bytes]]:
    """Line and body of each event: the whole as one object or array, else one a line."""
    try:
        whole = orjson.loads(content)
    except orjson.JSONDecodeError:
        whole = None
    if isinstance(whole, list):
        yield from ((index + 1, _written(event)) for index, event in enumerate(whole))
        return
    if isinstance(whole, dict):
        yield 1, content
        return
    lines = content.splitlines()
    if whole is None and content.strip() and not _is_ndjson(lines):
        yield 1, content
        return
    yield from ((n, line) for n, line in enumerate(lines, 1) if line.strip())


def _written(event: object) -> bytes:
    try:
        return orjson.dumps(event)
    except orjson.JSONEncodeError:  # it could be read, but is nested too deep to be written
        return _TOO_DEEP


def _is_ndjson(lines: Sequence[bytes]) -> bool:
    """Whether any line is an object by itself: a broken pretty-printed file has none."""
    for line in lines:
        if line.strip().startswith(b"{"):
            try:
                orjson.loads(line)
            except orjson.JSONDecodeError:
                continue
            return True
    return len(lines) <= 1
