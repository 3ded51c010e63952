"""Commands about what ought to be: assess, check, findings, score, policies."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime
from pathlib import Path

import click
from sqlalchemy import Engine

from catalog.cli import Instant, database_option
from catalog.errors import UserError, did_you_mean
from catalog.model import Environment
from catalog.settings import Settings
from catalog.shapes import document
from catalog.store import load_catalog
from lineage.history import present
from lineage.reducers import Reducers, read_reducers
from policies import pages, printing, shapes, store
from policies.assess import assess as assess_now
from policies.assess import look
from policies.check import check as check_now
from policies.examples import disagreements
from policies.library import LIBRARY, load_library, read_library
from policies.model import FindingStatus, ScoreBoard, Severity

AS_OF = click.option("--as-of", type=Instant(), help="Judge as of then. Default: now.")
JSON = click.option("--json", "as_json", is_flag=True, help="One JSON document.")
TEAM = click.option("--team", metavar="T", help='Only this team; "unowned" for what nobody owns.')


@click.command()
@AS_OF
@JSON
@database_option
def assess(as_of: datetime | None, as_json: bool, engine: Engine) -> None:
    """Judge the estate and update findings and scores. Today's last instant is now.

    Example: andon assess
    """
    now = present(engine)
    if as_of is not None and as_of.date() > now.date():
        # Findings live forwards: they would stand still until that day has come.
        raise UserError(
            f"--as-of {as_of:%Y-%m-%d} is yet to come; what is assessed is kept, so expected "
            f"{now:%Y-%m-%d} or earlier. To look ahead without keeping it: andon check --as-of."
        )
    found = assess_now(engine, now if as_of is None else min(as_of, now), _reducers())
    click.echo(
        document(shapes.assessment_json(found)) if as_json else printing.assessment_text(found)
    )


@click.command()
@click.option(
    "--env", "environment", type=click.Choice([e.value for e in Environment]), help="Only there."
)
@click.option(
    "--fail-on",
    type=click.Choice([s.word for s in reversed(Severity)]),
    default="high",
    show_default=True,
    help="Least severity that fails.",
)
@click.option(
    "--unknown",
    type=click.Choice(["warn", "fail"]),
    default="warn",
    show_default=True,
    help="What missing evidence does.",
)
@click.option(
    "--format", "kind", type=click.Choice(["text", "json"]), default="text", show_default=True
)
@AS_OF
@database_option
@click.pass_context
def check(
    ctx: click.Context,
    *,
    environment: str | None,
    fail_on: str,
    unknown: str,
    kind: str,
    as_of: datetime | None,
    engine: Engine,
) -> None:
    """The gate for CI: judge, print, store nothing.

    Exits with 0 if clean, 1 with a finding at or above the threshold, 2 if a policy or setting is
    wrong, 3 if the evidence is insufficient and --unknown is fail.

    Example: andon check --env prod --fail-on high
    """
    found = check_now(
        look(engine, as_of or present(engine), _reducers()),
        Environment(environment) if environment else None,
        Severity.of(fail_on),
        needs_evidence=unknown == "fail",
    )
    click.echo(document(shapes.check_json(found)) if kind == "json" else printing.check_text(found))
    ctx.exit(found.exit_code)


@click.command()
@click.option(
    "--status",
    type=click.Choice([*(s.value for s in FindingStatus), "all"]),
    default="open",
    show_default=True,
    help="Where they stand; open holds the reopened too.",
)
@TEAM
@JSON
@database_option
def findings(status: str, team: str | None, as_json: bool, engine: Engine) -> None:
    """What fails, the worst and newest first.

    Example: andon findings --team finance
    """
    found = store.findings(engine, None if status == "all" else status, team)
    scores = store.scores(engine)
    if team is not None and not found:
        declared = [t.id for t in load_catalog(engine).teams]
        judged = [t.team for t in scores.teams] if scores else []
        _require_team(team, list(dict.fromkeys([*declared, *judged])))
    click.echo(
        document([shapes.finding_json(f) for f in found])
        if as_json
        else printing.findings_text(found, status, is_judged=scores is not None)
    )


@click.command()
@TEAM
@AS_OF
@JSON
@database_option
def score(team: str | None, as_of: datetime | None, as_json: bool, engine: Engine) -> None:
    """How mature the organisation and its teams are, as far as evidence shows.

    Example: andon score --team finance
    """
    board = look(engine, as_of or present(engine), _reducers()).scores
    if team is not None:
        board = _only(board, team)
    click.echo(
        document(shapes.scores_json(board))
        if as_json
        else printing.scores_text(board, with_practices=team is not None)
    )


def _only(board: ScoreBoard, team: str) -> ScoreBoard:
    _require_team(team, [t.team for t in board.teams])
    return replace(board, teams=tuple(t for t in board.teams if t.team == team))


def _require_team(team: str, known: Sequence[str]) -> None:
    if team not in known:
        raise UserError(
            f'team "{team}" has nothing that was judged.{did_you_mean(team, known)} '
            f"Expected one of: {', '.join(known) or 'none yet, as nothing was'}."
        )


@click.group()
def policies() -> None:
    """The library of policies: what ought to hold, and why."""


@policies.command("list")
def list_policies() -> None:
    """All policies, one line each.

    Example: andon policies list
    """
    click.echo(printing.policies_text(load_library()))


@policies.command()
@click.argument("policy_id", metavar="ID")
def show(policy_id: str) -> None:
    """One policy: where it applies, what violates it, why, and what to do.

    Example: andon policies show TST-001
    """
    library = {p.id: p for p in load_library()}
    if policy_id not in library:
        hint = did_you_mean(policy_id, library)
        raise UserError(
            f'policy "{policy_id}" is not in the library.{hint} See: andon policies list.'
        )
    click.echo(printing.policy_text(library[policy_id]))


@policies.command()
@click.argument("folder", metavar="[DIR]", type=click.Path(path_type=Path), default=LIBRARY)
@click.pass_context
def test(ctx: click.Context, folder: Path) -> None:
    """Judge the examples that policies carry; without DIR, those of the library.

    Exits with 0 if all agree, 1 if one disagrees, 2 if a policy does not compile.

    Example: andon policies test my-policies/
    """
    found = read_library(folder)
    if not found:
        raise UserError(f'"{folder}" holds no policy; expected one or more *.yaml files.')
    wrong = [line for policy in found for line in disagreements(policy)]
    for line in wrong:
        click.echo(str(line))
    examples = sum(len(p.examples) for p in found)
    click.echo(f"{len(found)} policies, {examples} examples, {len(wrong)} disagree.")
    ctx.exit(1 if wrong else 0)


@policies.command("pages")
@click.argument("folder", metavar="DIR", type=click.Path(path_type=Path))
def write_pages(folder: Path) -> None:
    """Write the reference pages of policies, facts and the maturity model.

    Example: andon policies pages docs/
    """
    for path in pages.write(folder):
        click.echo(str(path))


def _reducers() -> Reducers:
    return read_reducers(Settings().name_reducers)


commands: list[click.Command] = [assess, check, findings, score, policies]
