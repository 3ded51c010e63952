"""The JSON Schema that editors use is the code's own."""

from __future__ import annotations

import json
from pathlib import Path

from catalog.formats import json_schema

PUBLISHED = Path(__file__).parents[2] / "docs" / "schemas" / "catalog.schema.json"


def test_the_published_schema_is_the_one_that_files_are_read_by() -> None:
    assert json.loads(PUBLISHED.read_text()) == json_schema(), "run: andon schema > " + str(
        PUBLISHED.relative_to(Path.cwd())
    )
