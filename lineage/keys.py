"""Keys of producers: the secret, what a key may speak for, and whether it opens the door."""

from __future__ import annotations

import base64
import fnmatch
import hashlib
import hmac
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from enum import StrEnum

from catalog.errors import UserError
from catalog.model import Environment, Trust
from catalog.moments import microseconds, written

RANDOM_BYTES = 32

SECRET = re.compile(r"andon_([0-9]{1,18})_[a-z2-7]{52}")
"""What secrets look like, so that one that leaked can be recognised; the number is the key's id."""

CHALLENGE = {"WWW-Authenticate": 'Bearer realm="andon"'}
"""The header that goes with every 401."""

_DURATION = re.compile(r"([1-9][0-9]{0,8})([hdw])")
_UNITS = {"h": "hours", "d": "days", "w": "weeks"}
_PRINCIPAL = re.compile(r"(person|service|team):\S+")
_NOTHING = "(?!)"
"""How a glob's pattern spells a set such as ``[z-a]``, which no character is in."""


@dataclass(frozen=True, slots=True)
class Key:
    """A producer's key, without its secret. Times are microseconds UTC."""

    id: int
    name: str
    namespaces: tuple[str, ...]
    """Globs over the namespaces that it speaks for: of jobs, and of datasets that they write."""
    environment: Environment | None
    """Where what it speaks for lives; ``None``: anywhere."""
    principal: str | None
    """Who uses it, such as ``service:dbt-prod``."""
    created_at: int
    created_by: str
    expires_at: int | None = None
    revoked_at: int | None = None
    last_used_at: int | None = None

    def state(self, at: int) -> KeyState:
        """Whether it is good at an instant. An expiry's own instant is too late."""
        if self.revoked_at is not None:
            return KeyState.REVOKED
        if self.expires_at is not None and self.expires_at <= at:
            return KeyState.EXPIRED
        return KeyState.LIVING


class KeyState(StrEnum):
    """The life of a key."""

    LIVING = "living"
    EXPIRED = "expired"
    REVOKED = "revoked"


class Admission(StrEnum):
    """What the door says to one request."""

    OK = "ok"
    NO_KEY = "no key"
    """None of ours was shown, and none is needed."""
    MISSING = "missing"
    UNKNOWN = "unknown"
    EXPIRED = "expired"
    REVOKED = "revoked"
    OUT_OF_SCOPE = "out of scope"
    """The key is good, but the event is not its own; see ``out_of_scope``."""

    @property
    def is_open(self) -> bool:
        return self in (Admission.OK, Admission.NO_KEY)

    @property
    def status(self) -> int:
        """The HTTP status of a refusal; 200 where there is none."""
        if self.is_open:
            return 200
        return 403 if self is Admission.OUT_OF_SCOPE else 401

    @property
    def expected(self) -> str:
        """What to do about it; empty where nothing is to be done."""
        return _REMEDIES.get(self, "")

    def detail(self, key: Key | None = None) -> str:
        """What was found; never the secret."""
        name = f'the key "{key.name}"' if key else "the key"
        if key is not None and key.expires_at is not None and self is Admission.EXPIRED:
            return f"{name} expired at {written(key.expires_at)}"
        if key is not None and key.revoked_at is not None and self is Admission.REVOKED:
            return f"{name} was revoked at {written(key.revoked_at)}"
        return _FOUND[self].format(key=name)


_FOUND = {
    Admission.OK: "{key} is good",
    Admission.NO_KEY: "no key of this store's, and none is needed here",
    Admission.MISSING: "no key came with the request",
    Admission.UNKNOWN: "{key} is not one of this store's",
    Admission.EXPIRED: "{key} has expired",
    Admission.REVOKED: "{key} was revoked",
    Admission.OUT_OF_SCOPE: "the event is outside the scope of {key}",
}
_NEW = "a living key; make one with andon token create and set OPENLINEAGE_API_KEY to it"
_REMEDIES = {
    Admission.MISSING: f"Authorization: Bearer and {_NEW}",
    Admission.UNKNOWN: _NEW,
    Admission.EXPIRED: _NEW,
    Admission.REVOKED: _NEW,
    Admission.OUT_OF_SCOPE: "a key whose scope covers it; make one with andon token create",
}


