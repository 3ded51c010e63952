"""The OpenLineage client for Python, by HTTP to a served Andon, on good days and bad ones."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import requests
from openlineage.client import OpenLineageClient
from openlineage.client.event_v2 import InputDataset, Job, OutputDataset, Run, RunEvent, RunState
from openlineage.client.uuid import generate_new_uuid

from catalog.model import AssetKey, Kind
from lineage.estate import RunState as State
from tests.live.between import Between, Fault, between
from tests.live.serving import SEEN_WITHIN_S, Served, eventually, serving

pytestmark = pytest.mark.live

RUNS = 20
MODES: dict[str, dict[str, Any]] = {
    "http": {"type": "http"},
    "http, gzip": {"type": "http", "compression": "gzip"},
    "async_http": {"type": "async_http"},
    "async_http, gzip": {"type": "async_http", "compression": "gzip"},
}


@pytest.fixture(params=MODES)
def mode(request: pytest.FixtureRequest) -> str:
    name: str = request.param
    return name


@pytest.fixture
def middle(served: Served) -> Iterator[Between]:
    with between(served.url) as seen:
        yield seen


def client(url: str, mode: str, **more: Any) -> OpenLineageClient:
    return OpenLineageClient(config={"transport": {**MODES[mode], "url": url, **more}})


def run_of(namespace: str, number: int = 0) -> list[RunEvent]:
    """A run from its start to its end, in three events."""
    start = datetime.now(UTC)
    run = Run(str(generate_new_uuid(start)))
    states = [RunState.START, RunState.RUNNING, RunState.COMPLETE]
    return [
        RunEvent(
            eventType=state,
            eventTime=(start + timedelta(milliseconds=step)).isoformat(),
            run=run,
            job=Job(namespace, f"load_{number}"),
            inputs=[InputDataset("postgres://wh:5432", f"shop.raw.{number}")],
            outputs=[OutputDataset("postgres://wh:5432", f"shop.clean.{number}")],
            producer="https://example.com/loader",
        )
        for step, state in enumerate(states)
    ]


def runs_seen(served: Served, namespace: str) -> dict[str, tuple[int, State | None]]:
    """For each job of a namespace how many runs are known, and how the newest ended."""
    return {
        key.name: (job.runs_30d, job.last_state)
        for key, job in served.estate().jobs.items()
        if key.namespace == namespace
    }


def test_each_event_is_stored_once_in_every_mode(
    served: Served, middle: Between, mode: str
) -> None:
    namespace = f"each once by {mode}"
    sender = client(middle.url, mode)

    for number in range(RUNS):
        for event in run_of(namespace, number):
            sender.emit(event)
    sender.close(timeout=30)

    assert middle.statuses == [201] * 3 * RUNS
    expected = {f"load_{number}": (1, State.COMPLETE) for number in range(RUNS)}
    assert eventually(lambda: runs_seen(served, namespace) == expected, SEEN_WITHIN_S)
    packed = {request.headers.get("content-encoding") for request in middle.requests}
    assert packed == ({"gzip"} if "gzip" in mode else {None})


@pytest.mark.parametrize("fault", [Fault.BUSY, Fault.HANG_UP])
def test_an_event_that_was_sent_again_after_trouble_counts_once(
    served: Served, middle: Between, mode: str, fault: Fault
) -> None:
    namespace = f"{fault} by {mode}"
    middle.faults = [fault]
    sender = client(middle.url, mode)

    for event in run_of(namespace):
        sender.emit(event)
    sender.close(timeout=30)

    first, again, *rest = middle.requests
    assert again.body == first.body
    assert (first.status, again.status) == ((503, 201) if fault is Fault.BUSY else (201, 200))
    assert [request.status for request in rest] == [201, 201]
    assert eventually(
        lambda: runs_seen(served, namespace) == {"load_0": (1, State.COMPLETE)}, SEEN_WITHIN_S
    )


def test_a_key_travels_in_the_header_and_opens_the_door(
    served: Served, middle: Between, mode: str
) -> None:
    namespace = f"with a key by {mode}"
    secret = new_key(served, namespace)
    sender = client(middle.url, mode, auth={"type": "api_key", "apiKey": secret})

    for event in run_of(namespace):
        sender.emit(event)
    sender.close(timeout=30)

    assert middle.statuses == [201] * 3
    assert {r.headers["authorization"] for r in middle.requests} == {f"Bearer {secret}"}
    assert runs_seen(served, namespace) == {"load_0": (1, State.COMPLETE)}


def test_where_keys_are_required_an_event_without_a_good_one_is_refused(tmp_path: Path) -> None:
    namespace = "with an unknown key"

    with (
        serving(tmp_path, ANDON_REQUIRE_KEYS="true") as strict,
        between(strict.url) as middle,
    ):
        secret = new_key(strict, namespace)
        unknown = secret[:-1] + ("a" if secret[-1] != "a" else "b")
        with pytest.raises(requests.HTTPError, match="401"):
            send_with(unknown, middle, namespace)
        with pytest.raises(requests.HTTPError, match="401"):
            client(middle.url, "http").emit(run_of(namespace)[0])
        send_with(secret, middle, namespace)

        assert middle.statuses == [401, 401, 201]
        assert set(runs_seen(strict, namespace)) == {"load_0"}


def test_where_keys_are_not_required_one_of_another_place_loses_no_event(
    served: Served, middle: Between
) -> None:
    send_with("left over from elsewhere", middle, "with a strange key")

    assert middle.statuses == [201]


def test_a_key_opens_no_other_namespace(served: Served, middle: Between) -> None:
    secret = new_key(served, "ours")

    with pytest.raises(requests.HTTPError, match="403"):
        send_with(secret, middle, "theirs")

    assert middle.statuses == [403]
    assert runs_seen(served, "theirs") == {}


def send_with(secret: str, middle: Between, namespace: str) -> None:
    """The start of a run, by a client that holds a key."""
    sender = client(middle.url, "http", auth={"type": "api_key", "apiKey": secret})
    start, *_ = run_of(namespace)
    sender.emit(start)


def new_key(served: Served, *namespaces: str) -> str:
    """The secret of a new key for some namespaces, as ``andon token create`` shows it."""
    shown = served.command(
        "token", "create", "--name", f"for {' '.join(namespaces)}", "--env", "any", "--namespaces",
        *namespaces, "postgres://wh:5432",
    )  # fmt: skip
    return next(word for word in shown.split() if word.startswith("andon_"))


def test_a_dataset_is_known_by_exactly_the_name_that_the_client_sent(served: Served) -> None:
    name = "Späti/Köln №7"
    sender = client(served.url, "http")

    event, *_ = run_of("names")
    event.outputs = [OutputDataset("file", name)]
    sender.emit(event)

    assert AssetKey(Kind.DATASET, "file", name) in served.estate().datasets
