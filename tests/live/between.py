"""A man in the middle: passes requests on to a receiver, notes them, and fails when told to."""

from __future__ import annotations

import http.client
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from enum import StrEnum
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import urlsplit


class Fault(StrEnum):
    """What happens to one request."""

    NONE = "none"
    BUSY = "busy"
    """It is answered with 503 and never passed on."""
    HANG_UP = "hang up"
    """It is passed on and stored, but the connection closes before the answer."""


@dataclass(frozen=True, slots=True)
class Request:
    """What came from the client, and what the receiver said to it."""

    headers: dict[str, str]
    """Names in lower case."""
    body: bytes
    status: int
    """503 where it was not passed on."""


@dataclass(slots=True)
class Between:
    """Where it listens, and what went through it so far, in order of arrival."""

    url: str = ""
    faults: list[Fault] = field(default_factory=list)
    """For the requests to come, first one first; none when it is used up."""
    requests: list[Request] = field(default_factory=list)
    lock: threading.Lock = field(default_factory=threading.Lock)

    @property
    def statuses(self) -> list[int]:
        return [request.status for request in self.requests]


@contextmanager
def between(upstream: str | None) -> Iterator[Between]:
    """Stands before a receiver for a while; before none, it answers 201 to everything."""
    seen = Between()
    receiver = upstream and urlsplit(upstream).netloc

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            headers = {name.lower(): value for name, value in self.headers.items()}
            with seen.lock:
                fault = seen.faults.pop(0) if seen.faults else Fault.NONE
            status, answer = (503 if fault is Fault.BUSY else 201), b""
            if receiver and fault is not Fault.BUSY:
                connection = http.client.HTTPConnection(receiver, timeout=30)
                connection.request("POST", self.path, body, headers)
                reply = connection.getresponse()
                status, answer = reply.status, reply.read()
                connection.close()
            with seen.lock:
                seen.requests.append(Request(headers, body, status))
            if fault is Fault.HANG_UP:
                self.close_connection = True
                return
            self.send_response(status)
            self.send_header("Content-Length", str(len(answer)))
            self.end_headers()
            self.wfile.write(answer)

        def log_message(self, *_: object) -> None:
            """Nothing: pytest shows what matters."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    seen.url = f"http://127.0.0.1:{server.server_port}/"
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        yield seen
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
