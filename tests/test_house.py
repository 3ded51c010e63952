"""The house around the code: floors, sizes, and what may not be committed."""

from __future__ import annotations

import re
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
PYPROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())
LOCKS = sorted(ROOT.glob("requirements*.txt"))
LONGEST_FILE = 420

RECORDED = {".json", ".jsonl", ".ndjson", ".woff2", ".png"}
"""Kinds of file that carry what producers said, or no text at all."""
# `/home/me` is anybody's, and may stand in an example.
MACHINE_PATH = re.compile(r"(?:^|[^\w.}])/(?:home|opt|root|tmp|work|Users)/(?!me\b)[\w.-]+")
ADDRESS = re.compile(r"https?:|file:|--(?:extra-)?index-url|--find-links| @ ")


def committed() -> Iterator[Path]:
    """Every file under version control that still exists."""
    listed = subprocess.run(
        ["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, check=True, text=True
    )
    for name in listed.stdout.split("\0"):
        if name and (ROOT / name).is_file():
            yield ROOT / name


def test_imports_go_down_only_and_every_module_is_placed() -> None:
    lint = Path(sys.executable).parent / "lint-imports"

    answer = subprocess.run(
        [lint, "--no-logo", "--no-cache"], cwd=ROOT, capture_output=True, check=False, text=True
    )

    assert answer.returncode == 0, answer.stdout


def test_every_package_stands_on_a_floor_and_in_the_wheel() -> None:
    packages = {path.parent.name for path in ROOT.glob("*/__init__.py")}
    contracts = {c["id"]: c for c in PYPROJECT["tool"]["importlinter"]["contracts"]}

    assert set(PYPROJECT["tool"]["importlinter"]["root_packages"]) == packages
    assert set(contracts["floors"]["layers"]) == packages
    assert packages <= contracts.keys()
    wheel = PYPROJECT["tool"]["hatch"]["build"]["targets"]["wheel"]["only-include"]
    assert set(wheel) == {"app.py", *packages}


def test_no_contract_excuses_a_broken_import() -> None:
    contracts = PYPROJECT["tool"]["importlinter"]["contracts"]

    assert [c["id"] for c in contracts if c.get("ignore_imports")] == []


def test_no_python_file_is_too_long_to_be_one_thing() -> None:
    lengths = {
        str(path.relative_to(ROOT)): len(path.read_text().splitlines())
        for path in committed()
        if path.suffix == ".py"
    }

    assert {name: n for name, n in lengths.items() if n > LONGEST_FILE} == {}


def test_nothing_committed_names_a_path_of_one_machine() -> None:
    found = [
        f"{path.relative_to(ROOT)}:{number}: {line.strip()}"
        for path in committed()
        if path.suffix not in RECORDED
        for number, line in enumerate(path.read_text().splitlines(), 1)
        if MACHINE_PATH.search(line)
    ]

    assert found == []


@pytest.mark.parametrize("path", LOCKS, ids=lambda path: path.name)
def test_locks_name_no_address(path: Path) -> None:
    lines = [line for line in path.read_text().splitlines() if not line.startswith("#")]

    assert [line for line in lines if ADDRESS.search(line)] == []


@pytest.mark.parametrize("path", LOCKS, ids=lambda path: path.name)
def test_locks_pin_and_hash_everything(path: Path) -> None:
    entries = re.findall(r"^[a-z0-9].*(?:\n +--hash=.*)*", path.read_text(), re.MULTILINE)

    assert entries
    assert [e.split()[0] for e in entries if "==" not in e or "--hash=sha256:" not in e] == []


def test_the_checking_environment_runs_what_users_run() -> None:
    pins = {
        path.name: set(re.findall(r"^[a-z0-9].*?==[^\s;]+", path.read_text(), re.MULTILINE))
        for path in LOCKS
    }

    assert pins["requirements.txt"] <= pins["requirements-dev.txt"]
