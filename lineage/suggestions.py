"""Names that may be names of one asset: told to people, with the line to declare it, never merged.

Two spellings can be two datasets: a database may hold ``"Orders"`` beside ``orders``. Whoever
knows declares it; until then every name stays exact.
"""

from __future__ import annotations

import ipaddress
import json
import re
from collections import Counter, defaultdict
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from enum import StrEnum

from catalog.model import AssetKey, Kind
from lineage.estate import Estate
from lineage.identity import Doubt, Names
from lineage.naming import SPELLINGS, kind_by_platform, platform_of
from lineage.spelling import Name


class Difference(StrEnum):
    """In what two spellings differ."""

    CASE = "case"
    QUOTES = "quotes"
    SLASH = "slash"
    SCHEME = "scheme"
    PORT = "port"
    HOST = "host"


@dataclass(frozen=True, slots=True)
class Suggestion:
    """An alias that somebody may want to declare."""

    namespace: str
    name: str | None
    """``None``: everything in the namespace."""
    is_namespace: str
    is_name: str | None
    differences: tuple[Difference, ...]
    why: str
    """One clause that finishes "because ...", for the screen."""

    @property
    def line(self) -> str:
        """The line to put under ``aliases:`` in a declared file."""
        if self.name is None or self.is_name is None:
            return f"- {{namespace: {_quoted(self.namespace)}, is: {_quoted(self.is_namespace)}}}"
        one = f"namespace: {_quoted(self.namespace)}, name: {_quoted(self.name)}"
        other = f"namespace: {_quoted(self.is_namespace)}, name: {_quoted(self.is_name)}"
        return f"- {{{one}, is: {{{other}}}}}"


@dataclass(frozen=True, slots=True)
class Suggested:
    """What the names of an estate suggest."""

    aliases: tuple[Suggestion, ...] = ()
    """Of spellings, namespaces first."""
    held_back: tuple[Doubt, ...] = ()
    """Places that producers call by the names of so many tables that they join nothing."""
    by_dataset: Mapping[AssetKey, tuple[tuple[AssetKey, Suggestion], ...]] = field(
        default_factory=dict
    )
    """For a dataset each other one that may be the same, and the alias that would join them."""


def suggestions_in(estate: Estate) -> Suggested:
    """What the datasets of an estate suggest, and of which of them; noise is left out."""
    names = estate.identities.datasets
    real = {key: dataset.names for key, dataset in estate.datasets.items() if not dataset.noise}
    seen = {(k.namespace, k.name) for key, others in real.items() for k in (key, *others)}
    aliases = suggest(seen, names)
    found: defaultdict[AssetKey, dict[AssetKey, Suggestion]] = defaultdict(dict)
    for pair, alias in (*_pairs(aliases, seen), *_of_held_back(names)):
        one, other = (AssetKey(Kind.DATASET, *names.of(name)) for name in pair)
        if one != other and one in real and other in real:
            found[one].setdefault(other, alias)
            found[other].setdefault(one, alias)
    by_dataset = {key: tuple(sorted(others.items())) for key, others in found.items()}
    return Suggested(aliases, names.held_back, by_dataset)


def _pairs(
    aliases: Iterable[Suggestion], seen: Collection[Name]
) -> Iterator[tuple[tuple[Name, Name], Suggestion]]:
    """The names that aliases would join, where both were seen."""
    by_namespace: defaultdict[str, list[str]] = defaultdict(list)
    for namespace, name in seen:
        by_namespace[namespace].append(name)
    for alias in aliases:
        if alias.name is not None and alias.is_name is not None:
            yield ((alias.namespace, alias.name), (alias.is_namespace, alias.is_name)), alias
        else:
            for name in by_namespace[alias.namespace]:
                if (alias.is_namespace, name) in seen:
                    yield ((alias.namespace, name), (alias.is_namespace, name)), alias


def _of_held_back(names: Names) -> Iterator[tuple[tuple[Name, Name], Suggestion]]:
    """A place of many tables may be one's own after all, unless it is declared to be or a root."""
    for doubt in names.held_back:
        place, tables = doubt.place, doubt.tables
        if place[1].strip("/. ") and len(names.members(place)) == 1:
            why = f"a producer says so, but it says the same of {len(tables) - 1} more tables"
            for table in tables:
                yield (place, table), Suggestion(*place, *table, (), why)


