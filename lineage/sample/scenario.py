"""From the scenario file to the company: everything that the file abbreviates is expanded here."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import replace
from fnmatch import fnmatchcase
from functools import cache
from pathlib import Path
from types import MappingProxyType

from catalog.errors import did_you_mean
from catalog.model import Environment, Place
from lineage.sample.document import Document, FamilyPart, Lines, ScenarioError, read_document
from lineage.sample.inventory import Inventory, read_step
from lineage.sample.model import (
    Activity,
    Company,
    Flow,
    Personal,
    Rhythm,
    SampleTeam,
    Schedule,
    Tool,
    job_key,
    stem,
)
from lineage.sample.troubles import Troubles

SCENARIO = Path(__file__).with_name("scenario.yml")

_TEST_SCHEMAS = ("intermediate.", "marts.")
"""What dbt tests itself, right after building it."""
_UNDER_A_DAG = (Tool.AIRFLOW, Tool.SPARK, Tool.DBT)
_PATHS = {
    Tool.AIRFLOW: "dags/{family}.py",
    Tool.SPARK: "jobs/{step}.py",
    Tool.FLINK: "streams/{step}.sql",
    Tool.LOOKER: "dashboards/{step}.lookml",
    Tool.SCAN: "scans/{family}.yml",
    Tool.DBT: "models/{step}.sql",
}


@cache
def load_company(path: Path = SCENARIO) -> Company:
    """The company that a scenario file describes.

    Raises:
        ScenarioError: The file names something that does not exist, or has the wrong shape.
    """
    document, lines = read_document(path)
    return _Expansion(document, lines).company()


class _Expansion:
    """One reading of a scenario."""

    def __init__(self, document: Document, lines: Lines) -> None:
        self.document = document
        self.lines = lines
        self.inventory = Inventory(document, lines)
        self.troubles = Troubles(document, lines, self.inventory)

    def company(self) -> Company:
        families = self.document.families
        flows = [
            flow
            for name, family in families.items()
            if family.kind != "scan"
            for flow in self._family(name, family)
        ]
        for run, place in self.troubles.runs():
            flows.append(self.troubles.flow(run, _schedule(run.when, place), place))
        # Scans come last: they cover whatever there is.
        for name, family in families.items():
            if family.kind == "scan":
                flows += self._scans(name, family)
        flows = self.troubles.with_owners(flows)
        company = Company(
            name=self.document.company,
            seed=self.document.seed,
            teams=tuple(
                SampleTeam(id=id_, name=team.name, people=team.people)
                for id_, team in self.document.teams.items()
            ),
            datasets=MappingProxyType(self.inventory.datasets),
            flows=tuple(flows),
            answer_key=(),
            personal=self._personal(),
        )
        return replace(company, answer_key=self.troubles.answer_key(company.activities))

    def _personal(self) -> Personal:
        told, place = self.document.personal, self.lines.at("personal")
        tagged = self.inventory.everywhere(told.tagged, place)
        held, masked = (self.inventory.everywhere(c, place) for c in (told.held, told.masked))
        if tagged & (held | masked):
            raise ScenarioError(place, "a column that is tagged needs not be found.")
        return Personal(held, masked)

    def _family(self, name: str, family: FamilyPart) -> Iterator[Flow]:
        if family.team not in self.document.teams:
            place = self.lines.at("families", name, "team")
            hint = did_you_mean(family.team, self.document.teams)
            raise ScenarioError(place, f'team "{family.team}" does not exist.{hint}')
        for environment, when in family.schedule.items():
            schedule = _schedule(when, self.lines.at("families", name, "schedule", environment))
            tool = Tool(family.kind)
            if tool is Tool.DBT:
                activities = self._models(name, family, environment)
            else:
                activities = self._steps(name, family, environment)
            dag = None
            if tool in _UNDER_A_DAG and environment is not Environment.DEV:
                dag = replace(
                    self._job(name, family, environment, name, step_path=name),
                    job=job_key(f"airflow-{environment}", name),
                    tool=Tool.DAG,
                    path=f"dags/{name}.py",
                    principal=f"service:airflow-{environment}",
                )
            yield Flow(schedule, tuple(activities), dag)

    def _steps(self, name: str, family: FamilyPart, env: Environment) -> list[Activity]:
        depth: dict[str, int] = {}
        activities = []
        for step, text in family.steps.items():
            place = self.lines.at("families", name, "steps", step)
            reads, writes = read_step(text, place)
            level = max((depth[read] + 1 for read in reads if read in depth), default=0)
            depth.update(dict.fromkeys(writes, level))
            activities.append(
                replace(
                    self._job(name, family, env, f"{name}.{step}", step_path=step),
                    inputs=tuple(self.inventory.use(read, env, place) for read in reads),
                    outputs=tuple(self.inventory.use(write, env, place) for write in writes),
                    step=2 * level,
                )
            )
        return activities

    def _models(self, name: str, family: FamilyPart, env: Environment) -> list[Activity]:
        chosen = {
            model: text
            for model, text in family.models.items()
            if env not in family.only or stem(model) in family.only[env]
        }
        depth: dict[str, int] = {}
        activities = []
        for model, text in chosen.items():
            place = self.lines.at("families", name, "models", model)
            reads = text.partition("|")[0].split()
            depth[model] = max((depth[read] + 1 for read in reads if read in depth), default=0)
            elsewhere = family.reads.get(env, env)
            output = self.inventory.use(model, env, place)
            self.inventory.set_owner(output, f"team:{family.team}")
            schema, _, table = model.partition(".")
            job = f"{env}.{schema}.{name}.{table}.build"
            build = replace(
                self._job(name, family, env, f"{job}.run", step_path=model.replace(".", "/")),
                inputs=tuple(
                    self.inventory.use(read, env if read in chosen else elsewhere, place)
                    for read in reads
                ),
                outputs=(output,),
                step=2 * depth[model],
                span=self.troubles.lifespan(output),
            )
            activities.append(build)
            checks = self.troubles.checks([output]) if model.startswith(_TEST_SCHEMAS) else ()
            if checks:
                test = replace(
                    build,
                    job=job_key(build.job.namespace, f"{job}.test"),
                    tool=Tool.DBT_TEST,
                    inputs=(),
                    outputs=(),
                    checks=checks,
                    step=build.step + 1,
                )
                activities.append(test)
        return activities

    def _job(
        self, name: str, family: FamilyPart, env: Environment, job: str, *, step_path: str
    ) -> Activity:
        tool = Tool(family.kind)
        namespace = _namespace(tool, env)
        says = family.says_principal and env is not Environment.DEV
        return Activity(
            job=job_key(namespace, job),
            tool=tool,
            environment=env,
            principal=f"service:{namespace}" if says else None,
            owner=f"team:{family.team}",
            repository=family.repository,
            path=_PATHS[tool].format(family=name, step=step_path),
        )

    def _scans(self, name: str, family: FamilyPart) -> Iterator[Flow]:
        for environment, when in family.schedule.items():
            place = self.lines.at("families", name, "schedule", environment)
            covered = [
                dataset.key
                for dataset in self.inventory.datasets.values()
                if dataset.environment is environment
                and not dataset.is_temporary
                and any(
                    fnmatchcase(f"{dataset.platform}/{dataset.table}", pattern)
                    for pattern in family.covers
                )
            ]
            if not covered:
                raise ScenarioError(place, f'"{name}" covers no dataset of {environment}.')
            scan = replace(
                self._job(name, family, environment, name, step_path=name),
                checks=self.troubles.checks(covered),
            )
            yield Flow(_schedule(when, place), (scan,))


def _namespace(tool: Tool, environment: Environment) -> str:
    names = {Tool.LOOKER: "looker", Tool.SCAN: f"quality-{environment}"}
    return names.get(tool, f"{tool}-{environment}")


def _schedule(text: str, place: Place) -> Schedule:
    found = re.fullmatch(r"(hourly|daily|weekdays|(\d+) days ago) (\d\d)?:(\d\d)", text)
    if found is None:
        message = f'expected such as "daily 05:10" or "3 days ago 14:20", found "{text}".'
        raise ScenarioError(place, message)
    rhythm = Rhythm.ONCE if found[2] else Rhythm(found[1])
    return Schedule(rhythm, int(found[3] or 0), int(found[4]), int(found[2] or 0))
