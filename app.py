"""The composition root: settings to store to routes, worker, dashboard and the command."""

from __future__ import annotations

import asyncio
import contextlib
import importlib
import logging
import multiprocessing
import os
import signal
import socket
import sys
from collections.abc import AsyncIterator, MutableMapping, Sequence
from contextlib import AbstractAsyncContextManager, AbstractContextManager
from datetime import timedelta
from importlib.metadata import version
from pathlib import Path
from types import FrameType
from typing import TYPE_CHECKING, Protocol

import click
import uvicorn
from sqlalchemy import Engine
from sqlalchemy.exc import DBAPIError
from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.routing import Mount
from starlette.types import Receive, Scope, Send

import policies.tables  # noqa: F401  # opening a store makes the tables of all packages
from catalog.database import connect
from catalog.engines import one_line
from catalog.errors import UserError
from catalog.heap import share_one_heap
from catalog.settings import OutOfScope, Settings
from lineage import addresses, description, health
from lineage.doors import Door
from lineage.guarding import LoopbackOnly, is_loopback
from lineage.ingest import Ingestor, calm_collector
from lineage.keyring import Keyring
from lineage.rebuild import refill
from lineage.receiver import Receiver, ReceiverRoute
from lineage.reducers import read_reducers
from lineage.retention import Limit
from lineage.sweeping import Sweeper

if TYPE_CHECKING:
    import streamlit

DASHBOARD = Path(__file__).with_name("dashboard") / "main.py"
DEMO_DATABASE = "andon-demo.db"
ANDON = (sys.executable, "-c", "from app import main; main()")
DRAIN_S = 5
"""How long open connections may take to end after SIGTERM, seconds."""
WARM = ("plotly.graph_objects",)
"""What a first visit would otherwise wait for; no page needs pandas, which takes 80 MB."""


class Dashboard:
    """The pages and the worker beside them, imported when they are served and not before.

    Commands, and a receiver alone, start in a fraction of the time without Streamlit.
    """

    def __init__(self) -> None:
        self._pages: streamlit.App | None = None

    def load(self) -> streamlit.App:
        """The pages; making them tells Streamlit where the dashboard's settings are."""
        if self._pages is None:
            import streamlit

            self._pages = streamlit.App(DASHBOARD)
            # Reading its settings turns access logs on, so it must come before a server's own.
            streamlit.get_option("server.address")
        return self._pages

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        await self.load()(scope, receive, send)

    @contextlib.asynccontextmanager
    async def running(self, host: Starlette) -> AsyncIterator[None]:
        """Serve pages and judge what arrives until the end."""
        from dashboard import load
        from policies.worker import Worker

        pages = self.load()
        settings = Settings()
        reducers = read_reducers(settings.name_reducers)
        worker = Worker(host.state.engine, settings.assess_every_s, reducers)
        async with pages.lifespan()(host):
            # Streamlit turns the server's own chatter on.
            logging.getLogger("uvicorn.error").setLevel(logging.WARNING)
            warming = asyncio.create_task(asyncio.to_thread(_warm_up))
            with worker.running(), load.sharing(host.state.ingestor):
                yield
            await warming


def _sweeping(settings: Settings, engine: Engine) -> AbstractContextManager[None]:
    """Removing by age once a day, if anything is to be removed at all."""
    limit = _limit(settings.keep_superseded_days, "ANDON_KEEP_SUPERSEDED_DAYS")
    roll_up = _limit(settings.roll_up_runs_days, "ANDON_ROLL_UP_RUNS_DAYS")
    if limit is None and roll_up is None:
        return contextlib.nullcontext()
    return Sweeper(engine, limit, roll_up=roll_up).running()


def _limit(days: int, setting: str) -> Limit | None:
    return Limit(days, f"setting:{setting}") if days else None


def _warm_up() -> None:
    for module in WARM:
        importlib.import_module(module)
    calm_collector()


class Front(Protocol):
    """What is in front of people: in this process, or passed on to another."""

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """One request or socket."""

    def running(self, host: Starlette) -> AbstractAsyncContextManager[None]:
        """Serve until the end."""


