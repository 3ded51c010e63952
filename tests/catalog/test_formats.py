"""The declared catalog as files: what they mean, and where exactly they are wrong."""

from __future__ import annotations

import json
import re
from itertools import permutations
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from catalog.formats import FormatError, json_schema, read_catalog
from catalog.model import Catalog, Environment, JobGlob, Kind, Member, Zone

WHOLE = """\
version: 1
environments:
  - {environment: prod, namespace: "postgres://wh-prod*"}
  - {environment: dev, name: "*.dev_*"}
zones:
  - {zone: raw, name: "*.raw.*"}
teams:
  - id: finance
    name: Finance data
    domain: finance
    contact: "#finance-data"
    members: [ana@example.com, {person: ben@example.com, role: steward}]
pipelines:
  - id: warehouse
    environment: prod
    team: finance
    jobs: [{namespace: airflow-prod}, {namespace: dbt-prod, name: "a*"}]
    principals: [service:airflow-prod]
    writes: env:prod
    release_branches: [main]
    schedule: daily
assets:
  - select: domain:finance zone:mart
    owner: team:finance
    tier: 1
  - dataset: {namespace: n, name: a}
    tier: 2
  - job: {namespace: n, name: j}
    owner: person:ana
"""


def read(folder: Path, **files: str) -> Catalog:
    folder.mkdir(exist_ok=True)
    for name, text in files.items():
        (folder / f"{name}.yml").write_text(text, "utf-8")
    return read_catalog(folder)


def refused(folder: Path, **files: str) -> list[str]:
    with pytest.raises(FormatError) as caught:
        read(folder, **files)
    return str(caught.value).splitlines()


def test_everything_written_is_read_with_its_place(tmp_path: Path) -> None:
    catalog = read(tmp_path, all=WHOLE)

    assert [r.environment for r in catalog.environments] == [Environment.PROD, Environment.DEV]
    assert (catalog.environments[1].namespace, catalog.environments[1].name) == ("*", "*.dev_*")
    assert catalog.zones[0].zone is Zone.RAW
    (team,) = catalog.teams
    assert (team.id, team.name, team.domain) == ("finance", "Finance data", "finance")
    assert team.members == (Member("ana@example.com"), Member("ben@example.com", "steward"))
    (pipeline,) = catalog.pipelines
    assert pipeline.jobs == (JobGlob("airflow-prod", "*"), JobGlob("dbt-prod", "a*"))
    assert pipeline.principals == ("service:airflow-prod",)
    selected, dataset, job = catalog.assets
    assert (selected.select, selected.key, selected.tier) == ("domain:finance zone:mart", None, 1)
    assert dataset.key is not None
    assert (dataset.key.kind, dataset.tier, dataset.owner) == (Kind.DATASET, 2, None)
    assert job.key is not None
    assert job.key.kind is Kind.JOB
    for place in (team.place, pipeline.place, selected.place, selected.owner_place):
        assert place is not None
        line = WHOLE.splitlines()[place.line - 1]
        assert re.search("id: finance|id: warehouse|select: domain|owner: team:finance", line)
    assert not catalog.is_applied


@pytest.mark.parametrize(
    "files",
    [{}, {"a": ""}, {"a": "# nothing yet\n"}, {"a": "version: 1\n"}, {"a": "{}"}, {"a": "---\n"}],
)
def test_nothing_declared_is_a_catalog(tmp_path: Path, files: dict[str, str]) -> None:
    catalog = read(tmp_path, **files)

    assert (catalog.environments, catalog.teams, catalog.assets) == ((), (), ())


def test_a_section_may_be_spread_over_files_and_folders(tmp_path: Path) -> None:
    (tmp_path / "below").mkdir()
    (tmp_path / "below" / "b.yaml").write_text("teams: [{id: b}]")
    (tmp_path / "folder.yml").mkdir()
    (tmp_path / "notes.txt").write_text("teams: [{id: c}]")

    catalog = read(tmp_path, a="teams: [{id: a}]")

    assert sorted(t.id for t in catalog.teams) == ["a", "b"]
    assert {t.place.file for t in catalog.teams} == {"a.yml", "below/b.yaml"}


SECTIONS = [f"{part}" for part in re.split(r"(?m)^(?=[a-z]+:)", WHOLE)[2:]]


def test_the_order_and_names_of_files_never_matter(tmp_path: Path) -> None:
    read_catalogs = []

    for number, order in enumerate(list(permutations(SECTIONS))[::24]):
        folder = tmp_path / str(number)
        read_catalogs.append(read(folder, **{f"{i}": section for i, section in enumerate(order)}))

    assert len(read_catalogs) == 5
    told = {
        (
            tuple((r.environment, r.namespace, r.name) for r in c.environments),
            tuple(t.id for t in c.teams),
            tuple((p.id, p.writes, p.team) for p in c.pipelines),
            tuple((a.select, a.key, a.owner, a.tier) for a in c.assets),
        )
        for c in read_catalogs
    }
    assert len(told) == 1


