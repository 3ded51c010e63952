"""What is printed of answers about the graph: text, JSON, CSV, and DOT for Graphviz. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence

from catalog.model import AssetKey, Kind
from catalog.shapes import asset_json, evidence_json, instant
from catalog.wording import counted, minute
from lineage.graph.changes import Change, ChangeKind, EdgeState, Subject, Thing, Value
from lineage.graph.impact import Backward, Cause, Impact, Impacted
from lineage.graph.model import LastRun, Lineage, Link, Standing, Support
from lineage.graph.paths import Paths
from lineage.graph.tabular import Row, plain, table

CUT = "One answer holds no more: ask from an asset that is nearer to the rest."


# What stands around an asset --------------------------------------------------------------------

LINEAGE_HEAD = ("distance", "side", "kind", "namespace", "name")


def lineage_rows(answer: Lineage) -> Iterator[Row]:
    """One row for each asset, in the answer's order."""
    for node in answer.nodes:
        key = node.key
        yield node.distance, node.side.value, key.kind.value, key.namespace, key.name


def lineage_text(answer: Lineage) -> str:
    """For people."""
    links = answer.links
    faded = [link for link in links if not link.current]
    told = f"{counted(len(answer.nodes), 'asset')}, {counted(len(links), 'edge')}"
    told += f", {len(faded):,} of them not current any more" if faded else ""
    lines = [
        f"Around {answer.root.name}, as of {minute(answer.as_of)}: {told}.",
        "",
        table(LINEAGE_HEAD, lineage_rows(answer)),
    ]
    if faded:
        lines += ["", "Not current any more, and last seen:"]
        lines += [f"  {_arrow(link)}  {_seen(link)}" for link in faded]
    hidden = answer.hidden
    if hidden.up or hidden.down:
        lines += ["", f"Not shown, one hop further: {hidden.up:,} up, {hidden.down:,} down."]
    if answer.truncated:
        lines.append(CUT)
    return "\n".join(lines)


def lineage_json(answer: Lineage) -> dict[str, object]:
    """As the commands promise it."""
    return {
        "root": asset_json(answer.root),
        "as_of": instant(answer.as_of),
        "nodes": [_node_json(node) for node in answer.nodes],
        "edges": [link_json(link) for link in answer.links],
        "truncated": answer.truncated,
        "hidden": {"up": answer.hidden.up, "down": answer.hidden.down},
    }


def link_json(link: Link) -> dict[str, object]:
    """An edge."""
    return {
        "source": asset_json(link.source),
        "target": asset_json(link.target),
        "jobs": [asset_json(job) for job in link.jobs],
        "basis": link.basis.value,
        "observed": link.observed,
        "declared": link.declared,
        "current": link.current,
        "provisional": link.provisional,
        "first_seen": instant(link.first_seen) if link.first_seen else None,
        "last_seen": instant(link.last_seen) if link.last_seen else None,
    }


def lineage_dot(answer: Lineage) -> str:
    """For Graphviz: jobs in boxes, the root bold, what is not current dashed."""
    names = {node.key: f"n{number}" for number, node in enumerate(answer.nodes)}
    lines = ["digraph lineage {", "  rankdir=LR;"]
    for key, name in names.items():
        shape = "box" if key.kind is Kind.JOB else "ellipse"
        bold = ", penwidth=2" if key == answer.root else ""
        label = f"{_quoted(key.name)}, tooltip={_quoted(key.namespace)}"
        lines.append(f"  {name} [label={label}, shape={shape}{bold}];")
    for link in answer.links:
        style = "" if link.current else " [style=dashed, color=gray]"
        style = " [style=dotted]" if link.provisional else style
        lines.append(f"  {names[link.source]} -> {names[link.target]}{style};")
    return "\n".join([*lines, "}"])


def _node_json(node: Standing) -> dict[str, object]:
    return {**asset_json(node.key), "distance": node.distance, "side": node.side.value}


def _arrow(link: Link) -> str:
    return f"{plain(link.source.name)} -> {plain(link.target.name)}"


def _seen(link: Link) -> str:
    return minute(link.last_seen) if link.last_seen else "never"


def _quoted(text: str) -> str:
    escaped = text.replace("\\", "\\\\").replace('"', '\\"')
    return '"' + "".join(c if c.isprintable() else " " for c in escaped) + '"'


# Paths ------------------------------------------------------------------------------------------

Supported = Mapping[tuple[AssetKey, AssetKey], Support]
"""What each hop rests on."""


def paths_json(found: Paths, supports: Supported) -> list[dict[str, object]]:
    """As the commands promise it."""
    return [{"hops": [_hop_json(hop, supports[hop.ends]) for hop in path]} for path in found.paths]