def suggest(seen: Iterable[Name], names: Names) -> tuple[Suggestion, ...]:
    """Aliases that names suggest, namespaces first, each in order.

    Args:
        seen: Every name by which a dataset was called.
        names: What is joined already, and needs no suggestion.
    """
    known = sorted({n for n in seen if n[0].strip() and n[1].strip()})  # the rest is no name
    places = {namespace: _plain_place(namespace) for namespace in {n for n, _ in known}}
    return (
        *_same_places(places, names),
        *_same_hosts(known, places, names),
        *_same_names(known, places, names),
    )


@dataclass(frozen=True, slots=True)
class _Plain:
    """What a spelling says, and how it differs from how that is usually written."""

    key: str
    differences: frozenset[Difference]


# Namespaces -------------------------------------------------------------------------------------


_PORTS = {
    "cassandra": 9042,
    "clickhouse": 8123,
    "db2": 50000,
    "kafka": 9092,
    "mssql": 1433,
    "mysql": 3306,
    "oracle": 1521,
    "postgres": 5432,
    "redshift": 5439,
    "sqlserver": 1433,
    "teradata": 1025,
}
"""Where a database listens unless somebody decides otherwise."""
_HAS_NO_HOST = {"s3", "gs", "file", "dbfs", "abfss", "wasbs", "duckdb", "sqlite", "inmemory"}
SHARED_LEAST = 2
"""Names that an address and a host must share to be suggested as one."""
PLACES_OF_A_NAME = 20
"""A name in more places than these says nothing about which two are one."""


def _plain_place(namespace: str) -> _Plain:
    scheme, found, rest = namespace.partition("://")
    if not found:
        return _Plain(namespace, frozenset())
    differences = set()
    plain = SPELLINGS.get(scheme.lower(), scheme.lower())
    if plain != scheme:
        differences.add(Difference.CASE if plain == scheme.lower() else Difference.SCHEME)
    if rest.endswith("/"):
        differences.add(Difference.SLASH)
    rest = rest.rstrip("/")
    if not rest:
        return _Plain(plain, frozenset({*differences, Difference.SLASH}))
    if plain not in _HAS_NO_HOST:
        host, slash, path = rest.partition("/")
        if host != host.lower():
            differences.add(Difference.CASE)
            host = host.lower()
        name, port = _host_and_port(host)
        if _is_loopback(name):
            differences.add(Difference.HOST)
            name = "localhost"
        if not port and plain in _PORTS:
            differences.add(Difference.PORT)
            port = str(_PORTS[plain])
        rest = f"{name}:{port}{slash}{path}" if port else f"{name}{slash}{path}"
    return _Plain(f"{plain}://{rest}", frozenset(differences))


def _host_and_port(host: str) -> tuple[str, str]:
    name, colon, port = host.rpartition(":")
    return (name, port) if colon and port.isdecimal() else (host, "")


def _address(host: str) -> ipaddress.IPv4Address | ipaddress.IPv6Address | None:
    try:
        return ipaddress.ip_address(host.strip("[]"))
    except ValueError:
        return None


def _is_loopback(host: str) -> bool:
    address = _address(host)
    return address is not None and address.is_loopback


def _same_places(places: dict[str, _Plain], names: Names) -> Iterator[Suggestion]:
    same: defaultdict[str, list[str]] = defaultdict(list)
    for namespace in sorted(places):
        same[places[namespace].key].append(namespace)
    for group in same.values():
        target = min(group, key=lambda n: (len(places[n].differences), n))
        for namespace in group:
            if names.namespace(namespace) != names.namespace(target):
                told = _told(places[namespace].differences, places[target].differences)
                yield Suggestion(
                    namespace, None, target, None, told, f"they differ in {_words(told)} only"
                )