@pytest.mark.parametrize(
    ("text", "line", "told"),
    [
        ("enviroments: []", 1, 'unknown key "enviroments". Did you mean "environments"?'),
        ("teams:\n  - {id: a, domian: x}", 2, 'unknown key "domian". Did you mean "domain"?'),
        ("teams:\n  - id: a\n    members:\n      - {persn: x}", 4, 'Did you mean "person"?'),
        ("pipelines:\n  - id: p\n    jobs:\n      - {namespac: x}", 4, 'Did you mean "namespace"?'),
        ("assets:\n  - {dataset: {namespace: a, nam: b}}", 2, 'Did you mean "name"?'),
        ("environments:\n  - {environment: prd}", 2, 'not "prd". Did you mean "prod"?'),
        ("zones:\n  - {zone: markt}", 2, 'Did you mean "mart"?'),
        ("environments:\n  - {namespace: x}", 2, "environments.0.environment: Field required"),
        ("teams:\n  - {id: Big Team}", 2, "teams.0.id"),
        ("teams:\n  - x", 2, "teams.0"),
        ("teams: 7", 1, "teams"),
        ("assets:\n  - {select: 'env:prod', tier: 0}", 2, "assets.0.tier"),
        ("assets:\n  - {select: 'env:prod', tier: 5}", 2, "assets.0.tier"),
        ("assets:\n  - {select: 'env:prod', owner: ana}", 2, "assets.0.owner"),
        ("assets:\n  - {select: 'enw:prod', tier: 1}", 2, 'Did you mean "env"?'),
        ("assets:\n  - {select: '((', tier: 1}", 2, "select"),
        ("assets:\n  - {select: x, classification: {pii: maybe}}", 2, "classification.pii"),
        ("assets:\n  - {select: x, classification: {columns: [a]}}", 2, "columns"),
        ("assets:\n  - {select: x, classification: {colums: {}}}", 2, 'Did you mean "columns"?'),
        ("assets:\n  - {tier: 1}", 2, "needs either select, dataset or job"),
        (
            "assets:\n  - {select: 'a', dataset: {namespace: a, name: b}, tier: 1}",
            2,
            "needs either select, dataset or job",
        ),
        (
            "assets:\n  - {job: {namespace: a, name: b}, dataset: {namespace: a, name: b}}",
            2,
            "needs either select, dataset or job",
        ),
        (
            "teams: [{id: orders}]\nassets:\n  - select: 'env:prod'\n    owner: team:ordrs",
            4,
            'owner "team:ordrs" is not declared. Did you mean "team:orders"?',
        ),
        (
            "teams: [{id: orders}]\npipelines:\n  - {id: p, team: ordrs, jobs: []}",
            3,
            'team "ordrs" is not declared. Did you mean "orders"?',
        ),
        ("pipelines:\n  - {id: p, jobs: [], writes: '+x'}", 2, "walks the graph"),
        ("pipelines:\n  - {id: p, jobs: [], principals: [ana]}", 2, "principals"),
        ("teams:\n  - {id: a}\n  - {id: a}", 3, 'team "a" is declared at all.yml:2 already'),
        (
            "pipelines:\n  - {id: a, jobs: []}\n  - {id: a, jobs: []}",
            3,
            'pipeline "a" is declared at all.yml:2 already',
        ),
        ("version: 2", 1, "version"),
        ("- x", 1, "expected sections"),
        ("just text", 1, "expected sections"),
        ("a: b: c", 1, "not readable as YAML"),
        ("teams: [", 1, "not readable as YAML"),
        ("teams: []\nteams: []", 2, "not readable as YAML"),
        ("teams: []\n---\nteams: []", 2, "not readable as YAML"),
        ("1: x", 1, "1"),
        ("teams: &a [*a]", 1, "teams"),
        ("teams: !!python/object/apply:os.system [x]", 1, "teams"),
    ],
)
def test_a_mistake_is_named_with_its_place(tmp_path: Path, text: str, line: int, told: str) -> None:
    problems = refused(tmp_path, all=text)

    assert any(re.match(rf"all\.yml:{line}(:\d+)?: ", p) and told in p for p in problems), problems


def test_every_mistake_of_every_file_is_told_at_once(tmp_path: Path) -> None:
    problems = refused(
        tmp_path,
        a="teams: [{id: A b}, {id: b, colour: red}]",
        b="zones: [{zone: x}]\nversion: 3",
        c="assets: [{owner: team:nobody, select: 'env:prod'}]",
    )

    assert [p.partition(":")[0] for p in problems] == ["a.yml", "a.yml", "b.yml", "b.yml"]


def test_a_broken_file_does_not_make_other_files_look_wrong(tmp_path: Path) -> None:
    problems = refused(
        tmp_path, teams="teams: [{id: a, colour: red}]",
        assets="assets: [{select: 'env:prod', owner: 'team:a'}]",
    )  # fmt: skip

    assert len(problems) == 1


