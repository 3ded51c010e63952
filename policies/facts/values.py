"""What a fact may be: known, with on whose word, or absent, with what that means."""

from __future__ import annotations

from dataclasses import dataclass

from catalog.model import Basis, Evidence, Trust
from policies.cel import Plain
from policies.model import UnknownReason


@dataclass(frozen=True, slots=True)
class Known:
    """A fact's value, and on whose word it is held."""

    value: Plain
    basis: Basis
    evidence: tuple[Evidence, ...] = ()
    why: str = ""
    """One clause that finishes "because ...", where a claim gave one."""
    told: Trust = Trust.E1
    """How far to believe what events say: E2 where a key speaks for it."""

    @property
    def is_guess(self) -> bool:
        return self.basis is Basis.GUESSED

    @property
    def trust(self) -> Trust:
        return self.told if self.basis is Basis.ASSERTED else Trust.E0


@dataclass(frozen=True, slots=True)
class Absent:
    """A fact without a value."""

    reason: UnknownReason | None
    """Why it cannot be told; ``None``: its feed is alive, so that there is truly nothing."""
    why: str
    """One clause for people."""
    evidence: tuple[Evidence, ...] = ()


Fact = Known | Absent
