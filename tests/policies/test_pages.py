from __future__ import annotations

from pathlib import Path

import pytest

from policies import facts, pages
from policies.library import load_library
from policies.maturity.model import load_model
from policies.model import SubjectKind

DOCS = Path(__file__).parents[2] / "docs"


@pytest.mark.parametrize("name", sorted(pages.texts()))
def test_pages_in_the_docs_are_as_the_code_writes_them(name: str) -> None:
    stored = (DOCS / name).read_text("utf-8")

    assert stored == pages.texts()[name], "run: andon policies pages docs/"


def test_no_page_is_left_of_a_policy_that_is_gone() -> None:
    stored = {path.stem for path in (DOCS / "policies").glob("*.md")}

    assert stored == {"README", *(policy.id for policy in load_library())}


def test_every_fact_and_practice_has_its_place_on_a_page() -> None:
    texts = pages.texts()

    for kind in SubjectKind:
        assert all(f"### `{name}`" in texts["facts.md"] for name in facts.specs(kind))
    for dimension in load_model().dimensions:
        assert all(f"### {p.id}: " in texts["maturity.md"] for p in dimension.practices)


def test_writing_again_changes_nothing(tmp_path: Path) -> None:
    first = pages.write(tmp_path)

    assert len(first) == len(pages.texts())
    assert pages.write(tmp_path) == ()
