"""Rounding and casts, against the real numbers between which they choose."""

import math

import ml_dtypes
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from devices.dtypes import BY_NAME
from devices.errors import InputError
from runtime.numerics.elements import rounded, storage_dtype, stored, unwritten, wide

FP32, FP16, BF16, INT8, INT32 = (BY_NAME[n] for n in ("FP32", "FP16", "BF16", "INT8", "INT32"))
MODES = ("none", "rint", "round", "floor", "ceil", "trunc", "odd")
FINITE = st.floats(-1e4, 1e4, width=32)


def cast(value, dtype, mode):
    return rounded(np.array([value], dtype=np.float32), dtype, mode)[0]


def neighbours(value, kind):
    """Largest number of a narrow type at most `value`, and least one at least `value`."""
    near = np.float32(value).astype(kind)
    steps = [np.nextafter(near, kind(-np.inf)), near, np.nextafter(near, kind(np.inf))]
    return (
        max(s for s in steps if float(s) <= value),
        min(s for s in steps if float(s) >= value),
    )


@pytest.mark.parametrize("dtype", [BF16, FP16])
@pytest.mark.parametrize("mode", MODES)
@given(value=FINITE)
def test_a_narrow_float_is_the_neighbour_that_the_mode_asks_for(dtype, mode, value):
    below, above = neighbours(value, storage_dtype(dtype).type)
    found = cast(value, dtype, mode)
    if below == above:
        assert found == below
        return
    to_below, to_above = value - float(below), float(above) - value
    is_odd = {b: int(b.view(np.uint16)) % 2 == 1 for b in (below, above)}
    expected = {
        "floor": below,
        "ceil": above,
        "trunc": below if value > 0 else above,
        "odd": below if is_odd[below] else above,
    }
    if mode in expected:
        assert found == expected[mode]
    elif to_below != to_above:
        assert found == (below if to_below < to_above else above)
    elif mode == "round":  # a tie goes away from zero
        assert found == (above if value > 0 else below)
    else:  # a tie goes to the even one
        assert not is_odd[found]


@pytest.mark.parametrize(("mode", "even"), [("round", 1.0078125), ("rint", 1.0), ("none", 1.0)])
def test_a_tie_in_bfloat16(mode, even):
    assert float(cast(1.0 + 2.0**-8, BF16, mode)) == even


@pytest.mark.parametrize(
    ("mode", "found"),
    [
        ("rint", [-2, -2, -1, 0, 0, 1, 2, 2]),
        ("round", [-3, -2, -1, -1, 1, 1, 2, 3]),
        ("floor", [-3, -2, -2, -1, 0, 1, 1, 2]),
        ("ceil", [-2, -1, -1, 0, 1, 1, 2, 3]),
        ("trunc", [-2, -1, -1, 0, 0, 1, 1, 2]),
        ("odd", [-3, -1, -1, -1, 1, 1, 1, 3]),
    ],
)
def test_integers_are_rounded_as_the_mode_says(mode, found):
    values = np.array([-2.5, -1.75, -1.25, -0.5, 0.5, 1.0, 1.75, 2.5], dtype=np.float32)
    assert rounded(values, INT32, mode).tolist() == found


def test_integers_saturate_and_nan_becomes_zero():
    values = np.array([-1e9, -129.0, 127.4, 300.0, np.inf, -np.inf, np.nan], dtype=np.float32)
    with np.errstate(all="ignore"):
        assert rounded(values, INT8, "rint").tolist() == [-128, -128, 127, 127, 127, -128, 0]
        biggest = rounded(values, BY_NAME["INT64"], "rint")
    assert biggest[4:].tolist() == [2**63 - 1, -(2**63), 0]
    wide_integers = np.array([-(2**40), 3, 2**62], dtype=np.int64)
    assert rounded(wide_integers, INT32, "none").tolist() == [-(2**31), 3, 2**31 - 1]


def test_integers_become_floats_and_booleans():
    values = np.array([0, 3, -2], dtype=np.int32)
    assert rounded(values, BF16, "none").astype(float).tolist() == [0.0, 3.0, -2.0]
    assert rounded(values, BY_NAME["BOOL"], "none").tolist() == [False, True, True]


def test_infinities_and_nan_stay_what_they_are():
    values = np.array([np.inf, -np.inf, np.nan], dtype=np.float32)
    for mode in MODES:
        found = rounded(values, BF16, mode).astype(float)
        assert found[:2].tolist() == [math.inf, -math.inf]
        assert np.isnan(found[2])


def test_unwritten_memory_is_nan_and_the_least_integer():
    assert np.isnan(unwritten((2, 3), BF16).astype(float)).all()
    assert unwritten((2,), INT8).tolist() == [-128, -128]
    assert unwritten((2,), BY_NAME["BOOL"]).tolist() == [False, False]
    assert unwritten((2, 3), FP32).shape == (2, 3)


def test_cores_compute_on_float32():
    assert wide(np.ones(2, dtype=ml_dtypes.bfloat16)).dtype == np.float32
    assert wide(np.ones(2, dtype=np.float16)).dtype == np.float32
    assert wide(np.ones(2, dtype=np.int8)).dtype == np.int8
    assert stored(np.ones(2, dtype=np.float32), BF16).dtype == ml_dtypes.bfloat16


@pytest.mark.parametrize("name", ["HF8", "HF4", "FP4", "INT4", "UINT4"])
def test_types_that_numpy_has_not_are_refused(name):
    with pytest.raises(InputError, match=f"{name} has no numbers here; those that have: FP32"):
        storage_dtype(BY_NAME[name])
