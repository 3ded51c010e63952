"""The datasets of the company: named, described and tested as the scenario's tables say."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace

from catalog.errors import did_you_mean
from catalog.model import AssetKey, Environment, Place
from lineage.sample.document import Document, Lines, ScenarioError
from lineage.sample.model import Column, SampleDataset, SampleTest, dataset_key, stem


@dataclass(frozen=True, slots=True)
class _Description:
    """What one line says about a table, whatever its environment."""

    rows: int
    columns: tuple[Column, ...]
    keys: tuple[str, ...]


class Inventory:
    """Every dataset that something in the scenario reads, writes or tests."""

    def __init__(self, document: Document, lines: Lines) -> None:
        self._document = document
        self._lines = lines
        self._described: dict[str, _Description] = {}
        self.datasets: dict[AssetKey, SampleDataset] = {}
        self._describe()

    def use(self, name: str, environment: Environment, place: Place) -> AssetKey:
        """The key of a dataset by its scenario name; from now on it exists."""
        environment, platform_name, table, key = self._resolve(name, environment, place)
        if key not in self.datasets:
            full = f"{platform_name}/{table}"
            description = self._described[full]
            self.datasets[key] = SampleDataset(
                key=key,
                environment=environment,
                platform=platform_name,
                table=table,
                type=self._document.platforms[platform_name].type,
                columns=description.columns,
                rows=description.rows,
                tests=self._tests(full, description.keys),
                personal=tuple(self._document.personal.tagged.get(full, {}).items()),
            )
        return key

    def existing(self, name: str, place: Place) -> AssetKey:
        """The key of a dataset that something uses; production's, unless the name says otherwise.

        Raises:
            ScenarioError: Nothing uses it.
        """
        *_, key = self._resolve(name, Environment.PROD, place)
        if key not in self.datasets:
            raise ScenarioError(place, f'nothing reads, writes or tests "{name}".')
        return key

    def key(self, name: str, place: Place) -> AssetKey:
        """The key that a dataset has or would have; production's, unless the name says so."""
        *_, key = self._resolve(name, Environment.PROD, place)
        return key

    def everywhere(
        self, columns: Mapping[str, Iterable[str]], place: Place
    ) -> frozenset[tuple[AssetKey, str]]:
        """Columns of tables, in each environment that has the table.

        Raises:
            ScenarioError: One of them does not exist.
        """
        found = set()
        for name, wanted in columns.items():
            keys = [d.key for d in self.datasets.values() if f"{d.platform}/{d.table}" == name]
            for column in wanted:
                if not any(c.name == column for k in keys for c in self.datasets[k].columns):
                    raise ScenarioError(place, f'nothing has a column "{column}" of "{name}".')
                found |= {(key, column) for key in keys}
        return frozenset(found)

    def set_owner(self, key: AssetKey, owner: str | None) -> None:
        """Change whom its writer names as the owner of a dataset."""
        self.datasets[key] = replace(self.datasets[key], owner=owner)

    def namespace(self, name: str, place: Place) -> str:
        """The namespace of a platform, named as ``prod:warehouse``."""
        environment, _, platform = name.partition(":")
        if platform not in self._document.platforms:
            raise self._unknown("platform", platform, self._document.platforms, place)
        found = self._document.platforms[platform]
        return found.namespace.format(env=self._environment(environment, place))

    def _resolve(
        self, name: str, environment: Environment, place: Place
    ) -> tuple[Environment, str, str, AssetKey]:
        before, colon, after = name.partition(":")
        if colon:
            environment, name = self._environment(before, place), after
        name = full_name(name)
        if name not in self._described:
            hint = did_you_mean(name, self._described)
            raise ScenarioError(place, f'dataset "{name}" is not described.{hint}')
        platform_name, _, table = name.partition("/")
        platform = self._document.platforms[platform_name]
        values = {"env": environment.value, "t": table}
        key = dataset_key(platform.namespace.format(**values), platform.name.format(**values))
        return environment, platform_name, table, key

    def _environment(self, name: str, place: Place) -> Environment:
        try:
            return Environment(name)
        except ValueError:
            raise self._unknown("environment", name, Environment, place) from None

    @staticmethod
    def _unknown(what: str, name: str, known: Iterable[str], place: Place) -> ScenarioError:
        return ScenarioError(place, f'{what} "{name}" does not exist.{did_you_mean(name, known)}')

    def _describe(self) -> None:
        document, at = self._document, self._lines.at
        for platform, tables in document.datasets.items():
            if platform not in document.platforms:
                place = at("datasets", platform)
                raise self._unknown("platform", platform, document.platforms, place)
            for table, text in tables.items():
                place = at("datasets", platform, table)
                self._described[f"{platform}/{table}"] = self._description(text, place)
        for name, family in document.families.items():
            for model, text in family.models.items():
                place = at("families", name, "models", model)
                _, _, rest = text.partition("|")
                self._described[full_name(model)] = self._description(rest, place)
            for step, text in family.steps.items():
                self._inherit(text, at("families", name, "steps", step))

    def _description(self, text: str, place: Place) -> _Description:
        rows, bar, columns = (part.strip() for part in text.partition("|"))
        number = re.fullmatch(r"(\d+)(k?)", rows)
        if not bar or number is None:
            raise ScenarioError(place, f'expected "rows | columns", found "{text.strip()}".')
        found, keys = [], []
        for word in columns.split():
            name, _, type_ = word.rstrip("!~").partition(":")
            if type_ not in self._document.types:
                hint = did_you_mean(type_, self._document.types)
                raise ScenarioError(place, f'column "{word}" has an unknown type.{hint}')
            found.append(Column(name, self._document.types[type_], word.endswith("~")))
            if word.endswith("!"):
                keys.append(name)
        count = int(number[1]) * (1000 if number[2] else 1)
        return _Description(count, tuple(found), tuple(keys))

    def _inherit(self, text: str, place: Place) -> None:
        """What a step writes has the columns of its namesake among what the step reads."""
        inputs, outputs = read_step(text, place)
        for output in outputs:
            if output in self._described:
                continue
            alike = [name for name in inputs if stem(name) == stem(output)]
            if not alike or alike[0] not in self._described:
                raise ScenarioError(place, f'nothing says which columns "{output}" has.')
            origin = self._described[alike[0]]
            loaded = (Column("_loaded_at", "timestamp"),) if output.startswith("warehouse/") else ()
            self._described[output] = replace(origin, columns=(*origin.columns, *loaded))

    def _tests(self, name: str, keys: tuple[str, ...]) -> tuple[SampleTest, ...]:
        tests = [SampleTest(test, key) for key in keys for test in ("not_null", "unique")]
        tests.append(SampleTest("row_count", None, is_blocking=False))
        for text in self._document.tests.get(name, ()):
            test, _, column = text.rstrip("?").partition(" ")
            tests.append(SampleTest(test, column or None, is_blocking=not text.endswith("?")))
        return tuple(tests)


def full_name(name: str) -> str:
    """A dataset's scenario name with its platform; the warehouse may be left out."""
    return name if "/" in name else f"warehouse/{name}"


def read_step(text: str, place: Place) -> tuple[list[str], list[str]]:
    """What a step reads and what it writes."""
    reads, arrow, writes = text.partition(">")
    if not arrow or not writes.strip():
        raise ScenarioError(place, f'expected "reads > writes", found "{text}".')
    return [full_name(name) for name in reads.split()], [full_name(name) for name in writes.split()]
