"""Where a version came from: a paragraph for each version that went into it."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import groupby

import streamlit as st

from dashboard import frame, look, opened, parts, words
from dashboard.lineage_graph.cards import find
from lineage.estate import DataTestStatus, Estate
from lineage.provenance import telling
from lineage.provenance.model import Built, Read, ReadBasis, Story, TestedOn, Version

DISTANCES = ("This version", "One step back", "Two steps back", "Three steps back")


def show(story: Story, estate: Estate) -> None:
    """The story, nearest first."""
    for distance, group in groupby(story.built, key=lambda built: built.distance):
        far = distance >= len(DISTANCES)
        st.subheader(f"{distance} steps back" if far else DISTANCES[distance], anchor=False)
        for built in group:
            _chapter(built, estate)
    if story.sources:
        with parts.card("provenance_sources", "There the story ends", "Nobody is seen writing:"):
            for key in story.sources:
                parts.key_link(key, estate)
    if story.truncated:
        st.caption(
            f"It goes on: only the nearest {words.count(len(story.built), 'version')} are told "
            "here. The command `andon provenance` tells more."
        )


def _chapter(built: Built, estate: Estate) -> None:
    key = f"provenance_{built.distance}_{abs(hash((built.version.dataset, built.run))):x}"
    with st.container(border=True, key=key):
        name = words.plain(parts.asset_of(estate, built.version.dataset))
        st.markdown(f"**{name}** {' '.join(_badges(built))}")
        st.markdown(words.plain(telling.told_of(built, lambda k: parts.asset_of(estate, k))))
        with st.container(horizontal=True, vertical_alignment="center", gap="small"):
            parts.run_link(built.run.job, built.run.run_id, "Its run", built.state.value)
            asset = find(estate, built.version.dataset)
            if asset is not None:
                parts.asset_link(asset)
            opened.button(built.event_id, "provenance", f"{key}_event")
        made_of = [read for read in built.inputs if read.feeds]
        if made_of:
            _made_of(made_of, estate)
        _more(built, key)


def _badges(built: Built) -> Iterator[str]:
    if built.edit is not None:
        label = "looks like a manual edit" if built.edit.is_guess else "manual edit"
        yield f":orange-badge[:material/edit: {label}]"
    if built.gone_at is not None:
        yield ":gray-badge[replaced since]"
    failed = sum(t.status is DataTestStatus.FAIL for t in built.tests)
    if failed:
        yield f":red-badge[:material/cancel: {words.count(failed, 'data test')} failed]"


def _made_of(reads: list[Read], estate: Estate) -> None:
    """What it was made of, each a way to its own story."""
    st.markdown(":gray[:small[Made of]]")
    with st.container(horizontal=True, vertical_alignment="center", gap="small"):
        for read in reads:
            for version in read.versions or (None,):
                _way(read, version, estate)


def _way(read: Read, version: Version | None, estate: Estate) -> None:
    name = words.plain(parts.asset_of(estate, read.dataset))
    if version is None or version.run is None:
        st.markdown(f"{name} :gray[:small[version not known]]", width="content")
        return
    sure = "" if read.basis is not ReadBasis.AMBIGUOUS else " (or another)"
    st.page_link(
        frame.PROVENANCE,
        label=f"{name}{sure}",
        icon=":material/history_edu:",
        query_params={**frame.asked(read.dataset), "version": version.id},
        help=f"Version of {version.at:%Y-%m-%d %H:%M} UTC, known {read.basis.value}"
        if version.at
        else None,
    )


def _more(built: Built, key: str) -> None:
    told = [piece for piece in (built.sql, built.engine, built.tests, built.who) if piece]
    if not told:
        return
    with st.expander("SQL, engine, who and data tests", type="compact", key=f"{key}_more"):
        if built.who is not None:
            st.markdown(
                f"Run by {words.code(built.who.principal)} "
                f":gray[trust {built.who.trust.name}: {words.plain(built.who.how)}]"
            )
        for what, value in parts.code_lines(built.code.place if built.code else None):
            st.markdown(f"{what}: {value}")
        if built.engine is not None and built.engine.name:
            version = f" {built.engine.version}" if built.engine.version else ""
            st.markdown(f"Engine: {words.plain(built.engine.name + version)}")
        for test in built.tests:
            st.markdown(_test(test))
        if built.sql is not None:
            st.code(built.sql.query, language="sql", wrap_lines=True)


def _test(test: TestedOn) -> str:
    colour, icon = look.TEST_STATUSES[test.status.value]
    on = f" on {words.code(test.column)}" if test.column else ""
    return f":{colour}[{icon}] {words.plain(test.name)}{on}"