def compose(front: Front | None, *, is_local: bool = True) -> Starlette:
    """The application: receiver and API, and behind them what is in front of people, if anything.

    It is named ``app`` because that is what ``streamlit run`` looks for in this file.

    Args:
        front: What is in front of people.
        is_local: Whether nobody beyond this machine is answered; else a key is needed.
    """

    @contextlib.asynccontextmanager
    async def lifespan(host: Starlette) -> AsyncIterator[None]:
        settings = Settings()
        engine = connect(settings.database_url)
        for _ in refill(engine):  # where a launcher has not come through our command
            await asyncio.sleep(0)
        host.state.engine = engine
        is_refused = settings.out_of_scope is OutOfScope.REFUSE
        ingestor = Ingestor(engine, refuses_out_of_scope=is_refused)
        keyring = Keyring(engine)
        door = Door(keyring, is_key_needed=settings.require_keys or not is_local)
        host.state.ingestor = ingestor
        host.state.receiver = Receiver(ingestor, settings.max_body_bytes, door)
        with contextlib.closing(keyring), host.state.receiver.running():
            async with front.running(host) if front else contextlib.nullcontext():
                calm_collector()
                with _sweeping(settings, engine):
                    yield
        engine.dispose()

    app = Starlette(
        routes=[
            ReceiverRoute(),
            *health.routes(),
            *description.routes(),
            *([Mount("/", app=front)] if front else []),
        ],
        lifespan=lifespan,
        middleware=[Middleware(LoopbackOnly)] if is_local else [],
        exception_handlers={HTTPException: description.not_served},
    )
    return app  # noqa: RET504  # see above


def _launched_on(arguments: Sequence[str]) -> list[str]:
    """Addresses that the launcher was told to listen on, as far as a process can know."""
    if "--no-dashboard" in arguments:  # our own command, which looks at them itself
        return []
    hosts = [os.environ.get("UVICORN_HOST")]
    if "streamlit" in sys.modules:
        import streamlit

        hosts.append(streamlit.get_option("server.address"))
    for index, argument in enumerate(arguments):
        name, _, value = argument.partition("=")
        if name == "--host":
            hosts.append(value or "".join(arguments[index + 1 : index + 2]))
    return [host for host in hosts if host]


try:
    # Launchers bind the address themselves, so this is the last moment to refuse.
    addresses.require_loopback(_launched_on(sys.argv))
except UserError as refused:
    click.echo(f"andon: {refused}", err=True)
    sys.exit(refused.exit_code)

dashboard = Dashboard()
app = compose(dashboard)


class _Server(uvicorn.Server):
    """Asks new senders to come again from the moment that it is told to stop."""

    def __init__(self, served: Starlette) -> None:
        config = uvicorn.Config(
            served,
            log_level="warning",
            access_log=False,
            server_header=False,
            lifespan="on",
            timeout_graceful_shutdown=DRAIN_S,
            http="lineage.wire:PlainHttp",
        )
        super().__init__(config)
        self._served = served

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        if hasattr(self._served.state, "receiver"):
            self._served.state.receiver.drain()
        super().handle_exit(sig, frame)

    def serve_on(self, listener: socket.socket) -> None:
        """Serve until told to stop, then drain and return."""
        share_one_heap()
        for stopping in (signal.SIGTERM, signal.SIGINT):
            # After draining, the server raises the signal again; by then all is done.
            signal.signal(stopping, lambda *_: None)
        self.run(sockets=[listener])


def _with_pages() -> Starlette:
    dashboard.load()
    return app


def _serve(served: Starlette, listener: socket.socket) -> None:
    host, port = listener.getsockname()[:2]
    click.echo(f"Andon is at http://{host}:{port}/ and takes events at /api/v1/lineage", err=True)
    _Server(served).serve_on(listener)


@click.command()
@click.option(
    "--host", default="127.0.0.1", show_default=True, help="Beyond loopback, no dashboard."
)
@click.option("--port", default=8501, show_default=True, type=click.IntRange(0, 65535))
@click.option("--no-dashboard", "is_bare", is_flag=True, help="The receiver and the API alone.")
@click.option("--split", "is_split", is_flag=True, help="The dashboard in a process of its own.")
@click.option("--behind", type=int, hidden=True, help="Serve this open socket for a parent.")
@click.option("--database", metavar="URL", help="Default: ANDON_DATABASE_URL, else andon.db here.")
def serve(
    *,
    host: str,
    port: int,
    is_bare: bool,
    is_split: bool,
    behind: int | None,
    database: str | None,
) -> None:
    """Serve the dashboard and take events, on one port.

    Example: andon serve --port 8501
    """
    if is_bare and is_split:
        raise UserError("--no-dashboard and --split exclude each other: choose one of them.")
    if database:
        os.environ["ANDON_DATABASE_URL"] = database
    if behind is not None:
        from dashboard.split import end_with_parent

        end_with_parent()
        _Server(_with_pages()).serve_on(socket.socket(fileno=behind))
        return
    settings = Settings()
    read_reducers(settings.name_reducers)  # this and the next fail here, with one line
    engine = connect(settings.database_url)
    if is_bare:
        addresses.require_keys(host, engine)
    else:
        addresses.require_loopback([host])
    engine.dispose()
    listener = addresses.listen(host, port)
    if is_split:
        from dashboard.split import Split

        _serve(compose(Split([*ANDON, "serve", "--behind"])), listener)
    else:
        _serve(compose(None, is_local=is_loopback(host)) if is_bare else _with_pages(), listener)


