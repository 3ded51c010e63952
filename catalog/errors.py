"""The one error that a command or a request turns into a sentence instead of a traceback."""

from __future__ import annotations

import difflib
from collections.abc import Iterable


class UserError(Exception):
    """What somebody gave cannot be used; the message names thing, place, expectation and remedy.

    Args:
        message: One line, written for the person who will read it at night.
        exit_code: What a command exits with.
    """

    def __init__(self, message: str, exit_code: int = 2) -> None:
        super().__init__(message)
        self.exit_code = exit_code


def did_you_mean(word: str, known: Iterable[str]) -> str:
    """A hint such as `` Did you mean "team:orders"?``, or nothing when no known word is near."""
    near = difflib.get_close_matches(word, list(known), n=1, cutoff=0.6)
    return f' Did you mean "{near[0]}"?' if near else ""