def paths_text(found: Paths, supports: Supported) -> str:
    """For people: one hop a line."""
    lines = []
    for number, path in enumerate(found.paths, 1):
        lines.append(f"{number}. {counted(len(path), 'hop')}")
        lines += [f"   {line}" for hop in path for line in _hop_lines(hop, supports[hop.ends])]
    if found.is_cut:
        lines.append(f"There are more ways as short; these are {len(found.paths)} of them.")
    return "\n".join(lines)


def no_path_text(found: Paths, *, is_reverse: bool) -> str:
    """That there is no way, and whether there is one the other way round."""
    source, target = plain(found.source.name), plain(found.target.name)
    other = "there is one" if is_reverse else "nor is there one"
    return f"No data goes from {source} to {target}; {other} the other way round."


def _hop_json(hop: Link, support: Support) -> dict[str, object]:
    return {
        "from": asset_json(hop.source),
        "to": asset_json(hop.target),
        "jobs": [asset_json(job) for job in hop.jobs],
        "last_run": run_json(support.last_run),
        "evidence": evidence_json(support.evidence) if support.evidence else None,
        "basis": hop.basis.value,
        "provisional": hop.provisional,
    }


def _hop_lines(hop: Link, support: Support) -> Iterator[str]:
    yield _arrow(hop)
    jobs = ", ".join(plain(job.name) for job in hop.jobs) or "no job: it is declared"
    ran = support.last_run
    run = f"last run {ran.run_id}, {ran.state.value}, {minute(ran.at)}" if ran else "never ran"
    yield f"  by {jobs}; {run}; basis {hop.basis.value}"
    if support.evidence is not None and support.evidence.event_id:
        yield f"  event {support.evidence.event_id}"


def run_json(run: LastRun | None) -> dict[str, object] | None:
    """A run of which is told how and when it ended."""
    if run is None:
        return None
    return {
        "id": run.run_id,
        "job": asset_json(run.job),
        "state": run.state.value,
        "at": instant(run.at),
    }


# Changes ----------------------------------------------------------------------------------------

_SIGNS = {"added": "+", "removed": "-", "changed": "~"}


def changes_json(found: Iterable[Change]) -> list[dict[str, object]]:
    """As the commands promise it."""
    return [
        {
            "change": one.change.value,
            "what": one.subject.what.value,
            "subject": subject_json(one.subject),
            "old": None if one.change is ChangeKind.ADDED else _value_json(one.subject, one.old),
            "new": None if one.change is ChangeKind.REMOVED else _value_json(one.subject, one.new),
            "at": instant(one.at) if one.at else None,
        }
        for one in found
    ]


def changes_text(found: Sequence[Change]) -> str:
    """For people: one change a line."""
    if not found:
        return "Nothing became different."
    lines = [_change_line(one) for one in found]
    return "\n".join([*lines, "", f"{counted(len(found), 'change')}."])


def subject_json(subject: Subject) -> dict[str, object]:
    """What a change is about."""
    if subject.source is not None:
        ends = {"source": asset_json(subject.source), "target": asset_json(subject.asset)}
        return {"kind": Thing.EDGE.value, **ends}
    return asset_json(subject.asset)


def _value_json(subject: Subject, value: Value) -> object:
    if isinstance(value, EdgeState):
        return {
            "jobs": [asset_json(job) for job in value.jobs],
            "basis": value.basis.value,
            "observed": value.observed,
            "declared": value.declared,
            "provisional": value.provisional,
        }
    if subject.what is Thing.COLUMN:
        return {"name": subject.detail, "type": value}
    if subject.what is Thing.OWNER:
        return {"principal": subject.detail, "basis": value}
    return asset_json(subject.asset)


def _change_line(one: Change) -> str:
    subject = one.subject
    name = plain(subject.asset.name)
    what = f"{subject.asset.kind.value if subject.what is Thing.ASSET else subject.what.value}"
    if subject.source is not None:
        name = f"{plain(subject.source.name)} -> {name}"
    elif subject.detail:
        name = f"{name}: {plain(subject.detail)}"
    told = [_said(value) for value in (one.old, one.new) if _said(value)]
    at = minute(one.at) if one.at else "-"
    return f"{at:<20} {_SIGNS[one.change.value]} {what:<8} {name}  {' to '.join(told)}".rstrip()


def _said(value: Value) -> str:
    if isinstance(value, EdgeState):
        jobs = ", ".join(plain(job.name) for job in value.jobs)
        return f"({value.basis.value}{f' by {jobs}' if jobs else ''})"
    return plain(value) if value else ""


# Impact and causes ------------------------------------------------------------------------------

