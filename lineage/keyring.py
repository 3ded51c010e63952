"""Keys of producers in the store, and at hand for every request."""

import contextlib
import json
import logging
import secrets
import threading
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from sqlalchemy import (
    Column,
    Connection,
    Engine,
    Index,
    LargeBinary,
    insert,
    or_,
    select,
    text,
    update,
)
from sqlalchemy.exc import DBAPIError
from sqlmodel import Field, SQLModel

from catalog import columns
from catalog.database import bump_revision, next_id, table_of, writing
from catalog.errors import UserError, did_you_mean
from catalog.model import Environment
from lineage.keys import (
    RANDOM_BYTES,
    Admission,
    Key,
    KeyState,
    admission,
    bearer_in,
    is_secret_of,
    key_id_in,
    make_secret,
    secret_hash,
)

logger = logging.getLogger(__name__)

FRESH_S = 2.0
"""How long after a key is revoked by another process it may still open the door here, seconds."""

_RELOAD_S = 0.2
"""How soon a key that is not known yet is looked for again, seconds: one that was just made must
work, and a stranger must not make every request a query."""

_USED_EVERY = 60_000_000
"""How often the last use of a key is written, microseconds."""

_UNREVOKED = text("revoked_at IS NULL")


class KeyRow(SQLModel, table=True):
    """A producer's key; of its secret only the hash. Times are microseconds UTC."""

    __tablename__ = "lineage_key"
    __table_args__ = (
        Index(
            "ix_lineage_key_name",
            "name",
            unique=True,
            sqlite_where=_UNREVOKED,
            postgresql_where=_UNREVOKED,
        ),
        columns.KEPT,
    )

    id: int | None = Field(default=None, sa_column=columns.key())
    name: str = Field(sa_column=columns.text())
    hash: bytes = Field(sa_column=Column(LargeBinary, nullable=False))
    """SHA-256 of the secret."""
    namespaces: str = Field(sa_column=columns.text())
    """Globs, a JSON array."""
    environment: str | None = Field(default=None, sa_column=columns.text(nullable=True))
    principal: str | None = Field(default=None, sa_column=columns.text(nullable=True))
    created_at: int = Field(sa_column=columns.big())
    created_by: str = Field(sa_column=columns.text())
    expires_at: int | None = Field(default=None, sa_column=columns.big(nullable=True))
    revoked_at: int | None = Field(default=None, sa_column=columns.big(nullable=True))
    last_used_at: int | None = Field(default=None, sa_column=columns.big(nullable=True))


_KEYS = table_of(KeyRow)


