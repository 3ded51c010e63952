from __future__ import annotations

import tomllib
from pathlib import Path
from typing import Any

import pytest
from streamlit import config

import dashboard
from dashboard import frame, look

HOME = Path(dashboard.__file__).parent


@pytest.fixture(scope="module")
def settings() -> dict[str, Any]:
    return tomllib.loads((HOME / ".streamlit" / "config.toml").read_text("utf-8"))


def test_streamlit_still_knows_the_hidden_setting_about_garbage() -> None:
    # Unlisted in its documentation; without it every rerun costs ten times as much.
    assert "runner.postScriptGC" in config.get_config_options()


def test_every_setting_is_one_that_streamlit_knows(settings: dict[str, Any]) -> None:
    known = config.get_config_options()

    for section in ("server", "browser", "client", "runner"):
        assert {f"{section}.{name}" for name in settings[section]} <= known.keys()


def test_fonts_are_files_of_our_own_with_their_licences(settings: dict[str, Any]) -> None:
    for face in settings["theme"]["fontFaces"]:
        file = HOME / face["url"].removeprefix("app/")
        assert file.read_bytes().startswith(b"wOF2")
        licence = file.with_name(f"{file.stem}-OFL.txt")
        assert "SIL Open Font License" in licence.read_text("utf-8")


@pytest.mark.parametrize("ground", look.INKS)
def test_theme_and_figures_share_one_palette(settings: dict[str, Any], ground: str) -> None:
    theme = settings["theme"][ground]

    assert tuple(theme["chartCategoricalColors"]) == look.INKS[ground].series
    assert theme["backgroundColor"] == look.INKS[ground].ground
    assert theme["textColor"] == look.INKS[ground].text


def test_nothing_we_serve_names_another_host() -> None:
    for file in HOME.rglob("*"):
        if file.suffix in {".js", ".css", ".html", ".svg", ".toml"}:
            text = file.read_text("utf-8").replace("http://www.w3.org/2000/svg", "")
            assert "http://" not in text, file
            assert "https://" not in text, file


def test_the_lineage_component_stays_small() -> None:
    # It is sent with every rerun.
    assert (HOME / "lineage_graph" / "graph.js").stat().st_size < 40_000


@pytest.mark.parametrize("page", [frame.BOARD, frame.ASSETS, frame.ASSET, frame.FINDINGS])
def test_every_page_is_a_file(page: str) -> None:
    assert (HOME / page).is_file()


@pytest.mark.parametrize(
    ("url", "address"),
    [
        ("http://127.0.0.1:8501/intake?x=1", "http://127.0.0.1:8501"),
        ("https://andon.example/", "https://andon.example"),
        (None, "http://127.0.0.1:8501"),
    ],
)
def test_the_address_for_producers_is_the_one_being_looked_at(
    url: str | None, address: str
) -> None:
    assert frame.address(url) == address
