"""Arguments in columns: they read like the tuples that were put in."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from devices.dtypes import BY_NAME
from runtime.arguments import ScalarArguments, TensorArguments
from runtime.distinct import distinct_rows
from runtime.graph import Buffer, whole_view

WHOLE = st.integers(-(1 << 70), 1 << 70)
ROWS = st.lists(st.lists(WHOLE | st.floats(allow_nan=False) | st.booleans()).map(tuple))
VIEWS = [whole_view(Buffer(f"t{n}", (4, 4), BY_NAME["FP32"], -1)) for n in range(5)]


@given(ROWS, ROWS)
def test_scalars_come_back_as_they_are(rows, more):
    kept, others = ScalarArguments(rows), ScalarArguments(more)
    kept.extend(others)
    expected = [*rows, *more]
    assert kept == expected
    assert list(map(repr, kept)) == list(map(repr, expected))
    assert [kept[n] for n in range(len(expected))] == expected
    assert kept[1:-1] == expected[1:-1]
    assert kept != [*expected, ()]


@given(st.lists(st.lists(st.sampled_from(VIEWS)).map(tuple)))
def test_tensors_come_back_as_they_are(rows):
    kept = TensorArguments(rows)
    assert kept == rows
    assert [kept[n] for n in range(-len(rows), 0)] == rows
    assert len(kept.views) == len({view for row in rows for view in row})
    swapped = dict(zip(VIEWS, reversed(VIEWS), strict=True))
    kept.extend(TensorArguments(rows), [swapped[view] for view in kept.views])
    assert kept == rows + [tuple(swapped[view] for view in row) for row in rows]


FAR = st.integers(-(1 << 63), (1 << 63) - 1)


@given(st.integers(0, 3).flatmap(lambda n: st.lists(st.tuples(*[st.integers(0, 2) | FAR] * n))))
def test_rows_are_numbered_by_what_they_hold(rows):
    table = np.array(rows, dtype=np.int64).reshape(len(rows), -1 if rows and rows[0] else 0)
    first, number = distinct_rows(table)
    assert [rows[first[n]] for n in number] == rows
    assert len(first) == len(set(rows))
    assert all(rows.index(rows[place]) == place for place in first.tolist())
