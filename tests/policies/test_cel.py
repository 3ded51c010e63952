from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from policies.cel import ConditionError, EvaluationError, FactType, Plain, compile_condition

SCHEMA = {
    "now": FactType.TIMESTAMP,
    "ds.env": FactType.STRING,
    "ds.tier": FactType.INT,
    "ds.owners": FactType.STRINGS,
    "ds.tested_at": FactType.TIMESTAMP,
    "ds.a": FactType.BOOL,
    "ds.b": FactType.BOOL,
    "p.age": FactType.DURATION,
}
NOW = datetime(2026, 1, 1, tzinfo=UTC)


@pytest.mark.parametrize(
    ("text", "line", "column", "message"),
    [
        ("ds.evn == 'prod'", 1, 1, 'Did you mean "ds.env"?'),
        ("ds.env == 'x' && ds.teir < 2", 1, 18, 'Did you mean "ds.tier"?'),
        ("ds.a &&\n  ds.c", 2, 3, "is not a fact or function"),
        ("ds.env == 3", 1, 8, "no matching overload"),
        ("ds.env ==", 1, 10, "Syntax error"),
        ("known('ds.tseted_at')", 1, 8, 'Did you mean "ds.tested_at"?'),
        ("sise(ds.owners) == 0", 1, 1, '"sise" is not a fact or function'),
        ("ds.env", 1, 1, "is string, expected bool"),
    ],
)
def test_a_mistake_is_refused_when_compiled_with_its_place(
    text: str, line: int, column: int, message: str
) -> None:
    with pytest.raises(ConditionError, match=message.replace("?", r"\?")) as caught:
        compile_condition(text, SCHEMA)

    assert (caught.value.line, caught.value.column) == (line, column)


def test_what_is_quoted_is_never_taken_for_a_fact() -> None:
    program = compile_condition("ds.env == \"ds.tier known('ds.a')\"", SCHEMA)

    assert program.names == ("ds.env",)
    assert program.asked == ()


def test_a_method_of_a_fact_still_reads_that_fact() -> None:
    program = compile_condition("ds.env.startsWith('p') && size(ds.owners) > 0", SCHEMA)

    assert program.names == ("ds.env", "ds.owners")
    assert program.evaluate({"ds.env": "prod", "ds.owners": ["team:a"]}) is True


def test_known_is_true_false_or_unanswerable() -> None:
    program = compile_condition("!known('ds.tested_at')", SCHEMA)

    assert program.evaluate({}, {"ds.tested_at": True}) is False
    assert program.evaluate({}, {"ds.tested_at": False}) is True
    assert program.evaluate({}, {}) is None


def test_ages_are_compared_with_durations() -> None:
    program = compile_condition("now - ds.tested_at > p.age", SCHEMA)
    week: dict[str, Plain] = {"now": NOW, "p.age": timedelta(days=7)}

    assert program.evaluate({**week, "ds.tested_at": NOW - timedelta(days=8)}) is True
    assert program.evaluate({**week, "ds.tested_at": NOW - timedelta(days=6)}) is False


def test_a_condition_that_breaks_is_no_answer() -> None:
    with pytest.raises(EvaluationError, match="divide by zero"):
        compile_condition("1 / ds.tier == 1", SCHEMA).evaluate({"ds.tier": 0})


def test_a_value_of_the_wrong_type_is_no_answer() -> None:
    with pytest.raises(EvaluationError, match="Expected INT"):
        compile_condition("ds.tier == 1", SCHEMA).evaluate({"ds.tier": "one"})


kleene = st.sampled_from([True, False, None])


@given(kleene, kleene)
def test_and_and_or_follow_three_valued_logic(a: bool | None, b: bool | None) -> None:
    values = {n: v for n, v in (("ds.a", a), ("ds.b", b)) if v is not None}

    both = compile_condition("ds.a && ds.b", SCHEMA).evaluate(values)
    either = compile_condition("ds.a || ds.b", SCHEMA).evaluate(values)

    assert both is (False if False in (a, b) else None if None in (a, b) else True)
    assert either is (True if True in (a, b) else None if None in (a, b) else False)
