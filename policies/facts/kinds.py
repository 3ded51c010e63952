"""What data tests are about, read from the names that producers give them."""

from __future__ import annotations

import re
from collections.abc import Iterable

from lineage.estate import DataTest

_CLASSES = (
    # The first that matches counts; order settles names such as unique_combination_of_columns.
    ("uniqueness", re.compile(r"uniq|duplicate|distinct|primary_key")),
    ("freshness", re.compile(r"fresh|recen|latency|timel|delay|max_age")),
    ("volume", re.compile(r"row_?count|volume|table_row|not_empty|rows_between|size_between")),
    ("schema", re.compile(r"schema|column_(?:to_)?exist|of_type|data_type|column_count|columns")),
    ("completeness", re.compile(r"null|missing|complete|required")),
)
_UNIQUE = re.compile(r"uniq|duplicate|primary_key")
_COMBINATION = re.compile(r"combination|compound|composite|primary_key")
_NOT_NULL = re.compile(r"not_?null|no_?nulls|missing|complete")


def class_of(name: str) -> str:
    """The class of a data test by its name; ``validity`` for a rule about values."""
    lowered = name.lower()
    return next((label for label, words in _CLASSES if words.search(lowered)), "validity")


def proves_key(tests: Iterable[DataTest]) -> bool:
    """Whether data tests prove a key: a column unique and not null, or a unique combination."""
    unique: set[str | None] = set()
    filled: set[str | None] = set()
    for test in tests:
        lowered = test.name.lower()
        if _UNIQUE.search(lowered):
            if _COMBINATION.search(lowered):
                return True
            unique.add(test.column)
        if _NOT_NULL.search(lowered):
            filled.add(test.column)
    return bool((unique & filled) - {None})
