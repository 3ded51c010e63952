"""The composition root: settings to store to routes, worker, dashboard and the command."""

from __future__ import annotations

import asyncio
import contextlib
import gc
import importlib
import ipaddress
import logging
import multiprocessing
import os
import signal
import socket
import sys
from collections.abc import AsyncIterator, Sequence
from datetime import timedelta
from importlib.metadata import version
from pathlib import Path
from urllib.parse import urlsplit

import click
import streamlit
import uvicorn
from sqlalchemy import Engine
from sqlalchemy.exc import DBAPIError
from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import JSONResponse, PlainTextResponse, Response
from starlette.routing import Mount, Route
from starlette.types import ASGIApp, Receive, Scope, Send

import catalog.cli
import lineage.cli
import lineage.sample.cli
import policies.cli
from catalog.database import connect, get_meta, needs_rebuild
from catalog.errors import UserError
from catalog.settings import Settings
from lineage import receiver
from lineage.history import present
from lineage.ingest import Ingestor
from lineage.rebuild import rebuild
from lineage.sample import filling
from policies.assess import assess, backcast
from policies.worker import Worker

DASHBOARD = Path(__file__).with_name("dashboard") / "main.py"
DEMO_DATABASE = "andon-demo.db"
UNUSED = ("/metrics", "/openapi.json", "/docs", "/openapi/{path:path}")
"""Paths that belong to the API; without a route of their own they would show the dashboard."""
METHODS = ("GET", "POST", "PUT", "PATCH", "DELETE", "OPTIONS")
DRAIN_S = 5
"""How long open connections may take to end after SIGTERM, seconds."""


class LoopbackOnly:
    """Answers nobody beyond this machine: there is no sign-in yet that could tell who asks."""

    CLOSED = ("/_stcore/metrics", "/_stcore/agent")

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] in ("http", "websocket"):
            host = dict(scope["headers"]).get(b"host", b"").decode("latin-1")
            client = (scope.get("client") or ("127.0.0.1", 0))[0]
            origin = dict(scope["headers"]).get(b"origin", b"").decode("latin-1")
            # A page from elsewhere may make its visitor's browser post here; producers send none.
            from_elsewhere = origin and not is_loopback(urlsplit(origin).hostname or origin)
            if (
                not is_loopback(client)
                or (host and not is_loopback(_host_of(host)))
                or from_elsewhere
            ):
                await self._refuse(scope, receive, send, 403, "served on this machine only")
                return
            if scope["path"].startswith(self.CLOSED):
                await self._refuse(scope, receive, send, 404, "not found")
                return
        await self._app(scope, receive, send)

    @staticmethod
    async def _refuse(scope: Scope, receive: Receive, send: Send, status: int, detail: str) -> None:
        if scope["type"] == "websocket":
            await send({"type": "websocket.close", "code": 1008, "reason": detail})
        else:
            await JSONResponse({"detail": detail}, status)(scope, receive, send)


def is_loopback(host: str) -> bool:
    """Whether a host name or address is this machine itself."""
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def _host_of(header: str) -> str:
    if header.startswith("["):
        return header[1:].partition("]")[0]
    return header.partition(":")[0]


def _launched_on(arguments: Sequence[str]) -> list[str]:
    """Addresses that the launcher was told to listen on, as far as a process can know."""
    hosts = [os.environ.get("UVICORN_HOST"), streamlit.get_option("server.address")]
    for index, argument in enumerate(arguments):
        name, _, value = argument.partition("=")
        if name == "--host":
            hosts.append(value or "".join(arguments[index + 1 : index + 2]))
    return [host for host in hosts if host]


def _require_loopback(hosts: Sequence[str]) -> None:
    for host in hosts:
        if not is_loopback(host):  # an empty one means every address
            raise UserError(
                f'will not listen on "{host}": without sign-in and producer keys everybody there '
                "could read and write everything. Use 127.0.0.1, or a tunnel to this machine."
            )


@contextlib.asynccontextmanager
async def lifespan(app: Starlette) -> AsyncIterator[None]:
    """Open the store, then serve events, judgements and pages until the end."""
    settings = Settings()
    engine = connect(settings.database_url)
    if needs_rebuild(engine):
        for _ in rebuild(engine):
            await asyncio.sleep(0)
    app.state.engine = engine
    app.state.receiver = receiver.Receiver(Ingestor(engine), settings.max_body_bytes)
    async with pages.lifespan()(app):
        # Streamlit turns the server's own chatter on.
        logging.getLogger("uvicorn.error").setLevel(logging.WARNING)
        # A first visit would otherwise wait for these imports, and every collection walk them.
        for module in ("pandas", "plotly.graph_objects"):
            importlib.import_module(module)
        gc.collect()
        gc.freeze()
        with app.state.receiver.running(), Worker(engine, settings.assess_every_s).running():
            yield
    engine.dispose()


async def healthz(_request: Request) -> Response:
    """Alive."""
    return PlainTextResponse("ok")


async def readyz(request: Request) -> Response:
    """The store can be read."""
    engine: Engine = request.app.state.engine
    with engine.connect() as connection:
        get_meta(connection, "revision")
    return PlainTextResponse("ok")


async def api_error(request: Request, error: Exception) -> Response:
    """What the API does not have, in JSON; a person's browser gets plain text."""
    status = error.status_code if isinstance(error, HTTPException) else 500
    detail = error.detail if isinstance(error, HTTPException) else "internal error"
    headers = error.headers if isinstance(error, HTTPException) else None
    if request.url.path.startswith(("/api", "/openapi")):
        body = {"detail": detail, "path": request.url.path, "expected": "POST /api/v1/lineage"}
        return JSONResponse(body, status, headers)
    return PlainTextResponse(detail, status, headers)


