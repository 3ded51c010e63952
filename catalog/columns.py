"""What the tables of every package are made of."""

from typing import Any

from sqlalchemy import BigInteger, Column, Integer, Text

KEPT = {"info": {"kept": True}}
"""Marks a table that is kept for ever and migrates; any other is derived and may be refilled."""


def big(**options: Any) -> Column[int]:
    """A column of 64-bit numbers, never null unless told so."""
    return Column(BigInteger, **{"nullable": False, **options})


def key() -> Column[int]:
    """A primary key that numbers the rows."""
    # SQLite numbers rows by itself only for INTEGER PRIMARY KEY.
    return Column(BigInteger().with_variant(Integer, "sqlite"), primary_key=True)


def text(**options: Any) -> Column[str]:
    """A column of text of any length, never null unless told so."""
    return Column(Text, **{"nullable": False, **options})
