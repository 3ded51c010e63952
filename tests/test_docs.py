"""What the documents promise is there."""

from __future__ import annotations

import re
import subprocess
import tomllib
from pathlib import Path

import click
import pytest

import app
from catalog.settings import Settings

ROOT = Path(__file__).parent.parent
README = (ROOT / "README.md").read_text()
DECISIONS = sorted((ROOT / "docs" / "decisions").glob("*.md"))
DOCUMENTS = [ROOT / "README.md", ROOT / "CHANGELOG.md", *sorted((ROOT / "docs").rglob("*.md"))]
PYPROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())
COMMAND = re.compile(r"(?:^|/| )andon ([a-z].*)", re.MULTILINE)
GROUPS = PYPROJECT["dependency-groups"]
MODULES = {"openlineage-python": "openlineage", "ruamel.yaml": r"ruamel\.yaml"}
"""Packages that are imported under another name than their own."""
DECLARED = {
    "Runtime": PYPROJECT["project"]["dependencies"],
    "Build": GROUPS["build"],
    "Development": GROUPS["dev"],
    "Live tests": [
        *GROUPS["dbt"],
        *GROUPS["airflow"],
        *GROUPS["dagster"],
        *GROUPS["great-expectations"],
    ],
}


def section(text: str, title: str) -> str:
    """The text below a second-level heading, up to the next one."""
    return re.split(r"^## ", text.split(f"\n## {title}\n", 1)[1], maxsplit=1, flags=re.MULTILINE)[0]


def blocks(text: str) -> list[str]:
    """The fenced code blocks of a text."""
    return re.findall(r"^```\w*\n(.*?)\n```$", text, re.MULTILINE | re.DOTALL)


def commands() -> list[str]:
    """Everything the README tells people to type after ``andon``, comments taken off."""
    code = [*blocks(README), *re.findall(r"`([^`\n]+)`", README)]
    typed = [found for text in code for found in COMMAND.findall(text)]
    return sorted({re.split(r"\s+#|;", line)[0].strip() for line in typed})


@pytest.mark.parametrize("title", DECLARED)
def test_every_dependency_has_its_reason_and_every_reason_its_dependency(title: str) -> None:
    documented = re.findall(
        r"^\| ([a-z][a-z0-9.-]+) \| \S",
        section((ROOT / "docs" / "dependencies.md").read_text(), title),
        re.MULTILINE,
    )

    declared = [re.split(r"[\[<>=]", requirement)[0] for requirement in DECLARED[title]]

    assert sorted(documented) == sorted(declared)


def test_every_runtime_dependency_is_imported() -> None:
    code = "\n".join(
        path.read_text()
        for package in ("app.py", "catalog", "lineage", "policies", "dashboard")
        for path in [ROOT / package, *(ROOT / package).rglob("*.py")]
        if path.is_file()
    )

    names = [re.split(r"[\[<>=]", each)[0] for each in DECLARED["Runtime"]]

    imports = {
        each: rf"^\s*(?:from|import) {MODULES.get(each, each.replace('-', '_'))}\b"
        for each in names
    }
    assert [each for each, line in imports.items() if not re.search(line, code, re.MULTILINE)] == []


def test_the_build_group_is_what_the_backend_asks_for() -> None:
    assert PYPROJECT["build-system"]["requires"] == GROUPS["build"]


def test_two_commands_do_all_set_up() -> None:
    see, check = blocks(section(README, "Set up"))

    set_up, _, last = see.rpartition(" && ")
    assert last == ".venv/bin/andon demo"
    assert "-r requirements.txt " in set_up
    set_up = set_up.replace("requirements.txt", "requirements-dev.txt")
    assert check == f"{set_up} && .venv/bin/pytest -n auto"


def test_the_checks_run_what_the_readme_says() -> None:
    shown = subprocess.run(
        ["bash", ".ci/run", "--show"], cwd=ROOT, capture_output=True, check=True, text=True
    )

    see, set_up, tests = shown.stdout.splitlines()

    assert [see, f"{set_up} && {tests}"] == blocks(section(README, "Set up"))


@pytest.mark.parametrize("line", commands())
def test_commands_in_the_readme_exist_with_their_options(line: str) -> None:
    name, *words = line.split()

    command = app.cli.commands.get(name)

    assert isinstance(command, click.Command)
    options = {option for parameter in command.params for option in parameter.opts}
    assert {word for word in words if word.startswith("--")} <= options


def test_every_setting_is_documented_as_it_is() -> None:
    documented = re.findall(r"^\| `.*", (ROOT / "docs" / "settings.md").read_text(), re.MULTILINE)

    assert documented == [
        f"| `ANDON_{name.upper()}` | `{field.default}` | {field.description} |"
        for name, field in Settings.model_fields.items()
    ]


def test_settings_in_the_readme_exist() -> None:
    named = set(re.findall(r"\bANDON_([A-Z_]+)", README))

    assert {name.lower() for name in named} <= set(Settings.model_fields)


def test_every_page_is_in_the_readme() -> None:
    script = (ROOT / "dashboard" / "main.py").read_text()

    titles = re.findall(r"^ +title=\"(.*)\",$", script, re.MULTILINE)

    table = section(README, "What there is to see")
    assert re.findall(r"^\| ([A-Z][a-z]+) \| [a-z]", table, re.MULTILINE) == titles


def test_every_policy_is_in_the_changelog() -> None:
    changelog = (ROOT / "CHANGELOG.md").read_text()

    identifiers = [path.stem for path in (ROOT / "policies" / "library").glob("*.yaml")]

    assert [each for each in identifiers if f"- `{each}`, " not in changelog] == []


@pytest.mark.parametrize("path", DOCUMENTS, ids=lambda path: str(path.relative_to(ROOT)))
def test_links_lead_somewhere(path: Path) -> None:
    links = re.findall(r"\]\((?!https?:)([^)#]+)", path.read_text())

    assert [link for link in links if not (path.parent / link).exists()] == []


def test_decisions_are_numbered_without_gaps() -> None:
    numbers = [int(path.name[:4]) for path in DECISIONS]

    assert numbers == list(range(1, len(numbers) + 1))


@pytest.mark.parametrize("path", DECISIONS, ids=lambda path: path.stem)
def test_a_decision_says_what_else_was_considered_and_what_would_change_it(path: Path) -> None:
    text = path.read_text()

    assert text.startswith(f"# {int(path.name[:4])}. ")
    assert re.findall(r"^## (.*)", text, re.MULTILINE) == [
        "Context",
        "Choice",
        "What else was considered",
        "What would change our mind",
    ]
