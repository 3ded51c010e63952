"""The commands about keys: the secret once and alone, bad input in one line, no secret listed."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from click.testing import CliRunner, Result
from sqlalchemy import Engine

from catalog.database import connect
from catalog.errors import UserError
from catalog.model import Environment
from lineage.keyring import Keyring
from lineage.keys import SECRET, Admission, make_secret
from lineage.keys_cli import token

DAY = 86_400_000_000
CREATE = ("create", "--name", "dbt", "--namespaces", "dbt-prod", "postgres://*", "--env", "prod")


@pytest.fixture
def store(url: str) -> Iterator[Engine]:
    engine = connect(url)
    yield engine
    engine.dispose()


@pytest.fixture
def keyring(store: Engine) -> Keyring:
    return Keyring(store)


def door(keyring: Keyring, secret: str, at: int) -> Admission:
    return keyring.admit(f"Bearer {secret}", at, is_needed=True)[0]


@pytest.fixture
def andon(url: str) -> Callable[..., Result]:
    def run(*words: str) -> Result:
        return CliRunner().invoke(token, [*words, "--database", url])

    return run


def test_create_prints_the_secret_alone_and_how_to_use_it_beside(
    andon: Callable[..., Result], keyring: Keyring
) -> None:
    made = andon(*CREATE, "--principal", "service:dbt", "--expires", "90d")

    assert made.exit_code == 0
    secret = made.stdout.removesuffix("\n")
    assert SECRET.fullmatch(secret)
    assert "OPENLINEAGE_API_KEY" in made.stderr
    assert secret not in made.stderr
    (key,) = keyring.all_keys()
    assert (key.namespaces, key.environment) == (("dbt-prod", "postgres://*"), Environment.PROD)
    assert door(keyring, secret, key.created_at) is Admission.OK
    assert key.expires_at == key.created_at + 90 * DAY


def test_globs_may_be_given_one_by_one_too(andon: Callable[..., Result], keyring: Keyring) -> None:
    made = andon(
        "create", "--env", "any", "--namespaces", "a", "--name", "n", "--namespaces", "b", "a"
    )

    assert made.exit_code == 0
    (key,) = keyring.all_keys()
    assert (key.namespaces, key.environment) == (("a", "b"), None)
    assert (key.name, key.principal, key.expires_at) == ("n", None, None)


@pytest.mark.parametrize(
    ("words", "told"),
    [
        ((*CREATE[:-1], "prd"), '--env "prd" is no environment. Did you mean "prod"?'),
        ((*CREATE, "--expires", "2020-01-01"), "is past; expected a date to come"),
        ((*CREATE, "--expires", "later"), '--expires "later" is neither a date nor a duration'),
        (("create", "--name", "n", "--env", "prod", "--namespaces", "[z-a]"), "matches no name"),
        ((*CREATE, "--principal", "dbt"), "is no principal"),
        (("revoke", "dbt"), 'no key is called "dbt"'),
    ],
)
def test_bad_input_is_one_line_and_makes_nothing(
    andon: Callable[..., Result], keyring: Keyring, words: tuple[str, ...], told: str
) -> None:
    result = andon(*words)

    assert isinstance(result.exception, UserError)
    assert told in str(result.exception)
    assert "\n" not in str(result.exception)
    assert result.exception.exit_code == 2
    assert keyring.all_keys() == []


def test_a_stray_word_is_no_glob(andon: Callable[..., Result], keyring: Keyring) -> None:
    result = andon("create", "stray", *CREATE[1:])

    assert result.exit_code == 2
    assert "unexpected extra argument" in result.stderr
    assert keyring.all_keys() == []


def test_a_name_that_is_taken_is_told(andon: Callable[..., Result]) -> None:
    andon(*CREATE)

    again = andon(*CREATE)

    assert isinstance(again.exception, UserError)
    assert again.stdout == ""


def test_list_shows_what_there_is_and_no_secret(andon: Callable[..., Result]) -> None:
    assert andon("list").stdout == ""
    secret = andon(*CREATE).stdout.strip()
    andon("create", "--name", "b", "--namespaces", "*", "--env", "any", "--expires", "9d")
    andon("revoke", "b")

    shown, document = andon("list").stdout, json.loads(andon("list", "--json").stdout)

    header, first, second = shown.splitlines()
    assert header.split() == [
        "NAME", "STATE", "ENV", "LAST", "USED", "EXPIRES", "PRINCIPAL", "NAMESPACES",
    ]  # fmt: skip
    assert first.split() == ["dbt", "living", "prod", "-", "-", "-", "dbt-prod,", "postgres://*"]
    assert second.split()[:3] == ["b", "revoked", "any"]
    assert [(key["name"], key["state"]) for key in document] == [
        ("dbt", "living"),
        ("b", "revoked"),
    ]
    assert document[0]["namespaces"] == ["dbt-prod", "postgres://*"]
    assert document[0]["environment"] == "prod"
    assert document[1]["revoked_at"].endswith("Z")
    for text in (shown, json.dumps(document)):
        assert secret.rpartition("_")[2] not in text
        assert "hash" not in text


def test_revoke_says_so(andon: Callable[..., Result], keyring: Keyring) -> None:
    secret = andon(*CREATE).stdout.strip()

    result = andon("revoke", "dbt")

    assert result.stdout.startswith('The key "dbt" is revoked since 20')
    assert door(keyring, secret, 0) is Admission.REVOKED


def test_the_guide_knows_every_option_and_what_secrets_look_like() -> None:
    guide = (Path(__file__).parents[2] / "docs" / "keys.md").read_text()
    create = token.commands["create"]

    options = {option for parameter in create.params for option in parameter.opts}

    told = set(re.findall(r"^\| `(--[a-z]+)` \|", guide, re.MULTILINE))
    assert told == options - {"--database"}
    found = re.search(r"leaked ones by `([^`]+)`", guide)
    assert found
    assert re.fullmatch(found[1], make_secret(12, bytes(range(32))))
