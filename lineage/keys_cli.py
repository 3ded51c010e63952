"""Commands about the keys of producers: token create, list, revoke."""

from __future__ import annotations

import getpass
import json
from collections.abc import Sequence
from datetime import UTC, datetime
from functools import partial
from typing import Any

import click
from sqlalchemy import Engine

from catalog.cli import database_option
from catalog.errors import UserError, did_you_mean
from catalog.model import Environment
from catalog.moments import microseconds, written
from lineage.keyring import Keyring
from lineage.keys import Key, check_request, read_expiry

ANYWHERE = "any"
"""What ``--env`` says for a key that is good in every environment."""


class _ManyGlobs(click.Command):
    """Takes ``--namespaces a b c``, which click alone reads as one option and two stray words."""

    OPTION = "--namespaces"

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        told: list[str] = []
        is_list = False
        for word in args:
            if word.startswith("-"):
                is_list = word == self.OPTION
                told.append(word)
            elif is_list and told[-1] != self.OPTION:
                told += [self.OPTION, word]
            else:
                told.append(word)
        return super().parse_args(ctx, told)


@click.group()
def token() -> None:
    """Keys by which producers send events: made, listed, revoked."""


@token.command(cls=_ManyGlobs)
@click.option("--name", required=True, metavar="N", help="What to call it, such as dbt-prod.")
@click.option(
    "--namespaces",
    required=True,
    multiple=True,
    metavar="GLOB...",
    help="What it speaks for: namespaces of its jobs and of the datasets that they write. "
    "Quote a *, or the shell replaces it.",
)
@click.option(
    "--env", "environment", required=True, metavar="E", help="dev, test, staging, prod, or any."
)
@click.option("--principal", metavar="P", help="Who uses it, such as service:dbt-prod.")
@click.option(
    "--expires", metavar="D", help="Its last day, or how long from now: 90d. Default: never."
)
@partial(database_option, makes_one=True)
def create(
    *,
    name: str,
    namespaces: tuple[str, ...],
    environment: str,
    principal: str | None,
    expires: str | None,
    engine: Engine,
) -> None:
    """Make a key and print its secret, once: only its hash is stored.

    Example: andon token create --name dbt-prod --namespaces dbt-prod 'postgres://*' --env prod
    """
    now = datetime.now(UTC)  # never a store's own now: who is let in follows the real clock
    expires_at = None if expires is None else read_expiry(expires, now)
    check_request(name, namespaces, principal, expires_at, microseconds(now))
    key, secret = Keyring(engine).create(
        name,
        tuple(dict.fromkeys(namespaces)),
        environment=_environment(environment),
        principal=principal,
        expires_at=expires_at,
        by=f"person:{getpass.getuser()}",
        at=microseconds(now),
    )
    click.echo(secret)
    good = "until it is revoked" if key.expires_at is None else f"until {written(key.expires_at)}"
    click.echo(
        f'This is the secret of "{key.name}"; it is shown only now. It speaks for '
        f"{', '.join(key.namespaces)} in {key.environment or 'any environment'}, {good}.\n"
        "Give it to the producer: OPENLINEAGE_API_KEY=<secret> for OpenLineage's clients, else the "
        "header Authorization: Bearer <secret>.",
        err=True,
    )


@token.command("list")
@click.option("--json", "as_json", is_flag=True, help="One JSON document.")
@database_option
def list_keys(as_json: bool, engine: Engine) -> None:
    """All keys ever made, the oldest first; never their secrets.

    Example: andon token list
    """
    keys, now = Keyring(engine).all_keys(), microseconds(datetime.now(UTC))
    if as_json:
        click.echo(json.dumps([_json(key, now) for key in keys], ensure_ascii=False))
    elif keys:
        click.echo("\n".join(_table(keys, now)))
    else:
        click.echo("No key was ever made. See: andon token create --help.", err=True)


@token.command()
@click.argument("name")
@database_option
def revoke(name: str, engine: Engine) -> None:
    """Close the door to a key, for ever. Running servers know within two seconds.

    Example: andon token revoke dbt-prod
    """
    key = Keyring(engine).revoke(name, microseconds(datetime.now(UTC)))
    click.echo(f'The key "{key.name}" is revoked since {_when(key.revoked_at)}.')


def _environment(word: str) -> Environment | None:
    known = [*(e.value for e in Environment), ANYWHERE]
    if word not in known:
        raise UserError(
            f'--env "{word}" is no environment.{did_you_mean(word, known)} '
            f"Expected one of: {', '.join(known)}."
        )
    return None if word == ANYWHERE else Environment(word)


def _json(key: Key, now: int) -> dict[str, Any]:
    return {
        "id": key.id,
        "name": key.name,
        "state": key.state(now),
        "namespaces": key.namespaces,
        "environment": key.environment,
        "principal": key.principal,
        "created_at": written(key.created_at),
        "created_by": key.created_by,
        **{
            name: None if at is None else written(at)
            for name, at in (
                ("expires_at", key.expires_at),
                ("revoked_at", key.revoked_at),
                ("last_used_at", key.last_used_at),
            )
        },
    }


def _table(keys: Sequence[Key], now: int) -> list[str]:
    rows = [("NAME", "STATE", "ENV", "LAST USED", "EXPIRES", "PRINCIPAL", "NAMESPACES")]
    rows += [
        (
            key.name,
            key.state(now).value,
            key.environment.value if key.environment else ANYWHERE,
            _when(key.last_used_at),
            _when(key.expires_at),
            key.principal or "-",
            ", ".join(key.namespaces),
        )
        for key in keys
    ]
    widths = [max(len(row[i]) for row in rows) for i in range(len(rows[0]))]
    return [
        "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip()
        for row in rows
    ]


def _when(at: int | None) -> str:
    return "-" if at is None else written(at)[:16].replace("T", " ")


commands: list[click.Command] = [token]
