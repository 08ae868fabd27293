"""Bytes that a kernel's tiles take on chip: exact for toys, and as the real compiler has it."""

from dataclasses import replace

import pytest

from devices.capacity import memory_limits, on_chip_use, overflows
from devices.device import load_device
from devices.dtypes import BY_NAME
from devices.expression import Symbol
from devices.kernel import (
    Box,
    Branch,
    Carried,
    CoreType,
    Direction,
    Kernel,
    Loop,
    Memory,
    Parameter,
    Tile,
    TileOp,
)

FP32, BF16 = BY_NAME["FP32"], BY_NAME["BF16"]
DEVICE = load_device("a2a3")
KB = 1024


def tile(columns=64, dtype=FP32, memory=Memory.UB, rows=4):
    return Tile((rows, columns), dtype, memory)


def op(name, result, *operands):
    return TileOp(f"tile.{name}", result, operands, 7)


def load(result):
    box = Box(0, result.shape, (0,) * len(result.shape))
    return TileOp("tile.load", result, (), 5, box)


def store(source):
    return TileOp("tile.store", None, (source,), 9, Box(0, source.shape, (0, 0)))


def loop(*body, carried=()):
    return Loop(Symbol("i"), 0, 1, 8, body, carried)


def kernel(*body, core=CoreType.AIV):
    return Kernel("k", core, (Parameter("x", (64, 4096), FP32, Direction.INOUT),), (), body, 3)


def use(*body, core=CoreType.AIV):
    """(alive, allocated) of each memory, in units of one tile of 4 x 64 float32."""
    found = on_chip_use(kernel(*body, core=core), DEVICE)
    return {u.memory: (u.alive_bytes / KB, u.allocated_bytes / KB) for u in found}


def test_limits_are_the_devices():
    assert memory_limits(DEVICE) == {
        Memory.L1: 512 * KB,
        Memory.L0A: 64 * KB,
        Memory.L0B: 64 * KB,
        Memory.L0C: 128 * KB,
        Memory.UB: 184 * KB,  # of 192, the instruction library keeps 8
    }


def test_a_kernel_without_tiles_takes_nothing():
    assert use() == {}


def test_a_result_takes_the_place_of_an_operand_that_dies():
    a, b, c, d = (tile() for _ in range(4))
    assert use(load(a), load(b), op("add", c, a, b), op("exp", d, c), store(d)) == {
        Memory.UB: (2.0, 2.0)
    }


def test_an_operand_that_is_read_again_keeps_its_place():
    a, b, c = (tile() for _ in range(3))
    assert use(load(a), op("neg", b, a), op("mul", c, a, b), store(c)) == {Memory.UB: (2.0, 2.0)}


@pytest.mark.parametrize("name", ["recip", "rsqrt"])
def test_a_reciprocal_needs_its_operand_beside_its_result(name):
    a, b = tile(), tile()
    assert use(load(a), op(name, b, a), store(b)) == {Memory.UB: (2.0, 2.0)}


def test_the_compiler_shares_places_between_equal_shapes_and_dtypes_only():
    wide, narrow, again = tile(), tile(dtype=BF16), tile(32)
    body = (load(wide), op("cast", narrow, wide), store(narrow), load(again), store(again))
    # 1 KB and 0.5 KB together; then 0.5 KB of another shape, which gets a place of its own.
    assert use(*body) == {Memory.UB: (1.5, 2.0)}
    same = tile()
    assert use(*body[:3], load(same), store(same)) == {Memory.UB: (1.5, 1.5)}


def test_what_is_made_before_a_loop_lives_until_it_ends():
    outside, a, b = tile(), tile(), tile()
    body = loop(load(a), op("add", b, outside, a), store(b))
    after = tile()
    assert use(load(outside), body, load(after), store(after)) == {Memory.UB: (2.0, 2.0)}


def test_what_a_loop_does_not_read_dies_before_it():
    outside, a = tile(), tile()
    assert use(load(outside), store(outside), loop(load(a), store(a))) == {Memory.UB: (1.0, 1.0)}


