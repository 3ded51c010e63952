"""What surrounds every page: the sign of life, the banner about guesses, what a new user sees."""

from __future__ import annotations

import time
from typing import TypeVar
from urllib.parse import urlsplit

import streamlit as st

from catalog.model import AssetKey, Claim, Kind
from dashboard import load, words
from lineage.estate import Dataset, Estate, Job

T = TypeVar("T")

BEAT_S = 1
REST_S = 1.5
"""After a refresh the next beat passes: a busy store redraws pages every two seconds at most."""
REST_SHARE = 2.0
"""A page that took long to draw rests this much longer than it took, so that events go first."""

BOARD, ASSETS, LINEAGE, ASSET, PROVENANCE, JOB, RUN, FINDINGS, INTAKE, KEYS = (
    f"views/{name}.py"
    for name in (
        "board", "assets", "explorer", "asset", "provenance", "job", "run", "findings", "intake",
        "keys",
    )
)  # fmt: skip


def begin() -> None:
    """Note what this run shows, and start watching for more. Once per run, before the page."""
    st.session_state["frame_revision"] = load.revision()
    st.session_state["frame_began_at"] = time.monotonic()
    st.session_state["frame_rests_until"] = float("inf")
    st.session_state["frame_theme"] = theme()
    with st.sidebar:
        _beat()


def end() -> None:
    """Let the watch begin. Once per run, after the page."""
    now = time.monotonic()
    took = now - st.session_state["frame_began_at"]
    st.session_state["frame_rests_until"] = now + max(REST_S, REST_SHARE * took)


def page_of(key: AssetKey) -> str:
    """The page that shows an asset."""
    return JOB if key.kind is Kind.JOB else ASSET


def asked(key: AssetKey, run_id: str | None = None) -> dict[str, str]:
    """What the page of an asset, or of a job's run, is asked for: what no rebuild renumbers."""
    named = {"namespace": key.namespace, "name": key.name}
    return named if run_id is None else {"run": run_id, **named}


def looked_at(key: AssetKey) -> dict[str, str]:
    """What the lineage page is asked for to have an asset in the middle."""
    named = asked(key)
    return {**named, "kind": str(key.kind)} if key.kind is Kind.JOB else named


def revision() -> int:
    """The revision that this run shows."""
    return int(st.session_state["frame_revision"])


def theme() -> str:
    """The ground that the viewer looks at: ``light`` or ``dark``."""
    return "dark" if st.context.theme.type == "dark" else "light"


@st.fragment(run_every=BEAT_S)
def _beat() -> None:
    is_rested = time.monotonic() > st.session_state["frame_rests_until"]
    if is_rested and load.revision() != revision():
        st.rerun()
    # A session's first run may not know the theme yet, and the viewer may change it.
    if theme() != st.session_state["frame_theme"]:
        st.rerun()
    st.caption(":green[:material/sensors:] Live")


def banner(estate: Estate) -> None:
    """What was guessed and how to confirm it; nothing when nothing was."""
    guessed = guesses(estate)
    if not guessed:
        return
    with st.container(border=True, key="frame_banner"):
        left, right = st.columns([5, 1.1], vertical_alignment="center")
        left.markdown(f":material/lightbulb: **Guessed:** {words.listed(guessed, most=9)}.")
        with right.popover("Confirm or correct", type="tertiary"):
            st.markdown("Write the guesses as files, correct them, and make them so:")
            st.code(
                "andon init governance/\n$EDITOR governance/*.yml\nandon apply governance/",
                language="bash",
            )
            st.caption("What is declared beats what producers say; both are shown.")


def guesses(estate: Estate) -> list[str]:
    """What is only guessed, counted: ``the environment of 12 assets``, ``2 pipelines``."""
    datasets = [d for d in estate.datasets.values() if not d.noise]
    jobs = [j for j in estate.jobs.values() if not j.noise]
    assets: list[Dataset | Job] = [*datasets, *jobs]
    pipelines = {j.pipeline.value for j in jobs if j.pipeline and j.pipeline.is_guess}
    counted = [
        ("the environment of", sum(_is_guess(a.environment) for a in assets), "asset"),
        ("the zone of", sum(_is_guess(d.zone) for d in datasets), "dataset"),
        ("the owner of", sum(_is_guess(next(iter(a.owners), None)) for a in assets), "asset"),
        ("", len(pipelines), "pipeline"),
    ]
    return [f"{what} {words.count(number, one)}".strip() for what, number, one in counted if number]


def _is_guess(claim: Claim[T] | None) -> bool:
    return claim is not None and claim.is_guess


def nothing_yet(page: str) -> None:
    """What a new user sees: how to send the first event here."""
    base = address(st.context.url)
    st.markdown(
        "Nothing has arrived yet. Point a producer of OpenLineage events at this address; "
        "no configuration is needed here, and this page fills by itself."
    )
    with st.container(border=True, key=f"{page}_address"):
        st.markdown("**This address**  \n:gray[:small[Events are posted to it.]]")
        st.code(f"{base}/api/v1/lineage", language=None, wrap_lines=True)
    with st.grid(2, min_column_width=330):
        for name, note, lines in _producers(base):
            with st.container(border=True):
                st.markdown(f"**{name}**  \n:gray[:small[{note}]]")
                st.code(lines, language="bash", wrap_lines=True)


def _producers(base: str) -> tuple[tuple[str, str, str], ...]:
    transport = f'{{"type": "http", "url": "{base}/"}}'
    airflow = (
        "pip install apache-airflow-providers-openlineage",
        f"export AIRFLOW__OPENLINEAGE__TRANSPORT='{transport}'",
        "export AIRFLOW__OPENLINEAGE__NAMESPACE=airflow-prod",
    )
    event = (
        '{"eventType": "COMPLETE", "eventTime": "2026-01-01T06:00:00Z", '
        '"producer": "https://example.com/by-hand", '
        '"run": {"runId": "01941f29-7c00-7000-8000-000000000001"}, '
        '"job": {"namespace": "prod", "name": "load_orders"}, "inputs": [], '
        '"outputs": [{"namespace": "postgres://warehouse", "name": "shop.public.orders"}]}'
    )
    by_hand = (
        f"curl -X POST {base}/api/v1/lineage \\",
        "  -H 'Content-Type: application/json' \\",
        f"  -d '{event}'",
    )
    dbt = ("pip install openlineage-dbt", f"export OPENLINEAGE_URL={base}/", "dbt-ol build")
    return (
        ("dbt", "Run dbt through its OpenLineage wrapper.", "\n".join(dbt)),
        ("Airflow", "Install the provider and tell Airflow this address.", "\n".join(airflow)),
        ("Anything else", "One event by hand shows that the way is open.", "\n".join(by_hand)),
        (
            "Files, or a sample company",
            "Events that were kept, or something to look around in.",
            "andon ingest events.ndjson\nandon demo",
        ),
    )


def address(url: str | None) -> str:
    """Scheme, host and port of the page that is being looked at."""
    parts = urlsplit(url or "http://127.0.0.1:8501")
    return f"{parts.scheme}://{parts.netloc}"
