"""The selection language: ``env:prod zone:mart not name:tmp_*``."""

from __future__ import annotations

import fnmatch
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from catalog.errors import UserError, did_you_mean

KEYS = (
    "env", "zone", "tier", "domain", "team", "owner", "tag", "pii", "namespace", "name", "kind",
    "type", "integration", "finding", "level", "product",
)  # fmt: skip

Attributes = Mapping[str, Sequence[str]]
"""What an asset offers to each key; a missing key offers nothing and so matches nothing."""

_TOKEN = re.compile(r"""\s*(?:(?P<paren>[()])|(?P<word>(?:[^\s()"]|"[^"]*")+))""")


_WALK = re.compile(r"^\d*\+|\+\d*$")


class SelectionError(UserError):
    """A selection that cannot be read; the message says where and what was expected."""


@dataclass(frozen=True, slots=True)
class Term:
    """``key:glob``, or a bare word that searches names."""

    key: str
    glob: str

    def matches(self, asset: Attributes) -> bool:
        pattern = self.glob if self.key != "search" else f"*{self.glob}*"
        key = "name" if self.key == "search" else self.key
        return any(fnmatch.fnmatchcase(value, pattern) for value in asset.get(key, ()))


@dataclass(frozen=True, slots=True)
class Not:
    """What its operand does not match."""

    operand: Node

    def matches(self, asset: Attributes) -> bool:
        return not self.operand.matches(asset)


@dataclass(frozen=True, slots=True)
class And:
    """What all operands match."""

    operands: tuple[Node, ...]

    def matches(self, asset: Attributes) -> bool:
        return all(operand.matches(asset) for operand in self.operands)


@dataclass(frozen=True, slots=True)
class Or:
    """What any operand matches."""

    operands: tuple[Node, ...]

    def matches(self, asset: Attributes) -> bool:
        return any(operand.matches(asset) for operand in self.operands)


Node = Term | Not | And | Or


def parse_selection(text: str) -> Node:
    """Read a selection: ``not`` binds before and (a blank), and before ``or``; parentheses group.

    Raises:
        SelectionError: It is empty, a parenthesis is open, or a key is unknown.
    """
    tokens = []
    at = 0
    while at < len(text.rstrip()):
        found = _TOKEN.match(text, at)
        if found is None:
            raise SelectionError(f'selection "{text}": a quote is not closed at {at + 1}')
        tokens.append(found.group("paren") or found.group("word"))
        at = found.end()
    if not tokens:
        raise SelectionError("the selection is empty; expected a term such as env:prod")
    parser = _Parser(text, tokens)
    try:
        node = parser.any_of()
    except RecursionError as error:
        raise SelectionError(f'selection "{text[:40]}...": nested too deep to be read') from error
    if parser.tokens:
        raise SelectionError(f'selection "{text}": "{parser.tokens[0]}" is not expected here')
    return node


class _Parser:
    def __init__(self, text: str, tokens: list[str]) -> None:
        self.text = text
        self.tokens = tokens

    def any_of(self) -> Node:
        operands = [self._all_of()]
        while self.tokens and self.tokens[0] == "or":
            self.tokens.pop(0)
            operands.append(self._all_of())
        return operands[0] if len(operands) == 1 else Or(tuple(operands))

    def _all_of(self) -> Node:
        operands = [self._one()]
        while self.tokens and self.tokens[0] not in ("or", ")"):
            if self.tokens[0] == "and":
                self.tokens.pop(0)
            operands.append(self._one())
        return operands[0] if len(operands) == 1 else And(tuple(operands))

    def _one(self) -> Node:
        if not self.tokens:
            raise SelectionError(f'selection "{self.text}" ends where a term was expected')
        token = self.tokens.pop(0)
        if token == "not":
            return Not(self._one())
        if token == "(":
            node = self.any_of()
            if not self.tokens or self.tokens.pop(0) != ")":
                raise SelectionError(f'selection "{self.text}": a parenthesis is not closed')
            return node
        if token in (")", "or", "and"):
            raise SelectionError(f'selection "{self.text}": "{token}" is not expected here')
        return self._term(token)

    def _term(self, token: str) -> Node:
        if _WALK.search(token):
            raise SelectionError(
                f'selection "{self.text}": "{token}" walks the graph, '
                "which a declaration may not do; name the assets themselves"
            )
        key, colon, glob = token.partition(":")
        if not colon or '"' in key:
            return Term("search", token.replace('"', ""))
        if key not in KEYS:
            raise SelectionError(
                f'selection "{self.text}": unknown key "{key}".{did_you_mean(key, KEYS)} '
                f"Known: {', '.join(KEYS)}"
            )
        if not glob:
            raise SelectionError(
                f'selection "{self.text}": "{token}" names no value; expected one such as '
                f'{key}:* right behind the colon, or {key}:"" for an empty one'
            )
        return Term(key, glob.replace('"', ""))
