"""Pieces that several pages draw alike: cards, findings as sentences, links to assets."""

from __future__ import annotations

import re
from collections.abc import Sequence
from datetime import datetime

import streamlit as st
from streamlit.delta_generator import DeltaGenerator

from catalog.model import AssetKey, Evidence
from dashboard import evidence as excerpts
from dashboard import frame, load, look, words
from dashboard.lineage_graph.cards import find
from lineage.estate import CodeLocation, Dataset, Estate, Job
from lineage.intake import Intake
from lineage.keys import Parentage
from lineage.traits import CodePlace
from policies.model import FeedSubject, Finding

PROOFS_OPEN = 3
"""Events shown in place; of the others only the ids."""


def card(key: str, title: str, note: str = "", *, stretch: bool = False) -> DeltaGenerator:
    """A bordered box with a title and one line of context."""
    box = st.container(border=True, key=key, height="stretch" if stretch else "content")
    box.markdown(f"**{title}**" + (f"  \n:gray[:small[{note}]]" if note else ""))
    return box


def context(text: str) -> None:
    """The line under a page's title."""
    st.caption(text)


def asset_link(asset: Dataset | Job) -> None:
    """A link to an asset's page."""
    st.page_link(
        frame.page_of(asset.key),
        label=words.plain(words.short(asset.display_name)),
        icon=asset_icon(asset),
        query_params=frame.asked(asset.key),
        help=f"{asset.key.kind} {words.code(asset.key.namespace)} {words.code(asset.key.name)}",
    )


def key_link(key: AssetKey, estate: Estate) -> None:
    """A link to an asset's page, or its bare name where it is known by name only."""
    asset = find(estate, key)
    if asset is None:
        st.markdown(f"{words.code(key.namespace)} {words.code(words.short(key.name))}")
    else:
        asset_link(asset)


def run_link(job: AssetKey, run_id: str, label: str, state: str = "unknown") -> None:
    """A link to a run's page."""
    st.page_link(
        frame.RUN,
        label=label,
        icon=look.RUN_STATES[state][1],
        query_params=frame.asked(job, run_id),
        help=f"Run {words.code(run_id)}",
    )


def pager(page: str, *, has_newer: bool, older: str | None) -> None:
    """Buttons to older entries of a list and back; where one stands is in the address."""

    def turn(before: str | None) -> None:
        if before is None:
            del st.query_params["before"]
        else:
            st.query_params["before"] = before

    with st.container(horizontal=True, key=f"{page}_pager"):
        if has_newer:
            st.button("Newest", key=f"{page}_newest", icon=":material/first_page:",
                      type="tertiary", on_click=turn, args=(None,))  # fmt: skip
        if older:
            st.button("Older", key=f"{page}_older", icon=":material/chevron_right:",
                      type="tertiary", on_click=turn, args=(older,))  # fmt: skip


def asset_icon(asset: Dataset | Job) -> str:
    """The icon of a dataset's platform, or of a job."""
    return look.platform_icon(asset.platform) if isinstance(asset, Dataset) else look.JOB_ICON


def sentence(message: str) -> str:
    """A finding's message as Markdown: bold between ``**``, everything else as it is."""
    pieces = re.split(r"\*\*", message)
    return "".join(
        f"**{words.plain(words.short(piece))}**"
        if i % 2 and i < len(pieces) - 1
        else _spaced(piece)
        for i, piece in enumerate(pieces)
    )


def _spaced(piece: str) -> str:
    """Plain Markdown that keeps the blanks around names."""
    lead = " " if piece[:1].isspace() else ""
    tail = " " if piece[-1:].isspace() and piece.strip() else ""
    return f"{lead}{words.plain(piece)}{tail}"


def test_status(status: str, *, is_doubtful: bool) -> str:
    """How a data test ended, and that nobody says so if nobody does."""
    return "not executed, or broken: the producer does not say" if is_doubtful else status


def finding(found: Finding, estate: Estate, now: datetime, key: str, *, is_brief: bool) -> None:
    """A finding as a sentence, with who, which policy and since when.

    Args:
        found: The finding.
        estate: Where its asset is looked up.
        now: For ages.
        key: Unique on the page.
        is_brief: Without its evidence and remedy.
    """
    colour, icon = look.SEVERITIES[found.severity.word]
    severity = f":{colour}-badge[{icon} {found.severity.word.capitalize()}]"
    notes = [
        words.plain(found.title),
        words.plain(found.team or "no team"),
        f"seen {words.age(found.last_seen, now)}",
    ]
    if found.occurrences > 1:
        notes.append(words.count(found.occurrences, "time"))
    if found.is_guess:
        notes.append("rests on a guess")
    if found.is_stale:
        notes.append("no fresh evidence")
    with st.container(gap="xxsmall"):
        st.markdown(f"{severity} {sentence(found.message)}  \n:gray[:small[{' · '.join(notes)}]]")
        asset = _asset(found, estate)
        if not is_brief:
            _more(found, estate, now, key)
        elif asset is not None:
            asset_link(asset)