async def no_such_path(_request: Request) -> Response:
    """A wrong path below the API."""
    raise HTTPException(404, "no such path")


pages = streamlit.App(DASHBOARD)  # first: it tells Streamlit where the dashboard's settings are
try:
    # Launchers bind the address themselves, so this is the last moment to refuse.
    _require_loopback(_launched_on(sys.argv))
except UserError as refused:
    click.echo(f"andon: {refused}", err=True)
    sys.exit(refused.exit_code)

app = Starlette(
    routes=[
        *receiver.routes(),
        Route("/api", no_such_path, methods=METHODS),
        Route("/api/{path:path}", no_such_path, methods=METHODS),
        *(Route(path, no_such_path, methods=METHODS) for path in UNUSED),
        Route("/healthz", healthz),
        Route("/readyz", readyz),
        Mount("/", app=pages),
    ],
    lifespan=lifespan,
    middleware=[Middleware(LoopbackOnly)],
    exception_handlers={HTTPException: api_error},
)


def _listen(host: str, port: int) -> socket.socket:
    _require_loopback([host])
    try:
        return socket.create_server((host, port), family=_family(host))
    except OSError as error:
        why = os.strerror(error.errno or 0)
        raise UserError(
            f"cannot listen on {host}:{port}: {why}. Choose another with --port."
        ) from error


def _family(host: str) -> socket.AddressFamily:
    return socket.AF_INET6 if ":" in host else socket.AF_INET


def _serve(listener: socket.socket) -> None:
    host, port = listener.getsockname()[:2]
    click.echo(f"Andon is at http://{host}:{port}/ and takes events at /api/v1/lineage", err=True)
    config = uvicorn.Config(
        app,
        log_level="warning",
        access_log=False,
        lifespan="on",
        timeout_graceful_shutdown=DRAIN_S,
    )
    for stopping in (signal.SIGTERM, signal.SIGINT):
        # After draining, the server raises the signal again; by then all is done.
        signal.signal(stopping, lambda *_: None)
    uvicorn.Server(config).run(sockets=[listener])


@click.command()
@click.option("--host", default="127.0.0.1", show_default=True, help="Loopback only, for now.")
@click.option("--port", default=8501, show_default=True, type=click.IntRange(0, 65535))
@click.option("--database", metavar="URL", help="Default: ANDON_DATABASE_URL, else andon.db here.")
def serve(host: str, port: int, database: str | None) -> None:
    """Serve the dashboard and take events, on one port.

    Example: andon serve --port 8501
    """
    if database:
        os.environ["ANDON_DATABASE_URL"] = database
    connect(Settings().database_url).dispose()  # fail here, with one line, if it cannot be opened
    _serve(_listen(host, port))


@click.command()
@click.option("--port", default=8501, show_default=True, type=click.IntRange(0, 65535))
@click.option("--database", metavar="URL", help=f"Default: {DEMO_DATABASE} here.")
@click.option("--fresh", is_flag=True, help="Begin again, as of now.")
def demo(port: int, database: str | None, fresh: bool) -> None:
    """Serve a made-up company: the newest days at once, its history filled in behind.

    The day on which it was first filled stays its today; --fresh moves it to now.

    Example: andon demo --fresh
    """
    with _listen("127.0.0.1", port) as listener:
        url = database or f"sqlite:///{DEMO_DATABASE}"
        os.environ["ANDON_DATABASE_URL"] = url
        if fresh and url.startswith("sqlite:///"):
            own = connect(url)
            filling.require_own(own)
            own.dispose()
            for ending in ("", "-wal", "-shm"):
                Path(url.removeprefix("sqlite:///") + ending).unlink(missing_ok=True)
        engine = connect(url)
        anchor = filling.begin(engine)
        assess(engine, present(engine))
        click.echo(f"For the sample company it is {anchor:%Y-%m-%d %H:%M} UTC", err=True)
        engine.dispose()
        # In a process of its own, so that no page waits for it.
        multiprocessing.get_context("spawn").Process(
            target=_fill_behind, args=(url,), name="history", daemon=True
        ).start()
        _serve(listener)


def _fill_behind(url: str) -> None:
    engine = connect(url)
    filling.fill_history(engine)
    now = present(engine)
    weeks = [now - timedelta(weeks=n) for n in range(1, filling.DAYS // 7)]
    with catalog.cli.progress(backcast(engine, weeks), len(weeks), "Scoring history") as scored:
        for _ in scored:
            pass


@click.group(context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(version("andon"), prog_name="andon")
def cli() -> None:
    """Andon: lineage from OpenLineage events, judged, scored and explained.

    Example: andon demo
    """


for command in (
    serve,
    demo,
    *catalog.cli.commands,
    *lineage.cli.commands,
    *lineage.sample.cli.commands,
    *policies.cli.commands,
):
    cli.add_command(command)


def main() -> None:
    """The ``andon`` command: bad input is one line and exit code 2, never a traceback."""
    try:
        sys.exit(cli.main(standalone_mode=False))
    except UserError as error:
        click.echo(f"andon: {error}", err=True)
        sys.exit(error.exit_code)
    except click.UsageError as error:
        where = error.ctx.command_path if error.ctx else "andon"
        click.echo(f"{where}: {error.format_message()} See {where} --help.", err=True)
        sys.exit(2)
    except click.Abort:
        sys.exit(1)
    except DBAPIError as error:
        click.echo(
            f"andon: the store cannot be used: {error.orig}. "
            "If another process is writing to it, try again when that is done.",
            err=True,
        )
        sys.exit(2)
