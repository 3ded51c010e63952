"""Tags travel with values: to every column made of them, and not past a mask."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from catalog.database import connect
from catalog.formats import read_catalog
from catalog.model import AssetKey, Basis, Catalog, Claim, Environment, Kind, Zone
from catalog.store import apply_catalog
from lineage.column_graph import Certainty, ColumnGraph
from lineage.column_index import ColumnIndex, Edge
from lineage.column_links import ColumnKey, How
from lineage.estate import Estate
from lineage.history import Standpoint, stand
from lineage.ingest import Arrival, Ingestor
from lineage.sample import GOVERNANCE
from lineage.sample.events import events_of_day
from lineage.sample.model import Company
from lineage.sample.scenario import load_company
from lineage.tags_travel import Origin, Travel, Travels, arrivals, is_personal
from tests.lineage.worlds import NOW, WH, dataset, job

ANCHOR = datetime(2026, 11, 20, 9, 30, tzinfo=UTC)

# Laws

columns = st.builds(
    lambda dataset, field: ColumnKey(AssetKey(Kind.DATASET, "n", dataset), field),
    st.sampled_from("abcd"),
    st.sampled_from(["", "x", "y"]),
)
hows = st.sampled_from(
    [How("DIRECT"), How(), How("DIRECT", masking=True), How(masking=True), How("INDIRECT")]
)
edges = st.lists(st.builds(Edge, columns, columns, hows), max_size=12)


def travelled(links: list[Edge], start: ColumnKey, *, indirect: bool = False) -> Travel:
    graph = ColumnGraph(ColumnIndex(links), Estate(NOW, 0, Catalog()))
    travel = Travel(graph, None, indirect=indirect, most=999)
    travel.follow(Origin(start, Claim("pii", Basis.DECLARED, "")))
    return travel


def where(travel: Travel) -> dict[ColumnKey, Certainty]:
    return {reached.column: reached.certainty for reached in travel.reached}


@given(edges, columns)
def test_a_tag_takes_no_way_that_is_masked_or_indirect(links: list[Edge], start: ColumnKey) -> None:
    shown = [link for link in links if not link.how.masking and link.how.type != "INDIRECT"]

    found = travelled(links, start)

    assert where(found) == where(travelled(shown, start))
    assert all(edge.how.carries for reached in found.reached for edge in reached.path)


@given(edges, columns)
def test_a_column_all_of_whose_ways_are_masked_holds_no_tag(
    links: list[Edge], start: ColumnKey
) -> None:
    masked = [link._replace(how=link.how._replace(masking=True)) for link in links]

    assert travelled(masked, start).reached == []
    assert travelled(masked, start, indirect=True).reached == []


@given(edges, columns)
def test_every_arrival_is_explained_by_a_way_that_begins_at_its_origin(
    links: list[Edge], start: ColumnKey
) -> None:
    for reached in travelled(links, start).reached:
        first, last = reached.path[0], reached.path[-1]
        assert first.source.asset == start.asset
        assert last.target == reached.column
        if reached.certainty is Certainty.DIRECT:
            assert first.source == start
            ends = [
                (a.target, b.source) for a, b in zip(reached.path, reached.path[1:], strict=False)
            ]
            assert all(one == other for one, other in ends)


@given(edges, columns)
def test_a_tag_stops_at_each_mask_that_it_comes_to(links: list[Edge], start: ColumnKey) -> None:
    travel = travelled(links, start)

    there = {start, *where(travel)}
    met = {
        link for link in links
        if link.source in there and link.how.masking and link.how.type != "INDIRECT"
    }  # fmt: skip
    assert {stop.edge for stop in travel.stopped} == met
    assert all(
        stop.arrives_otherwise is (stop.edge.target in where(travel)) for stop in travel.stopped
    )


@given(edges, columns)
def test_indirect_ways_only_ever_add(links: list[Edge], start: ColumnKey) -> None:
    plain, wide = where(travelled(links, start)), where(travelled(links, start, indirect=True))

    assert plain.keys() <= wide.keys()
    sure = {column for column, certainty in plain.items() if certainty is Certainty.DIRECT}
    assert all(wide[column] is Certainty.DIRECT for column in sure)


@pytest.mark.parametrize(
    ("tag", "is_one"),
    [
        ("pii", True), ("pii.email", True), ("PII:email", True), ("classification:PII", True),
        ("data_class:personal", True), ("pii:true", True), ("gdpr", True),
        ("pii:false", False), ("pii:no", False), ("non-pii", False), ("not_personal", False),
        ("finance", False), ("piid", False), ("personality", False), ("", False),
    ],
)  # fmt: skip
def test_a_tag_is_personal_by_its_words(tag: str, is_one: bool) -> None:
    assert is_personal(tag) is is_one


# Examples

Look = Callable[..., Standpoint]


def step(name: str, source: str, target: str, **fields: list[dict[str, Any]]) -> dict[str, Any]:
    """A run of a job that makes each column of a target from the one of the same name."""
    told = {
        field: {"inputFields": [{"namespace": WH, "name": source, "field": field,
                                 "transformations": ways}]}
        for field, ways in fields.items()
    }  # fmt: skip
    facets: dict[str, Any] = {"columnLineage": {"fields": told}} if told else {}
    return {"job": job(name), "inputs": [dataset(source)], "outputs": [dataset(target, **facets)]}


def tagged(name: str, *tags: dict[str, str]) -> dict[str, Any]:
    return {"job": job("tag"), "outputs": [dataset(name, tags={"tags": list(tags)})]}


DIRECT: list[dict[str, Any]] = [{"type": "DIRECT", "subtype": "IDENTITY"}]
HASHED: list[dict[str, Any]] = [{"type": "DIRECT", "masking": True}]
FILTER: list[dict[str, Any]] = [{"type": "INDIRECT", "subtype": "FILTER"}]
EMAIL = {"key": "pii", "value": "email", "field": "email"}


def told(found: Travels) -> list[tuple[str, str, str]]:
    return [(a.column.asset.name, a.column.field, a.certainty) for a in found.arrivals]


def test_a_tagged_column_is_found_where_its_values_are(look: Look) -> None:
    seen = look(
        tagged("wh.a", EMAIL),
        step("one", "wh.a", "wh.b", email=DIRECT, id=DIRECT),
        step("two", "wh.b", "wh.c", email=HASHED),
        step("three", "wh.c", "wh.d", email=DIRECT),
        step("four", "wh.b", "wh.e", email=FILTER),
        step("five", "wh.b", "wh.f"),
        step("six", "wh.f", "wh.g", email=DIRECT),
    )

    found = arrivals(seen)

    assert told(found) == [("wh.b", "email", "direct")]
    (arrival,) = found.arrivals
    assert (arrival.tag, arrival.origin.field) == ("pii:email", "email")
    (hop,) = arrival.path
    assert hop.job == AssetKey(Kind.JOB, "jobs", "one")
    assert hop.event_id
    (stop,) = found.stops
    assert (stop.link.target.asset.name, stop.arrives_otherwise) == ("wh.c", False)
    assert [hop.target.asset.name for hop in stop.path] == ["wh.b"]
    assert [(u.dataset.name, u.source.name) for u in found.unseen] == [
        ("wh.f", "wh.b"), ("wh.g", "wh.b"),
    ]  # fmt: skip


def test_columns_that_only_decide_are_told_apart_when_asked_for(look: Look) -> None:
    seen = look(tagged("wh.a", EMAIL), step("one", "wh.a", "wh.b", email=FILTER))

    assert told(arrivals(seen)) == []
    assert told(arrivals(seen, indirect=True)) == [("wh.b", "email", "indirect")]


def test_what_is_tagged_as_a_whole_may_be_in_any_column(look: Look) -> None:
    seen = look(tagged("wh.a", {"key": "pii"}), step("one", "wh.a", "wh.b", id=DIRECT))

    found = arrivals(seen)

    assert [o.column for o in found.origins] == [ColumnKey(AssetKey(Kind.DATASET, WH, "wh.a"))]
    assert told(found) == [("wh.b", "id", "maybe")]


def test_declared_columns_travel_like_tagged_ones(look: Look) -> None:
    declared = """
