"""Takes secrets out of an event before anything is stored."""

from __future__ import annotations

import re
from typing import Any

REDACTED = "[redacted]"

_WORD = (
    r"pass(?:word|wd|phrase)|secret|token|api[_-]?key|access[_-]?key|private[_-]?key"
    r"|credential|authorization"
)
_KEY = re.compile(rf"(?:{_WORD})s?$", re.IGNORECASE)
_ASSIGNMENT = re.compile(rf"((?:{_WORD})[\w.-]*\s*[=:]\s*)([^\s,;&\"'\\}}]+)", re.IGNORECASE)
_USERINFO = re.compile(r"(\b[a-zA-Z][a-zA-Z0-9+.-]*://)([^/\s\"'@]*:[^/\s\"'@]*)@")
# Plain searches first: a regular expression over every body costs more than the whole fold.
_MARKS = tuple(
    mark.encode()
    for mark in (
        "passw", "passphrase", "secret", "token", "apikey", "api_key", "api-key", "accesskey",
        "access_key", "access-key", "privatekey", "private_key", "private-key", "credential",
        "authorization",
    )
)  # fmt: skip
_ADDRESS = re.compile(rb"://[^/\s\"]*@")


def redact(event: dict[str, Any], body: bytes) -> tuple[dict[str, Any], list[str]]:
    """Replace passwords, tokens and credentials in addresses.

    Args:
        event: The decoded event.
        body: Its bytes, scanned first: most events hold nothing suspicious and stay untouched.

    Returns:
        The event to store, and the path of every value that was replaced.
    """
    lower = body.lower()
    if not any(mark in lower for mark in _MARKS) and not _ADDRESS.search(lower):
        return event, []
    found: list[str] = []
    return _walk(event, "", found), found


def redact_text(text: str) -> str:
    """The same for a loose piece of text, such as the excerpt of a refused body."""
    return _USERINFO.sub(r"\1", _ASSIGNMENT.sub(rf"\1{REDACTED}", text))


def _walk(value: Any, path: str, found: list[str]) -> Any:
    if isinstance(value, dict):
        return {
            key: _secret(item, f"{path}.{key}", found)
            if _KEY.search(key)
            and isinstance(item, str | int | float)
            and item != ""
            and not isinstance(item, bool)
            else _walk(item, f"{path}.{key}" if path else key, found)
            for key, item in value.items()
        }
    if isinstance(value, list):
        return [_walk(item, f"{path}[{i}]", found) for i, item in enumerate(value)]
    if isinstance(value, str):
        clean = redact_text(value)
        if clean != value:
            found.append(path)
        return clean
    return value


def _secret(value: Any, path: str, found: list[str]) -> Any:
    if value == REDACTED:
        return value
    found.append(path.lstrip("."))
    return REDACTED
