"""From the scenario file to the company: everything that the file abbreviates is expanded here."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import replace
from fnmatch import fnmatchcase
from functools import cache
from pathlib import Path
from types import MappingProxyType

from catalog.errors import did_you_mean
from catalog.model import AssetKey, Environment, Place
from lineage.sample.document import (
    Document,
    FamilyPart,
    Lines,
    PlantPart,
    RunPart,
    ScenarioError,
    SubjectPart,
    TroublePart,
    read_document,
)
from lineage.sample.model import (
    ALWAYS,
    Activity,
    Check,
    Column,
    Company,
    Expectation,
    FeedSubject,
    Flow,
    Rhythm,
    SampleDataset,
    SampleTeam,
    SampleTest,
    Schedule,
    Span,
    Subject,
    Tool,
    WriteSubject,
    dataset_key,
    job_key,
    stem,
)

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
    """One reading of a scenario; what is found on the way is collected in its dicts."""

    def __init__(self, document: Document, lines: Lines) -> None:
        self.document = document
        self.lines = lines
        self.datasets: dict[AssetKey, SampleDataset] = {}
        self.flows: list[Flow] = []
        self.described: dict[str, tuple[int, tuple[Column, ...]]] = {}
        self.plants = [plant for trouble in document.troubles for plant in trouble.plant]

    def company(self) -> Company:
        self._describe()
        for name, family in self.document.families.items():
            if family.kind != "scan":
                self._expand_family(name, family)
        for index, trouble in enumerate(self.document.troubles):
            for number, plant in enumerate(trouble.plant):
                if plant.run:
                    place = self.lines.at("troubles", index, "plant", number)
                    self.flows.append(self._planted_run(plant.run, place))
        for name, family in self.document.families.items():
            if family.kind == "scan":
                self._expand_scan(name, family)
        self._change_owners()
        company = Company(
            name=self.document.company,
            seed=self.document.seed,
            teams=tuple(
                SampleTeam(id=id_, name=team.name, people=team.people)
                for id_, team in self.document.teams.items()
            ),
            datasets=MappingProxyType(self.datasets),
            flows=tuple(self.flows),
            answer_key=(),
        )
        return replace(company, answer_key=tuple(self._answer_key(company)))

    # Datasets ----------------------------------------------------------------------------------

    def _describe(self) -> None:
        for platform, tables in self.document.datasets.items():
            for table, text in tables.items():
                place = self.lines.at("datasets", platform, table)
                self.described[f"{platform}/{table}"] = self._table(text, place)
        for name, family in self.document.families.items():
            for model, text in family.models.items():
                place = self.lines.at("families", name, "models", model)
                self.described[f"warehouse/{model}"] = self._table(text.partition("|")[2], place)
            for step, text in family.steps.items():
                place = self.lines.at("families", name, "steps", step)
                self._inherit(*_step(text, place), place)

    def _table(self, text: str, place: Place) -> tuple[int, tuple[Column, ...]]:
        rows, bar, columns = (part.strip() for part in text.partition("|"))
        number = re.fullmatch(r"(\d+)(k?)", rows)
        if not bar or number is None:
            raise ScenarioError(place, f'expected "rows | columns", found "{text.strip()}".')
        found = []
        for word in columns.split():
            name, _, type_ = word.rstrip("!").partition(":")
            if type_ not in self.document.types:
                hint = did_you_mean(type_, self.document.types)
                raise ScenarioError(place, f'column "{word}" has an unknown type.{hint}')
            found.append(Column(name + "!" * word.endswith("!"), self.document.types[type_]))
        return int(number[1]) * (1000 if number[2] else 1), tuple(found)

    def _inherit(self, inputs: list[str], outputs: list[str], place: Place) -> None:
        """What a step writes has the columns of its namesake among what the step reads."""
        for output in outputs:
            if output in self.described:
                continue
            alike = [name for name in inputs if stem(name) == stem(output)]
            if not alike or alike[0] not in self.described:
                raise ScenarioError(place, f'nothing says which columns "{output}" has.')
            rows, columns = self.described[alike[0]]
            loaded = (Column("_loaded_at", "timestamp"),) if output.startswith("warehouse/") else ()
            self.described[output] = (rows, (*columns, *loaded))

    def _dataset(self, name: str, environment: Environment, place: Place) -> AssetKey:
        """The key of a dataset by its scenario name; it exists from now on."""
        before, _, after = name.partition(":")
        if after:
            environment, name = self._environment(before, place), after
        name = _full(name)
        if name not in self.described:
            hint = did_you_mean(name, self.described)
            raise ScenarioError(place, f'dataset "{name}" is not described.{hint}')
        platform_name, _, table = name.partition("/")
        platform = self.document.platforms[platform_name]
        values = {"env": environment.value, "t": table}
        key = dataset_key(platform.namespace.format(**values), platform.name.format(**values))
        if key not in self.datasets:
            rows, columns = self.described[name]
            self.datasets[key] = SampleDataset(
                key=key,
                environment=environment,
                platform=platform_name,
                table=table,
                type=platform.type,
                columns=tuple(Column(c.name.rstrip("!"), c.type) for c in columns),
                rows=rows,
                tests=self._tests(name, columns),
            )
        return key

    def _environment(self, name: str, place: Place) -> Environment:
        try:
            return Environment(name)
        except ValueError:
            hint = did_you_mean(name, Environment)
            raise ScenarioError(place, f'environment "{name}" does not exist.{hint}') from None

    def _tests(self, name: str, columns: tuple[Column, ...]) -> tuple[SampleTest, ...]:
        keys = [column.name.rstrip("!") for column in columns if column.name.endswith("!")]
        tests = [SampleTest(test, key) for key in keys for test in ("not_null", "unique")]
        tests.append(SampleTest("row_count", None, is_blocking=False))
        for text in self.document.tests.get(name, ()):
            test, _, column = text.rstrip("?").partition(" ")
            tests.append(SampleTest(test, column or None, is_blocking=not text.endswith("?")))
        return tuple(tests)

    # Families ----------------------------------------------------------------------------------

    def _expand_family(self, name: str, family: FamilyPart) -> None:
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
            self.flows.append(Flow(schedule, tuple(activities), dag))

    def _steps(self, name: str, family: FamilyPart, env: Environment) -> list[Activity]:
        depth: dict[str, int] = {}
        activities = []
        for step, text in family.steps.items():
            place = self.lines.at("families", name, "steps", step)
            reads, writes = _step(text, place)
            level = max((depth[read] + 1 for read in reads if read in depth), default=0)
            depth.update(dict.fromkeys(writes, level))
            activities.append(
                replace(
                    self._job(name, family, env, f"{name}.{step}", step_path=step),
                    inputs=tuple(self._dataset(read, env, place) for read in reads),
                    outputs=tuple(self._dataset(write, env, place) for write in writes),
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
            output = self._dataset(model, env, place)
            self.datasets[output] = replace(self.datasets[output], owner=f"team:{family.team}")
            schema, _, table = model.partition(".")
            job = f"{env}.{schema}.{name}.{table}.build"
            build = replace(
                self._job(name, family, env, f"{job}.run", step_path=model.replace(".", "/")),
                inputs=tuple(
                    self._dataset(read, env if read in chosen else elsewhere, place)
                    for read in reads
                ),
                outputs=(output,),
                step=2 * depth[model],
                span=self._lifespan(output),
            )
            activities.append(build)
            checks = self._checks([output]) if model.startswith(_TEST_SCHEMAS) else ()
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

    def _expand_scan(self, name: str, family: FamilyPart) -> None:
        for environment, when in family.schedule.items():
            place = self.lines.at("families", name, "schedule", environment)
            covered = [
                dataset.key
                for dataset in self.datasets.values()
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
                checks=self._checks(covered),
            )
            self.flows.append(Flow(_schedule(when, place), (scan,)))

    # Troubles ----------------------------------------------------------------------------------

    def _planted_run(self, run: RunPart, place: Place) -> Flow:
        namespace, _, name = run.job.partition(" ")
        datasets = [
            tuple(self._dataset(ref, Environment.PROD, place) for ref in refs)
            for refs in (run.reads, run.writes, run.checks)
        ]
        previously = run.previously
        activity = Activity(
            job=job_key(namespace, name),
            tool=Tool(run.kind),
            environment=None,
            inputs=datasets[0],
            outputs=datasets[1],
            checks=tuple(Check(key) for key in datasets[2]),
            principal=run.principal,
            owner=run.owner,
            operation=run.operation,
            previously=self._dataset(previously, Environment.PROD, place) if previously else None,
        )
        return Flow(_schedule(run.when, place), (activity,))

    def _planted(self, key: AssetKey, field: str) -> Iterable[PlantPart]:
        """Those plants whose field names a dataset."""
        for index, trouble in enumerate(self.document.troubles):
            for number, plant in enumerate(trouble.plant):
                if named := getattr(plant, field):
                    place = self.lines.at("troubles", index, "plant", number, field)
                    if self._dataset(named, Environment.PROD, place) == key:
                        yield plant

    def _lifespan(self, key: AssetKey) -> Span:
        begins = next(iter(self._planted(key, "begins")), None)
        ends = next(iter(self._planted(key, "ends")), None)
        return Span(begins.days_ago if begins else None, ends.days_ago if ends else None)

    def _checks(self, keys: list[AssetKey]) -> tuple[Check, ...]:
        """The checks of datasets, as far as no plant takes them away."""
        checks = []
        for key in keys:
            if any(self._planted(key, "without_tests")):
                continue
            stop = next(iter(self._planted(key, "stop_tests")), None)
            span = Span(until_days_ago=stop.days_ago) if stop else ALWAYS
            skipped = any(self._planted(key, "skip_tests"))
            checks.append(Check(key, span, is_skipped=skipped))
        return tuple(checks)

    def _change_owners(self) -> None:
        for key, dataset in list(self.datasets.items()):
            for plant in self._planted(key, "owner_of"):
                owner = None if plant.is_ == "nobody" else plant.is_
                self.datasets[key] = replace(dataset, owner=None)
                self.flows = [
                    replace(
                        flow,
                        activities=tuple(
                            replace(activity, owner=owner) if key in activity.outputs else activity
                            for activity in flow.activities
                        ),
                    )
                    for flow in self.flows
                ]

    # The answer key ----------------------------------------------------------------------------

    def _answer_key(self, company: Company) -> Iterable[Expectation]:
        for index, trouble in enumerate(self.document.troubles):
            place = self.lines.at("troubles", index, "subject")
            yield Expectation(
                id=trouble.id,
                policy=trouble.policy,
                subject=self._subject(company, trouble, place),
                must_fail=trouble.expect == "fail",
                because=trouble.because,
                place=place,
            )

    def _subject(self, company: Company, trouble: TroublePart, place: Place) -> Subject:
        named: SubjectPart = trouble.subject
        if named.dataset:
            return self._existing(named.dataset, place)
        if named.feed:
            environment, _, platform_name = named.feed.partition(":")
            platform = self.document.platforms[platform_name]
            return FeedSubject(platform.namespace.format(env=environment))
        if not named.write:
            raise ScenarioError(place, "a subject is a write, a dataset or a feed.")
        namespace, job, dataset = named.write
        write = WriteSubject(
            job_key(namespace, job), self._existing(dataset, place), named.principal
        )
        if not any(
            activity.job == write.job
            and write.dataset in activity.outputs
            and activity.principal == write.principal
            for activity in company.activities
        ):
            raise ScenarioError(place, f'no run of "{namespace}" "{job}" writes that as that.')
        return write

    def _existing(self, ref: str, place: Place) -> AssetKey:
        known = set(self.datasets)
        key = self._dataset(ref, Environment.PROD, place)
        if key not in known:
            raise ScenarioError(place, f'nothing reads, writes or tests "{ref}".')
        return key


def _full(name: str) -> str:
    """A dataset's scenario name with its platform; the warehouse may be left out."""
    return name if "/" in name else f"warehouse/{name}"


def _step(text: str, place: Place) -> tuple[list[str], list[str]]:
    reads, arrow, writes = text.partition(">")
    if not arrow or not writes.strip():
        raise ScenarioError(place, f'expected "reads > writes", found "{text}".')
    return [_full(name) for name in reads.split()], [_full(name) for name in writes.split()]


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
