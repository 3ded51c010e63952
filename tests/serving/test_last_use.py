"""The last use of a key outlives the server that saw it."""

from __future__ import annotations

from pathlib import Path

import pytest
from starlette.testclient import TestClient

from app import compose
from catalog.database import connect
from lineage.keyring import Keyring


def test_the_last_use_of_a_key_is_written_when_the_server_ends(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    url = f"sqlite:///{tmp_path / 'andon.db'}"
    monkeypatch.setenv("ANDON_DATABASE_URL", url)
    engine = connect(url)
    ring = Keyring(engine)
    _, secret = ring.create(
        "one", ["*"], environment=None, principal=None, expires_at=None, by="t", at=1
    )
    ended: list[Keyring] = []
    close = Keyring.close

    def closing(keyring: Keyring) -> None:
        close(keyring)
        ended.append(keyring)

    monkeypatch.setattr(Keyring, "close", closing)
    here = {"base_url": "http://127.0.0.1:8501", "client": ("127.0.0.1", 5000)}

    with TestClient(compose(None), **here) as client:  # type: ignore[arg-type]  # two texts
        client.post("/api/v1/lineage", content=b"{}", headers={"Authorization": f"Bearer {secret}"})

    assert len(ended) == 1
    assert ring.all_keys()[0].last_used_at is not None
    ended[0].used(1, 2)  # whoever comes this late is not noted, and is no trouble
    engine.dispose()