def _more(found: Finding, estate: Estate, now: datetime, key: str) -> None:
    asset = _asset(found, estate)
    policy = load.policies().get(found.policy)
    pieces = len(found.evidence)
    opened = st.expander(
        f"Why, what to do and {words.count(pieces, 'piece')} of evidence"
        if pieces
        else "Why and what to do",
        type="compact",
        key=f"{key}_{found.fingerprint[:16]}",
        on_change="rerun",
    )
    if not opened.open:  # events are read only for what is looked at
        return
    with opened:
        if policy is not None:
            st.markdown(f"**Why it matters.** {words.plain(policy.why)}")
            st.markdown(f"**What to do.** {words.plain(policy.fix)}")
        status = f"{found.policy} · {found.status.value}"
        first, last = words.clock(found.first_seen, now), words.clock(found.last_seen, now)
        st.markdown(f":gray[:small[{status} · first {first} · last {last}]]")
        for piece in found.evidence:
            if piece.event_id is None:
                st.markdown(_stated(piece, f"declared in {words.code(str(piece.place))}"))
        events = excerpts.by_event(found.evidence)
        for group in events[:PROOFS_OPEN]:
            proof(group, found, estate)
        if rest := [words.code((group[0].event_id or "")[:12]) for group in events[PROOFS_OPEN:]]:
            st.markdown(f":gray[and by {words.count(len(rest), 'more event')}:] {', '.join(rest)}")
        if not found.evidence:
            st.caption("Nothing was received that says otherwise: it is the absence that counts.")
        if asset is not None:
            asset_link(asset)


def _asset(found: Finding, estate: Estate) -> Dataset | Job | None:
    return find(estate, found.subject.asset) if found.subject.asset else None


def proof(pieces: Sequence[Evidence], found: Finding, estate: Estate) -> None:
    """One event: what it proves, and the event with every place that proves it marked."""
    event_id = pieces[0].event_id or ""
    event = load.event(event_id)
    places: list[excerpts.Path] = []
    for piece in pieces:
        path = excerpts.place(event, piece.facet, about(piece, found, estate))
        at = f" at {words.code(excerpts.spelled(path))}" if path else ""
        st.markdown(_stated(piece, f"event {words.code(event_id[:12])}{at}"))
        places += [path] if path else []
    if event is None:
        return
    with st.container(border=True):
        st.html(excerpts.html(excerpts.lines(event, places)))
        if asked := excerpts.run_of(event):
            st.page_link(
                frame.RUN, label="Its run", icon=":material/play_circle:", query_params=asked
            )


def about(piece: Evidence, found: Finding, estate: Estate) -> excerpts.About | None:
    """What evidence speaks of: the finding's asset; for a feed the dataset it names, if any."""
    if not isinstance(found.subject, FeedSubject):
        return found.subject.asset
    namespace = found.subject.namespace
    named = [
        d
        for d in estate.datasets.values()
        if d.key.namespace == namespace and piece.value.endswith(f" {d.display_name}")
    ]
    return max(named, key=lambda d: len(d.display_name)).key if named else namespace


def _stated(piece: Evidence, where: str) -> str:
    value = words.code(words.short(piece.value, most=160))
    return f":material/subdirectory_arrow_right: {value} :gray[{where}]"


def code_lines(code: CodeLocation | CodePlace | None) -> list[tuple[str, str]]:
    """Where code lives, as pairs of what and Markdown; a web address is a link."""
    if code is None:
        return []
    told = {
        "Repository": code.repository or code.url,
        "Version": code.version,
        "Branch": code.branch,
        "Tag": code.tag,
        "Pull request": code.pull_request,
    }
    found = [(what, words.code(value)) for what, value in told.items() if value]
    link = words.link(code.url or "", "open it there")
    return [*found, ("Source", link)] if link else found


def basis_badge(basis: str) -> str:
    """On whose word something is held, as an inline badge."""
    return f":{look.BASES[basis]}-badge[{basis}]"


def parentage(standing: Parentage, key: str = "") -> None:
    """How far to believe what a run names above itself; a mere claim stands out.

    Args:
        standing: How far.
        key: The name of the key that the run came with, if any did.
    """
    if standing is Parentage.CLAIMED:
        who = f"the key {words.plain(key)} does not speak for it" if key else "no key confirms it"
        st.markdown(
            f":orange[:material/warning:] :gray[:small[only a claim, trust E1: {who}, "
            "so this counts as no part of it]]"
        )
    else:
        told = "a key that speaks for it confirms it"
        why = told if standing is Parentage.PROVED else "it says so itself"
        st.markdown(f":gray[:small[trust {standing.trust.name}: {why}]]")


def asset_of(estate: Estate, key: AssetKey) -> str:
    """An asset's display name in short, or its own if nothing else is known of it."""
    asset = find(estate, key)
    return words.short(asset.display_name if asset else key.name)


def producers(intake: Intake, now: datetime, page: str) -> None:
    """Who sends events: how many, since when and until when."""
    note = words.count(len(intake.producers), "producer")
    with card(f"{page}_producers", "Producers", f"{note}, the most recent first", stretch=True):
        for one in intake.producers:
            odd = f" · :orange[{one.warnings:,} with warnings]" if one.warnings else ""
            st.markdown(
                f"**{words.plain(words.producer(one.name))}** "
                f":gray[:small[{words.code(one.name)}]]  \n"
                f":gray[:small[{words.count(one.events, 'event')} · "
                f"first {words.clock(one.first_at, now)} · "
                f"last {words.clock(one.last_at, now)}{odd}]]"
            )
        if not intake.producers:
            st.caption("Nobody has sent an event yet.")