class Keyring:
    """The keys of a store. One for each process; any thread may use it.

    Args:
        engine: The store.
        clock: Seconds that only go forward, for how old the keys in memory are.
    """

    def __init__(self, engine: Engine, clock: Callable[[], float] = time.monotonic) -> None:
        self._engine = engine
        self._clock = clock
        self._lock = threading.Lock()
        self._keys: dict[int, tuple[bytes, Key]] = {}
        self._read_at: float | None = None
        self._used: dict[int, int] = {}
        self._writer = ThreadPoolExecutor(1, "keyring")

    def admit(
        self, authorization: str | None, at: int, *, is_needed: bool
    ) -> tuple[Admission, Key | None]:
        """What the door says to a request, and the key that came with it, good or not.

        Args:
            authorization: The request's ``Authorization`` header.
            at: Now by the clock, microseconds UTC.
            is_needed: Whether nobody comes in without a key.
        """
        secret = bearer_in(authorization)
        key = None if secret is None else self.find(secret)
        return admission(key, is_shown=secret is not None, is_needed=is_needed, at=at), key

    def find(self, secret: str) -> Key | None:
        """The key with this secret, which may be revoked or expired: ``admission`` says."""
        key_id = key_id_in(secret)
        if key_id is None:
            return None
        known = self._at_hand(FRESH_S).get(key_id) or self._at_hand(_RELOAD_S).get(key_id)
        if known is None:
            return None
        hash_, key = known
        return key if is_secret_of(secret, hash_) else None

    def has_living(self, at: int) -> bool:
        """Whether any key would open the door."""
        return any(key.state(at) is KeyState.LIVING for key in self.all_keys())

    def all_keys(self) -> list[Key]:
        """All keys ever made, the oldest first."""
        with self._engine.connect() as connection:
            return list(keys_in(connection).values())

    def create(
        self,
        name: str,
        namespaces: Sequence[str],
        *,
        environment: Environment | None,
        principal: str | None,
        expires_at: int | None,
        by: str,
        at: int,
    ) -> tuple[Key, str]:
        """Make a key. Answers with it and its secret, which nobody can ask for again.

        Raises:
            UserError: Another key that is not revoked has this name.
        """
        with writing(self._engine) as connection:
            taken = connection.execute(
                select(_KEYS).where(_KEYS.c.name == name, _KEYS.c.revoked_at.is_(None))
            ).first()
            if taken is not None:
                state = "expired" if _key(taken).state(at) is KeyState.EXPIRED else "in use"
                raise UserError(
                    f'a key "{name}" exists already ({state}), expected a new name; or free this '
                    f"one with: andon token revoke {name}."
                )
            key = Key(
                id=next_id(connection, _KEYS),
                name=name,
                namespaces=tuple(namespaces),
                environment=environment,
                principal=principal,
                created_at=at,
                created_by=by,
                expires_at=expires_at,
            )
            secret = make_secret(key.id, secrets.token_bytes(RANDOM_BYTES))
            connection.execute(insert(_KEYS).values(_row(key, secret)))
            bump_revision(connection)  # what other keys told may count for less now
        self._forget()
        return key, secret

    def revoke(self, name: str, at: int) -> Key:
        """Close the door to a key for ever; one that is revoked already stays as it is.

        Raises:
            UserError: No key has this name.
        """
        with writing(self._engine) as connection:
            connection.execute(
                update(_KEYS)
                .where(_KEYS.c.name == name, _KEYS.c.revoked_at.is_(None))
                .values(revoked_at=at)
            )
            bump_revision(connection)
            row = connection.execute(
                select(_KEYS).where(_KEYS.c.name == name).order_by(_KEYS.c.id.desc())
            ).first()
        self._forget()
        if row is None:
            known = [key.name for key in self.all_keys()]
            raise UserError(
                f'no key is called "{name}".{did_you_mean(name, known)} See: andon token list.'
            )
        return _key(row)

    def used(self, key_id: int, at: int) -> None:
        """Note that a key was used, at an instant in microseconds UTC.

        It is written behind the caller's back, at most once a minute for each key, so what is
        stored may lag by so much.
        """
        with self._lock:
            last = self._used.get(key_id)
            if last is not None and at - last < _USED_EVERY:
                return
            self._used[key_id] = at
        with contextlib.suppress(RuntimeError):  # closed: what comes this late is not noted
            self._writer.submit(self._write_used, key_id, at)

    def close(self) -> None:
        """Wait until the last uses are written."""
        self._writer.shutdown()

    def _write_used(self, key_id: int, at: int) -> None:
        is_newer = or_(_KEYS.c.last_used_at.is_(None), _KEYS.c.last_used_at < at)
        changed = update(_KEYS).where(_KEYS.c.id == key_id, is_newer).values(last_used_at=at)
        try:
            with writing(self._engine) as connection:
                connection.execute(changed)
        except DBAPIError:  # in a minute there is another try; no event waits for it
            logger.warning("last use of a key not written", extra={"key": key_id})

    def _at_hand(self, fresh_s: float) -> dict[int, tuple[bytes, Key]]:
        """Keys by id, at most so old."""
        now = self._clock()
        if self._read_at is None or now - self._read_at > fresh_s:
            with self._lock, self._engine.connect() as connection:
                rows = connection.execute(select(_KEYS)).all()
                self._keys = {row.id: (row.hash, _key(row)) for row in rows}
                self._read_at = now
        return self._keys

    def _forget(self) -> None:
        with self._lock:  # whoever is reading the keys now has read them too early
            self._read_at = None


def keys_in(connection: Connection) -> dict[int, Key]:
    """All keys ever made by their ids, the oldest first."""
    rows = connection.execute(select(_KEYS).order_by(_KEYS.c.id))
    return {row.id: _key(row) for row in rows}


def copy_keys(connection: Connection, copy: Connection) -> None:
    """Have the same keys in another store, to which events that came with them are copied."""
    rows = [dict(row) for row in connection.execute(select(_KEYS)).mappings()]
    if rows:
        copy.execute(insert(_KEYS), rows)


def _row(key: Key, secret: str) -> dict[str, Any]:
    return {
        "id": key.id,
        "name": key.name,
        "hash": secret_hash(secret),
        "namespaces": json.dumps(key.namespaces, ensure_ascii=False),
        "environment": key.environment.value if key.environment else None,
        "principal": key.principal,
        "created_at": key.created_at,
        "created_by": key.created_by,
        "expires_at": key.expires_at,
    }


def _key(row: Any) -> Key:
    return Key(
        id=row.id,
        name=row.name,
        namespaces=tuple(json.loads(row.namespaces)),
        environment=Environment(row.environment) if row.environment else None,
        principal=row.principal,
        created_at=row.created_at,
        created_by=row.created_by,
        expires_at=row.expires_at,
        revoked_at=row.revoked_at,
        last_used_at=row.last_used_at,
    )
