"""How fast events are taken in over HTTP, as a ratio to a route that does nothing with them.

Run: python benchmarks/receiver.py [seconds]        needs wrk on the path

Everything is measured in one run, one after the other, on the same two kinds of process: the real
`andon serve --no-dashboard` on a store of its own, and the same Starlette application with a route
that reads the body and answers 201, and one that also reads it into pydantic models (FastAPI's if
that is installed). Only the ratios say anything: machines differ and are busy.
"""

from __future__ import annotations

import contextlib
import json
import os
import re
import socket
import subprocess
import sys
import tempfile
import time
import urllib.request
import uuid
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pydantic import BaseModel
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route
from starlette.types import ASGIApp

ROOT = Path(__file__).parents[1]
sys.path.insert(0, str(ROOT))
from benchmarks.events import events  # noqa: E402  # wherever this is started

BASE = 10_000
"""Events that are made; wrk gives each a new run and time whenever it comes round again."""
RUN, TIME = b"@run@", b"@time@"
FIRST, PERIOD = 1_740_000_000, 2_000_000
"""When the first event of the first load happened, and how much later those of the next begin,
seconds: what happens is newer than what is known, as it mostly is."""

SCRIPT = """
local number, threads = 0, 0
function setup(thread) thread:set("number", threads); threads = threads + 1 end

local heads, middles, tails, n, sent, batch, since, path = {}, {}, {}, 0, 0, 1, 0, ""
function init(args)
  path, batch, since = args[2], tonumber(args[3]), tonumber(args[4])
  for line in io.lines(args[1]) do
    local time, rest = line:match("^(.-)@time@(.*)$")
    local middle, tail = rest:match("^(.-)@run@(.*)$")
    n = n + 1
    heads[n], middles[n], tails[n] = time, middle, tail
  end
  head = "POST " .. path .. " HTTP/1.1\\r\\nHost: 127.0.0.1\\r\\n"
    .. "Content-Type: application/json\\r\\nContent-Length: "
  salt = os.time() % 0x10000000
end

local function event()
  local at = sent % n + 1
  local run = string.format("%08x-%04x-4000-8000-%012x", salt, number, math.floor(sent / 2))
  local time = os.date("!%Y-%m-%dT%H:%M:%S+00:00", since + sent * 7)
  sent = sent + 1
  return heads[at] .. time .. middles[at] .. run .. tails[at]
end

function request()
  local body
  if batch == 1 then
    body = event()
  else
    local all = {}
    for i = 1, batch do all[i] = event() end
    body = "[" .. table.concat(all, ",") .. "]"
  end
  return head .. #body .. "\\r\\n\\r\\n" .. body
end

function done(summary, latency)
  local e = summary.errors
  io.write(string.format("RESULT %d %d %d %f %f\\n", summary.requests, summary.duration,
    e.connect + e.read + e.write + e.status + e.timeout,
    latency:percentile(50) / 1000, latency:percentile(99) / 1000))
end
"""


class _Named(BaseModel):
    namespace: str
    name: str
    facets: dict[str, Any] = {}


class _Dataset(_Named):
    inputFacets: dict[str, Any] = {}  # noqa: N815  # as OpenLineage spells it
    outputFacets: dict[str, Any] = {}  # noqa: N815


class _Run(BaseModel):
    runId: str  # noqa: N815
    facets: dict[str, Any] = {}


class _Event(BaseModel):
    eventType: str  # noqa: N815
    eventTime: str  # noqa: N815
    producer: str
    schemaURL: str  # noqa: N815
    run: _Run
    job: _Named
    inputs: list[_Dataset] = []
    outputs: list[_Dataset] = []


async def _nothing(request: Request) -> Response:
    await request.body()
    return Response(status_code=201)


async def _typed(request: Request) -> Response:
    event = _Event.model_validate(await request.json())
    return JSONResponse({"runId": event.run.runId}, 201)


def _with_fastapi() -> ASGIApp | None:
    try:
        from fastapi import FastAPI  # type: ignore[import-not-found]  # only where it is installed
    except ImportError:
        return None
    api = FastAPI()

    @api.post("/fastapi", status_code=201)  # type: ignore[untyped-decorator]  # as above
    async def typed(event: _Event) -> dict[str, str]:
        return {"runId": event.run.runId}

    return api  # type: ignore[no-any-return]  # as above


def serve_limits(port: int) -> None:
    """The same application with the routes that ours is compared with."""
    import uvicorn

    import app

    served = app.compose(None)
    served.router.routes[:0] = [
        Route("/nothing", _nothing, methods=["POST"]),
        Route("/typed", _typed, methods=["POST"]),
    ]
    if fastapi := _with_fastapi():
        served.router.mount("/", fastapi)
    uvicorn.run(served, port=port, log_level="warning", access_log=False)


@dataclass(frozen=True, slots=True)
class Load:
    """What one load reached."""

    events_per_s: float
    p50_ms: float
    p99_ms: float
    errors: int
    cpu_us: float
    """Processor time of the server for one event: on a busy machine it says more than the clock."""


@dataclass(frozen=True, slots=True)
class Server:
    """A process that is loaded."""

    process: subprocess.Popen[bytes]
    port: int

    def cpu_s(self) -> float:
        """What it has used so far; Linux only."""
        fields = Path(f"/proc/{self.process.pid}/stat").read_text().rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


