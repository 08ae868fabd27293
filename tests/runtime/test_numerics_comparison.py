"""When an output matches its golden values, and what is said where it does not."""

import ml_dtypes
import numpy as np
import pytest

from devices.errors import InputError
from runtime.numerics.comparison import match


def compared(values, golden, rtol=0.0, atol=0.0):
    arrays = (np.array(v, dtype=np.float32) for v in (values, golden))
    return match("out", *arrays, rtol=rtol, atol=atol)


def test_equal_values_match():
    found = compared([[1, 2], [3, 4]], [[1, 2], [3, 4]])
    assert (found.matched, found.total, found.is_match) == (4, 4, True)
    assert (found.max_abs, found.max_rel, found.not_finite) == (0.0, 0.0, 0)


@pytest.mark.parametrize(
    ("value", "golden", "rtol", "atol", "is_match"),
    [
        (1.5, 1.0, 0.0, 0.5, True),
        (1.5, 1.0, 0.0, 0.49, False),
        (1.5, 1.0, 0.5, 0.0, True),
        (1.0, 1.5, 0.5, 0.0, True),  # relative to the golden value
        (1.0, 2.0, 0.49, 0.0, False),
        (0.25, 0.0, 9.0, 0.0, False),
        (0.25, 0.0, 0.0, 0.25, True),
        (-2.0, -1.0, 0.5, 0.5, True),
    ],
)
def test_a_difference_may_be_as_large_as_both_tolerances_together(
    value, golden, rtol, atol, is_match
):
    assert compared([value], [golden], rtol, atol).is_match is is_match


def test_the_largest_differences_are_told_with_their_place():
    found = compared([[1.0, 2.5], [8.0, 0.5]], [[1.0, 2.0], [7.0, 0.0]])
    assert (found.matched, found.max_abs, found.worst) == (1, 1.0, (1, 0))
    assert found.max_rel == 0.25  # where the golden value is 0 there is none


def test_large_outputs_are_compared_block_by_block(monkeypatch):
    values = np.arange(24, dtype=np.float32).reshape(4, 6)
    golden = values.copy()
    golden[1, 2], golden[3, 1] = 8.5, 23.0
    values[2, 5] = values[3, 5] = np.nan
    whole = match("out", values, golden, rtol=0.0, atol=0.5)
    monkeypatch.setattr("runtime.numerics.comparison._BLOCK", 5)
    assert match("out", values, golden, rtol=0.0, atol=0.5) == whole
    assert (whole.matched, whole.worst, whole.max_abs) == (21, (3, 1), 4.0)
    assert (whole.not_finite, whole.first_not_finite) == (2, (2, 5))


@pytest.mark.parametrize("strange", [np.nan, np.inf, -np.inf])
def test_nan_and_infinity_never_match(strange):
    for values, golden in (([0, strange], [0, strange]), ([0, strange], [0, 1])):
        found = compared(values, golden, rtol=1e9, atol=1e9)
        assert (found.matched, found.not_finite, found.first_not_finite) == (1, 1, (1,))
        assert (found.max_abs, found.max_rel) == (0.0, 0.0)
    assert not compared([1.0], [strange], rtol=1e9, atol=1e9).is_match


def test_narrow_types_are_compared_exactly():
    values = np.array([1.0078125], dtype=ml_dtypes.bfloat16)
    found = match("out", values, np.array([1.0], dtype=ml_dtypes.bfloat16), rtol=0, atol=0)
    assert found.max_abs == 2.0**-7


def test_outputs_of_another_shape_are_refused():
    with pytest.raises(InputError, match=r"'out' has shape \[2\], its golden values \[1, 2\]"):
        compared([1, 2], [[1, 2]])
