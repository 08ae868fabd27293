"""Programs in numbers: what tasks read and write, and what another order makes of it."""

import ml_dtypes
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from random_programs import LENGTH, computing_programs
from small_programs import recorded

from devices.errors import InputError
from devices.kernel import Direction
from runtime import language as pl
from runtime.accesses import touched_accesses
from runtime.errors import LanguageError
from runtime.hazards import find_hazards
from runtime.numerics.memory import buffer_bytes
from runtime.numerics.orders import adversarial_order, program_order, random_order
from runtime.numerics.run import Writes, compute_numbers, outputs
from runtime.tensormap import build_graph
from runtime.unordered import Kind

BF16 = ml_dtypes.bfloat16
WIDE = pl.Tensor[[4, 32], pl.FP32]
TILE = pl.Tensor[[4, 8], pl.FP32]
NUMBERS = np.arange(128, dtype=np.float32).reshape(4, 32)


def tasks_of(submits):
    return [task for task, kernel in enumerate(submits.kernel) if kernel >= 0]


def computed(python, inputs, order=None, **options):
    submits = recorded(python)
    return compute_numbers(
        submits, inputs, tasks_of(submits) if order is None else order, **options
    )


# Where things are read and written


def halves(x: WIDE, y: pl.Out[WIDE]):
    for i in pl.range(0, 4):
        with pl.incore():
            y = pl.assemble(y, pl.mul(pl.slice(x, [4, 8], [0, i * 8]), 0.5), [0, 24 - i * 8])


def test_tasks_read_and_write_their_own_rectangles():
    found = computed(halves, {"x": NUMBERS})["y"]
    blocks = np.split(NUMBERS / 2, 4, axis=1)
    assert np.array_equal(found, np.concatenate(blocks[::-1], axis=1))


