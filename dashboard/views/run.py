"""Run: how it ended, who ran it, what it touched, and every event that says so."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

import streamlit as st

from catalog.model import AssetKey, Kind, Trust
from dashboard import frame, load, look, opened, parts, words
from dashboard.provenance.asked import Way
from lineage.estate import Estate, Job, RunState
from lineage.keys import Key, Parentage, trust_in
from lineage.principals import Said
from lineage.run_story import (
    EVENTS_MOST,
    Part,
    RawFacet,
    Relative,
    RunStory,
    Spoke,
    is_endless,
    kept_id,
)

TRUSTS = {
    Trust.E0: "a hint only",
    Trust.E1: "the producer says so itself",
    Trust.E2: "by an authenticated key",
}


def page() -> None:
    """Read once, draw from top to bottom, decide nothing."""
    revision, now = frame.revision(), load.now()
    estate = load.estate(revision)
    run_id = kept_id(st.query_params.get("run", ""))
    if not run_id:
        st.switch_page(frame.ASSETS)
    job = _asked(run_id)
    story = load.run(revision, job, run_id) if job else None
    if job is None or story is None:
        st.page_link(frame.ASSETS, label="All assets", icon=":material/arrow_back:")
        st.title("Run", anchor=False)
        _absent(run_id, estate)
        return
    known = estate.find_job(job.namespace, job.name)
    name = words.plain(words.short(known.display_name if known else job.name))
    if known:
        label = f"All runs of {name}"
        asked = frame.asked(known.key)
        st.page_link(frame.JOB, label=label, icon=":material/arrow_back:", query_params=asked)
    state = _state(story, known, revision, now)
    st.title(f"Run of {name}", icon=look.RUN_STATES[state][1], anchor=False)
    st.markdown(f":gray[:small[{words.code(story.line.run_id)} of {words.code(job.namespace)} "
                f"{words.code(job.name)}]]")  # fmt: skip
    st.markdown(_context(story, state, now))
    _endings(story, now)
    if story.error:
        with parts.card("run_error", "Error", "As its producer says"):
            st.code(story.error, language=None, wrap_lines=True)
    key = next((k for k in load.producer_keys() if k.id == story.key_id), None)
    left, right = st.columns([1, 1], gap="small")
    with left:
        _parts("reads", story.inputs, estate)
        is_done = state == RunState.COMPLETE
        _parts(
            "writes",
            story.outputs,
            estate,
            is_announced=not is_done,
            run_id=story.line.run_id if is_done else "",
        )
        _tests(story, estate)
    with right:
        _who(story, key, estate)
        _code(story)
        _relatives(story, key, estate, now)
    _events(story, now)
    _facets(story.facets)
    opened.drawer("run")


def _asked(run_id: str) -> AssetKey | None:
    """The job that the address names, or the only one that has such a run."""
    asked = st.query_params
    if "namespace" in asked and "name" in asked:
        return AssetKey(Kind.JOB, asked["namespace"], asked["name"])
    jobs = load.jobs_of_run(run_id)
    return jobs[0] if len(jobs) == 1 else None


def _absent(run_id: str, estate: Estate) -> None:
    jobs = load.jobs_of_run(run_id)
    if not jobs:
        st.warning("No event of a run with this id has arrived.")
        return
    st.warning("Runs of other jobs have this id. Which one is meant?")
    for job in jobs:
        parts.run_link(job, run_id, words.plain(parts.asset_of(estate, job)))


def _state(story: RunStory, job: Job | None, revision: int, now: datetime) -> str:
    if job is None:
        return story.line.state.value
    if job.last_run_id == story.line.run_id and job.last_state:
        return job.last_state.value  # others may have said how it ended
    runs = load.job_runs(revision, job, "")
    return runs.state(story.line, now, is_endless=is_endless(story)).value


def _context(story: RunStory, state: str, now: datetime) -> str:
    run = story.line
    colour, icon = look.RUN_STATES[state]
    began = "began" if run.has_start else "first heard of"
    ended = "ended" if run.has_ended else "last sign of life"
    pieces = [
        f":{colour}[{icon} **{state.capitalize()}**]",
        f"{began} {words.clock(run.started_at, now, is_exact=True)}",
        f"{ended} {words.clock(run.at, now, is_exact=True)}",
    ]
    if run.duration_s is not None:
        pieces.append(f"took {words.lasted(run.duration_s)}")
    return " · ".join(pieces)


def _endings(story: RunStory, now: datetime) -> None:
    """Both words, where events do not agree on how it ended."""
    if len(story.line.terminals) < 2:
        return
    with parts.card("run_conflict", "Events contradict each other", "The newest one counts"):
        for number, ending in enumerate(story.endings):
            colour, icon = look.RUN_STATES[ending.state.value]
            at = words.clock(ending.at, now, is_exact=True)
            said = f":{colour}[{icon} {ending.state.value}] at {at}"
            with st.container(horizontal=True, vertical_alignment="center", gap="small"):
                st.markdown(said, width="content")
                opened.button(ending.event_id, "run", f"ending_{number}", about="eventType")


def _parts(
    verb: str,
    found: Sequence[Part],
    estate: Estate,
    *,
    is_announced: bool = False,
    run_id: str = "",
) -> None:
    note = words.count(len(found), "dataset")
    if is_announced and found:
        note += ", announced: no successful end says that it was done"
    with parts.card(f"run_{verb}", verb.capitalize(), note):
        for part in found:
            told = [part.operation.lower()]
            if part.rows is not None:
                told.append(words.count(part.rows, "row"))
            if part.size_bytes is not None:
                told.append(words.size(part.size_bytes))
            with st.container(horizontal=True, vertical_alignment="center", gap="xsmall"):
                dataset = estate.find(part.key.namespace, part.key.name)
                parts.key_link(dataset.key if dataset else part.key, estate)
                note = words.plain(" · ".join(told))
                st.markdown(f":gray[:small[{note}]]", width="content")
                if run_id and dataset:
                    _built_on(dataset.key, run_id)
        if not found:
            st.caption("None was named.")


def _built_on(dataset: AssetKey, run_id: str) -> None:
    """The way to all that was built from what the run left there."""
    st.page_link(
        frame.PROVENANCE,
        label="Built on it",
        icon=":material/history_edu:",
        query_params={**frame.asked(dataset), "version": run_id, "provenance_way": Way.ON.value},
        help="Every dataset and report that was built from what this run wrote",
    )


def _tests(story: RunStory, estate: Estate) -> None:
    if not story.tests:
        return
    note = words.count(len(story.tests), "result")
    with parts.card("run_tests", "Data tests it reported", note):
        for number, test in enumerate(story.tests):
            status = test.status.value if test.status else "no answer yet"
            colour, icon = look.TEST_STATUSES.get(status, ("gray", ":material/pending:"))
            result = test.result
            on = f" on {words.code(result.column)}" if result.column else ""
            of = words.plain(parts.asset_of(estate, test.dataset)) if test.dataset else ""
            told = parts.test_status(status, is_doubtful=test.is_doubtful)
            notes = [told, *([of] if of else [])]
            if result.expected or result.actual:
                expected, actual = (words.plain(x or "?") for x in (result.expected, result.actual))
                notes.append(f"expected {expected}, was {actual}")
            if result.blocking:
                notes.append("stops the line")
            name = words.plain(result.title or result.name)
            st.markdown(f":{colour}[{icon}] **{name}**{on}  \n:gray[:small[{' · '.join(notes)}]]")
            if number == 0:
                opened.button(test.event_id, "run", "tests", label="The event that reports them")


def _who(story: RunStory, key: Key | None, estate: Estate) -> None:
    with parts.card("run_who", "Who ran it", "And how we know"):
        said, run = story.principal, story.line
        if run.principal is None:
            st.caption("No event of it names anybody.")
        else:
            lines = [words.code(run.principal)]
            if run.trust is not None:
                lines.append(f":gray[:small[{_trust(story, run.trust, key, estate)}]]")
            if said is not None:
                lines.append(f":gray[:small[{_said(said, run.principal)}]]")
            with st.container(gap="xxsmall"):
                st.markdown("  \n".join(lines))
                opened.button(story.event_id, "run", "who", about=said.place if said else "")
        st.markdown(f":gray[:small[reported by {words.code(story.producer)}]]")


def _trust(story: RunStory, trust: Trust, key: Key | None, estate: Estate) -> str:
    """How far to believe it: a key says who ran it only where it is for what the run wrote."""
    for part in story.outputs if trust is Trust.E2 else ():
        dataset = estate.find(part.key.namespace, part.key.name)
        claim = dataset.environment if dataset else None
        where = claim.value if claim else None
        if trust_in(key, [part.key.namespace], where) is not Trust.E2:
            place = f"this is {where}" if where else "of what it writes nobody knows where it is"
            only = key.environment if key else None
            return f"trust E1: by a key for {only or 'elsewhere'}, and {place}"
    return f"trust {trust.name}: {TRUSTS.get(trust, '')}"


def _said(said: Said, counts: str) -> str:
    who = "it" if said.principal == counts else words.code(said.principal)
    how = f", run {words.plain(said.how)}" if said.how else ""
    for_whom = f", on behalf of {words.code(said.on_behalf_of)}" if said.on_behalf_of else ""
    return f"its events name {who} at {words.code(said.place)}{how}{for_whom}"


def _code(story: RunStory) -> None:
    with parts.card("run_code", "Code", "What ran"):
        lines = parts.code_lines(story.code)
        if lines:
            st.markdown("  \n".join(f":gray[{what}] {told}" for what, told in lines))
        else:
            st.caption("Where its code lives was not reported.")


def _relatives(story: RunStory, key: Key | None, estate: Estate, now: datetime) -> None:
    if story.parent is None and not story.children:
        return
    claims = sum(child.standing is Parentage.CLAIMED for child in story.children)
    below = len(story.children) - claims
    note = f"{words.count(below, 'run')} below" if below else "It started no run that was seen"
    note += f", {words.count(claims, 'more run claims', 'more runs claim')} it" if claims else ""
    with parts.card("run_relatives", "Above and below", note):
        if story.root is not None and story.parent and story.root != story.parent.job:
            is_claim = story.root_standing is Parentage.CLAIMED
            with st.container(horizontal=True, vertical_alignment="center", gap="xsmall"):
                verb = "claims as its root" if is_claim else "started by"
                st.markdown(f":gray[{verb}]", width="content")
                parts.key_link(story.root, estate)
        if story.parent is not None:
            is_claim = story.parent.standing is Parentage.CLAIMED
            verb = "claims as its parent" if is_claim else "part of"
            _relative(verb, story.parent, estate, now)
            parts.parentage(story.parent.standing, key.name if key else "")
        for child in story.children:
            is_claim = child.standing is Parentage.CLAIMED
            verb = "claimed as its parent, which no key confirms, by" if is_claim else "started"
            _relative(verb, child, estate, now)


def _relative(verb: str, run: Relative, estate: Estate, now: datetime) -> None:
    name = words.plain(parts.asset_of(estate, run.job)) if run.job else words.plain(run.run_id)
    with st.container(horizontal=True, vertical_alignment="center", gap="xsmall"):
        st.markdown(f":gray[{verb}]", width="content")
        if run.line is None:
            st.markdown(f"{name} :gray[:small[no event of its own has arrived]]", width="content")
            return
        state = run.line.state.value
        parts.run_link(run.line.job, run.run_id, name, state)
        at = words.clock(run.line.at, now)
        st.markdown(f":gray[:small[{state} · {at}]]", width="content")


def _events(story: RunStory, now: datetime) -> None:
    asked = st.query_params.get("before", "")
    before = int(asked) if asked.isdecimal() and len(asked) < 19 else None
    shown = load.run_events(story.pk, before)
    note = f"{words.count(story.events, 'event')}, the last to arrive first"
    with parts.card("run_events", "Events", note):
        keys = {key.id: key.name for key in load.producer_keys()} if _has_keys(shown) else {}
        for one in shown:
            _event(one, keys, now)
        older = shown[-1].seq if len(shown) == EVENTS_MOST else None
        parts.pager("run", has_newer=before is not None, older=str(older) if older else None)


def _has_keys(shown: Sequence[Spoke]) -> bool:
    return any(one.key_id is not None for one in shown)


def _event(one: Spoke, keys: dict[int, str], now: datetime) -> None:
    at, arrived = (words.clock(t, now, is_exact=True) for t in (one.at, one.received_at))
    notes = [at, f"arrived {arrived}"]
    if one.key_id is not None:
        name = words.plain(keys.get(one.key_id, "unknown"))
        outside = ", outside its scope" if one.is_out_of_scope else ""
        notes.append(f"with the key {name}{outside}")
    with st.container(horizontal=True, vertical_alignment="center", gap="small"):
        st.markdown(
            f"**{words.plain(one.type or 'without a type')}** :gray[:small[{' · '.join(notes)}]]",
            width="content",
        )
        opened.button(one.event_id, "run", str(one.seq))


def _facets(facets: Sequence[RawFacet]) -> None:
    with parts.card("run_facets", "Facets", "The newest body of each, as it was sent"):
        if not facets:
            st.caption("No event of it carries a facet.")
            return
        by_path = {facet.path: facet for facet in facets}
        chosen = st.selectbox(
            "Facet",
            list(by_path),
            index=None,
            placeholder=f"Choose one of {words.count(len(facets), 'facet')}",
            key="run_facet",
            label_visibility="collapsed",
        )
        if chosen in by_path:
            st.json(dict(by_path[chosen].body), expanded=3)
            name = chosen.rsplit(".", 1)[-1]
            opened.button(by_path[chosen].event_id, "run", "facet", about=name)


if __name__ == "__main__":
    page()
