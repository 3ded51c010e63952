"""Nobody beyond this machine is answered while there is no sign-in."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
from starlette.testclient import TestClient

from app import app
from lineage.guarding import is_loopback

ADDRESS = "http://127.0.0.1:8501"
HERE = ("127.0.0.1", 50000)


@pytest.mark.parametrize("host", ["127.0.0.1", "127.9.9.9", "::1", "localhost"])
def test_this_machine_is_loopback(host: str) -> None:
    assert is_loopback(host)


@pytest.mark.parametrize(
    "host",
    ["", "0.0.0.0", "192.168.1.4", "example.com", "127.0.0.1.example.com"],  # noqa: S104
)
def test_any_other_machine_is_not(host: str) -> None:
    assert not is_loopback(host)


def test_a_caller_from_elsewhere_is_refused() -> None:
    client = TestClient(app, base_url=ADDRESS, client=("192.168.1.4", 5000))

    assert client.get("/healthz").status_code == 403


def test_a_page_of_another_site_cannot_reach_in_by_its_own_name() -> None:
    client = TestClient(app, base_url="http://rebound.example.com", client=HERE)

    assert client.post("/api/v1/lineage", json={}).status_code == 403


@pytest.mark.parametrize("origin", ["https://example.com", "null"])
def test_a_page_of_another_site_cannot_post_through_its_visitor(origin: str) -> None:
    answer = TestClient(app, base_url=ADDRESS, client=HERE).post(
        "/api/v1/lineage", json={}, headers={"Origin": origin}
    )

    assert answer.status_code == 403


@pytest.mark.parametrize("method", ["GET", "POST", "OPTIONS"])
@pytest.mark.parametrize("path", ["/api", "/api/v1/nothing"])
def test_a_wrong_path_below_the_api_is_json(method: str, path: str) -> None:
    answer = TestClient(app, base_url=ADDRESS, client=HERE).request(method, path)

    assert answer.status_code == 404
    assert answer.json()["path"] == path


@pytest.mark.parametrize("path", ["/_stcore/metrics", "/_stcore/agent"])
def test_what_streamlit_tells_of_itself_is_closed(path: str) -> None:
    assert TestClient(app, base_url=ADDRESS, client=HERE).get(path).status_code == 404


def test_the_dashboards_own_settings_hold_wherever_it_is_started(tmp_path: Path) -> None:
    told = "import app; app.dashboard.load()"
    told += "; import streamlit; print(streamlit.get_option('client.toolbarMode'))"

    ended = subprocess.run(
        [sys.executable, "-c", told], cwd=tmp_path, capture_output=True, text=True, check=True
    )

    assert ended.stdout.strip() == "minimal"


def test_what_is_not_there_is_no_page() -> None:
    assert TestClient(app, base_url=ADDRESS, client=HERE).get("/openapi/nothing").status_code == 404