def test_what_nobody_has_written_is_nan():
    found = computed(halves, {"x": NUMBERS}, order=[1])["y"]
    assert np.array_equal(np.isnan(found[0]), np.arange(32) // 8 != 2)
    assert np.isnan(computed(halves, {})["y"]).all()  # x is not given


def update(x: TILE, y: pl.InOut[TILE]):
    for i in pl.range(0, 3):
        with pl.incore():
            y = pl.assemble(y, pl.add(y, pl.mul(x, i)), [0, 0])


def test_given_arrays_stay_as_they_are():
    x, y = np.ones((4, 8), np.float32), np.full((4, 8), 5, np.float32)
    assert (computed(update, {"x": x, "y": y})["y"] == 8).all()
    assert (y == 5).all()


def views(x: WIDE, y: pl.Out[WIDE]):
    right = pl.slice(x, [2, 16], [2, 16])
    corner = pl.slice(right, [1, 8], [1, 8])
    with pl.incore():
        t = pl.add(corner, 1.0)
    y = pl.assemble(y, t, [1, 3])


def test_views_of_views_add_their_offsets():
    found = computed(views, {"x": NUMBERS})["y"]
    assert np.array_equal(found[1, 3:11], NUMBERS[3, 24:] + 1)
    assert np.isnan(found).sum() == 120


def carried(x: WIDE, y: pl.Out[TILE], n: pl.Out[TILE]):
    with pl.incore():
        least = pl.full([4, 8], dtype=pl.FP32, value=1e9)
        most = pl.full([4, 8], dtype=pl.FP32, value=-1e9)
        for i in pl.range(0, 4):
            part = pl.slice(x, [4, 8], [0, i * 8])
            most = pl.maximum(most, part)
            least = pl.neg(pl.maximum(pl.neg(least), pl.neg(part)))
        y = pl.assemble(y, most, [0, 0])
        n = pl.assemble(n, least, [0, 0])


def test_loops_carry_tiles():
    found = computed(carried, {"x": NUMBERS})
    assert np.array_equal(found["y"], NUMBERS[:, 24:])
    assert np.array_equal(found["n"], NUMBERS[:, :8])


def not_entered(x: TILE, y: pl.Out[TILE]):
    for j in pl.range(0, 2):
        with pl.incore():
            t = pl.mul(x, 2.0)
            for _ in pl.range(0, j * 3):
                t = pl.add(t, 1.0)
            y = pl.assemble(y, t, [0, 0])


@pytest.mark.parametrize(("order", "value"), [([0], 2.0), ([1], 5.0)])
def test_a_loop_without_trips_leaves_what_it_carries(order, value):
    assert (computed(not_entered, {"x": np.ones((4, 8), np.float32)}, order)["y"] == value).all()


def branches(x: WIDE, y: pl.Out[WIDE]):
    for i in pl.range(0, 4):
        with pl.incore():
            part = pl.slice(x, [4, 8], [0, i * 8])
            if i % 2 == 0:
                y = pl.assemble(y, pl.neg(part), [0, i * 8])
            else:
                y = pl.assemble(y, pl.add(part, i), [0, i * 8])


def test_branches_follow_the_scalars_of_each_task():
    found = np.split(computed(branches, {"x": NUMBERS})["y"], 4, axis=1)
    parts = np.split(NUMBERS, 4, axis=1)
    for i in range(4):
        assert np.array_equal(found[i], -parts[i] if i % 2 == 0 else parts[i] + i)


# What is refused


def test_inputs_have_to_fit_the_program():
    with pytest.raises(InputError, match=r"no tensor 'z'; it has x, y"):
        computed(halves, {"z": NUMBERS})
    with pytest.raises(InputError, match=r"'x' is FP32\[4, 32\]; given is .* float32\[32, 4\]"):
        computed(halves, {"x": NUMBERS.T})
    with pytest.raises(InputError, match=r"'x' is FP32\[4, 32\]; given is .* float64\[4, 32\]"):
        computed(halves, {"x": NUMBERS.astype(np.float64)})


def eight_bits(x: pl.Tensor[[4, 8], pl.HF8], y: pl.Out[pl.Tensor[[4, 8], pl.FP32]]):
    with pl.incore():
        y = pl.assemble(y, pl.cast(x, target_type=pl.FP32), [0, 0])


def test_a_dtype_without_numbers_is_refused_with_operation_and_line():
    with pytest.raises(LanguageError, match=r"py:\d+: tile.load: HF8 has no numbers here"):
        computed(eight_bits, {})


def wrong_store(x: TILE, y: pl.Out[pl.Tensor[[4, 8], pl.INT32]]):
    with pl.incore():
        y = pl.assemble(y, pl.add(x, 1.0), [0, 0])


def narrow_store(x: TILE, y: pl.Out[pl.Tensor[[4, 8], pl.BF16]]):
    with pl.incore():
        y = pl.assemble(y, pl.add(x, 1.0), [0, 0])


@pytest.mark.parametrize(("python", "dtype"), [(wrong_store, "INT32"), (narrow_store, "BF16")])
def test_a_store_does_not_cast_a_vector_tile(python, dtype):
    what = rf"py:\d+: tile.store: a tile of FP32 goes into 'y' of {dtype}; cast"
    with pytest.raises(LanguageError, match=what):
        computed(python, {})


# Orders


def zero_first(x: TILE, y: pl.Out[TILE]):
    t = pl.create_tensor([4, 8], dtype=pl.FP32)
    with pl.incore():
        t = pl.assemble(t, pl.full([4, 8], dtype=pl.FP32, value=0.0), [0, 0])
    with pl.incore():
        t = pl.assemble(t, pl.add(x, 1.0), [0, 0])
    with pl.incore():
        y = pl.assemble(y, pl.mul(t, 2.0), [0, 0])


def test_a_deviation_names_the_first_task_that_wrote_something_else():
    submits = recorded(zero_first)
    assert tasks_of(submits) == [1, 2, 3]
    inputs = {"x": NUMBERS[:, :8].copy()}
    writes = Writes()
    right = compute_numbers(submits, inputs, [1, 2, 3], observe=writes.record)["y"]
    same = writes.comparison()
    compute_numbers(submits, inputs, [1, 2, 3], observe=same.observe)
    assert same.first is None
    other = writes.comparison()
    wrong = compute_numbers(submits, inputs, [2, 1, 3], observe=other.observe)["y"]
    assert (wrong == 0).all()
    assert (right == 2 * (inputs["x"] + 1)).all()
    # Both writes into t are what they were; what is read of it is not.
    assert (other.first.task, other.first.view.buffer.name) == (3, "y")
    assert (other.first.view.offset, other.first.view.shape) == ((0, 0), (4, 8))


def test_progress_is_told_now_and_then():
    told = []
    submits = recorded(halves)
    compute_numbers(submits, {"x": NUMBERS}, tasks_of(submits), report=told.append)
    assert told == [0]


def test_outputs_are_the_tensors_that_tasks_write():
    assert [view.buffer.name for view in outputs(recorded(zero_first))] == ["y"]
    assert [view.buffer.name for view in outputs(recorded(carried))] == ["y", "n"]


def test_memory_counts_arguments_and_allocs_once():
    assert buffer_bytes(recorded(zero_first)) == 3 * 4 * 8 * 4
    assert buffer_bytes(recorded(halves)) == 2 * 4 * 32 * 4


INPUTS = {
    "x": np.arange(LENGTH, dtype=np.float32),
    "y": np.arange(LENGTH, dtype=np.float32) * 100,
}


def by_elements(submits):
    """The same program on dictionaries of elements, one task after the other."""
    memory = {}
    for view in submits.arguments:
        for element in range(LENGTH):
            memory[view.buffer, element] = INPUTS[view.buffer.name][element]
    for task in tasks_of(submits):
        kernel, views = submits.kernels[submits.kernel[task]], submits.views[task]
        total, boxes = np.float32(kernel.line + 1.0), []
        for op in kernel.body:
            if op.box is None:
                continue
            view, (start,), (length,) = views[op.box.parameter], op.box.offset, op.box.shape
            place = [(view.buffer, view.offset[0] + start + i) for i in range(length)]
            if op.name == "tile.load":
                total += np.float32(
                    np.array([memory.get(p, np.float32(np.nan)) for p in place]).sum()
                )
            else:
                boxes.append(place)
        for place in boxes:
            memory.update(dict.fromkeys(place, total))
    return {
        view.buffer.name: np.array([memory[view.buffer, i] for i in range(LENGTH)])
        for view in submits.arguments
    }


@settings(deadline=None, max_examples=200)
@given(computing_programs())
def test_a_program_computes_the_same_as_element_by_element(submits):
    found = compute_numbers(submits, INPUTS, tasks_of(submits))
    expected = by_elements(submits)
    for name, values in found.items():
        assert np.array_equal(values, expected[name].astype(np.float32), equal_nan=True)


@settings(deadline=None, max_examples=200)
@given(computing_programs(), st.sampled_from([1, 16, None]), st.integers(0, 9))
def test_without_hazards_every_order_gives_the_same_numbers(submits, cap, seed):
    graph = build_graph(submits, lookup_cap=cap, rings=4)
    repaired = find_hazards(submits, graph).repaired(list(Kind))
    writes = Writes()
    expected = compute_numbers(submits, INPUTS, program_order(repaired), observe=writes.record)
    for order in (random_order(repaired, seed), adversarial_order(repaired)):
        comparison = writes.comparison()
        found = compute_numbers(submits, INPUTS, order, observe=comparison.observe)
        assert comparison.first is None
        for name in expected:
            assert np.array_equal(found[name], expected[name], equal_nan=True)


@settings(deadline=None, max_examples=100)
@given(computing_programs())
def test_tasks_write_what_they_are_said_to_touch(submits):
    touched = touched_accesses(submits)

    def observe(task, view, offset, values):
        first = view.offset[0] + offset[0]
        written = {
            (other.buffer, element)
            for other, direction in touched[task]
            if direction is not Direction.IN
            for element in range(other.offset[0], other.offset[0] + other.shape[0])
        }
        assert {(view.buffer, first + i) for i in range(len(values))} <= written

    compute_numbers(submits, INPUTS, tasks_of(submits), observe=observe)