@click.command()
@click.option("--port", default=8501, show_default=True, type=click.IntRange(0, 65535))
@click.option("--database", metavar="URL", help=f"Default: {DEMO_DATABASE} here.")
@click.option("--fresh", is_flag=True, help="Begin again, as of now.")
def demo(port: int, database: str | None, fresh: bool) -> None:
    """Serve a made-up company: the newest days at once, its history filled in behind.

    The day on which it was first filled stays its today; --fresh moves it to now.

    Example: andon demo --fresh
    """
    from lineage.cli import refill_told
    from lineage.history import present
    from lineage.sample import filling
    from policies.assess import assess

    with addresses.listen("127.0.0.1", port) as listener:
        url = database or f"sqlite:///{DEMO_DATABASE}"
        os.environ["ANDON_DATABASE_URL"] = url
        if fresh and url.startswith("sqlite:///"):
            own = connect(url)
            filling.require_own(own)
            own.dispose()
            for ending in ("", "-wal", "-shm"):
                Path(url.removeprefix("sqlite:///") + ending).unlink(missing_ok=True)
        engine = connect(url)
        refill_told(engine)
        anchor = filling.begin(engine)
        reducers = read_reducers(Settings().name_reducers)
        assess(engine, present(engine), reducers)
        click.echo(f"For the sample company it is {anchor:%Y-%m-%d %H:%M} UTC", err=True)
        engine.dispose()
        # In a process of its own, so that no page waits for it.
        multiprocessing.get_context("spawn").Process(
            target=_fill_behind, args=(url,), name="history", daemon=True
        ).start()
        _serve(_with_pages(), listener)


def _fill_behind(url: str) -> None:
    from catalog.cli import progress
    from lineage.history import present
    from lineage.sample import filling
    from policies.assess import backcast

    engine = connect(url)
    filling.fill_history(engine)
    now = present(engine)
    weeks = [now - timedelta(weeks=n) for n in range(1, filling.DAYS // 7)]
    reducers = read_reducers(Settings().name_reducers)
    with progress(backcast(engine, weeks, reducers), len(weeks), "Scoring history") as scored:
        for _ in scored:
            pass


class _Commands(click.Group):
    """All commands; those of the packages are imported only when one of them is asked for."""

    OWN = (serve, demo)
    PACKAGES = (
        "catalog.cli",
        "catalog.db_cli",
        "lineage.cli",
        "lineage.graph_cli",
        "lineage.keys_cli",
        "lineage.audit_cli",
        "lineage.provenance_cli",
        "lineage.retention_cli",
        "lineage.trust_cli",
        "lineage.sample.cli",
        "lineage.tags_cli",
        "policies.cli",
    )

    @property
    def commands(self) -> MutableMapping[str, click.Command]:
        """Every command by its name."""
        found = list(self.OWN)
        for package in self.PACKAGES:
            found += importlib.import_module(package).commands
        return {command.name or "": command for command in found}

    @commands.setter
    def commands(self, _none: MutableMapping[str, click.Command]) -> None:
        """Click starts with an empty set of its own."""

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        own = {command.name: command for command in self.OWN}
        return own.get(cmd_name) or super().get_command(ctx, cmd_name)


@click.group(cls=_Commands, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(version("andon"), prog_name="andon")
def cli() -> None:
    """Andon: lineage from OpenLineage events, judged, scored and explained.

    Example: andon demo
    """


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
            f"andon: the store cannot be used: {one_line(error)}. "
            "If another process is writing to it, try again when that is done.",
            err=True,
        )
        sys.exit(2)
