"""The keyring: no secret in the store or in a log, no dead key that opens, cheap to ask."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import Engine, event
from sqlmodel import SQLModel

from catalog.database import connect, writing
from catalog.errors import UserError
from catalog.model import Environment
from lineage.keyring import FRESH_S, Keyring
from lineage.keys import SECRET, Admission, Key, KeyState, make_secret

AT = 1_795_000_000_000_000
MINUTE = 60_000_000
HEADER = "Bearer {}"


class Clock:
    """Seconds that pass when told to."""

    now = 0.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def store(url: str) -> Iterator[Engine]:
    engine = connect(url)
    yield engine
    engine.dispose()


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def keyring(store: Engine, clock: Clock) -> Keyring:
    return Keyring(store, clock)


def make(keyring: Keyring, name: str = "dbt-prod", **parts: Any) -> tuple[Key, str]:
    return keyring.create(
        name,
        ["dbt-prod", "postgres://*"],
        **{
            "environment": Environment.PROD,
            "principal": "service:dbt",
            "expires_at": None,
            "by": "person:ana",
            "at": AT,
            **parts,
        },
    )


def door(keyring: Keyring, secret: str, at: int = AT) -> Admission:
    return keyring.admit(HEADER.format(secret), at, is_needed=True)[0]


@pytest.fixture
def statements(store: Engine) -> list[str]:
    sent: list[str] = []

    @event.listens_for(store, "before_cursor_execute")
    def note(_c: object, _cursor: object, statement: str, *_: object) -> None:
        sent.append(statement)

    return sent


def test_the_tables_are_the_ones_that_the_migration_makes(store: Engine) -> None:
    with store.connect() as connection:
        context = MigrationContext.configure(connection, opts={"compare_type": True})

        found = compare_metadata(context, SQLModel.metadata)

    ours = ("lineage_key", "catalog_link")
    assert [step for step in found if any(name in str(step) for name in ours)] == []


# Secrets


@pytest.mark.parametrize("url", ["sqlite"], indirect=True)  # whose file can be looked into
def test_the_secret_is_nowhere_but_in_its_holders_hands(
    keyring: Keyring, store: Engine, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    key, secret = make(keyring)
    random = secret.rpartition("_")[2]

    door(keyring, secret)
    keyring.used(key.id, AT)
    keyring.close()
    keyring.revoke(key.name, AT)
    admission, found = keyring.admit(HEADER.format(secret), AT, is_needed=True)

    files = [path.read_bytes() for path in tmp_path.iterdir()]
    assert any(b"dbt-prod" in content for content in files)
    assert not any(random.encode() in content for content in files)
    assert random not in caplog.text
    assert random not in repr(keyring.all_keys())
    assert random not in admission.detail(found) + admission.expected


def test_two_keys_never_share_a_secret(keyring: Keyring) -> None:
    secrets = {make(keyring, f"key {n}")[1] for n in range(20)}

    assert len(secrets) == 20
    assert all(SECRET.fullmatch(secret) for secret in secrets)


# The door


def test_a_key_opens_from_the_moment_it_is_made(
    store: Engine, keyring: Keyring, clock: Clock
) -> None:
    assert door(keyring, make_secret(1, bytes(32))) is Admission.UNKNOWN

    elsewhere = Keyring(store)
    key, secret = make(elsewhere)
    clock.now += 0.3

    assert keyring.admit(HEADER.format(secret), AT, is_needed=True) == (Admission.OK, key)


def test_a_right_number_with_a_wrong_secret_opens_nothing(keyring: Keyring) -> None:
    key, _ = make(keyring)

    assert keyring.find(make_secret(key.id, bytes(32))) is None
    assert door(keyring, make_secret(key.id, bytes(32))) is Admission.UNKNOWN


def test_a_revoked_key_opens_nothing_here_and_soon_nowhere(
    store: Engine, keyring: Keyring, clock: Clock
) -> None:
    elsewhere = Keyring(store)
    key, secret = make(keyring)
    assert door(keyring, secret) is door(elsewhere, secret) is Admission.OK

    elsewhere.revoke(key.name, AT)

    assert door(elsewhere, secret) is Admission.REVOKED
    clock.now += FRESH_S + 0.01
    assert door(keyring, secret) is Admission.REVOKED


def test_an_expired_key_opens_until_its_instant(keyring: Keyring) -> None:
    _, secret = make(keyring, expires_at=AT + 5)

    assert door(keyring, secret, AT + 4) is Admission.OK
    assert door(keyring, secret, AT + 5) is Admission.EXPIRED


@settings(max_examples=25, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    steps=st.lists(
        st.tuples(
            st.sampled_from(["create", "revoke", "ask"]),
            st.sampled_from("ab"),
            st.integers(0, 3),
            st.floats(0, 5),
        ),
        max_size=14,
    )
)
def test_whatever_is_made_and_revoked_the_door_is_right(
    store: Engine, steps: list[tuple[str, str, int, float]]
) -> None:
    with writing(store) as connection:
        connection.exec_driver_sql("DELETE FROM lineage_key")
    clock = Clock()
    here, other = Keyring(store, clock), Keyring(store, clock)
    made: list[tuple[str, str, int]] = []
    revoked: set[str] = set()
    for step, (action, name, late, passed) in enumerate(steps):
        clock.now += passed
        living = [secret for n, secret, _ in made if n == name and secret not in revoked]
        if action == "create" and not living:
            made.append((name, make(other, name, expires_at=AT + late)[1], AT + late))
        elif action == "revoke" and living:
            here.revoke(name, AT + step)
            revoked.update(living)
        clock.now += FRESH_S + 0.01
        for _, secret, expires_at in made:
            expected = (
                Admission.REVOKED
                if secret in revoked
                else Admission.EXPIRED
                if expires_at <= AT + 2
                else Admission.OK
            )
            assert [door(k, secret, AT + 2) for k in (here, other)] == [expected] * 2


def test_requests_are_answered_from_memory(
    keyring: Keyring, clock: Clock, statements: list[str]
) -> None:
    _, secret = make(keyring)
    door(keyring, secret)
    statements.clear()

    for _ in range(100):
        assert door(keyring, secret) is Admission.OK
        door(keyring, "not one of ours")
        door(keyring, make_secret(9, bytes(32)))

    assert statements == []
    clock.now += FRESH_S + 0.01
    door(keyring, secret)
    assert sum("lineage_key" in statement for statement in statements) == 1


def test_strangers_make_few_queries(keyring: Keyring, clock: Clock, statements: list[str]) -> None:
    make(keyring)

    for n in range(100):
        clock.now += 0.01
        door(keyring, make_secret(1000 + n, bytes(32)))

    assert sum("lineage_key" in statement for statement in statements) < 10 + 3


# Last use


def uses(keyring: Keyring) -> list[int | None]:
    return [key.last_used_at for key in keyring.all_keys()]


@settings(max_examples=25, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(times=st.lists(st.integers(0, 5 * MINUTE), min_size=1, max_size=30))
def test_the_last_use_is_written_at_most_once_a_minute_and_lags_no_more(
    store: Engine, times: list[int]
) -> None:
    with writing(store) as connection:
        connection.exec_driver_sql("DELETE FROM lineage_key")
    keyring = Keyring(store)
    key, _ = make(keyring)
    sent: list[str] = []
    event.listen(store, "before_cursor_execute", lambda *parts: sent.append(parts[2]))

    for at in sorted(times):
        keyring.used(key.id, AT + at)
    keyring.close()

    (last,) = uses(keyring)
    assert last is not None
    assert 0 <= AT + max(times) - last < MINUTE
    written = [statement for statement in sent if statement.startswith("UPDATE lineage_key")]
    assert len(written) <= 1 + (max(times) - min(times)) // MINUTE


def test_a_later_use_seen_by_another_process_stays(store: Engine, keyring: Keyring) -> None:
    key, _ = make(keyring)

    for ring, at in ((Keyring(store), AT + MINUTE), (keyring, AT)):
        ring.used(key.id, at)
        ring.close()

    assert uses(keyring) == [AT + MINUTE]


def test_a_use_that_cannot_be_written_holds_nobody_up(
    store: Engine, keyring: Keyring, caplog: pytest.LogCaptureFixture
) -> None:
    key, secret = make(keyring)
    with writing(store) as connection:
        connection.exec_driver_sql("ALTER TABLE lineage_key RENAME TO elsewhere")

    keyring.used(key.id, AT)
    keyring.close()

    assert [record.message for record in caplog.records] == ["last use of a key not written"]
    assert secret not in caplog.text


# Names


def test_a_name_is_free_again_only_when_revoked(keyring: Keyring) -> None:
    first, _ = make(keyring, expires_at=AT + 1)

    with pytest.raises(UserError, match=r'key "dbt-prod" exists already \(in use\)'):
        make(keyring)
    with pytest.raises(UserError, match=r"\(expired\).* andon token revoke dbt-prod\.$"):
        make(keyring, at=AT + 9)
    keyring.revoke("dbt-prod", AT)
    second, _ = make(keyring)

    assert (first.id, second.id) == (1, 2)
    assert [key.state(AT) for key in keyring.all_keys()] == [KeyState.REVOKED, KeyState.LIVING]
    assert keyring.all_keys()[1] == second


def test_a_key_that_nobody_knows_cannot_be_revoked(keyring: Keyring) -> None:
    make(keyring)

    with pytest.raises(UserError, match=r'no key is called "dbt-prd"\. Did you mean "dbt-prod"\?'):
        keyring.revoke("dbt-prd", AT)


def test_revoking_twice_keeps_the_first_instant(keyring: Keyring) -> None:
    make(keyring)

    found = [keyring.revoke("dbt-prod", at).revoked_at for at in (AT, AT + 5)]

    assert found == [AT, AT]


def test_it_knows_whether_any_key_opens(keyring: Keyring) -> None:
    assert not keyring.has_living(AT)

    make(keyring, expires_at=AT + 1)

    assert keyring.has_living(AT)
    assert not keyring.has_living(AT + 1)
