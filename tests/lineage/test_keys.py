"""Keys: what opens the door, what a key may speak for, and what people may ask for."""

from __future__ import annotations

import base64
import fnmatch
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from catalog.errors import UserError
from catalog.model import Environment, Trust
from catalog.moments import microseconds
from lineage.keys import (
    RANDOM_BYTES,
    SECRET,
    Admission,
    Key,
    KeyState,
    Parentage,
    admission,
    bearer_in,
    check_request,
    covers,
    is_elsewhere,
    is_secret_of,
    is_spoken_for,
    key_id_in,
    make_secret,
    out_of_scope,
    parentage,
    read_expiry,
    secret_hash,
    speaking,
    trust_in,
)

NOW = datetime(2026, 11, 20, 9, tzinfo=UTC)
AT = microseconds(NOW)
DBT = Key(
    id=7,
    name="dbt-prod",
    namespaces=("dbt-prod", "postgres://*"),
    environment=Environment.PROD,
    principal="service:dbt",
    created_at=AT - 1_000_000,
    created_by="person:ana",
)

random_bytes = st.binary(min_size=RANDOM_BYTES, max_size=RANDOM_BYTES)
instants = st.integers(-(2**62), 2**62)
names = st.text(min_size=1, max_size=12)


# The secret


@given(key_id=st.integers(0, 10**18 - 1), random=random_bytes)
def test_a_secret_says_whose_it_is_and_carries_all_its_bits(key_id: int, random: bytes) -> None:
    secret = make_secret(key_id, random)

    assert SECRET.fullmatch(secret)
    assert key_id_in(secret) == key_id
    assert base64.b32decode(secret.rpartition("_")[2].upper() + "====") == random


@given(one=random_bytes, two=random_bytes)
def test_only_the_secret_itself_has_its_hash(one: bytes, two: bytes) -> None:
    hash_ = secret_hash(make_secret(1, one))

    assert len(hash_) == 32
    assert is_secret_of(make_secret(1, one), hash_)
    assert is_secret_of(make_secret(1, two), hash_) == (one == two)
    assert not is_secret_of(make_secret(2, one), hash_)


def test_a_secret_of_fewer_bits_is_never_made() -> None:
    with pytest.raises(ValueError, match="32 random bytes"):
        make_secret(1, b"short")


@given(st.text())
def test_any_text_can_be_shown_as_a_secret(text: str) -> None:
    assert key_id_in(text) is None or SECRET.fullmatch(text)
    assert len(secret_hash(text + "\ud800")) == 32


@pytest.mark.parametrize(
    ("header", "secret"),
    [
        ("Bearer andon_1_x", "andon_1_x"), ("bearer  x ", "x"), ("BEARER x", "x"), ("Bearer", None),
        ("Bearer ", None), ("Basic eDp5", None), ("", None), (None, None), ("x", None),
        ("Bearerx", None), (" Bearer x", "x"),
    ],
)  # fmt: skip
def test_a_bearer_is_found_whatever_the_case_of_its_scheme(
    header: str | None, secret: str | None
) -> None:
    assert bearer_in(header) == secret


# The door


@given(
    at=instants,
    expires_at=st.none() | instants,
    revoked_at=st.none() | instants,
    is_needed=st.booleans(),
)
def test_a_revoked_or_expired_key_never_opens(
    at: int, expires_at: int | None, revoked_at: int | None, is_needed: bool
) -> None:
    key = replace(DBT, expires_at=expires_at, revoked_at=revoked_at)

    found = admission(key, is_shown=True, is_needed=is_needed, at=at)

    is_good = revoked_at is None and (expires_at is None or at < expires_at)
    assert found.is_open == is_good
    assert (key.state(at) is KeyState.LIVING) == is_good


