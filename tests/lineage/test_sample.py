"""The scenario file: what it expands to, and what it refuses."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import pytest

from catalog.model import AssetKey, Environment
from lineage.sample.document import ScenarioError
from lineage.sample.model import Company, FeedSubject, Tool, WriteSubject
from lineage.sample.scenario import SCENARIO, load_company


@pytest.fixture
def company() -> Company:
    return load_company()


def test_sample_has_four_teams_three_environments_and_enough_to_look_at(company: Company) -> None:
    environments = Counter(dataset.environment for dataset in company.datasets.values())

    assert len(company.teams) == 4
    assert set(environments) == {Environment.DEV, Environment.STAGING, Environment.PROD}
    assert 140 <= len(company.datasets) <= 170
    assert 110 <= len(company.jobs) <= 140
    assert {dataset.platform for dataset in company.datasets.values()} >= {
        "shop", "landing", "lake", "stream", "warehouse", "reports",
    }  # fmt: skip


def test_sample_describes_every_dataset_with_columns_and_a_test_of_its_key(
    company: Company,
) -> None:
    for dataset in company.datasets.values():
        assert dataset.columns
        assert {test.name for test in dataset.tests} >= {"not_null", "unique", "row_count"}
        columns = {column.name for column in dataset.columns}
        assert {test.column for test in dataset.tests if test.column} <= columns


def test_sample_reads_nothing_from_lower_environments_in_production(company: Company) -> None:
    for activity in company.activities:
        if activity.environment is Environment.PROD:
            named = (*activity.inputs, *activity.outputs)
            assert {company.datasets[key].environment for key in named} <= {Environment.PROD}


def test_sample_has_no_circle_of_datasets_outside_its_troubles(company: Company) -> None:
    above: dict[AssetKey, set[AssetKey]] = {}
    for activity in company.activities:
        if activity.environment is not None:
            for output in activity.outputs:
                above.setdefault(output, set()).update(activity.inputs)

    def ancestors(key: AssetKey, seen: frozenset[AssetKey]) -> None:
        assert key not in seen, key
        for parent in above.get(key, ()):
            ancestors(parent, seen | {key})

    for key in above:
        ancestors(key, frozenset())


def test_answer_key_names_only_what_exists(company: Company) -> None:
    namespaces = {key.namespace for key in company.datasets}

    for line in company.answer_key:
        match line.subject:
            case WriteSubject(job, dataset, _):
                assert job in company.jobs
                assert dataset in company.datasets
            case FeedSubject(namespace):
                assert namespace in namespaces
            case key:
                assert key in company.datasets
        assert line.because.endswith(".")
        assert "subject" in SCENARIO.read_text().splitlines()[line.place.line - 1]


def test_answer_key_has_troubles_and_lookalikes_for_each_policy(company: Company) -> None:
    lines = Counter((line.policy, line.must_fail) for line in company.answer_key)

    for policy in ("ACC-001", "TST-001", "OWN-001", "FED-001"):
        assert lines[policy, True] >= 1
        assert lines[policy, False] >= 1
    assert len({line.id for line in company.answer_key}) == len(company.answer_key)


def test_development_is_not_under_an_orchestrator(company: Company) -> None:
    flows = [flow for flow in company.flows if flow.activities[0].environment is Environment.DEV]

    assert flows
    assert all(flow.dag is None for flow in flows)


def test_dbt_tests_follow_the_model_they_test(company: Company) -> None:
    steps = {
        activity.outputs[0]: activity.step
        for activity in company.activities
        if activity.tool is Tool.DBT and activity.environment is not None
    }
    for activity in company.activities:
        if activity.tool is Tool.DBT_TEST:
            assert activity.step == steps[activity.checks[0].dataset] + 1


BROKEN = {
    "unknown key": ("seed: 20260301", "seed: 20260301\nsed: 1", "sed", "sed: 1"),
    "unknown column type": (
        "80 | vehicle_id:int! plate:str capacity:int\n    drivers",
        "80 | vehicle_id:int! plate:string capacity:int\n    drivers",
        'column "plate:string" has an unknown type. Did you mean "str"?',
        "plate:string",
    ),
    "unknown dataset": (
        "stream/cart-events > lake/sessions",
        "stream/cart-event > lake/sessions",
        'dataset "stream/cart-event" is not described. Did you mean "stream/cart-events"?',
        "stream/cart-event >",
    ),
    "unknown team": (
        "team: logistics\n    repository: orchard/streams",
        "team: logistic\n    repository: orchard/streams",
        'team "logistic" does not exist. Did you mean "logistics"?',
        "team: logistic\n",
    ),
    "unreadable schedule": ('"daily 06:50"', '"dayly 06:50"', 'found "dayly 06:50"', "dayly"),
    "write that never happens": (
        "subject: {write: [laptop-mira, price_fix.ipynb,",
        "subject: {write: [laptop-mira, price_fixes.ipynb,",
        'no run of "laptop-mira" "price_fixes.ipynb"',
        "price_fixes.ipynb",
    ),
    "no YAML": ("seed: 20260301", "seed: [20260301", "not YAML", None),
}


@pytest.mark.parametrize("case", BROKEN, ids=str)
def test_broken_scenario_is_refused_with_file_and_line(case: str, tmp_path: Path) -> None:
    old, new, message, marker = BROKEN[case]
    text = SCENARIO.read_text()
    assert text.count(old) == 1
    path = tmp_path / "scenario.yml"
    path.write_text(text.replace(old, new))

    with pytest.raises(ScenarioError) as refused:
        load_company(path)

    assert message in str(refused.value)
    place, _, _ = str(refused.value).partition(": ")
    if marker:
        line = path.read_text()[: path.read_text().index(marker)].count("\n") + 1
        assert place == f"{path}:{line}"
    else:
        assert place.startswith(f"{path}:")
