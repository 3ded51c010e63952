"""What is odd about an event, by sorts."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class WarningKind(StrEnum):
    """What sort of thing is wrong, for counting."""

    MISSING = "missing"
    TYPE = "type"
    """Another kind of value than expected, null included."""
    VALUE = "value"
    """The right kind of value, but not one of those allowed."""
    FORMAT = "format"
    """A text that is no URI, no date and time, no UUID."""
    PLACE = "place"
    """Something that means nothing where it stands."""
    SCHEMA_URL = "schema_url"
    """The address of a schema that speaks of something else."""
    UNKNOWN = "unknown"
    """A key that OpenLineage does not know."""
    DEPTH = "depth"
    """Nested too deep to be looked at."""
    MORE = "more"
    """How many further warnings there were."""

    # What follows is odd, and breaks no schema.
    SECRET = "secret"
    """A value that was taken out before storing."""
    REPLACED = "replaced"
    """Characters that no database holds."""
    OVERSIZED = "oversized"
    """A facet that is kept and not looked into."""
    AHEAD = "ahead"
    """A time that has not come yet."""
    SCOPE = "scope"
    """An event that the key that it came with does not cover."""

    @property
    def is_breach(self) -> bool:
        """Whether it breaks a schema."""
        return self not in _BREAKS_NOTHING


_BREAKS_NOTHING = frozenset(
    {
        WarningKind.SECRET,
        WarningKind.REPLACED,
        WarningKind.OVERSIZED,
        WarningKind.AHEAD,
        WarningKind.SCOPE,
    }
)


@dataclass(frozen=True, slots=True)
class Oddity:
    """Something odd in an event; most of it breaks a schema, none of it loses what matters."""

    path: str
    message: str
    kind: WarningKind
