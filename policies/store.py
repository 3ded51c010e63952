"""Reads and writes of verdicts, findings and scores. Rows stay here; frozen dataclasses leave."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, time
from typing import Any

import msgspec
from sqlalchemy import Connection, Engine, Row, delete, func, insert, select

from catalog.database import table_of
from catalog.model import AssetKey
from catalog.moments import microseconds, moment
from catalog.shapes import asset_json
from policies.model import (
    UNOWNED,
    Change,
    Finding,
    FindingStatus,
    Outcome,
    ScoreBoard,
    TeamScore,
    Verdict,
    digest_of,
)
from policies.rows import (
    ORGANISATION,
    TEAM,
    change_row,
    finding_of,
    finding_row,
    score_of,
    score_rows,
    to_json,
    verdict_of,
    verdict_row,
)
from policies.tables import AssessmentRow, ChangeRow, FindingRow, ScoreRow, VerdictRow

_ASSESSMENT = table_of(AssessmentRow)
_VERDICT = table_of(VerdictRow)
_FINDING = table_of(FindingRow)
_CHANGE = table_of(ChangeRow)
_SCORE = table_of(ScoreRow)


# Findings ---------------------------------------------------------------------------------------


def findings(
    engine: Engine, status: str | None = "open", team: str | None = None
) -> tuple[Finding, ...]:
    """Findings, the worst and newest first.

    Args:
        engine: The store.
        status: Only those that stand there; ``open`` holds the reopened too, ``None`` is all.
        team: Only those of one team; ``unowned`` for those of nobody.
    """
    with engine.connect() as connection:
        found = read_findings(connection)
    wanted = _statuses(status)
    chosen = [
        f
        for f in found
        if (wanted is None or f.status in wanted) and (team is None or (f.team or UNOWNED) == team)
    ]
    chosen.sort(key=lambda f: f.fingerprint)
    chosen.sort(key=lambda f: (f.severity, f.last_seen), reverse=True)
    return tuple(chosen)


def _statuses(status: str | None) -> set[FindingStatus] | None:
    if status is None:
        return None
    wanted = FindingStatus(status)
    return {wanted, FindingStatus.REOPENED} if wanted is FindingStatus.OPEN else {wanted}


def read_findings(connection: Connection) -> tuple[Finding, ...]:
    """All findings with their history, in no order."""
    history: defaultdict[str, list[Change]] = defaultdict(list)
    for row in connection.execute(select(_CHANGE).order_by(_CHANGE.c.step)):
        history[row.fingerprint].append(
            Change(moment(row.at), FindingStatus(row.status), row.why, row.by)
        )
    return tuple(
        finding_of(row, tuple(history[row.fingerprint]))
        for row in connection.execute(select(_FINDING))
    )


def write_findings(
    connection: Connection, before: Iterable[Finding], after: Iterable[Finding]
) -> bool:
    """Store what changed. Answers whether anything did."""
    known = {finding.fingerprint: finding for finding in before}
    changed = [f for f in after if f != known.get(f.fingerprint)]
    if not changed:
        return False
    replaced = [f.fingerprint for f in changed if f.fingerprint in known]
    for part in _parts(replaced):
        connection.execute(delete(_FINDING).where(_FINDING.c.fingerprint.in_(part)))
    connection.execute(insert(_FINDING), [finding_row(f) for f in changed])
    steps = [
        {"fingerprint": f.fingerprint, "step": step, **change_row(change)}
        for f in changed
        for step, change in enumerate(f.history)
        if f.fingerprint not in known or step >= len(known[f.fingerprint].history)
    ]
    if steps:
        connection.execute(insert(_CHANGE), steps)
    return True


# Verdicts ---------------------------------------------------------------------------------------


def verdicts_of(engine: Engine, key: AssetKey) -> tuple[Verdict, ...]:
    """The newest verdicts about an asset and about writes to it, by policy."""
    asked = select(_VERDICT.c.body).where(_VERDICT.c.asset == digest_of(asset_json(key)))
    with engine.connect() as connection:
        found = connection.execute(asked.order_by(_VERDICT.c.policy, _VERDICT.c.fingerprint))
        return tuple(verdict_of(msgspec.json.decode(body)) for (body,) in found)


def write_verdicts(connection: Connection, verdicts: Iterable[Verdict]) -> bool:
    """Make these the current verdicts. Answers whether anything changed."""
    stored = select(_VERDICT.c.fingerprint, _VERDICT.c.digest)
    known: dict[str, str] = {row.fingerprint: row.digest for row in connection.execute(stored)}
    rows = {
        row["fingerprint"]: row
        for row in map(verdict_row, verdicts)
        if row["outcome"] != Outcome.NOT_APPLICABLE
    }
    new = [row for key, row in rows.items() if known.get(key) != row["digest"]]
    gone = [key for key in known if key not in rows]
    outdated = [*gone, *(row["fingerprint"] for row in new if row["fingerprint"] in known)]
    for part in _parts(outdated):
        connection.execute(delete(_VERDICT).where(_VERDICT.c.fingerprint.in_(part)))
    if new:
        connection.execute(insert(_VERDICT), new)
    return bool(new or gone)


# Scores -----------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class ScorePoint:
    """A score on one day, for a line over time."""

    day: datetime
    floor: float
    ceiling: float
    coverage: float
    level_floor: int | None
    level_ceiling: int | None
    model_digest: str


def scores(engine: Engine) -> ScoreBoard | None:
    """The newest scores; ``None`` before the first assessment."""
    newest = select(func.max(_SCORE.c.day)).scalar_subquery()
    with engine.connect() as connection:
        rows = connection.execute(select(_SCORE).where(_SCORE.c.day == newest)).all()
    if not rows:
        return None
    scopes: defaultdict[str, list[Row[Any]]] = defaultdict(list)
    for row in rows:
        scopes[row.scope].append(row)
    teams = sorted(
        (scope.removeprefix(TEAM) for scope in scopes if scope != ORGANISATION),
        key=lambda team: (team == UNOWNED, team),
    )
    return ScoreBoard(
        as_of=moment(rows[0].as_of),
        model_digest=rows[0].model_digest,
        organisation=score_of(scopes[ORGANISATION]),
        teams=tuple(TeamScore(team, score_of(scopes[TEAM + team])) for team in teams),
    )


def score_history(
    engine: Engine, team: str | None = None, dimension: str = ""
) -> tuple[ScorePoint, ...]:
    """One scope's daily scores, oldest first; overall where no dimension is named."""
    scope = ORGANISATION if team is None else TEAM + team
    asked = select(_SCORE).where(_SCORE.c.scope == scope, _SCORE.c.dimension == dimension)
    with engine.connect() as connection:
        return tuple(
            ScorePoint(
                moment(row.day),
                row.floor,
                row.ceiling,
                row.coverage,
                row.level_floor,
                row.level_ceiling,
                row.model_digest,
            )
            for row in connection.execute(asked.order_by(_SCORE.c.day))
        )


