"""The sample company over HTTP, sent by the real client to a server that writes down what comes."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest
from click.testing import CliRunner

from catalog.errors import UserError
from lineage.sample.cli import emit_demo
from lineage.sample.events import days_newest_first, events_of_day
from lineage.sample.scenario import load_company
from lineage.sample.send import emit

ANCHOR = datetime(2026, 11, 20, 3, 0, tzinfo=UTC)


class Recorder(ThreadingHTTPServer):
    """Keeps paths and bodies; answers with one status."""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.requests: list[tuple[str, bytes]] = []
        self.status = 201

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_port}"


class _Handler(BaseHTTPRequestHandler):
    server: Recorder
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        self.server.requests.append((self.path, body))
        self.send_response(self.server.status)
        self.send_header("Content-Length", "2")
        self.end_headers()
        self.wfile.write(b"{}")

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002  # its name there
        """Tests are quiet."""


@pytest.fixture
def recorder() -> Iterator[Recorder]:
    server = Recorder()
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield server
    server.shutdown()
    thread.join()
    server.server_close()


def test_sent_events_are_those_that_are_written_newest_days_first(recorder: Recorder) -> None:
    company = load_company()
    expected = [
        body for day in days_newest_first(ANCHOR, 1) for body in events_of_day(company, day, ANCHOR)
    ]

    sent = dict(emit(company, recorder.url, 1, ANCHOR))

    assert sent == {ANCHOR.date(): len(expected)}
    assert [body for _, body in recorder.requests] == expected
    assert {path for path, _ in recorder.requests} == {"/api/v1/lineage"}


@pytest.mark.parametrize(
    ("base", "path"),
    [("/andon", "/api/v1/lineage"), ("/andon/", "/andon/api/v1/lineage")],
)
def test_path_of_the_url_counts_only_with_a_trailing_slash(
    recorder: Recorder, base: str, path: str
) -> None:
    list(emit(load_company(), recorder.url + base, 1, ANCHOR.replace(hour=0, minute=1)))

    assert {requested for requested, _ in recorder.requests} == {path}


def test_refusal_is_one_line_that_says_what_was_expected(recorder: Recorder) -> None:
    recorder.status = 422

    with pytest.raises(UserError, match=r"refused an event: 422 .* Expected 201 or 200"):
        list(emit(load_company(), recorder.url, 1, ANCHOR))

    assert len(recorder.requests) == 1


def test_address_that_is_no_url_is_named() -> None:
    with pytest.raises(UserError, match='"localhost" is no URL; expected one such as'):
        list(emit(load_company(), "localhost", 1, ANCHOR))


def test_command_sends_one_day_and_says_how_much(recorder: Recorder) -> None:
    result = CliRunner().invoke(emit_demo, ["--url", recorder.url, "--days", "1"])

    assert result.exit_code == 0, result.output
    assert f"Sent {len(recorder.requests):,} events of Orchard Lane" in result.output
