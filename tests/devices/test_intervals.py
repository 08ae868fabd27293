from itertools import product

import pytest
from hypothesis import given
from hypothesis import strategies as st

from devices.expression import Lookup, Operation, Symbol, Table, evaluate
from devices.intervals import interval

ROW, COLUMN = Symbol("i"), Symbol("j")
expressions = st.recursive(
    st.sampled_from([ROW, COLUMN, -7, -1, 0, 1, 2, 5]),
    lambda inner: st.one_of(
        st.builds(Operation, st.sampled_from(["+", "-", "*", "min", "max"]), inner, inner),
        st.builds(Operation, st.sampled_from(["//", "%"]), inner, st.integers(1, 6)),
    ),
    max_leaves=8,
)
ends = st.tuples(st.integers(-9, 9), st.integers(0, 6)).map(lambda span: (span[0], sum(span)))


@given(expressions, ends, ends)
def test_no_value_is_outside(expression, of_i, of_j):
    found = interval(expression, {ROW: of_i, COLUMN: of_j})
    assert found is not None
    for i, j in product(range(of_i[0], of_i[1] + 1), range(of_j[0], of_j[1] + 1)):
        assert found[0] <= evaluate(expression, {ROW: i, COLUMN: j}) <= found[1]


@pytest.mark.parametrize(
    ("expression", "bounds"),
    [
        (ROW * 64 + COLUMN * 8, (0, 3 * 64 + 16)),
        (64 - ROW * 2, (58, 64)),
        (ROW // 2 * 32 + ROW % 2, (0, 33)),
        ((ROW + 8) % 16, (8, 11)),
        (COLUMN // (ROW + 1), (0, 2)),
    ],
)
def test_it_is_exact_where_each_symbol_occurs_once_or_goes_one_way(expression, bounds):
    assert interval(expression, {ROW: (0, 3), COLUMN: (0, 2)}) == bounds


@pytest.mark.parametrize(
    "expression",
    [
        Symbol("k"),
        COLUMN // ROW,
        COLUMN % (ROW + 1),
        ROW < COLUMN,
        Lookup(Table("t", 1), (ROW,)) + 1,
    ],
)
def test_what_it_cannot_bound_it_does_not_bound(expression):
    assert interval(expression, {ROW: (0, 3), COLUMN: (0, 2)}) is None