@pytest.mark.parametrize("content", [b"\xff\xfe", b"teams: \x01", b"a: \xc3\x28"])
def test_bytes_that_are_no_text_are_told_with_their_file(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "all.yml").write_bytes(content)

    with pytest.raises(FormatError, match=r"^all\.yml.*not readable as YAML"):
        read_catalog(tmp_path)


def test_a_folder_that_is_none_is_told(tmp_path: Path) -> None:
    with pytest.raises(FormatError, match="is not a folder"):
        read_catalog(tmp_path / "absent")


def test_an_anchor_may_carry_what_entries_share(tmp_path: Path) -> None:
    catalog = read(
        tmp_path,
        all="teams: [{id: x}]\nassets:\n  - &shared {owner: team:x, select: 'env:dev'}\n"
        "  - {<<: *shared, select: 'env:prod', tier: 1}",
    )

    assert [a.owner for a in catalog.assets] == ["team:x", "team:x"]
    assert catalog.assets[1].place.line == 4


@pytest.mark.parametrize("section", ["environment", "zone"])
@pytest.mark.parametrize(
    ("first", "second", "is_reachable"),
    [
        ({}, {"name": "x"}, False),
        ({"name": "x"}, {"name": "x"}, False),
        ({"name": "*.a"}, {"name": "b.a"}, False),
        ({"name": "*.a"}, {"name": "b*.a"}, False),
        ({"namespace": "p*"}, {"namespace": "postgres*", "name": "x"}, False),
        ({"name": "x"}, {}, True),
        ({"name": "b*.a"}, {"name": "*.a"}, True),
        ({"name": "?"}, {"name": "*"}, True),
        ({"name": "*a*"}, {"name": "[ab]"}, True),
        ({"namespace": "p", "name": "*"}, {"namespace": "*", "name": "x"}, True),
    ],
)
def test_a_rule_that_can_never_match_is_a_mistake(
    tmp_path: Path,
    section: str,
    first: dict[str, str],
    second: dict[str, str],
    is_reachable: bool,
) -> None:
    value = "test"
    rules = [{section: value, **first}, {section: value, **second}]
    text = f"{section}s:\n  - {json.dumps(rules[0])}\n  - {json.dumps(rules[1])}\n"

    if is_reachable:
        read(tmp_path, all=text)
    else:
        (problem,) = refused(tmp_path, all=text)
        assert problem.startswith("all.yml:3: ")
        assert "all.yml:2" in problem


def test_the_schema_of_a_file_describes_all_its_sections() -> None:
    schema = json_schema()

    assert set(schema["properties"]) == {
        "version", "environments", "zones", "aliases", "teams", "pipelines", "assets",
    }  # fmt: skip
    assert schema["additionalProperties"] is False


@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    st.lists(
        st.sampled_from(
            ["teams", "assets", ":", " ", "\n", "\n  - ", "{", "}", "[", "]", "id", "a", "'", '"',
             "&x", "*x", "<<", "!!int", "---", "|", ">", "#", ",", "1", "\t", "select", "\x85", "?"]
        ),
        max_size=20,
    ).map("".join)
)  # fmt: skip
def test_any_text_is_a_catalog_or_a_named_mistake(tmp_path: Path, text: str) -> None:
    assert all(line.startswith("all.yml") for line in problems_of(tmp_path, text))


def problems_of(folder: Path, text: str) -> list[str]:
    try:
        read(folder, all=text)
    except FormatError as error:
        return str(error).split("\n")
    return []


def test_freshness_is_a_span_and_says_what_it_expects(tmp_path: Path) -> None:
    (tmp_path / "a.yml").write_text('assets: [{select: "env:prod", freshness: 1d2h}]')
    assert read_catalog(tmp_path).assets[0].freshness_s == 26 * 3600

    (tmp_path / "a.yml").write_text('assets: [{select: "env:prod", freshness: soon}]')
    with pytest.raises(FormatError, match='"soon" is not a duration, expected one such as 168h'):
        read_catalog(tmp_path)

    (tmp_path / "a.yml").write_text('assets: [{select: "env:prod", freshness: 26}]')
    with pytest.raises(FormatError, match="expected a duration such as 26h or 7d"):
        read_catalog(tmp_path)


def test_what_columns_hold_is_declared_with_its_line(tmp_path: Path) -> None:
    (tmp_path / "a.yml").write_text(
        'assets:\n  - select: "env:prod"\n'
        "    classification: {pii: false, columns: {b: pii.name, a: pii.email}}"
    )

    (entry,) = read_catalog(tmp_path).assets

    assert entry.classification is not None
    assert entry.classification.pii is False
    assert entry.classification.columns == (("a", "pii.email"), ("b", "pii.name"))
    assert str(entry.classification_place) == "a.yml:3"