assets:
  - select: name:wh.a
    classification: {pii: true, columns: {email: pii.email, plan: internal}}
"""
    seen = look(step("one", "wh.a", "wh.b", email=DIRECT, plan=DIRECT), declared=declared)

    found = arrivals(seen)

    assert [(o.column.field, o.tag.value, o.tag.basis) for o in found.origins] == [
        ("", "pii", "declared"), ("email", "pii.email", "declared"),
    ]  # fmt: skip
    place = found.origins[1].tag.evidence[0].place
    assert str(place) == "all.yml:4"
    assert ("wh.b", "email", "direct") in told(found)
    assert [(a.column.field, a.tag) for a in found.arrivals if a.tag == "pii.email"] == [
        ("email", "pii.email")
    ]


def test_any_kind_of_tag_can_be_followed_and_one_dataset_asked_about(look: Look) -> None:
    secret = {"key": "secret", "field": "k"}
    seen = look(
        tagged("wh.a", EMAIL, secret),
        step("one", "wh.a", "wh.b", k=DIRECT, email=DIRECT),
        step("two", "wh.b", "wh.c", k=DIRECT),
    )
    key = AssetKey(Kind.DATASET, WH, "wh.c")

    found = arrivals(seen, lambda tag: tag == "secret", dataset=key)

    assert told(found) == [("wh.c", "k", "direct")]
    assert found.origins == ()
    assert [hop.target.asset.name for hop in found.arrivals[0].path] == ["wh.b", "wh.c"]


def test_a_cap_on_arrivals_is_told(look: Look) -> None:
    seen = look(tagged("wh.a", EMAIL), step("one", "wh.a", "wh.b", email=DIRECT))

    assert arrivals(seen, most=0).truncated
    assert not arrivals(seen).truncated


# The sample company


@pytest.fixture(scope="module")
def company() -> Company:
    return load_company()


@pytest.fixture(scope="module")
def seen(company: Company, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Standpoint]:
    engine = connect(f"sqlite:///{tmp_path_factory.mktemp('sample') / 'andon.db'}")
    for age in (3, 2, 1, 0):
        bodies = events_of_day(company, (ANCHOR - timedelta(days=age)).date(), ANCHOR)
        Ingestor(engine).ingest([Arrival(body, "sample") for body in bodies])
    apply_catalog(engine, read_catalog(GOVERNANCE), "person:ines", ANCHOR)
    yield stand(engine, ANCHOR)
    engine.dispose()


def test_personal_data_is_found_in_every_mart_that_shows_it_and_in_no_masked_one(
    company: Company, seen: Standpoint
) -> None:
    found = arrivals(seen)

    def is_mart(key: AssetKey) -> bool:
        zone = seen.estate.datasets[key].zone
        return zone is not None and zone.value is Zone.MART

    held = {(a.column.asset, a.column.field) for a in found.arrivals if is_mart(a.column.asset)}
    assert held == company.personal.held
    assert not {key for key, _ in held} & {key for key, _ in company.personal.masked}
    assert {a.certainty for a in found.arrivals} == {Certainty.DIRECT}
    stopped = {(s.link.target.asset, s.link.target.field) for s in found.stops}
    assert stopped <= company.personal.masked
    assert len(company.personal.held) >= 3


def test_each_arrival_at_a_mart_is_explained_back_to_the_source_that_is_tagged(
    seen: Standpoint,
) -> None:
    email = next(
        a for a in arrivals(seen).arrivals if a.column.asset.name == "prod.marts.dim_customers"
    )

    assert email.origin.asset.name == "shop.public.customers"
    assert [(hop.target.asset.name, hop.job.name if hop.job else "") for hop in email.path] == [
        ("shop/customers", "ingest_shop.extract"),
        ("prod.raw.customers", "ingest_shop.load_customers"),
        ("prod.staging.stg_customers", "prod.staging.commerce.stg_customers.build.run"),
        ("prod.marts.dim_customers", "prod.marts.commerce.dim_customers.build.run"),
    ]
    environment = seen.estate.datasets[email.column.asset].environment
    assert environment is not None
    assert environment.value is Environment.PROD
