"""Every operation of the language in numbers, against plain numpy."""

import ml_dtypes
import numpy as np
import pytest
from small_programs import recorded

from devices.dtypes import BY_NAME
from devices.kernel import Memory, Tile, TileOp
from runtime import language as pl
from runtime.language import elementwise, operations, scalar_operations
from runtime.numerics.operations import compute, is_computable
from runtime.numerics.run import compute_numbers

FP32, BF16, INT32 = BY_NAME["FP32"], BY_NAME["BF16"], BY_NAME["INT32"]
RNG = np.random.default_rng(7)
X = RNG.uniform(0.5, 2.0, (4, 6)).astype(np.float32)
Y = RNG.uniform(0.5, 2.0, (4, 6)).astype(np.float32)
COLUMN = RNG.uniform(0.5, 2.0, (4, 1)).astype(np.float32)
ROW = RNG.uniform(0.5, 2.0, (1, 6)).astype(np.float32)
INTEGERS = np.array([[7, -7, 6, -6]], dtype=np.int32)


def result(name, operands, shape=(4, 6), dtype=FP32, **attributes):
    """What one operation makes of arrays."""
    names = {np.float32: FP32, np.int32: INT32, ml_dtypes.bfloat16: BF16}
    tiles = tuple(Tile(a.shape, names[a.dtype.type], Memory.UB) for a in operands)
    op = TileOp(f"tile.{name}", Tile(shape, dtype, Memory.UB), tiles, 1, attributes=attributes)
    return compute(op, operands, {})


@pytest.mark.parametrize(
    ("name", "operands", "expected"),
    [
        ("add", (X, Y), X + Y),
        ("sub", (X, Y), X - Y),
        ("mul", (X, Y), X * Y),
        ("div", (X, Y), X / Y),
        ("add", (X, ROW), X + ROW),
        ("maximum", (X, Y), np.maximum(X, Y)),
        ("neg", (X,), -X),
        ("exp", (X,), np.exp(X)),
        ("sqrt", (X,), np.sqrt(X)),
        ("recip", (X,), 1 / X),
        ("rsqrt", (X,), 1 / np.sqrt(X)),
        ("row_expand", (X,), np.repeat(X[:, :1], 6, axis=1)),
        ("row_expand_add", (X, COLUMN), X + COLUMN),
        ("row_expand_sub", (X, COLUMN), X - COLUMN),
        ("row_expand_mul", (X, COLUMN), X * COLUMN),
        ("row_expand_div", (X, COLUMN), X / COLUMN),
        ("col_expand", (X, ROW), np.repeat(ROW, 4, axis=0)),
        ("col_expand_sub", (X, ROW), X - ROW),
        ("col_expand_mul", (X, ROW), X * ROW),
        ("col_expand_div", (X, ROW), X / ROW),
        ("move", (X,), X),
    ],
)
def test_operations_on_tiles(name, operands, expected):
    found = result(name, operands)
    assert found.dtype == np.float32
    assert np.array_equal(found, expected)


@pytest.mark.parametrize(
    ("name", "expected"), [("adds", X + 3), ("subs", X - 3), ("muls", X * 3), ("divs", X / 3)]
)
def test_operations_with_a_scalar(name, expected):
    assert np.array_equal(result(name, (X,), scalar=3), expected.astype(np.float32))


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("row_sum", X.sum(axis=1, keepdims=True)),
        ("row_max", X.max(axis=1, keepdims=True)),
        ("row_min", X.min(axis=1, keepdims=True)),
    ],
)
def test_reductions_do_not_read_their_scratch_tile(name, expected):
    scratch = np.full((4, 128), np.nan, dtype=np.float32)
    assert np.array_equal(result(name, (X, scratch), shape=(4, 1)), expected)


def test_fills_joins_and_other_shapes():
    assert (result("full", (), value=1.5) == 1.5).all()
    assert (result("expands", (X,), scalar=2) == 2.0).all()
    assert np.isnan(result("create", ())).all()
    joined = result("concat", (X, Y), shape=(4, 12))
    assert np.array_equal(joined, np.concatenate((X, Y), axis=1))
    assert np.array_equal(result("reshape", (X,), shape=(2, 12)), X.reshape(2, 12))
    cast = result("cast", (X,), dtype=BF16, mode="rint")
    assert np.array_equal(cast, X.astype(ml_dtypes.bfloat16))


