"""The API described: OpenAPI for machines, one page without outside requests for people."""

from __future__ import annotations

from html import escape
from typing import Any

import orjson
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import HTMLResponse, JSONResponse, PlainTextResponse, Response
from starlette.routing import BaseRoute, Route

from lineage import batches
from lineage.receiver import PATHS

_EVENT = {
    "description": "As its client makes it; plain, gzip or deflate, chunked or with a length.",
    "required": True,
    "content": {"application/json": {"schema": {"$ref": "#/components/schemas/Event"}}},
}
_BATCH = {
    "description": f"At most {batches.EVENTS} events.",
    "required": True,
    "content": {
        "application/json": {
            "schema": {"type": "array", "items": {"$ref": "#/components/schemas/Event"}}
        }
    },
}


def _answers(kind: str, *codes: tuple[str, str]) -> dict[str, Any]:
    schema = {"$ref": f"#/components/schemas/{kind}"}
    content = {"application/json": {"schema": schema}}
    return {code: {"description": told, "content": content} for code, told in codes}


_REFUSALS = _answers(
    "Refusal",
    ("400", "Not JSON, not UTF-8, nested too deep, or unreadable compression."),
    ("401", "A key is needed, and none or an unknown one was sent."),
    ("403", "The key does not reach these namespaces."),
    ("405", "Events are posted here."),
    ("413", "Larger than is taken in; see ANDON_MAX_BODY_BYTES."),
    ("415", "Unknown Content-Encoding."),
    ("422", "Identity or time is wrong or missing, or it is not one event."),
)
_LATER = _answers(
    "Refusal",
    ("503", "Overloaded, stopping, or the store cannot be written: the same again in a second."),
)
_LATER["503"]["headers"] = {"Retry-After": {"schema": {"type": "integer"}, "description": "1"}}


def _plain(summary: str, told: str, **others: str) -> dict[str, Any]:
    answers = {"200": told, **{code.lstrip("_"): text for code, text in others.items()}}
    responses = {
        code: {"description": text, "content": {"text/plain": {"schema": {"type": "string"}}}}
        for code, text in answers.items()
    }
    return {"get": {"summary": summary, "responses": responses}}


def _posts(path: str) -> dict[str, dict[str, Any]]:
    one = {
        "summary": "Take in one OpenLineage event",
        "requestBody": _EVENT,
        "responses": _answers(
            "Taken",
            ("201", "Stored, and durable."),
            ("200", "Known already; nothing has changed."),
        )
        | _REFUSALS
        | _LATER,
    }
    many = {
        "summary": "Take in many events; one that is refused does not stop the others",
        "requestBody": _BATCH,
        "responses": _answers("BatchTaken", ("200", "All that were not refused are durable."))
        | _REFUSALS
        | _LATER,
    }
    return {path: {"post": one}, f"{path}/batch": {"post": many}}


def _object(**properties: Any) -> dict[str, Any]:
    return {"type": "object", "required": list(properties), "properties": properties}


_TEXT = {"type": "string"}
_COUNT = {"type": "integer", "minimum": 0}
_SCHEMAS: dict[str, Any] = {
    "Event": {
        "type": "object",
        "description": "A RunEvent, JobEvent or DatasetEvent of OpenLineage.",
        "externalDocs": {"url": "https://openlineage.io/docs/spec/object-model"},
    },
    "Taken": _object(
        event_id=_TEXT | {"description": "SHA-256 of the canonical JSON, 64 hex digits."},
        status={"enum": ["stored", "duplicate"]},
        warnings={"type": "array", "items": _object(path=_TEXT, message=_TEXT)},
    ),
    "BatchTaken": _object(
        status={"enum": ["success", "partial_success"]},
        summary=_object(
            received=_COUNT,
            successful=_COUNT,
            failed=_COUNT,
            retriable=_COUNT,
            non_retriable=_COUNT,
        ),
        failed_events={
            "type": "array",
            "items": _object(index=_COUNT, reason=_TEXT, retriable={"type": "boolean"}),
        },
    ),
    "Refusal": _object(
        detail=_TEXT | {"description": "What was found."},
        path=_TEXT | {"description": "Where; empty for the whole body."},
        expected=_TEXT,
    ),
}

API: dict[str, Any] = {
    "openapi": "3.1.0",
    "info": {
        "title": "Andon",
        "version": "1",
        "description": "Takes in OpenLineage events and answers when they are durable.",
    },
    "paths": {
        **{place: operation for path in PATHS for place, operation in _posts(path).items()},
        "/healthz": _plain("Is the process alive?", "It is."),
        "/readyz": _plain(
            "Can the store be used?",
            "It can.",
            _503="It cannot be read, is being refilled, or the process is stopping.",
        ),
        "/metrics": _plain("Counters and gauges", "In Prometheus' text format."),
    },
    "components": {
        "schemas": _SCHEMAS,
        "securitySchemes": {"key": {"type": "http", "scheme": "bearer"}},
    },
}
"""What is served, as OpenAPI."""


METHODS = ("GET", "POST", "PUT", "PATCH", "DELETE", "OPTIONS")


def routes() -> list[BaseRoute]:
    """Their paths, and all that would be below the API's: nobody there wants the dashboard."""
    wrong = [
        Route(path, no_such_path, methods=METHODS)
        for prefix in ("/api", "/openapi")
        for path in (prefix, f"{prefix}/{{path:path}}")
    ]
    return [Route("/openapi.json", described), Route("/docs", page), *wrong]


async def no_such_path(_request: Request) -> Response:
    """A wrong path below the API."""
    raise HTTPException(404, "no such path")


async def not_served(request: Request, error: Exception) -> Response:
    """What the API does not have, in JSON; a person's browser gets plain text."""
    status = error.status_code if isinstance(error, HTTPException) else 500
    detail = error.detail if isinstance(error, HTTPException) else "internal error"
    headers = error.headers if isinstance(error, HTTPException) else None
    if request.url.path.startswith(("/api", "/openapi")):
        body = {"detail": detail, "path": request.url.path, "expected": "a path of /openapi.json"}
        return JSONResponse(body, status, headers)
    return PlainTextResponse(detail, status, headers)


async def described(_request: Request) -> Response:
    """For machines."""
    return Response(orjson.dumps(API), media_type="application/json")


async def page(_request: Request) -> Response:
    """For people."""
    return HTMLResponse(
        f"<!doctype html><html lang=en><meta charset=utf-8><title>Andon API</title>{_STYLE}"
        f"<h1>Andon API</h1><p>{escape(API['info']['description'])} "
        "The same for machines: <a href=openapi.json>openapi.json</a>.</p>"
        + "".join(
            _operation(path, method, told)
            for path, operations in API["paths"].items()
            for method, told in operations.items()
        ),
        headers={"Content-Security-Policy": "default-src 'none'; style-src 'unsafe-inline'"},
    )


_STYLE = (
    "<style>:root{color-scheme:light dark}body{font:15px/1.5 system-ui,sans-serif;max-width:56rem;"
    "margin:2rem auto;padding:0 1rem}h2{font-size:1rem;margin-top:2rem}td{padding:.1rem 1rem .1rem "
    "0;vertical-align:top}</style>"
)


def _operation(path: str, method: str, told: dict[str, Any]) -> str:
    rows = "".join(
        f"<tr><td><code>{code}</code><td>{escape(answer['description'])}"
        for code, answer in told["responses"].items()
    )
    return (
        f"<h2><code>{method.upper()} {escape(path)}</code></h2>"
        f"<p>{escape(told['summary'])}</p><table>{rows}</table>"
    )
