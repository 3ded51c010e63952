"""Provenance: how one version of a dataset came to be, and what was built on it, as a story."""

from __future__ import annotations

from datetime import UTC, datetime
from functools import partial

import streamlit as st

from catalog.errors import UserError
from catalog.model import AssetKey
from catalog.shapes import document
from catalog.wording import minute
from dashboard import frame, instants, load, opened, words
from dashboard.instants import Known
from dashboard.provenance import asked, back, on
from dashboard.provenance.asked import Way
from lineage.estate import Dataset
from lineage.provenance import as_json, prov_json, telling
from lineage.provenance.model import Version


def page() -> None:
    """Read once, draw from top to bottom, decide nothing."""
    revision = frame.revision()
    params = st.query_params
    if "namespace" not in params or "name" not in params:
        st.switch_page(frame.ASSETS)
    known = _known(revision)
    dataset = known.estate.find(params["namespace"], params["name"]) if known else None
    if known is None or dataset is None:
        st.page_link(frame.ASSETS, label="All assets", icon=":material/arrow_back:")
        st.title("Provenance", anchor=False)
        if known is not None:
            st.warning("No dataset with this namespace and name was known then.")
        return
    name = words.plain(words.short(dataset.display_name))
    st.page_link(frame.ASSET, label=name, icon=":material/arrow_back:",
                 query_params=frame.asked(dataset.key))  # fmt: skip
    st.title(f"Provenance of {name}", anchor=False)
    version = _version(known, dataset.key)
    way = st.segmented_control("Way", list(Way), default=Way.BACK, required=True,
                               key="provenance_way", bind="query-params",
                               label_visibility="collapsed")  # fmt: skip
    if Way(way or Way.BACK) is Way.BACK:
        _back(known, dataset, version)
    else:
        _on(known, dataset, version)
    opened.drawer("provenance")


def _known(revision: int) -> Known | None:
    """What is known of the instant in the address; a word about it if that is not known."""
    at = _instant(st.query_params.get("at"))
    if at is not None and at > load.now():
        st.warning("That time is yet to come; this is the present.")
        at = None
    try:
        if at is None:
            return instants.known(revision)
        with st.spinner(f"Reading what was known as of {minute(at)} …"):
            found = instants.known(revision, at)
    except UserError as error:
        st.error(words.plain(str(error)), icon=":material/history_off:")
        return None
    st.warning(f"**The past: as of {minute(at)}.** Nothing that happened later counts here.",
               icon=":material/history:")  # fmt: skip
    return found


def _instant(text: str | None) -> datetime | None:
    try:
        at = datetime.fromisoformat(text or "")
    except ValueError:
        return None
    return at.replace(tzinfo=UTC) if at.tzinfo is None else at.astimezone(UTC)


def _version(known: Known, key: AssetKey) -> str | None:
    """The version that the viewer looks at; ``None``: what is there now."""
    found = asked.versions(known, key)
    if not found:
        return None
    ids = [version.id for version in found]
    told = {version.id: _called(version, is_newest=n == 0) for n, version in enumerate(found)}
    wanted = st.query_params.get("version")
    if wanted is not None and wanted not in told:  # older than those that are listed
        ids.append(wanted)
        told[wanted] = f"{wanted}"
    chosen = st.selectbox(
        "Version",
        ids,
        index=ids.index(wanted) if wanted in told else 0,
        format_func=lambda version: told.get(version, version),
        # Of another asset the choice is another one.
        key=f"provenance_version_{key.namespace}_{key.name}_{wanted}",
        width=420,
    )
    if chosen != (wanted or ids[0]):
        st.query_params["version"] = chosen
    return chosen


def _called(version: Version, *, is_newest: bool) -> str:
    at = minute(version.at) if version.at else ""
    said = f" ({version.said})" if version.said else ""
    return f"{at}{said}{', the newest' if is_newest else ''}".strip()


def _back(known: Known, dataset: Dataset, version: str | None) -> None:
    story = asked.story(known, dataset.key, version)
    if story is None:
        st.info(
            "No version of it is known: no run that succeeded wrote it, or it was dropped.",
            icon=":material/help:",
        )
        return
    with st.container(horizontal=True, key="provenance_take"):
        _take("JSON", "json", lambda: document(as_json.story_json(story)))
        _take("W3C PROV", "prov.json", lambda: document(prov_json.story_prov(story, known.estate)))
        _take("Text", "txt", lambda: telling.told(story, partial(telling.called, known.estate)))
    back.show(story, known.estate)


def _on(known: Known, dataset: Dataset, version: str | None) -> None:
    found = asked.aftermath(known, dataset.key, version)
    if found is None:
        st.info("No version of it is known, so nothing is known to be built on it.",
                icon=":material/help:")  # fmt: skip
        return
    with st.container(horizontal=True, key="provenance_take"):
        _take("JSON", "json", lambda: document(as_json.aftermath_json(found)))
        _take("W3C PROV", "prov.json",
              lambda: document(prov_json.aftermath_prov(found, known.estate)))  # fmt: skip
    on.show(found, known.estate, known.as_of)


def _take(label: str, ending: str, made: object) -> None:
    st.download_button(
        label,
        data=made,  # type: ignore[arg-type]  # called only when somebody takes it
        file_name=f"provenance.{ending}",
        icon=":material/download:",
        type="tertiary",
        key=f"provenance_take_{ending}",
        on_click="ignore",
    )


if __name__ == "__main__":
    page()
