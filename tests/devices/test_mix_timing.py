"""Time of kernels with cube and vector work: each side, and where one waits for the other."""

import pytest

from devices.device import load_device
from devices.dtypes import BY_NAME
from devices.expression import Symbol
from devices.kernel import Box, CoreType, Direction, Kernel, Loop, Memory, Parameter, Tile, TileOp
from devices.mix_timing import longest_us, mix_times_us
from devices.timing import Clock, kernel_time_us

DEVICE = load_device("a2a3")
FIXED_US = DEVICE.kernel.start_us.value + DEVICE.kernel.commit_us.value
HANDOVER_US = DEVICE.kernel.handover_us.value
FP32, BF16 = BY_NAME["FP32"], BY_NAME["BF16"]

LEFT = Tile((16, 64), BF16, Memory.L0A)
RIGHT = Tile((64, 64), BF16, Memory.L0B)
PRODUCT = Tile((16, 64), FP32, Memory.L0C)
TAKEN = Tile((16, 64), FP32, Memory.UB)
SUM = Tile((16, 64), FP32, Memory.UB)
MATMUL = TileOp("tile.matmul", PRODUCT, (LEFT, RIGHT), 1)
PASS = TileOp("tile.move", TAKEN, (PRODUCT,), 2)
ADD = TileOp("tile.add", SUM, (TAKEN, TAKEN), 3)


def mix(*body, lanes=1):
    return Kernel("mix", CoreType.MIX, (), (), body, 1, vector_lanes=lanes)


def cost(op, core, lanes=1):
    kernel = mix(op)
    return Clock(kernel, DEVICE, core, lanes).operation_us(op)


CUBE_US = cost(MATMUL, CoreType.AIC)
VECTOR_US = cost(ADD, CoreType.AIV)
DRAIN_US = Clock(mix(), DEVICE, CoreType.AIC).drain_us(PRODUCT)
TAKE_US = 16 * 64 * 4 / (DEVICE.vector.load_gbps.value * 1e3)


def test_sides_without_hand_over_run_side_by_side():
    alone = Tile((16, 64), FP32, Memory.UB)
    add = TileOp("tile.add", SUM, (alone, alone), 3)
    times = mix_times_us(mix(MATMUL, add), DEVICE)
    assert times == pytest.approx({0: FIXED_US + CUBE_US, 1: FIXED_US + VECTOR_US})


def test_the_taker_waits_for_the_giver():
    times = mix_times_us(mix(MATMUL, PASS, ADD), DEVICE)
    given_us = CUBE_US + DRAIN_US
    assert times[0] == pytest.approx(FIXED_US + given_us)
    assert times[1] == pytest.approx(FIXED_US + given_us + HANDOVER_US + TAKE_US + VECTOR_US)


def test_in_a_loop_the_slower_side_sets_the_pace():
    once = mix_times_us(mix(MATMUL, PASS, ADD), DEVICE)
    loop = Loop(Symbol("i"), 0, 1, 100, (MATMUL, PASS, ADD))
    many = mix_times_us(mix(loop), DEVICE)
    pace_us = max(CUBE_US + DRAIN_US, TAKE_US + VECTOR_US)
    assert many[1] == pytest.approx(once[1] + 99 * pace_us, rel=1e-6)
    assert many[0] == pytest.approx(FIXED_US + 100 * (CUBE_US + DRAIN_US))


def test_two_lanes_share_the_vector_work():
    big = Tile((64, 128), FP32, Memory.UB)
    add = TileOp("tile.add", big, (big, big), 3)
    one, two = (mix_times_us(mix(MATMUL, add, lanes=n), DEVICE) for n in (1, 2))
    assert two.keys() == {0, 1, 2}
    assert two[1] == two[2] < one[1]


def test_a_vector_result_is_passed_to_the_cube_core():
    given = Tile((16, 64), BF16, Memory.UB)
    there = Tile((16, 64), BF16, Memory.L1)
    cast = TileOp("tile.cast", given, (SUM,), 1)
    back = TileOp("tile.move", there, (given,), 2)
    left = TileOp("tile.move", LEFT, (there,), 2)
    times = mix_times_us(mix(cast, back, left, MATMUL), DEVICE)
    assert times[0] > FIXED_US + CUBE_US + HANDOVER_US
    assert times[0] > times[1]


def test_sides_given_as_kernels_take_their_own_times():
    box = Box(0, (16, 64), (0, 0))
    load = TileOp("tile.load", TAKEN, (), 1, box)
    vector = Kernel(
        "v", CoreType.AIV, (Parameter("x", (16, 64), FP32, Direction.IN),), (), (load,), 1
    )
    cube = Kernel("c", CoreType.AIC, (), (), (MATMUL,), 1)
    kernel = Kernel("mix", CoreType.MIX, (), (), (), 1, sides=(cube, None, vector))
    alone = [kernel_time_us(side, DEVICE).total_us for side in (cube, vector)]
    assert mix_times_us(kernel, DEVICE) == {0: alone[0], 2: alone[1]}
    assert longest_us(kernel, DEVICE) == max(alone)
    assert longest_us(cube, DEVICE) == alone[0]
