"""The hash chain: whatever was covered and then changed is found, and the first bad entry named."""

from __future__ import annotations

import hashlib
import threading
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import Connection, Engine, delete, literal, text
from sqlalchemy.exc import IntegrityError
from sqlmodel import SQLModel

from catalog import chain
from catalog.database import connect, writing
from catalog.errors import UserError
from catalog.model import Catalog, Environment, EnvironmentRule, Place
from catalog.moments import microseconds, written
from catalog.store import LINKED, LINKED_ROWS, apply_catalog, catalog_content

AT = 1_795_000_000_000_000
DAY = datetime(2026, 11, 1, 8, 30, 0, 123456, tzinfo=UTC)
KINDS = {LINKED: LINKED_ROWS}


@pytest.fixture(scope="module")
def shared_store(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Engine]:
    """For laws, which want hundreds of stores and write bytes as only SQLite takes them."""
    engine = connect(f"sqlite:///{tmp_path_factory.mktemp('chain') / 'andon.db'}")
    yield engine
    engine.dispose()


@pytest.fixture(scope="module")
def shared_postgresql(new_schema: Callable[[], str]) -> Iterator[Engine]:
    engine = connect(new_schema())
    yield engine
    engine.dispose()


@pytest.fixture(params=["shared_store", "shared_postgresql"])
def store(request: pytest.FixtureRequest) -> Engine:
    return emptied(request.getfixturevalue(request.param))


def emptied(engine: Engine) -> Engine:
    with writing(engine) as connection:
        for name in ("catalog_link", "catalog_revision"):
            connection.execute(delete(SQLModel.metadata.tables[name]))
    return engine


def rule(number: int) -> Catalog:
    place = Place("all.yml", number)
    return Catalog(environments=(EnvironmentRule(Environment.PROD, f"n{number}", "*", place),))


def apply_some(engine: Engine, count: int) -> None:
    for number in range(1, count + 1):
        apply_catalog(engine, rule(number), "person:ana", DAY)


def run(engine: Engine, statement: str, **values: Any) -> None:
    with writing(engine) as connection:
        changed = connection.execute(text(statement), values)
        assert changed.rowcount > 0


def broken(engine: Engine, kinds: Any = None) -> chain.Broken | None:
    with engine.connect() as connection:
        return chain.verify(connection, KINDS if kinds is None else kinds)


def newest(engine: Engine) -> chain.Link | None:
    with engine.connect() as connection:
        return chain.head(connection)


# Laws