class Loader:
    """Loads one port after the other with the same events."""

    def __init__(self, folder: Path, seconds: int) -> None:
        self._seconds = seconds
        self._since = FIRST
        self._script = folder / "load.lua"
        self._script.write_text(SCRIPT)
        self._bodies = folder / "events.ndjson"
        with self._bodies.open("wb") as file:
            for body in events(BASE):
                told = json.loads(body)
                for value, hole in ((told["eventTime"], TIME), (told["run"]["runId"], RUN)):
                    body = body.replace(value.encode(), hole, 1)  # noqa: PLW2901
                file.write(body + b"\n")

    def fill(self, server: Server) -> None:
        """Post every event once: schemas and column lineage arrive for the first time."""
        bodies = self._bodies.read_bytes().splitlines()
        for first in range(0, BASE, 200):
            part = b"[" + b",".join(bodies[first : first + 200]) + b"]"
            part = part.replace(TIME, b"2025-01-01T00:00:00Z")
            for number in range(part.count(RUN)):
                run = uuid.UUID(int=first + number, version=4)
                part = part.replace(RUN, str(run).encode(), 1)
            url = f"http://127.0.0.1:{server.port}/api/v1/lineage/batch"
            request = urllib.request.Request(url, part, {"Content-Type": "application/json"})
            urllib.request.urlopen(request, timeout=60).close()  # noqa: S310  # our own

    def load(self, server: Server, path: str, connections: int, batch: int = 1) -> Load:
        """Post for some seconds."""
        before = server.cpu_s()
        command: list[str | Path] = [
            "wrk",
            "-t1",
            f"-c{connections}",
            f"-d{self._seconds}s",
            "-s",
            self._script,
        ]
        command += [f"http://127.0.0.1:{server.port}", "--", self._bodies, path, str(batch)]
        command.append(str(self._since))
        self._since += PERIOD
        told = subprocess.run(command, check=True, capture_output=True, text=True).stdout
        found = re.search(r"RESULT (\d+) (\d+) (\d+) ([\d.]+) ([\d.]+)", told)
        if found is None:
            raise RuntimeError(told)
        requests, micros, errors = (int(value) for value in found.groups()[:3])
        p50, p99 = (float(value) for value in found.groups()[3:])
        count = requests * batch
        cpu_us = (server.cpu_s() - before) / count * 1e6
        return Load(count / micros * 1e6, p50, p99, errors, cpu_us)


@contextlib.contextmanager
def running(database: Path, *command: str) -> Iterator[Server]:
    """A server on a free port and a store of its own."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = int(listener.getsockname()[1])
    started = time.perf_counter()
    process = subprocess.Popen(
        [sys.executable, *command, str(port)],
        cwd=ROOT,
        env={"ANDON_DATABASE_URL": f"sqlite:///{database}", "PYTHONPATH": str(ROOT)},
    )
    try:
        while process.poll() is None:
            with contextlib.suppress(OSError):
                urllib.request.urlopen(f"http://127.0.0.1:{port}/healthz", timeout=1).close()
                break
            time.sleep(0.02)
        print(f"{' '.join(command[-2:])}: answers after {time.perf_counter() - started:.2f} s")
        yield Server(process, port)
    finally:
        process.terminate()
        process.wait()


def main(seconds: int) -> None:
    """Print what each reached and the ratios."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        loader = Loader(folder, seconds)
        reached: dict[str, Load] = {}

        def measure(what: str, server: Server, path: str, connections: int, batch: int = 1) -> None:
            load = reached[what] = loader.load(server, path, connections, batch)
            print(
                f"{what:>28}: {load.events_per_s:8,.0f} events/s, p50 {load.p50_ms:6.2f} ms, "
                f"p99 {load.p99_ms:7.2f} ms, {load.cpu_us:6.1f} us of CPU, {load.errors} errors"
            )

        with running(folder / "limits.db", __file__, "--limits") as server:
            measure("nothing, 32 connections", server, "/nothing", 32)
            measure("pydantic alone, 32", server, "/typed", 32)
            if _with_fastapi():
                measure("FastAPI and pydantic, 32", server, "/fastapi", 32)
        ours = ["-c", "import app; app.main()", "serve", "--no-dashboard", "--port"]
        with running(folder / "andon.db", *ours) as server:
            loader.fill(server)
            measure("ours, 32", server, "/api/v1/lineage", 32)
            measure("ours, 16", server, "/api/v1/lineage", 16)
            measure("ours, 1", server, "/api/v1/lineage", 1)
            measure("ours, batches of 50, 8", server, "/api/v1/lineage/batch", 8, 50)
        nothing = reached["nothing, 32 connections"]
        for what, load in reached.items():
            print(
                f"{what:>28}: {load.events_per_s / nothing.events_per_s:.3f} of the events of a "
                f"route that does nothing, {nothing.cpu_us / load.cpu_us:.3f} by CPU"
            )


if __name__ == "__main__":
    if sys.argv[1:2] == ["--limits"]:
        serve_limits(int(sys.argv[2]))
    else:
        main(int(sys.argv[1]) if len(sys.argv) > 1 else 8)