def test_a_key_of_another_catalog_is_refused_where_one_is_needed_and_else_is_none() -> None:
    asked = admission(None, is_shown=True, is_needed=True, at=AT)
    local = admission(None, is_shown=True, is_needed=False, at=AT)

    assert (asked, asked.status) == (Admission.UNKNOWN, 401)
    assert (local, local.is_open) == (Admission.NO_KEY, True)


def test_nobody_comes_in_without_a_key_unless_none_is_needed() -> None:
    asked = admission(None, is_shown=False, is_needed=True, at=AT)
    local = admission(None, is_shown=False, is_needed=False, at=AT)

    assert (asked, asked.status) == (Admission.MISSING, 401)
    assert (local, local.is_open) == (Admission.NO_KEY, True)


@pytest.mark.parametrize("found", Admission)
@pytest.mark.parametrize("key", [None, DBT, replace(DBT, expires_at=AT, revoked_at=AT)])
def test_every_refusal_has_a_status_says_what_was_found_and_what_to_do(
    found: Admission, key: Key | None
) -> None:
    assert found.detail(key)
    assert "{" not in found.detail(key)
    assert (found.status >= 400) == bool(found.expected) == (not found.is_open)
    assert (found.status == 403) == (found is Admission.OUT_OF_SCOPE)


def test_a_refusal_names_the_key_and_since_when() -> None:
    key = replace(DBT, expires_at=AT)

    assert Admission.EXPIRED.detail(key) == (
        'the key "dbt-prod" expired at 2026-11-20T09:00:00.000000Z'
    )
    assert "andon token create" in Admission.EXPIRED.expected
    assert "OPENLINEAGE_API_KEY" in Admission.MISSING.expected


# Scope


@given(globs=st.lists(names, min_size=1, max_size=3), namespace=names)
def test_a_key_covers_what_one_of_its_globs_matches(globs: list[str], namespace: str) -> None:
    key = replace(DBT, namespaces=tuple(globs))

    assert covers(key, namespace) == any(fnmatch.fnmatchcase(namespace, glob) for glob in globs)


@given(job=names | st.none(), datasets=st.lists(names, max_size=4))
def test_an_event_is_in_scope_if_and_only_if_all_that_it_speaks_for_is(
    job: str | None, datasets: list[str]
) -> None:
    key = replace(DBT, namespaces=("*a*", "[b-k]*"))

    reason = out_of_scope(key, job, datasets)

    spoken_for = [*datasets, *([] if job is None else [job])]
    assert (reason is None) == all(covers(key, namespace) for namespace in spoken_for)


def test_a_key_of_dbt_sends_its_jobs_and_what_they_write() -> None:
    assert out_of_scope(DBT, "dbt-prod", ["postgres://wh:5432"]) is None
    assert out_of_scope(DBT, None, ["postgres://wh:5432"]) is None


def test_a_job_of_somebody_else_is_told() -> None:
    assert out_of_scope(DBT, "airflow-prod", ["postgres://wh:5432"]) == (
        'job namespace "airflow-prod" is outside the scope of the key "dbt-prod" '
        "(dbt-prod, postgres://*)"
    )


def test_a_write_elsewhere_is_told() -> None:
    reason = out_of_scope(DBT, "dbt-prod", ["postgres://wh:5432", "s3://finance"])

    assert str(reason).startswith('dataset namespace "s3://finance" is outside')


@given(vouched=st.booleans(), keyed=st.booleans(), spoken=st.booleans())
def test_a_parent_is_proved_by_a_key_that_speaks_for_it_and_by_nothing_else(
    vouched: bool, keyed: bool, spoken: bool
) -> None:
    found = parentage(is_vouched=vouched, is_by_key=keyed, is_spoken_for=spoken)

    assert (found is Parentage.PROVED) == (found.trust is Trust.E2) == vouched
    assert (found is Parentage.SAID) == (not vouched and not keyed and not spoken)