def write_scores(connection: Connection, board: ScoreBoard) -> bool:
    """Make these the scores of their day, unless they are already. Answers whether they were not.

    An older assessment of the same day never replaces a newer one.
    """
    midnight = datetime.combine(board.as_of.astimezone(UTC).date(), time(), UTC)
    day = microseconds(midnight)
    rows = [
        {"day": day, "as_of": microseconds(board.as_of), "model_digest": board.model_digest, **row}
        for row in score_rows(board)
    ]
    stored = connection.execute(select(_SCORE).where(_SCORE.c.day == day)).all()
    if stored and stored[0].as_of > microseconds(board.as_of):
        return False
    if _visible(dict(r._mapping) for r in stored) == _visible(rows):  # noqa: SLF001 - SQLAlchemy's own name for it
        return False
    connection.execute(delete(_SCORE).where(_SCORE.c.day == day))
    connection.execute(insert(_SCORE), rows)
    return True


def _visible(rows: Iterable[Mapping[str, object]]) -> set[tuple[object, ...]]:
    hidden = {"id", "as_of"}
    return {tuple(v for k, v in sorted(row.items()) if k not in hidden) for row in rows}


# Assessments ------------------------------------------------------------------------------------


def newest_assessment(connection: Connection) -> datetime | None:
    """The latest instant that was ever assessed."""
    found = connection.execute(select(func.max(_ASSESSMENT.c.as_of))).scalar()
    return None if found is None else moment(found)


def write_assessment(
    connection: Connection,
    as_of: datetime,
    policy_digest: str,
    model_digest: str,
    counts: Mapping[str, Mapping[str, int]],
) -> None:
    """Keep that the estate was judged, by which policies and which model."""
    connection.execute(
        insert(_ASSESSMENT).values(
            as_of=microseconds(as_of),
            policy_digest=policy_digest,
            model_digest=model_digest,
            counts=to_json(counts),
        )
    )


# Shared -----------------------------------------------------------------------------------------


def _parts(keys: Sequence[str], size: int = 500) -> Iterable[Sequence[str]]:
    # Databases limit how many values one statement may name.
    return (keys[at : at + size] for at in range(0, len(keys), size))
