"""Intake: whether lineage arrives and why not, who sends it, what was odd and what was refused."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Literal

import streamlit as st

from catalog.moments import microseconds
from dashboard import frame, load, opened, parts, standing, words
from lineage.conformance import OTHER_KINDS
from lineage.diagnosis import SILENT_AFTER, Diagnosis, Problem, diagnose
from lineage.intake import Intake, Producer, Rejection, Spoken, WarningCount
from lineage.replaying import Answer, replay
from lineage.suggestions import Suggested, Suggestion

ALSO_MOST = 6
NAMESPACES_MOST = 3
NAMES_MOST = 10
LINES_MOST = 200
EVIDENCE = {
    "runs": "runs",
    "data_tests": "data tests",
    "owners": "owners",
    "code_location": "code location",
    "principals": "principals",
    "statistics": "statistics",
}


def page() -> None:
    """Read once, draw from top to bottom, decide nothing."""
    revision, now = frame.revision(), load.now()
    intake = load.intake(revision)
    st.title("Intake", anchor=False)
    found = diagnose(intake.counts, now, frame.address(st.context.url))
    if not intake.producers and not intake.rejections:
        parts.context("Whether lineage arrives, and who sends it")
        _verdict(found)
        frame.nothing_yet("intake")
        return
    parts.context(
        f"{words.count(intake.events, 'event')} from "
        f"{words.count(len(intake.producers), 'producer')} kept · nothing is dropped silently"
    )
    _verdict(found)
    frame.banner(load.estate(revision))
    _tiles(intake)
    _kept(intake)
    _producers(intake, now)
    left, right = st.columns([1, 1], gap="small")
    with left:
        _rejections(intake, now)
    with right:
        note = "What breaks the schemas; each kind once, the most frequent first"
        _warnings("warnings", "Warnings", note, intake.warnings)
        if intake.others:
            note = "Kept, and against no schema; each kind once"
            _warnings("others", "Odd in other ways", note, intake.others)
    _names(load.suggested(revision))
    with st.expander("Connect another producer", icon=":material/add_link:"):
        frame.nothing_yet("intake_more")
    opened.drawer("intake")


def _verdict(found: Sequence[Diagnosis]) -> None:
    first, *others = found
    with st.container(border=True, key="intake_verdict"):
        colour, icon = _mark(first)
        st.markdown(
            f":{colour}[{icon}] **{words.plain(first.sentence)}**"
            + (f"  \n{words.plain(first.remedy)}" if first.remedy else "")
            + f"  \n:gray[:small[{words.plain(first.evidence)}]]"
        )
        for other in others[:ALSO_MOST]:
            colour, icon = _mark(other)
            st.markdown(
                f":{colour}[{icon}] {words.plain(other.sentence)}  \n"
                f":gray[:small[{words.plain(other.remedy)} · {words.plain(other.evidence)}]]"
            )
        if len(others) > ALSO_MOST:
            st.caption(f"and {words.count(len(others) - ALSO_MOST, 'more such sentence')}")


def _mark(one: Diagnosis) -> tuple[str, str]:
    if one.problem is Problem.NONE:
        return "green", ":material/check_circle:"
    if one.problem is Problem.NOTHING:
        return "gray", ":material/inbox:"
    return ("red", ":material/error:") if one.is_emptying else ("orange", ":material/warning:")


def _kept(intake: Intake) -> None:
    """That something is removed by age; that nothing is needs no word."""
    days, removed = load.keep_days(), intake.removed
    told = []
    if days:
        told.append(f"What later events of a run say again is kept for {words.count(days, 'day')}.")
    if removed is not None:
        told.append(
            f"Of {words.count(removed.events, 'event')} only the entry in the log is left, the "
            f"last removed on {removed.last_at:%Y-%m-%d} by {words.code(removed.removed_by)}. "
            f"Every instant from {removed.until:%Y-%m-%d %H:%M} UTC on is known exactly."
        )
    if told:
        st.caption(f":material/auto_delete: {' '.join(told)}")


def _tiles(intake: Intake) -> None:
    tiles = [
        ("Events kept", intake.events, "each of them once"),
        ("Sent again", intake.repeats, "known already"),
        ("With warnings", sum(p.warnings for p in intake.producers), _broken(intake)),
        ("Refused", intake.rejected, "could not be taken"),
    ]
    with st.grid(4, min_column_width=190, gap="small"):
        for label, number, note in tiles:
            st.metric(
                label,
                f"{number:,}",
                note,
                delta_color="off",
                delta_arrow="off",
                border=True,
                height="stretch",
            )


def _broken(intake: Intake) -> str:
    broken = sum(p.breaches for p in intake.producers)
    return f"kept; {broken:,} of them break the schemas"


def _producers(intake: Intake, now: datetime) -> None:
    note = f"{words.count(len(intake.producers), 'producer')}, the most recent first"
    with parts.card("intake_producers", "Producers", note):
        for number, one in enumerate(intake.producers):
            with st.container(gap="xxsmall"):
                st.markdown(_producer(one, now))
                label = "What it speaks of"
                if one.spoken:
                    with st.expander(label, type="compact", key=f"intake_of_{number}"):
                        _spoken(one.spoken, now)
        if not intake.producers:
            st.caption("Nobody has sent an event that could be kept.")


def _producer(one: Producer, now: datetime) -> str:
    share = one.conformance.share
    conforms = f"{words.percent(share)} conform" if share is not None else "conformance not known"
    colour = "gray" if share == 1 else "orange"
    return (
        f"**{words.plain(words.producer(one.name))}** :gray[:small[{words.code(one.name)}]]"
        f"{_silence(one.heard_at, now)}  \n"
        f":gray[:small[{words.count(one.events, 'event')}, "
        f"{words.pace(one.events, one.first_at, one.last_at)} · "
        f"since {words.clock(one.first_at, now)} · last {words.clock(one.last_at, now)}]]  \n"
        f":{colour}[:small[{conforms}]] "
        f":gray[:small[{words.plain(one.conformance.explanation)}{_others(one)}]]"
    )


def _others(one: Producer) -> str:
    """What else is odd, and is no matter of the schemas."""
    if not one.others:
        return ""
    told = (f"{OTHER_KINDS[kind]} ({number:,})" for kind, number in one.others.items())
    return f" Also told, and not counted there: {'; '.join(told)}."


def _silence(last: datetime, now: datetime) -> str:
    if now - last <= SILENT_AFTER:
        return ""
    return f" :orange[:small[:material/volume_off: silent for {(now - last).days} days]]"


def _spoken(spoken: Sequence[Spoken], now: datetime) -> None:
    """One line for each kind of evidence: where, how often, since when, whether it is silent."""
    for kind, label in EVIDENCE.items():
        those = [s for s in spoken if s.evidence.value == kind]
        if not those:
            st.markdown(f":gray[:material/remove: {label}  \n:small[never]]")
            continue
        first, last = min(s.first_at for s in those), max(s.last_at for s in those)
        events = sum(s.events for s in those)
        where = words.listed((words.code(s.namespace) for s in those), most=NAMESPACES_MOST)
        st.markdown(
            f":material/check: {label} :gray[on] {where}{_silence(last, now)}  \n"
            f":gray[:small[{words.count(events, 'mention')}, {words.pace(events, first, last)} · "
            f"since {words.clock(first, now)} · last {words.clock(last, now)}]]"
        )


def _rejections(intake: Intake, now: datetime) -> None:
    note = "What was sent and could not be taken, the newest first"
    with parts.card("intake_rejections", "Refused", note):
        _answered()
        still = [r for r in intake.rejections if r.replayed_at is None]
        done = [r for r in intake.rejections if r.replayed_at is not None]
        for refused in still:
            _rejection(refused, now)
        if not still:
            nothing = "Nothing that was refused is open." if done else "Nothing was refused."
            st.markdown(f":green[:material/check_circle:] {nothing}")
        if done:
            with st.expander(f"{words.count(len(done), 'replayed one')}", type="compact"):
                for refused in done:
                    _rejection(refused, now)


def _rejection(refused: Rejection, now: datetime) -> None:
    expected = (
        f"  \n:gray[:small[expected {words.plain(refused.expected)}]]" if refused.expected else ""
    )
    where = f" at {words.code(refused.path)}" if refused.path else ""
    st.markdown(
        f":red[:material/block:] **{words.plain(refused.detail)}**{where}{expected}  \n"
        f":gray[:small[{refused.status} · {words.plain(refused.source)} · "
        f"{words.clock(refused.received_at, now)}]]"
    )
    if refused.replayed_at is not None:
        _outcome(refused, words.clock(refused.replayed_at, now))
        return
    if refused.excerpt:
        st.code(refused.excerpt, language=None, wrap_lines=True, height=_height(refused.excerpt))
    if not refused.is_whole:
        st.caption("Only its beginning is kept, so it cannot be replayed: it has to be sent again.")
    elif load.receiver() is not None:
        st.button(
            "Replay",
            key=f"intake_replay_{refused.id}",
            icon=":material/replay:",
            help="Send it through the receiver again, as it was kept: without its secrets",
            on_click=_replay,
            args=(refused.id,),
        )


def _height(text: str) -> int | Literal["content"]:
    """A long excerpt scrolls in place, so that the next one is not pages away."""
    return 160 if len(text) > 400 or text.count("\n") > 6 else "content"


def _outcome(refused: Rejection, at: str) -> None:
    if refused.replayed_event is None:
        st.markdown(f":gray[:small[:material/replay: replayed {at}, and refused again]]")
        return
    st.markdown(f":green[:material/check_circle:] :gray[:small[replayed {at}, and kept]]")
    opened.button(refused.replayed_event, "intake", f"replayed_{refused.id}")


def _replay(number: int) -> None:
    receiver = load.receiver()
    if receiver is None:
        return
    at = microseconds(datetime.now(UTC))  # as the receiver stamps what arrives
    st.session_state["intake_answer"] = _told(replay(load.engine(), receiver, number, at))


def _told(answer: Answer) -> tuple[bool, str]:
    """Whether it was kept, and what the receiver said."""
    receipt = answer.receipt
    if receipt is None:
        return False, answer.why_not
    if receipt.refusal is None:
        odd = words.count(len(receipt.oddities), "warning")
        return True, f"Kept ({receipt.status}), with {odd}: event {receipt.event_id}"
    refusal = receipt.refusal
    where = f" at {refusal.path}" if refusal.path else ""
    expected = f"; expected {refusal.expected}" if refusal.expected else ""
    return False, f"Refused again, {refusal.status}: {refusal.detail}{where}{expected}"


def _answered() -> None:
    """What became of the replay that the viewer has just asked for."""
    answer = st.session_state.pop("intake_answer", None)
    if answer is not None:
        is_kept, text = answer
        (st.success if is_kept else st.warning)(words.plain(text))


def _warnings(key: str, title: str, note: str, listed: Sequence[WarningCount]) -> None:
    with parts.card(f"intake_{key}", title, note):
        for number, warned in enumerate(listed):
            _warning(warned, f"{key}_{number}")
        if not listed:
            st.markdown(":green[:material/check_circle:] Nothing breaks the schemas.")


def _warning(warned: WarningCount, key: str) -> None:
    sender = words.plain(words.short(words.producer(warned.producer), 40))
    senders = sender if warned.producers == 1 else words.count(warned.producers, "producer")
    where = f" · {words.code(warned.path)}" if warned.path else ""
    with st.container(gap="xxsmall"):
        st.markdown(
            f":orange[:material/warning:] {words.plain(warned.message)}  \n"
            f":gray[:small[{words.count(warned.events, 'event')} from {senders}{where}]]"
        )
        label = "An event that has it"
        opened.button(warned.event_id, "intake", f"warned_{key}", label=label, about=warned.path)


def _names(suggested: Suggested) -> None:
    """Names that may be one, with the lines that would join them; nothing if there are none."""
    aliases, held_back = suggested.aliases, suggested.held_back
    if not aliases and not held_back:
        return
    note = "Never joined by itself: two spellings can be two datasets. Declare those that are one"
    with parts.card("intake_names", "Names that may be one", note):
        for alias in aliases[:NAMES_MOST]:
            st.markdown(_alias(alias))
        if len(aliases) > NAMES_MOST:
            st.caption(f"and {words.count(len(aliases) - NAMES_MOST, 'more pair')}")
        standing.held_back(held_back[:NAMES_MOST])
        if aliases:
            label = f"{words.count(min(len(aliases), LINES_MOST), 'line')} to declare"
            with st.expander(label, icon=":material/content_copy:", type="compact"):
                standing.to_declare(aliases[:LINES_MOST])


def _alias(alias: Suggestion) -> str:
    one, other = (
        words.code(namespace) + (f" {words.code(name)}" if name is not None else "")
        for namespace, name in (
            (alias.namespace, alias.name),
            (alias.is_namespace, alias.is_name),
        )
    )
    is_whole = alias.name is None
    return (
        f":material/call_merge: {'Everything in ' if is_whole else ''}{one} may be "
        f"{'in ' if is_whole else ''}{other}  \n"
        f":gray[:small[because {words.plain(alias.why)}]]"
    )


if __name__ == "__main__":
    page()
