"""One served Andon for each file of live tests."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.live.serving import Served, serving


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    with serving(tmp_path_factory.mktemp("served")) as andon:
        yield andon