def _same_hosts(
    known: Collection[Name], places: dict[str, _Plain], names: Names
) -> Iterator[Suggestion]:
    """Addresses whose names are those of one host on the same port, and of no other."""
    addresses = {n for n, plain in places.items() if _address(_host_of(plain)) is not None}
    asked = {name for namespace, name in known if namespace in addresses}
    hosts: defaultdict[str, set[str]] = defaultdict(set)
    for namespace, name in known:
        if name in asked and namespace not in addresses:
            hosts[name].add(namespace)
    total: Counter[str] = Counter()
    shared: defaultdict[str, Counter[str]] = defaultdict(Counter)
    for namespace, name in known:
        if namespace not in addresses:
            continue
        total[namespace] += 1
        if len(hosts[name]) <= PLACES_OF_A_NAME:
            near = {places[h].key for h in hosts[name] if _is_near(places[namespace], places[h])}
            shared[namespace].update(near)
    for namespace in sorted(shared):
        best = shared[namespace].most_common(2)
        if not best or best[0][1] < SHARED_LEAST or best[0][1] in (n for _, n in best[1:]):
            continue
        target = min(
            (n for n in places if places[n].key == best[0][0]),
            key=lambda n: (len(places[n].differences), n),
        )
        if names.namespace(namespace) != names.namespace(target):
            why = f"{best[0][1]} of its {total[namespace]} names are there too"
            yield Suggestion(namespace, None, target, None, (Difference.HOST,), why)


def _host_of(plain: _Plain) -> str:
    _, found, rest = plain.key.partition("://")
    return _host_and_port(rest.partition("/")[0])[0] if found else ""


def _is_near(one: _Plain, other: _Plain) -> bool:
    """Whether two places differ in their host only."""
    hosts = _host_of(one), _host_of(other)
    return all(hosts) and one.key.replace(hosts[0], "", 1) == other.key.replace(hosts[1], "", 1)


# Names ------------------------------------------------------------------------------------------


_FOLDS_UP = {"snowflake", "oracle", "db2"}
_KEEPS_CASE = {"bigquery", "cassandra", "clickhouse"}
_QUOTED = re.compile(r'"([^".]+)"|`([^`.]+)`|\[([^\].]+)\]')
_QUOTES = frozenset('"`[')


def _plain_name(platform: str, name: str) -> _Plain:
    kind = kind_by_platform(platform)
    if kind == "topic":
        return _Plain(name, frozenset())
    if kind == "file":
        plain = name.strip("/") or name
        return _Plain(plain, frozenset({Difference.SLASH} if plain != name else ()))
    differences = set()
    plain = name
    if not _QUOTES.isdisjoint(name):
        parts = [_QUOTED.fullmatch(part) for part in name.split(".")]
        if any(parts):
            bare = zip(parts, name.split("."), strict=True)
            plain = ".".join(found[found.lastindex or 0] if found else p for found, p in bare)
            differences.add(Difference.QUOTES)
    if platform not in _KEEPS_CASE:
        if plain != (plain.upper() if platform in _FOLDS_UP else plain.lower()):
            differences.add(Difference.CASE)
        plain = plain.lower()
    return _Plain(plain, frozenset(differences))


def _same_names(
    known: Collection[Name], places: dict[str, _Plain], names: Names
) -> Iterator[Suggestion]:
    platforms = {namespace: platform_of(namespace) for namespace in places}
    same: defaultdict[tuple[str, str], list[tuple[Name, _Plain]]] = defaultdict(list)
    for name in known:
        plain = _plain_name(platforms[name[0]], name[1])
        same[places[name[0]].key, plain.key].append((name, plain))
    for group in same.values():
        if len(group) < 2:
            continue
        target, written = min(group, key=lambda each: (len(each[1].differences), each[0]))
        for name, plain in group:
            if name[1] != target[1] and names.of(name) != names.of(target):
                told = _told(plain.differences, written.differences)
                yield Suggestion(*name, *target, told, f"they differ in {_words(told)} only")


# Words ------------------------------------------------------------------------------------------


_WORDS = {
    Difference.CASE: "upper and lower case",
    Difference.QUOTES: "quotes",
    Difference.SLASH: "a slash at an end",
    Difference.SCHEME: "how the scheme is spelled",
    Difference.PORT: "a port that is the usual one",
    Difference.HOST: "how the host is named",
}


def _told(one: frozenset[Difference], other: frozenset[Difference]) -> tuple[Difference, ...]:
    return tuple(sorted(one ^ other or one | other))


def _words(differences: Iterable[Difference]) -> str:
    return " and ".join(_WORDS[d] for d in differences)


def _quoted(text: str) -> str:
    """A text as YAML reads it back, whatever characters it holds."""
    plain = json.dumps(text, ensure_ascii=False)
    return "".join(c if c.isprintable() else f"\\U{ord(c):08X}" for c in plain)