def test_a_carried_tile_is_one_place_with_a_copy_beside_it():
    start, argument, longer, moved, after, part = (tile() for _ in range(6))
    body = loop(
        load(part),
        op("add", longer, argument, part),
        op("move", moved, longer),
        carried=(Carried(start, argument, moved, after),),
    )
    assert use(op("full", start), body, store(after)) == {Memory.UB: (2.0, 2.0)}


def test_products_accumulate_in_place():
    left, right = tile(memory=Memory.L0A), tile(64, memory=Memory.L0B, rows=64)
    first, argument, longer, after = (tile(memory=Memory.L0C) for _ in range(4))
    a, b = tile(memory=Memory.L1), tile(64, memory=Memory.L1, rows=64)
    body = (
        load(a),
        load(b),
        op("move", left, a),
        op("move", right, b),
        op("matmul", first, left, right),
        loop(
            op("matmul_acc", longer, argument, left, right),
            carried=(Carried(first, argument, longer, after),),
        ),
        store(after),
    )
    assert use(*body, core=CoreType.AIC) == {
        Memory.L1: (17.0, 17.0),
        Memory.L0A: (1.0, 1.0),
        Memory.L0B: (16.0, 16.0),
        Memory.L0C: (1.0, 1.0),
    }


def test_a_reshaped_tile_stays_where_it_is():
    a, other, b = tile(), Tile((256, 1), FP32, Memory.UB), Tile((256, 1), FP32, Memory.UB)
    body = (load(a), op("reshape", other, a), op("exp", b, other), store(b))
    # The result could take its place, but the compiler compares the shapes.
    assert use(*body) == {Memory.UB: (1.0, 2.0)}


def test_both_sides_of_a_branch_count():
    a, b, c = tile(), tile(), tile(128)
    branch = Branch(1, (load(b), store(b)), (load(c), store(c)))
    assert use(load(a), branch, store(a)) == {Memory.UB: (3.0, 4.0)}


def test_what_does_not_fit_is_named_with_what_takes_the_space():
    a, b = tile(4096, rows=16), tile(4096, rows=16)  # 256 KB each
    bad = kernel(load(a), op("recip", b, a), store(b))
    (found,) = on_chip_use(bad, DEVICE)
    assert (found.fits, found.is_allocatable) == (False, False)
    assert [str(o) for o in found.occupants] == [
        "load of x FP32[16, 4096] (line 5, 262,144 B)",
        "recip of x FP32[16, 4096] (line 7, 262,144 B)",
    ]
    good = kernel(load(tile()))
    (message,) = overflows([good, bad], DEVICE)
    assert message == (
        "k (line 3) does not fit on chip: UB holds 188,416 B, alive are 524,288 B: "
        "load of x FP32[16, 4096] (line 5, 262,144 B); "
        "recip of x FP32[16, 4096] (line 7, 262,144 B)"
    )


def test_what_fits_only_with_better_sharing_is_told_apart():
    tiles = [Tile((16, 1536 + 8 * n), FP32, Memory.UB) for n in range(2)]  # 96 KB each
    body = [statement for t in tiles for statement in (load(t), store(t))]
    (found,) = on_chip_use(kernel(*body), DEVICE)
    assert (found.fits, found.is_allocatable) == (True, False)


def test_exactly_full_fits():
    (found,) = on_chip_use(kernel(load(Tile((1, 184 * 256), FP32, Memory.UB))), DEVICE)
    assert (found.alive_bytes, found.fits) == (184 * KB, True)


def test_a_padded_tile_has_another_place_than_the_part_that_it_pads():
    part, padded, scaled = tile(), tile(), tile()
    load_part = replace(load(part), attributes={"valid": (4, 9)})
    body = (load_part, op("fillpad", padded, part), op("muls", scaled, padded), store(scaled))
    assert use(*body) == {Memory.UB: (1.0, 2.0)}
    # What is computed of a part is one itself.
    body = (load_part, op("muls", scaled, part), op("fillpad", padded, scaled), store(padded))
    assert use(*body) == {Memory.UB: (1.0, 2.0)}