@settings(max_examples=40, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(count=st.integers(0, 6))
def test_what_nobody_changed_is_intact(shared_store: Engine, count: int) -> None:
    engine = emptied(shared_store)

    apply_some(engine, count)

    assert broken(engine) is None
    head = newest(engine)
    assert (head.id if head else 0) == count


COLUMNS = [
    ("catalog_revision", "applied_at"), ("catalog_revision", "applied_by"),
    ("catalog_revision", "digest"), ("catalog_revision", "body"),
    ("catalog_link", "kind"), ("catalog_link", "content_hash"),
    ("catalog_link", "previous_hash"), ("catalog_link", "hash"),
]  # fmt: skip


@settings(max_examples=150, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    place=st.sampled_from(COLUMNS),
    row=st.integers(1, 4),
    at=st.integers(0, 10_000),
    flip=st.integers(1, 255),
)
def test_any_changed_byte_is_found(
    shared_store: Engine, place: tuple[str, str], row: int, at: int, flip: int
) -> None:
    engine = emptied(shared_store)
    apply_some(engine, 4)
    table, column = place
    stored = f"SELECT CAST({column} AS BLOB) FROM {table} WHERE id = {row}"  # noqa: S608
    with engine.connect() as connection:
        bytes_ = bytearray(connection.execute(text(stored)).scalar_one())
    bytes_[at % len(bytes_)] ^= flip
    # Texts stay texts, even where they are no UTF-8 any more.
    is_text = column in ("applied_at", "applied_by", "digest", "kind")
    value = "CAST(:value AS TEXT)" if is_text else ":value"

    run(engine, f"UPDATE {table} SET {column} = {value} WHERE id = {row}", value=bytes(bytes_))  # noqa: S608

    found = broken(engine)
    assert found is not None
    assert found.where.startswith(f"link {row}")


@settings(max_examples=80, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    column=st.sampled_from(["id", "at", "first", "last"]),
    row=st.integers(1, 4),
    value=st.one_of(
        st.integers(-(2**63), 2**63 - 1), st.integers(-2, 6), st.text(max_size=3), st.floats()
    ),
)
def test_any_changed_number_of_a_link_is_found(
    shared_store: Engine, column: str, row: int, value: int | str | float
) -> None:
    engine = emptied(shared_store)
    apply_some(engine, 4)
    with engine.connect() as connection:
        before = connection.execute(
            text(f"SELECT {column} FROM catalog_link WHERE id = {row}")  # noqa: S608
        ).scalar_one()

    try:
        run(engine, f"UPDATE catalog_link SET {column} = :value WHERE id = {row}", value=value)  # noqa: S608
    except Exception as refused:  # noqa: BLE001  # the store itself would not have it
        assert isinstance(refused, IntegrityError)  # noqa: PT017
        return

    with engine.connect() as connection:
        after = connection.execute(text("SELECT * FROM catalog_link ORDER BY id")).all()
    is_same = len(after) == 4 and before in {getattr(link, column) for link in after}
    assert (broken(engine) is None) == (is_same and before == value)


@settings(max_examples=40, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.data())
def test_anything_removed_but_the_newest_links_is_found(
    shared_store: Engine, data: st.DataObject
) -> None:
    engine = emptied(shared_store)
    apply_some(engine, 5)
    table, last = data.draw(st.sampled_from([("catalog_link", 4), ("catalog_revision", 5)]))
    row = data.draw(st.integers(1, last))

    run(engine, f"DELETE FROM {table} WHERE id = {row}")  # noqa: S608

    found = broken(engine)
    assert found is not None
    assert found.where.startswith(f"link {row}")


def test_links_renumbered_over_a_removed_one_are_found(store: Engine) -> None:
    apply_some(store, 3)

    run(store, "DELETE FROM catalog_link WHERE id = 1")
    run(store, "UPDATE catalog_link SET id = id - 1")

    assert str(broken(store)).startswith("link 1: follows ")


def test_a_link_made_anew_to_fit_changed_rows_is_found_by_the_next_one(store: Engine) -> None:
    apply_some(store, 3)
    run(store, "UPDATE catalog_revision SET applied_by = 'person:eve' WHERE id = 2")

    with writing(store) as connection:
        link = [*chain.links(connection)][1]
        content = catalog_content(connection, 2, 2)
        whole = chain.link_hash(
            link.previous_hash, link.kind, 2, 2, at=link.at, content_hash=content
        )
        connection.execute(
            text("UPDATE catalog_link SET content_hash = :content, hash = :hash WHERE id = 2"),
            {"content": content, "hash": whole},
        )

    assert str(broken(store)).startswith("link 3: follows ")


def test_rows_slipped_in_without_a_link_are_found_at_once(store: Engine) -> None:
    apply_some(store, 2)

    run(
        store,
        "INSERT INTO catalog_revision SELECT id + 1, applied_at, applied_by, digest, body "
        "FROM catalog_revision WHERE id = 2",
    )

    assert str(broken(store)) == "catalog 3 to 3: covered by no link; expected no such rows"


def test_rows_slipped_in_before_a_later_link_are_found(store: Engine) -> None:
    apply_some(store, 2)
    run(
        store,
        "INSERT INTO catalog_revision SELECT 3, applied_at, applied_by, digest, body "
        "FROM catalog_revision WHERE id = 1",
    )

    apply_catalog(store, rule(9), "person:ana", DAY)

    assert str(broken(store)) == (
        "link 3 (catalog 4 to 4): begins at 4; expected 3, where the last one ended"
    )


def test_rows_that_cannot_be_read_any_more_are_broken(store: Engine) -> None:
    apply_some(store, 2)

    def content(connection: Connection, first: int, last: int) -> bytes:
        return {1: catalog_content(connection, 1, 1)}[first]

    found = broken(store, {LINKED: chain.Rows(content, LINKED_ROWS.number)})

    assert str(found) == (
        "link 2 (catalog 2 to 2): cannot be read (KeyError: 2); expected what was stored once"
    )


# What only an anchor outside shows


def test_the_newest_rows_removed_with_their_links_are_seen_by_a_kept_head_only(
    store: Engine,
) -> None:
    apply_some(store, 3)
    kept = newest(store)
    assert kept is not None

    for table in ("catalog_link", "catalog_revision"):
        run(store, f"DELETE FROM {table} WHERE id = 3")  # noqa: S608

    assert broken(store) is None
    with store.connect() as connection:
        assert not chain.has_link(connection, kept.hash)
        assert chain.has_link(connection, kept.previous_hash)


# Links


@given(st.datetimes(timezones=st.just(UTC)))
def test_an_instant_is_kept_to_the_microsecond(at: datetime) -> None:
    assert datetime.fromisoformat(written(microseconds(at))) == at


def test_the_encoding_is_the_published_one() -> None:
    parts = (
        bytes(32) + b"\x00\x07catalog" + b"\x00" * 7 + b"\x03" + b"\x00" * 7 + b"\x05"
        + b"\xff" * 8 + b"c" * 32
    )  # fmt: skip

    found = chain.link_hash(bytes(32), "catalog", 3, 5, at=-1, content_hash=b"c" * 32)

    assert found == hashlib.sha256(parts).digest()


@given(
    st.lists(
        st.tuples(
            st.binary(min_size=32, max_size=32), st.text(max_size=4),
            *[st.integers(-(2**63), 2**63 - 1)] * 3, st.binary(min_size=32, max_size=32),
        ),
        min_size=2,
        max_size=2,
        unique=True,
    )
)  # fmt: skip
def test_different_links_have_different_hashes(pair: list[Any]) -> None:
    one, two = (chain.link_hash(*p[:4], at=p[4], content_hash=p[5]) for p in pair)
    assert one != two


@pytest.mark.parametrize(
    "parts",
    [
        (b"short", "k", 1, 1, 1, bytes(32)),
        (bytes(32), "k", 1, 1, 1, bytes(33)),
        (bytes(32), "k", 2**63, 1, 1, bytes(32)),
        (bytes(32), "k" * 70_000, 1, 1, 1, bytes(32)),
    ],
)
def test_parts_that_do_not_fit_are_refused(parts: Any) -> None:
    with pytest.raises(ValueError, match=r"32 bytes|format|too large"):
        chain.link_hash(*parts[:4], at=parts[4], content_hash=parts[5])


def test_kinds_stand_side_by_side_and_each_goes_on_where_it_ended(store: Engine) -> None:
    def content(connection: Connection, first: int, last: int) -> bytes:
        return hashlib.sha256(b"x" * (last - first + 1)).digest()

    with writing(store) as connection:
        head = None
        for kind, first, last in [("a", 11, 20), ("b", 28, 30), ("a", 21, 30)]:
            covered = content(connection, first, last)
            head = chain.append_link(connection, kind, first, last, covered, at=AT, newest=head)
        assert head == chain.head(connection)
        about = chain.covered(connection)

    rows = chain.Rows(content, literal(30))
    assert broken(store, {"a": rows, "b": rows}) is None
    assert about == [chain.Covered("a", 11, 30, AT), chain.Covered("b", 28, 30, AT)]


def test_a_head_that_is_not_the_newest_any_more_forks_nothing(store: Engine) -> None:
    apply_some(store, 1)
    stale = newest(store)
    apply_catalog(store, rule(2), "person:ana", DAY)

    def append() -> None:
        with writing(store) as connection:
            chain.append_link(connection, "catalog", 3, 3, bytes(32), at=AT, newest=stale)

    with pytest.raises(IntegrityError):
        append()

    assert broken(store) is None


def test_a_kind_that_nobody_can_check_is_not_called_intact(store: Engine) -> None:
    apply_some(store, 1)

    with pytest.raises(UserError, match='link 1 of the chain covers "catalog", expected one of: a'):
        broken(store, {"a": LINKED_ROWS})


def test_many_links_are_walked_in_pieces(store: Engine, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(chain, "_CHUNK", 2)
    apply_some(store, 5)

    with store.connect() as connection:
        numbers = [link.id for link in chain.links(connection)]

    assert numbers == [1, 2, 3, 4, 5]
    assert broken(store) is None


def test_writers_at_once_make_one_chain(store: Engine) -> None:
    def apply(writer: int) -> None:
        for number in range(5):
            apply_catalog(store, rule(10 * writer + number), "person:ana", DAY)

    writers = [threading.Thread(target=apply, args=(n,)) for n in range(4)]
    for writer in writers:
        writer.start()
    for writer in writers:
        writer.join()

    assert broken(store) is None
    head = newest(store)
    assert head is not None
    assert head.id == 20
