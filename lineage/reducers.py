"""Optional: many names of one dataset's parts made one name, by what the parts are called.

The same endings are taken off as by the Python client's own ``dataset.reducing_enabled``, so that
names reduced there and names reduced here meet.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from types import MappingProxyType

from catalog.errors import UserError, did_you_mean


class Reducer(StrEnum):
    """One kind of ending that names a part of a dataset and not the dataset."""

    KEY_VALUE = "key_value"
    """``/orders/day=2026-01-01`` is a part of ``/orders``."""
    DATES = "dates"
    """``/orders/2026-01-01``, ``/orders/20260101T0901Z`` or ``/orders/01.01.2026``."""
    YEAR_MONTH_DAY = "year_month_day"
    """``/orders/2026/01/01`` or ``/orders/2026/01``."""
    YEAR_MONTH = "year_month"
    """``/orders/202601`` or ``/orders/2026-01``."""


@dataclass(frozen=True, slots=True)
class Reducers:
    """Which endings are taken off; none unless somebody asks for them."""

    chosen: tuple[Reducer, ...] = ()

    def reduce(self, name: str) -> str:
        """The name without any of the chosen endings, however many follow each other."""
        if not self.chosen or "/" not in name:
            return name
        while True:
            shorter = name
            for reducer in self.chosen:
                shorter = _TRIMS[reducer](shorter)
            if shorter == name:
                return name
            name = shorter


NO_REDUCERS = Reducers()


def read_reducers(text: str) -> Reducers:
    """The reducers that a setting names, such as ``key_value,dates``; empty means none.

    Raises:
        UserError: It names what is no reducer.
    """
    known = [str(r) for r in Reducer]
    words = [w.strip() for w in text.split(",") if w.strip()]
    for word in words:
        if word not in known:
            hint = did_you_mean(word, known)
            raise UserError(
                f'ANDON_NAME_REDUCERS: "{word}" is no reducer of names.{hint} '
                f"Known: {', '.join(known)}"
            )
    return Reducers(tuple(r for r in Reducer if r in words))


_DATES = (
    (re.compile(r"\d{4}-\d{2}-\d{2}"), "%Y-%m-%d"),
    (re.compile(r"\d{2}\.\d{2}\.\d{4}"), "%d.%m.%Y"),
    (re.compile(r"\d{8}"), "%Y%m%d"),
)
_YEAR_MONTHS = ((re.compile(r"\d{6}"), "%Y%m"), (re.compile(r"\d{4}-\d{2}"), "%Y-%m"))
# What may stand around a date in a folder's name: the rest of a time.
_REST_OF_TIME = re.compile(r"[TZ\s:.\-\d]*")
_YEAR = re.compile(r"\d{4}")


def _trim_key_value(name: str) -> str:
    last = _last(name)
    return _without(name, 1) if last is not None and last.count("=") == 1 else name


def _trim_date(name: str) -> str:
    last = _last(name)
    return _without(name, 1) if last is not None and _is_date(last) else name


def _trim_year_month_day(name: str) -> str:
    parts = name.strip("/").split("/")
    for taken, form in ((3, "%Y/%m/%d"), (2, "%Y/%m")):
        has_year = len(parts) > taken and _YEAR.fullmatch(parts[-taken])
        if has_year and _is_time("/".join(parts[-taken:]), form):
            return _without(name, taken)
    return name


def _trim_year_month(name: str) -> str:
    last = _last(name)
    if last is None:
        return name
    fits = any(shape.fullmatch(last) and _is_time(last, form) for shape, form in _YEAR_MONTHS)
    return _without(name, 1) if fits else name


def _last(name: str) -> str | None:
    """The last part of a path of two or more; ``None`` where nothing may be taken off."""
    if sum(1 for part in name.split("/") if part) < 2:
        return None
    return name.rstrip("/").rsplit("/", 1)[-1]


def _without(name: str, parts: int) -> str:
    kept = name.rstrip("/")
    for _ in range(parts):
        kept = kept.rpartition("/")[0]
    return kept or name


def _is_date(part: str) -> bool:
    if not _REST_OF_TIME.fullmatch(part):
        return False
    return any(_is_time(found, form) for shape, form in _DATES for found in shape.findall(part))


def _is_time(text: str, form: str) -> bool:
    try:
        datetime.strptime(text, form)  # noqa: DTZ007 - only whether it is a date is asked
    except ValueError:
        return False
    return True


_TRIMS: Mapping[Reducer, Callable[[str], str]] = MappingProxyType(
    {
        Reducer.KEY_VALUE: _trim_key_value,
        Reducer.DATES: _trim_date,
        Reducer.YEAR_MONTH_DAY: _trim_year_month_day,
        Reducer.YEAR_MONTH: _trim_year_month,
    }
)