@given(created_at=instants, revoked_at=st.none() | instants, at=instants)
def test_only_keys_that_were_good_at_an_instant_speak_then(
    created_at: int, revoked_at: int | None, at: int
) -> None:
    key = replace(DBT, created_at=created_at, revoked_at=revoked_at)

    found = speaking([key], at)

    assert bool(found) == (created_at <= at and revoked_at is None)
    assert is_spoken_for(found, "dbt-prod") == bool(found)
    assert not is_spoken_for(found, "airflow-prod")


@pytest.mark.parametrize("environment", [None, *Environment])
def test_an_asset_of_another_environment_is_told(environment: Environment | None) -> None:
    assert is_elsewhere(DBT, environment) == (environment not in (None, Environment.PROD))
    assert not is_elsewhere(replace(DBT, environment=None), environment)


@given(
    namespaces=st.sets(st.sampled_from(["dbt-prod", "postgres://wh", "s3://x"]), min_size=1),
    environment=st.sampled_from([None, *Environment]),
    own=st.sampled_from([None, *Environment]),
)
def test_trust_is_earned_only_where_namespace_and_environment_are_known_to_be_the_keys(
    namespaces: set[str], environment: Environment | None, own: Environment | None
) -> None:
    key = replace(DBT, environment=own)

    trust = trust_in(key, namespaces, environment)

    is_own = any(covers(key, n) for n in namespaces) and (own is None or own == environment)
    assert trust is (Trust.E2 if is_own else Trust.E1)
    assert trust_in(None, namespaces, environment) is Trust.E1
    if trust is Trust.E2:
        assert not is_elsewhere(key, environment)


# What people ask for


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("90d", NOW + timedelta(days=90)),
        ("12h", NOW + timedelta(hours=12)),
        ("4w", NOW + timedelta(weeks=4)),
        ("2026-11-20", datetime(2026, 11, 21, tzinfo=UTC)),
        ("2024-02-29", datetime(2024, 3, 1, tzinfo=UTC)),
    ],
)
def test_an_expiry_is_a_last_day_or_a_while(text: str, expected: datetime) -> None:
    assert read_expiry(text, NOW) == microseconds(expected)


@pytest.mark.parametrize(
    "text", ["", "90", "d", "0d", "-3d", "90 d", "soon", "2026-13-01", "999999999w", "9999-12-31"]
)
def test_any_other_expiry_is_one_line(text: str) -> None:
    with pytest.raises(UserError, match=r"^--expires .* expected one such as 2027-03-31 or 90d\.$"):
        read_expiry(text, NOW)


@pytest.mark.parametrize(
    ("changed", "told"),
    [
        ({"name": " "}, '--name " " is no name'),
        ({"name": "a\nb"}, "is no name"),
        ({"namespaces": ()}, "--namespaces is empty"),
        ({"namespaces": ("ok", "")}, '--namespaces "" matches no namespace'),
        ({"namespaces": ("a[z-a]",)}, '"a[z-a]" matches no namespace'),
        ({"namespaces": ("a\x00",)}, "matches no namespace"),
        ({"namespaces": ("a\udcff",)}, "matches no namespace"),
        ({"principal": "dbt"}, '--principal "dbt" is no principal'),
        ({"principal": "robot:dbt"}, "is no principal"),
        ({"expires_at": AT}, "--expires 2026-11-20T09:00:00.000000Z is past"),
    ],
)
def test_a_key_that_could_never_be_used_is_refused(changed: dict[str, object], told: str) -> None:
    asked: dict[str, object] = {
        "name": "n",
        "namespaces": ("a", "[!x]*", "(?!)"),
        "principal": "service:x",
        "expires_at": AT + 1,
    }
    check_request(**asked, at=AT)  # type: ignore[arg-type]  # as the command gives it

    with pytest.raises(UserError) as caught:
        check_request(**{**asked, **changed}, at=AT)  # type: ignore[arg-type]  # the same

    assert told in str(caught.value)
    assert caught.value.exit_code == 2
