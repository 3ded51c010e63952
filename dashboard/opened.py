"""One event at full length, in a drawer beside the page that it proves something for."""

from __future__ import annotations

from functools import partial

import streamlit as st

from dashboard import evidence, frame, load, words

_KEY = "opened_event"


def button(event_id: str, page: str, key: str, *, label: str = "Event", about: str = "") -> None:
    """A button that opens an event.

    Args:
        event_id: 64 hex digits.
        page: The page's name: the drawer stays closed on others.
        key: Unique on the page.
        label: What it says.
        about: Where in the event to look: a path, with ``[]`` for any place in a list, or the
            name of a facet.
    """
    st.button(
        label,
        key=f"{page}_event_{key}",
        type="tertiary",
        icon=":material/data_object:",
        help=f"Show event {words.code(event_id[:12])} as it is kept",
        on_click=_open,
        args=(page, event_id, about),
    )


def drawer(page: str) -> None:
    """The event that the viewer opened on this page, if any. Once per page, at its end."""
    chosen = st.session_state.get(_KEY)
    # Kept in the session and not only for one run: the next event would close it.
    if chosen is None or chosen[0] != page:
        st.session_state.pop(_KEY, None)
        return
    _, event_id, about = chosen
    st.dialog("Event", width="large", position="right", on_dismiss=_close)(
        partial(_draw, event_id, about)
    )()


def _open(page: str, event_id: str, about: str) -> None:
    st.session_state[_KEY] = (page, event_id, about)


def _close() -> None:
    st.session_state.pop(_KEY, None)


def _draw(event_id: str, about: str) -> None:
    event = load.event(event_id)
    st.markdown(f":gray[:small[{words.code(event_id)}]]")
    if event is None:
        st.caption("This event is not kept any more.")
        return
    if target := evidence.run_of(event):
        st.page_link(frame.RUN, label="Its run", icon=":material/play_circle:", query_params=target)
    places = evidence.matching(event, about)
    if places:
        st.markdown(f"**What is meant** :gray[:small[{words.code(about)}]]")
        with st.container(border=True):
            st.html(evidence.html(evidence.lines(event, places)))
    st.markdown("**The whole event** :gray[:small[secrets were taken out before it was kept]]")
    st.json(event, expanded=2)
