"""Scalar expressions: one value, however it is computed."""

import operator

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from devices.expression import (
    Expression,
    Operation,
    Symbol,
    constant_difference,
    evaluate,
    source,
    symbols,
)

PYTHON = {
    "+": operator.add,
    "-": operator.sub,
    "*": operator.mul,
    "//": operator.floordiv,
    "%": operator.mod,
    "==": operator.eq,
    "!=": operator.ne,
    "<": operator.lt,
    "<=": operator.le,
    ">": operator.gt,
    ">=": operator.ge,
    "min": min,
    "max": max,
}
NAMES = ("i", "j", "k")
SYMBOLS = {name: Symbol(name) for name in NAMES}

divisors = st.integers(-4, 4).filter(bool)
arithmetic = st.recursive(
    st.one_of(st.sampled_from(NAMES), st.integers(-5, 5)),
    lambda inner: st.one_of(
        st.tuples(st.sampled_from(["+", "-", "*", "min", "max"]), inner, inner),
        st.tuples(st.sampled_from(["//", "%"]), inner, divisors),
        st.tuples(st.just("neg"), inner),
    ),
    max_leaves=12,
)
comparisons = st.tuples(st.sampled_from(["==", "!=", "<", "<=", ">", ">="]), arithmetic, arithmetic)
trees = st.one_of(arithmetic, comparisons)
values = st.fixed_dictionaries({name: st.integers(-20, 20) for name in NAMES})


def built(tree):
    """The tree as the language builds it: by Python's operators where Python has them."""
    if isinstance(tree, str):
        return SYMBOLS[tree]
    if isinstance(tree, int):
        return tree
    function, *operands = tree
    operands = [built(o) for o in operands]
    if function == "neg":
        return -operands[0]
    if function in ("min", "max", "==", "!="):
        return Operation(function, *operands)
    return PYTHON[function](*operands)


def meaning(tree, values):
    if isinstance(tree, str):
        return values[tree]
    if isinstance(tree, int):
        return tree
    function, *operands = tree
    operands = [meaning(o, values) for o in operands]
    return -operands[0] if function == "neg" else PYTHON[function](*operands)


def by_symbol(values):
    return {SYMBOLS[name]: value for name, value in values.items()}


@settings(deadline=None)
@given(trees, values)
def test_value_is_that_of_the_same_python_expression(tree, values):
    assert evaluate(built(tree), by_symbol(values)) == meaning(tree, values)


@settings(deadline=None)
@given(trees, values)
def test_source_is_python_with_that_value(tree, values):
    text = source(built(tree), lambda symbol: symbol.name)
    assert eval(text, {"min": min, "max": max, **values}) == meaning(tree, values)  # noqa: S307


@settings(deadline=None)
@given(trees, st.lists(values, min_size=1, max_size=5))
def test_arrays_give_the_value_of_every_element(tree, rows):
    columns = {SYMBOLS[name]: np.array([row[name] for row in rows]) for name in NAMES}
    found = np.broadcast_to(evaluate(built(tree), columns), len(rows))
    assert found.tolist() == [meaning(tree, row) for row in rows]


@settings(deadline=None)
@given(trees, values)
def test_symbols_are_all_that_a_value_needs(tree, values):
    expression = built(tree)
    needed = set(symbols(expression))
    known = {symbol: value for symbol, value in by_symbol(values).items() if symbol in needed}
    assert evaluate(expression, known) == meaning(tree, values)
    for symbol in needed:
        with pytest.raises(KeyError):
            evaluate(expression, {s: v for s, v in known.items() if s is not symbol})


def test_symbols_of_one_name_are_different():
    outer, inner = Symbol("i"), Symbol("i")
    assert evaluate(outer * 10 + inner, {outer: 4, inner: 2}) == 42
    assert list(symbols(outer + inner)) == [outer, inner]
    spelled = {outer: "i_0", inner: "i_1"}
    assert source(outer - inner, spelled.__getitem__) == "(i_0 - i_1)"


def test_a_symbol_is_listed_as_often_as_it_occurs():
    i, j = Symbol("i"), Symbol("j")
    assert list(symbols((i + j) * i)) == [i, j, i]
    assert list(symbols(7)) == []


def test_neutral_operands_leave_no_operation():
    i = Symbol("i")
    assert i + 0 is i
    assert 0 + i is i
    assert i - 0 is i
    assert i * 1 is i
    assert 1 * i is i
    assert i // 1 is i


def test_division_is_integer_division():
    i = Symbol("i")
    assert evaluate(i / 4, {i: 11}) == 2
    assert evaluate(11 / i, {i: 4}) == 2
    assert evaluate(11 % i, {i: 4}) == 3
    assert evaluate(7 - i, {i: 4}) == 3


def test_an_expression_has_no_truth_value_before_the_program_runs():
    i = Symbol("i")
    for expression in (i, i + 1, i < 3):
        assert isinstance(expression, Expression)
        with pytest.raises(TypeError, match="known only when the program runs"):
            bool(expression)


def test_an_expression_reads_like_its_source():
    i, j = Symbol("i"), Symbol("j")
    assert repr((i * 64 + j) // 2) == "(((i * 64) + j) // 2)"
    assert source(Operation("min", i, 8), str) == "min(i, 8)"


@settings(deadline=None)
@given(arithmetic, arithmetic, values)
def test_a_constant_difference_is_the_difference_for_every_value(left, right, values):
    difference = constant_difference(built(left), built(right))
    if difference is not None:
        assert difference == meaning(left, values) - meaning(right, values)


@pytest.mark.parametrize(
    ("left", "right", "difference"),
    [
        (7, 3, 4),
        (("+", ("*", "i", 64), 64), ("*", 64, "i"), 64),
        (("*", ("+", "i", 2), 8), ("*", ("-", "i", 1), 8), 24),
        (("+", "i", "j"), ("+", "j", "i"), 0),
        ("i", "j", None),
        (("+", ("*", "i", "i"), 3), ("*", "i", "i"), 3),
        (("*", "i", "j"), ("*", "j", "i"), None),
        (("+", ("*", ("//", "i", 2), 8), 64), ("*", 8, ("//", "i", 2)), 64),
        (("//", "i", 2), ("//", "i", 4), None),
        (("min", "i", 8), ("min", "j", 8), None),
    ],
)
def test_differences_of_sums_are_found_whatever_their_terms(left, right, difference):
    assert constant_difference(built(left), built(right)) == difference
