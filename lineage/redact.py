"""Takes secrets out of an event before anything is stored."""

from __future__ import annotations

import re
from typing import Any

REDACTED = "[redacted]"

_WORD = (
    r"pass(?:word|wd|phrase)|pwd|secret(?:[_-]?key)?|token"
    r"|(?:api|access|account|private)[_-]?key|credential|authorization"
)
_KEY = re.compile(rf"(?:{_WORD})s?$", re.IGNORECASE)
# Each of these looks at a letter a few times at most, whatever the text: one that goes back and
# forth would keep every sender waiting for the megabyte that one of them sends. So a word is read
# from its beginning, once (``++`` and ``(?>`` give nothing back).
# Also inside what was JSON or a printed dictionary: {'password': 'x'}.
_ASSIGNMENT = re.compile(
    rf"((?<![\w.-])(?>[\w.-]*?(?:{_WORD}))[\w.-]*+[\\\"']*+\s*+[=:]\s*[\\\"']*"
    r"(?:(?:bearer|basic)\s+)?)"
    r"(\[redacted\]|(?<=\")[^\"\\]+|(?<=')[^'\\]+|(?![\[{(])[^\s,;&\"'\\}]+)",
    re.IGNORECASE,
)
# As commands take them: --password x.
_OPTION = re.compile(
    rf"((?<![\w-])(?=[\w-]*?--)[\w-]*-(?:{_WORD})s?[ \t]+)(?!-)[^\s\"'\\]+", re.IGNORECASE
)
# In statements and signed addresses, and keys that were pasted whole.
_STATEMENT = re.compile(r"(\b(?:identified\s+by|password)\s+)'[^']+'", re.IGNORECASE)
_SIGNATURE = re.compile(r"([?&](?:sig|x-amz-signature|x-goog-signature)=)[^&\s\"']+", re.IGNORECASE)
_PEM = re.compile(
    r"(-----BEGIN [A-Z ]*PRIVATE KEY-----).*?(?=-----END|$)", re.IGNORECASE | re.DOTALL
)
# Keys of producers, which nobody must learn from what their holders send.
_OWN_KEY = re.compile(r"\bandon_[0-9]{1,18}_[a-z2-7]{52}\b")
# Up to the last @ before the path: a password may hold one. A web address needs no password to
# give a token away.
_USERINFO = re.compile(
    r"(?:(?<=\bhttp://)|(?<=\bhttps://))[^/\s\"'?#]+@"
    r"|(?<=[a-z0-9+.-]://)[^/\s\"'?#:]*:[^/\s\"'?#]*@",
    re.IGNORECASE,
)
# Plain searches first: a regular expression over every body costs more than the whole fold.
_MARKS = {
    b"pass": (b"passw", b"passphrase"),
    b"key": tuple(
        f"{of}{between}key".encode()
        for of in ("api", "access", "account", "private")
        for between in ("", "_", "-", " ")
    ),
    b"sig": (b"?sig=", b"&sig=", b"-signature="),
} | {
    mark: (mark,)
    for mark in (
        b"pwd", b"secret", b"token", b"credential", b"authorization", b"andon_", b"identified by",
    )
}  # fmt: skip
"""What stands in every text that holds a secret, by something shorter that stands in it."""
_ADDRESS = re.compile(rb"://[^/\s\"]*@")


def redact(event: dict[str, Any], body: bytes) -> tuple[dict[str, Any], list[str]]:
    """Replace passwords, tokens and credentials in addresses.

    Args:
        event: The decoded event.
        body: It as canonical JSON, scanned first: most events hold nothing suspicious and stay
            untouched. (What was sent may escape slashes and letters and so hide them.)

    Returns:
        The event to store, and the path of every value that was replaced.
    """
    if not is_suspicious(body):
        return event, []
    found: list[str] = []
    return _walk(event, "", found), found


def is_suspicious(body: bytes) -> bool:
    """Whether there may be something to replace in canonical JSON, or in some of its texts."""
    lower = body.lower()
    has = lower.__contains__
    return any(has(s) and any(map(has, _MARKS[s])) for s in _MARKS) or bool(_ADDRESS.search(lower))


def redact_text(text: str) -> str:
    """The same for a loose piece of text, such as the excerpt of a refused body."""
    for pattern in (_PEM, _STATEMENT, _SIGNATURE, _ASSIGNMENT, _OPTION):
        text = pattern.sub(rf"\1{REDACTED}", text)
    return _USERINFO.sub("", _OWN_KEY.sub(REDACTED, text))


def _walk(value: Any, path: str, found: list[str], is_secret: bool = False) -> Any:
    if isinstance(value, dict):
        # Parameters and variables often come as {"name": "DB_PASSWORD", "value": "..."}.
        is_named = any(_is_secret_name(value.get(k)) for k in ("name", "key"))
        return {
            key: _walk(
                item,
                f"{path}.{key}" if path else key,
                found,
                _is_secret_name(key) or (is_named and key == "value"),
            )
            for key, item in value.items()
        }
    if isinstance(value, list):
        # The words of a command: what follows "--password" is one.
        before = [None, *value]
        return [
            _walk(item, f"{path}[{i}]", found, is_secret or _is_secret_value(before[i], item))
            for i, item in enumerate(value)
        ]
    if is_secret and isinstance(value, str | int | float) and not isinstance(value, bool):
        return _secret(value, path, found)
    if isinstance(value, str):
        clean = redact_text(value)
        if clean != value:
            found.append(path)
        return clean
    return value


def _secret(value: Any, path: str, found: list[str]) -> Any:
    if value in ("", REDACTED):
        return value
    found.append(path)
    return REDACTED


def _is_secret_value(option: Any, word: Any) -> bool:
    is_option = isinstance(option, str) and option.startswith("--") and _is_secret_name(option)
    return is_option and not (isinstance(word, str) and word.startswith("--"))


def _is_secret_name(name: Any) -> bool:
    return isinstance(name, str) and _KEY.search(name) is not None
