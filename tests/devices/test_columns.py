import copy
import pickle
from dataclasses import replace

import numpy as np
import pytest
from librt.vecs import vec
from mypy_extensions import i16, i32, i64, u8

import tilesim as ts
from devices.columns import flags, integers, reals

COLUMNS = [
    vec[i16]([-1, 5]),
    vec[i32]([1 << 30, -7]),
    vec[i64]([1 << 60]),
    vec[u8]([0, 1, 255]),
    vec[float]([0.1, float("inf")]),
    vec[i32](),
]


@pytest.mark.parametrize("column", COLUMNS)
def test_a_column_can_be_copied_and_sent(column):
    for again in (copy.deepcopy(column), pickle.loads(pickle.dumps(column))):  # noqa: S301 - own
        assert type(again) is type(column)
        assert list(again) == list(column)


def test_a_copy_is_a_column_of_its_own():
    column = vec[float]([1.0])
    again = copy.deepcopy(column)
    again[0] = 2.0
    assert column[0] == 1.0


def test_columns_of_numpy_may_be_of_any_type_and_in_any_order():
    numbers = np.arange(10)[::-2]
    assert list(integers(numbers)) == list(reals(numbers)) == [9, 7, 5, 3, 1]
    assert list(flags(numbers > 4)) == [1, 1, 1, 0, 0]
    assert np.asarray(integers(np.broadcast_to(np.int64(3), 4))).tolist() == [3, 3, 3, 3]


def test_what_a_run_used_can_be_copied_and_sent():
    case = ts.replay("bgemm", {"groups": 5}).case
    end_us = case.simulate().end_us.tolist()
    sent = replace(case, uses=pickle.loads(pickle.dumps(case.uses)))  # noqa: S301 - own
    assert sent.simulate().end_us.tolist() == end_us
    assert copy.deepcopy(case).simulate().end_us.tolist() == end_us
