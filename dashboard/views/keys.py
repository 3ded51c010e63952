"""Keys: what producers send events with, what each key may speak for, and what came with it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime

import streamlit as st

from catalog.moments import microseconds, moment
from dashboard import frame, load, look, parts, words
from lineage.estate import Estate
from lineage.key_uses import KeyUse, Stray, strays
from lineage.keys import Key, KeyState

MAKE = (
    "andon token create --name dbt-prod --namespaces dbt-prod 'postgres://*' --env prod \\\n"
    "  --principal service:dbt-prod --expires 90d"
)

STRAYS_MOST = 5


def page() -> None:
    """Read once, draw from top to bottom, decide nothing."""
    revision = frame.revision()
    # Keys live by the real clock, also where the sample company's is behind.
    now = datetime.now(UTC)
    keys, uses = load.producer_keys(), load.key_uses(revision)
    estate = load.estate(revision)
    st.title("Keys", anchor=False)
    if not keys:
        parts.context("What producers send events with")
        st.markdown(
            "No key was ever made. On this machine events are taken without one; beyond it, "
            "nobody is let in before there is a key."
        )
        _how(is_first=True)
        return
    living = sum(key.state(microseconds(now)) is KeyState.LIVING for key in keys)
    parts.context(
        f"{words.count(len(keys), 'key')} · {living} living · of secrets only hashes are kept"
    )
    _list(keys, uses, estate, now)
    _how(is_first=False)


def _list(keys: Sequence[Key], uses: Mapping[int, KeyUse], estate: Estate, now: datetime) -> None:
    elsewhere = strays(estate, keys)
    with st.container(border=True, key="keys_list"):
        for key in keys:
            use = uses.get(key.id, KeyUse())
            _key(key, use, now)
            if key.id in elsewhere:
                _elsewhere(key, elsewhere[key.id], estate)


def _key(key: Key, use: KeyUse, now: datetime) -> None:
    state = key.state(microseconds(now)).value
    colour, icon = look.KEY_STATES[state]
    scope = words.listed(map(words.code, key.namespaces), most=8)
    where = f"in {key.environment.value}" if key.environment else "in any environment"
    who = f" · used by {words.code(key.principal)}" if key.principal else ""
    st.markdown(
        f":{colour}[{icon}] **{words.plain(key.name)}** :gray[:small[{state}]]  \n"
        f":gray[:small[speaks for {scope} {where}{who}]]  \n"
        f":gray[:small[{' · '.join(_dates(key, now))}]]  \n"
        f":gray[:small[{_brought(use, now)}]]"
    )


def _elsewhere(key: Key, found: Sequence[Stray], estate: Estate) -> None:
    """What its events write where it is not for."""
    where = words.listed(sorted({stray.environment.value.value for stray in found}))
    number = words.count(len(found), "dataset")
    st.markdown(
        f":orange[:material/warning:] It is for {key.environment}, and within 30 days it wrote "
        f"{number} in {where}:"
    )
    for stray in found[:STRAYS_MOST]:
        claim = stray.environment
        with st.container(horizontal=True, vertical_alignment="center", gap="xsmall"):
            parts.key_link(stray.dataset, estate)
            told = words.plain(f"{claim.value.value}, because {claim.why}")
            badge = parts.basis_badge(claim.basis.value)
            st.markdown(f":gray[:small[{told}]] {badge}", width="content")
    if len(found) > STRAYS_MOST:
        st.caption(f"And {len(found) - STRAYS_MOST:,} more.")


def _dates(key: Key, now: datetime) -> list[str]:
    told = [f"made {words.clock(moment(key.created_at), now)} by {words.code(key.created_by)}"]
    if key.revoked_at is not None:
        told.append(f"revoked {words.clock(moment(key.revoked_at), now)}")
    elif key.expires_at is not None:
        verb = "expired" if key.state(microseconds(now)) is KeyState.EXPIRED else "expires"
        told.append(f"{verb} {words.clock(moment(key.expires_at), now)}")
    else:
        told.append("never expires")
    used = words.clock(moment(key.last_used_at), now) if key.last_used_at else None
    return [*told, f"last used {used}" if used else "never used"]


def _brought(use: KeyUse, now: datetime) -> str:
    last = f", the newest {words.clock(use.last_at, now)}" if use.last_at else ""
    told = [f"{words.count(use.events, 'event')} came with it{last}"]
    if use.out_of_scope:
        told.append(f"{words.count(use.out_of_scope, 'event')} outside its scope")
    if use.refused:
        told.append(f"{use.refused:,} refused")
    return " · ".join(told)


def _how(*, is_first: bool) -> None:
    title = "Make a key" if is_first else "Make another key, or revoke one"
    with parts.card("keys_how", title, "The secret is shown once, where the command is run"):
        st.code(MAKE, language="bash", wrap_lines=True)
        st.markdown("Give it to the producer; every OpenLineage client knows this variable:")
        st.code("export OPENLINEAGE_API_KEY=<secret>", language="bash", wrap_lines=True)
        if not is_first:
            st.code("andon token revoke dbt-prod", language="bash", wrap_lines=True)


if __name__ == "__main__":
    page()