def admission(key: Key | None, *, is_shown: bool, is_needed: bool, at: int) -> Admission:
    """Whether a request may come in.

    Args:
        key: The key whose secret was shown, if that is one of ours.
        is_shown: Whether any was shown. Where none is needed, one that is not ours counts as none:
            it is left over from another catalog and must not lose an event.
        is_needed: Whether nobody comes in without one; false on loopback.
        at: Now, microseconds UTC.
    """
    if key is not None:
        return _ADMISSIONS[key.state(at)]
    if not is_needed:
        return Admission.NO_KEY
    return Admission.UNKNOWN if is_shown else Admission.MISSING


_ADMISSIONS = {
    KeyState.LIVING: Admission.OK,
    KeyState.EXPIRED: Admission.EXPIRED,
    KeyState.REVOKED: Admission.REVOKED,
}


# The secret


def make_secret(key_id: int, random: bytes) -> str:
    """The secret of a new key from 256 random bits."""
    if len(random) != RANDOM_BYTES:
        raise ValueError(f"a secret is made of {RANDOM_BYTES} random bytes")
    return f"andon_{key_id}_{base64.b32encode(random).decode().lower().rstrip('=')}"


def secret_hash(secret: str) -> bytes:
    """What is stored of a secret. Plain SHA-256: 256 random bits cannot be guessed."""
    return hashlib.sha256(secret.encode("utf-8", "surrogatepass")).digest()


def is_secret_of(secret: str, hash_: bytes) -> bool:
    """Whether this is the secret with that hash, in a time that tells nothing about it."""
    return hmac.compare_digest(secret_hash(secret), hash_)


def key_id_in(secret: str) -> int | None:
    """The id of the key that a secret claims to be of; ``None`` if it is none of ours."""
    found = SECRET.fullmatch(secret)
    return int(found[1]) if found else None


def bearer_in(header: str | None) -> str | None:
    """The secret in an ``Authorization`` header, or ``None`` if it carries no bearer's."""
    scheme, _, rest = (header or "").strip().partition(" ")
    return rest.strip() or None if scheme.lower() == "bearer" else None


# Scope


def covers(key: Key, namespace: str) -> bool:
    """Whether a key speaks for a namespace."""
    return any(fnmatch.fnmatchcase(namespace, glob) for glob in key.namespaces)


def out_of_scope(key: Key, job: str | None, datasets: Iterable[str]) -> str | None:
    """Why an event is not its key's to send, or ``None`` if it is.

    Args:
        key: The key that came with it.
        job: The namespace of the event's own job; ``None`` in a DatasetEvent.
        datasets: The namespaces of its outputs, or of the dataset of a DatasetEvent. Inputs are
            others' more often than not and do not count.
    """
    if job is not None and not covers(key, job):
        return _outside(key, "job", job)
    outside = min((n for n in set(datasets) if not covers(key, n)), default=None)
    return None if outside is None else _outside(key, "dataset", outside)


def speaking(keys: Iterable[Key], at: int) -> tuple[Key, ...]:
    """The keys that were good at an instant, microseconds UTC."""
    return tuple(k for k in keys if k.created_at <= at and k.state(at) is KeyState.LIVING)


def is_spoken_for(keys: Iterable[Key], namespace: str) -> bool:
    """Whether one of some keys speaks for a namespace: then others need its word."""
    return any(covers(key, namespace) for key in keys)


class Parentage(StrEnum):
    """How far to believe a run that names another as its parent, or as the root above it."""

    PROVED = "proved"
    """Its key speaks for the parent, or the parent's own run came by a key that does."""
    SAID = "said"
    """It says so without a key, and no key speaks for the parent: nothing contradicts it."""
    CLAIMED = "claimed"
    """It says so, and those who speak for the parent do not: it makes nobody a part of anything."""

    @property
    def trust(self) -> Trust:
        return Trust.E2 if self is Parentage.PROVED else Trust.E1


