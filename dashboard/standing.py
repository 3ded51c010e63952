"""How an asset stands: badges, findings and owners, the same on the page of a dataset or a job."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import TypeVar

import streamlit as st

from catalog.model import AssetKey, Claim, Evidence
from dashboard import load, look, opened, parts, words
from lineage.estate import Dataset, Estate, Job
from lineage.identity import Doubt, Join, JoinBasis
from lineage.suggestions import Suggested, Suggestion
from policies.model import Finding, Outcome, Verdict, WriteSubject

T = TypeVar("T")

SAME_MOST = 5

_JOINED = {
    JoinBasis.SYMLINK: "a producer says that they are one",
    JoinBasis.ALIAS: "the declared catalog says that they are one",
    JoinBasis.REDUCER: "a setting takes it for a part of the same",
    JoinBasis.DBT_NODE: "both run the same dbt node",
}


def badges(asset: Dataset | Job, page: str) -> None:
    """What it is and where it belongs, each with the reason behind it."""
    with st.container(horizontal=True, gap="xsmall", key=f"{page}_badges"):
        if isinstance(asset, Dataset):
            st.badge(asset.kind or "dataset", color="gray")
            st.badge(asset.platform, color="gray")
        else:
            kinds = [(asset.integration or "job").lower(), (asset.job_type or "").lower()]
            for kind in dict.fromkeys(filter(None, kinds)):
                st.badge(words.plain(words.short(kind, 24)), color="gray")
        _claim("environment", asset.environment)
        if isinstance(asset, Dataset):
            _claim("zone", asset.zone)
            _claim("tier", asset.tier, "tier ")
        if asset.team:
            st.badge(asset.team, icon=":material/group:", color="blue")


def _claim(what: str, claim: Claim[T] | None, prefix: str = "") -> None:
    if claim is None:
        st.badge(f"{what} not known", color="gray", icon=":material/help:")
        return
    guess = " (guess)" if claim.is_guess else ""
    st.badge(
        f"{prefix}{claim.value}{guess}",
        color="gray" if claim.is_guess else "blue",
        help=f"Because {claim.why}" if claim.why else None,
    )


def live_of(key: AssetKey, revision: int) -> list[Finding]:
    """Open findings about an asset, or about what a job wrote."""
    live = load.live_findings(revision)
    return [f for f in live if key in (f.subject.asset, getattr(f.subject, "job", None))]


def verdicts_of(asset: Dataset | Job, estate: Estate, revision: int) -> list[Verdict]:
    """The verdicts about an asset, and about the writes to a dataset or by a job."""
    if isinstance(asset, Dataset):
        return list(load.verdicts(revision, asset.key))
    written = sorted({w.dataset for w in estate.writes if w.job == asset.key})
    found = [v for key in written for v in load.verdicts(revision, key)]
    return [v for v in found if isinstance(v.subject, WriteSubject) and v.subject.job == asset.key]


def in_short(live: Sequence[Finding], verdicts: Sequence[Verdict]) -> str:
    """How many findings are open, or why none is."""
    if not live:
        return _no_finding(verdicts)
    worst = max(f.severity for f in live)
    colour, icon = look.SEVERITIES[worst.word]
    number = words.count(len(live), "open finding")
    return f":{colour}[{icon} **{number}**], the worst {worst.word}"


def _no_finding(verdicts: Sequence[Verdict]) -> str:
    """That nothing is open, and whether that is because it was judged and passed."""
    unknown = {v.policy for v in verdicts if v.outcome in (Outcome.UNKNOWN, Outcome.ERROR)}
    if unknown:
        cannot = words.count(len(unknown), "policy", "policies")
        return f":gray[:material/help: **No open finding**, but {cannot} cannot tell]"
    if not verdicts:
        return ":gray[**No open finding**, as no policy applies]"
    return ":green[:material/check_circle: **No open finding**]"


def findings(
    live: Sequence[Finding],
    verdicts: Sequence[Verdict],
    estate: Estate,
    now: datetime,
    page: str,
) -> None:
    """What is open, each with its evidence."""
    with parts.card(f"{page}_findings", "Findings", "Open ones"):
        for found in live:
            parts.finding(found, estate, now, page, is_brief=False)
        if not live:
            st.markdown(f"{_no_finding(verdicts)}.")


def owners(asset: Dataset | Job, page: str) -> None:
    """Who answers for it, and who says so."""
    with parts.card(f"{page}_owners", "Owners", "The first counts; on whose word, and why"):
        for claim in asset.owners:
            place = next((e.place for e in claim.evidence if e.place), None)
            why = words.plain(claim.why)
            if place is not None and str(place) not in claim.why:
                why += f", {words.code(str(place))}"
            st.markdown(
                f":material/group: **{words.plain(words.principal(claim.value))}** "
                f"{parts.basis_badge(claim.basis.value)}  \n:gray[:small[because {why}]]"
            )
        if not asset.owners:
            st.caption("Nobody is known to answer for it.")


def other_names(asset: Dataset | Job, page: str) -> None:
    """Its other names and why they are held to be its own; nothing if it has none."""
    doubts = asset.doubts if isinstance(asset, Dataset) else ()
    if not asset.names and not doubts:
        return
    note = f"{words.count(len(asset.names), 'more name')} of the same {asset.key.kind}"
    with parts.card(f"{page}_names", "Other names", note):
        for key in asset.names:
            st.markdown(f"{words.code(key.namespace)} {words.code(key.name)}")
            for join in _joins(asset.joins, key):
                _join(join, page)
        for doubt in doubts:
            st.markdown(_doubt(doubt))


def may_be_same(dataset: Dataset, suggested: Suggested, estate: Estate, page: str) -> None:
    """Datasets that may be the same under other names; nothing if there are none."""
    others = suggested.by_dataset.get(dataset.key, ())
    doubts = [d for d in suggested.held_back if estate.find(*d.place) is dataset]
    if not others and not doubts and not dataset.claims:
        return
    note = "Never joined by itself: two spellings can be two datasets"
    with parts.card(f"{page}_same", "May be the same", note):
        for other, alias in others[:SAME_MOST]:
            with st.container(gap="xxsmall"):
                parts.key_link(other, estate)
                name = f"{words.code(other.namespace)} {words.code(other.name)}"
                st.markdown(f":gray[:small[{name}  \nbecause {_why(alias)}]]")
        if len(others) > SAME_MOST:
            st.caption(f"and {words.count(len(others) - SAME_MOST, 'more dataset')}")
        for doubt in doubts:
            st.markdown(_doubt(doubt))
        for claim in dataset.claims[:SAME_MOST]:
            _claimed(claim, dataset, page)
        claimed = [Suggestion(*claim.one, *claim.other, (), "") for claim in dataset.claims]
        aliases = [*(alias for _, alias in others[:SAME_MOST]), *claimed[:SAME_MOST]]
        if aliases:
            st.caption("Whoever knows that they are one declares it, then `andon apply`:")
            to_declare(aliases)


def _claimed(claim: Join, dataset: Dataset, page: str) -> None:
    """A name that is not its own as long as only others say so."""
    names = {(key.namespace, key.name) for key in (dataset.key, *dataset.names)}
    other = claim.one if claim.other in names else claim.other
    with st.container(gap="xxsmall"):
        st.markdown(
            f":orange[:material/warning:] {words.code(other[0])} {words.code(other[1])}  \n"
            ":gray[:small[because an event says so, without a key that speaks for both]]"
        )
        if claim.evidence is not None and claim.evidence.event_id:
            what = f"claim_{claim.one}_{claim.other}"
            opened.button(claim.evidence.event_id, page, what, about="symlinks")


def _why(alias: Suggestion) -> str:
    """The clause, and whether the alias would join more than these two."""
    why = words.plain(alias.why)
    return why if alias.name is not None else f"of their namespaces: {why}"


def to_declare(aliases: Iterable[Suggestion]) -> None:
    """The lines of the declared catalog that would join them."""
    lines = dict.fromkeys(f"  {alias.line}" for alias in aliases)
    st.code("\n".join(["aliases:", *lines]), language="yaml", wrap_lines=True)


def held_back(doubts: Sequence[Doubt]) -> None:
    """Places of so many tables that they join nothing."""
    for doubt in doubts:
        st.markdown(_doubt(doubt))


def _joins(joins: Iterable[Join], key: AssetKey) -> list[Join]:
    name = (key.namespace, key.name)
    return [join for join in joins if name in (tuple(join.one), tuple(join.other))]


def _join(join: Join, page: str) -> None:
    proof: Evidence | None = join.evidence
    where = f", {words.code(str(proof.place))}" if proof and proof.place else ""
    st.markdown(f":gray[:small[because {_JOINED.get(join.basis, join.basis.value)}{where}]]")
    if proof is not None and proof.event_id:
        opened.button(proof.event_id, page, f"join_{join.one}_{join.other}", about="symlinks")


def _doubt(doubt: Doubt) -> str:
    tables = words.listed(words.code(name) for _, name in map(tuple, doubt.tables))
    end = "so it joins nothing" if doubt.is_held_back else "which may be a mistake"
    place = words.code(tuple(doubt.place)[1])
    return f":orange[:material/warning:] Producers put {tables} in one place, {place}, {end}."