IMPACT_HEAD = (
    "distance", "namespace", "name", "owner", "team", "tier", "environment", "zone", "station",
    "last_run", "last_state", "last_at", "failing_tests",
)  # fmt: skip
CAUSES_HEAD = ("at", "change", "said", "station", "distance", "kind", "namespace", "name", "event")


def impact_rows(found: Impact) -> Iterator[Row]:
    """One row for each dataset that stands on the root."""
    for row in found.rows:
        run = row.last_run
        yield (
            row.distance, row.key.namespace, row.key.name, row.owner, row.team, row.tier,
            row.environment.value if row.environment else None,
            row.zone.value if row.zone else None, row.station.value,
            run.run_id if run else None, run.state.value if run else None,
            instant(run.at) if run else None, ", ".join(row.failing_tests),
        )  # fmt: skip


def impact_text(found: Impact) -> str:
    """For people."""
    if not found.rows:
        return f"Nothing stands on {plain(found.root.name)}, as of {minute(found.as_of)}."
    teams = sorted({row.team for row in found.rows if row.team})
    head = ("distance", "name", "owner", "tier", "env", "station", "last run", "failing tests")
    rows = [
        (
            row.distance, row.display_name, row.owner, row.tier,
            row.environment.value if row.environment else None, row.station.value,
            f"{row.last_run.state.value} {minute(row.last_run.at)}" if row.last_run else None,
            ", ".join(row.failing_tests) or None,
        )
        for row in found.rows
    ]  # fmt: skip
    told = f"{counted(len(rows), 'dataset')} of {counted(len(teams), 'team')}"
    lines = [f"On {plain(found.root.name)} stand {told}, as of {minute(found.as_of)}."]
    lines += ["", table(head, rows)]
    return "\n".join(lines + ([CUT] if found.truncated else []))


def impact_json(found: Impact) -> dict[str, object]:
    """The same rows as text and CSV."""
    return {
        "root": asset_json(found.root),
        "as_of": instant(found.as_of),
        "rows": [_impacted_json(row) for row in found.rows],
        "truncated": found.truncated,
    }


def causes_rows(found: Iterable[Cause]) -> Iterator[Row]:
    """One row for each, what changed last first."""
    for one in found:
        key = one.asset
        event = next((e.event_id for e in one.evidence if e.event_id), None)
        yield (
            instant(one.at), one.change.value, one.said, one.station.value, one.distance,
            key.kind.value, key.namespace, key.name, event,
        )  # fmt: skip


def causes_text(root: AssetKey, found: Sequence[Cause]) -> str:
    """For people."""
    if not found:
        return f"At and above {plain(root.name)} nothing changed that is known of."
    head = ("at", "what", "station", "distance", "name", "said")
    rows = (
        (minute(c.at), c.change.value, c.station.value, c.distance, c.asset.name, c.said)
        for c in found
    )
    many = counted(len(found), "possible cause")
    return f"{many} at or above {plain(root.name)}, the latest first.\n\n{table(head, rows)}"


def causes_json(found: Iterable[Cause]) -> list[dict[str, object]]:
    """The same rows as text and CSV."""
    return [
        {
            "asset": asset_json(one.asset),
            "change": one.change.value,
            "at": instant(one.at),
            "said": one.said,
            "station": one.station.value,
            "distance": one.distance,
            "evidence": [evidence_json(e) for e in one.evidence],
        }
        for one in found
    ]


def _impacted_json(row: Impacted) -> dict[str, object]:
    return {
        **asset_json(row.key),
        "distance": row.distance,
        "owner": row.owner,
        "team": row.team,
        "tier": row.tier,
        "environment": row.environment.value if row.environment else None,
        "zone": row.zone.value if row.zone else None,
        "station": row.station.value,
        "last_run": run_json(row.last_run),
        "failing_tests": list(row.failing_tests),
    }


# Cycles and backward flows ----------------------------------------------------------------------


def flows_text(found: Sequence[Sequence[AssetKey]], backward: Sequence[Backward]) -> str:
    """For people."""
    lines = [f"{counted(len(found), 'cycle')}: data that comes back to where it came from."]
    lines += ["  " + " -> ".join(plain(key.name) for key in (*w, w[0])) for w in found]
    lines += ["", f"{counted(len(backward), 'backward flow')}: from a station to one before it."]
    for flow in backward:
        lines.append(f"  {_arrow(flow.link)}  ({flow.source} to {flow.target})")
    return "\n".join(lines)


def flows_json(
    found: Sequence[Sequence[AssetKey]], backward: Sequence[Backward]
) -> dict[str, object]:
    """The same as text."""
    return {
        "cycles": [[asset_json(key) for key in way] for way in found],
        "backward": [
            {**link_json(flow.link), "from": flow.source.value, "to": flow.target.value}
            for flow in backward
        ],
    }