@dataclass(frozen=True, slots=True)
class Above:
    """How far to believe what a run names above itself."""

    parent: Parentage
    root: Parentage


AS_SAID = Above(Parentage.SAID, Parentage.SAID)
"""Where no key was ever made, all is as it is said."""


def parentage(*, is_vouched: bool, is_by_key: bool, is_spoken_for: bool) -> Parentage:
    """How far to believe that a run has the parent which it names.

    Args:
        is_vouched: Whether a key that covers the parent's namespace came with what names it, or
            with an event of the parent's own run.
        is_by_key: Whether any key came with what names it.
        is_spoken_for: Whether a living key speaks for the parent's namespace.
    """
    if is_vouched:
        return Parentage.PROVED
    return Parentage.CLAIMED if is_by_key or is_spoken_for else Parentage.SAID


def is_elsewhere(key: Key, environment: Environment | None) -> bool:
    """Whether something is known to live in another environment than a key's.

    Where it lives is declared or guessed, and both may change: so nothing is refused for it.
    """
    return environment is not None and key.environment not in (None, environment)


def trust_in(key: Key | None, namespaces: Iterable[str], environment: Environment | None) -> Trust:
    """How far to believe what came with a key about an asset: E2 within its scope, else E1.

    Args:
        key: The key, if one came with it.
        namespaces: Of all names of the asset.
        environment: Where the asset lives; ``None``: nobody knows.
    """
    if key is None or not any(covers(key, namespace) for namespace in namespaces):
        return Trust.E1
    return Trust.E2 if key.environment in (None, environment) else Trust.E1


def _outside(key: Key, what: str, namespace: str) -> str:
    globs = ", ".join(key.namespaces)
    return f'{what} namespace "{namespace}" is outside the scope of the key "{key.name}" ({globs})'


# What people ask for


def check_request(
    name: str, namespaces: Sequence[str], principal: str | None, expires_at: int | None, at: int
) -> None:
    """Refuse a key that could never be used, or not be told from others.

    Raises:
        UserError: One line that says what is wrong and what was expected.
    """
    if not name.strip() or name != name.strip() or not name.isprintable():
        raise UserError(f'--name "{name}" is no name; expected a word such as dbt-prod.')
    if not namespaces:
        raise UserError("--namespaces is empty; expected globs such as dbt-prod 'postgres://*'.")
    for glob in namespaces:
        if not glob.strip() or not glob.isprintable() or _NOTHING in fnmatch.translate(glob):
            raise UserError(
                f'--namespaces "{glob}" matches no namespace; expected a glob such as dbt-prod '
                "or 'postgres://*'."
            )
    if principal is not None and not _PRINCIPAL.fullmatch(principal):
        raise UserError(
            f'--principal "{principal}" is no principal; expected one such as service:dbt-prod, '
            "person:ana or team:finance."
        )
    if expires_at is not None and expires_at <= at:
        raise UserError(
            f"--expires {written(expires_at)} is past; expected a date to come, or a duration such "
            "as 90d."
        )


def read_expiry(text: str, at: datetime) -> int:
    """The instant, microseconds UTC, from which a key is expired.

    Args:
        text: A date, which is the last day on which the key is good, or a duration from now in
            hours, days or weeks: ``12h``, ``90d``, ``4w``.
        at: Now.

    Raises:
        UserError: It is neither, or lies beyond the year 9999.
    """
    try:
        found = _DURATION.fullmatch(text)
        if found:
            return microseconds(at + timedelta(**{_UNITS[found[2]]: int(found[1])}))
        midnight = datetime.combine(date.fromisoformat(text), time.min, UTC)
        return microseconds(midnight + timedelta(days=1))
    except (ValueError, OverflowError) as error:
        raise UserError(
            f'--expires "{text}" is neither a date nor a duration; expected one such as 2027-03-31 '
            "or 90d."
        ) from error