def test_products_of_narrow_operands_are_summed_in_float32():
    left = RNG.uniform(-1, 1, (4, 64)).astype(ml_dtypes.bfloat16)
    right = RNG.uniform(-1, 1, (64, 6)).astype(ml_dtypes.bfloat16)
    exact = left.astype(np.float64) @ right.astype(np.float64)
    found = result("matmul", (left, right))
    assert np.abs(found - exact).max() < 1e-5  # bfloat16 sums would be off by 1e-2
    assert np.array_equal(result("matmul_acc", (X, left, right)), X + found)


def test_products_of_integers_are_exact():
    left, right = INTEGERS.astype(np.int32), INTEGERS.T.astype(np.int32)
    assert result("matmul", (left, right), shape=(1, 1), dtype=INT32).tolist() == [[170]]


def test_vector_operations_on_narrow_tiles_round_once():
    one, small = (np.full((1, 1), v, dtype=ml_dtypes.bfloat16) for v in (1.0, 2.0**-9))
    found = result("add", (one, small), shape=(1, 1), dtype=BF16)
    assert (found.dtype, float(found[0, 0])) == (ml_dtypes.bfloat16, 1.0)


def test_integers_are_divided_toward_zero():
    by = np.full((1, 4), 4, dtype=np.int32)
    assert result("div", (INTEGERS, by), (1, 4), INT32).tolist() == [[1, -1, 1, -1]]
    assert result("divs", (INTEGERS,), (1, 4), INT32, scalar=4).tolist() == [[1, -1, 1, -1]]


def test_every_operation_of_the_language_has_numbers():
    moves = {"slice", "assemble", "read", "write", *scalar_operations.__all__}
    refused = {"transpose", "scatter_update"}
    names = {*operations.__all__, *elementwise.__all__} - moves - refused - {"computed"}
    names = {n for n in names if not n.startswith("is_")} - {"create_tensor"} | {"create"}
    tile = Tile((1, 1), FP32, Memory.UB)
    assert [n for n in names if not is_computable(TileOp(f"tile.{n}", tile, (), 1))] == []
    assert not is_computable(TileOp("tile.tpop_from_aic", tile, (), 1))


# Through the language


def everything(
    x: pl.Tensor[[4, 6], pl.FP32],
    w: pl.Tensor[[8, 6], pl.BF16],
    a: pl.Tensor[[4, 8], pl.BF16],
    b: pl.Tensor[[6, 8], pl.BF16],
    y: pl.Out[pl.Tensor[[4, 6], pl.BF16]],
    z: pl.Out[pl.Tensor[[4, 6], pl.BF16]],
):
    with pl.incore():
        p = pl.matmul(a, w, out_dtype=pl.FP32)
    with pl.incore():
        q = pl.matmul(a, b, b_trans=True)
        z = pl.assemble(z, q, [0, 0])
    with pl.incore():
        t = pl.create_tensor([4, 6], dtype=pl.FP32)
        for i in pl.range(0, 3):
            t = pl.add(pl.mul(x, i), p)
        y = pl.assemble(y, pl.cast(t, target_type=pl.BF16), [0, 0])


def test_a_program_computes_what_it_says():
    inputs = {
        "x": X,
        "w": RNG.uniform(-1, 1, (8, 6)).astype(ml_dtypes.bfloat16),
        "a": RNG.uniform(-1, 1, (4, 8)).astype(ml_dtypes.bfloat16),
        "b": RNG.uniform(-1, 1, (6, 8)).astype(ml_dtypes.bfloat16),
    }
    a, w, b = (inputs[name].astype(np.float32) for name in "awb")
    submits = recorded(everything)
    found = compute_numbers(submits, inputs, [t for t, k in enumerate(submits.kernel) if k >= 0])
    assert list(found) == ["y", "z"]
    y, z = X * np.float32(2) + a @ w, a @ b.T
    assert np.array_equal(found["y"], y.astype(ml_dtypes.bfloat16))
    assert np.array_equal(found["z"], z.astype(ml_dtypes.bfloat16))
