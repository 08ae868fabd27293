"""Control flow that depends on data, names that change in it, and bodies that are pasted."""

import re

import ml_dtypes
import numpy as np
import pytest
from small_programs import directions, producers, program

from devices.device import load_device
from devices.errors import InputError
from devices.kernel import CoreType, walk
from runtime import language as pl
from runtime.language import LanguageError, Lowering, record
from runtime.numerics.run import compute_numbers
from runtime.tensormap import build_graph
from runtime.times import durations_us

# ruff: noqa: ARG001, ARG002, B007, F841, RET504, RUF059, SIM108 - programs are read, not run

ROW = pl.Tensor[[1, 64], pl.FP32]
TILE = pl.Tensor[[16, 64], pl.FP32]
LENGTHS = pl.Tensor[[4], pl.INT32]
NUMBERS = np.arange(16 * 64, dtype=np.float32).reshape(16, 64)


def submits_of(python, **inputs):
    return record(program(python), inputs=inputs)


def tasks(submits):
    return [task for task, kernel in enumerate(submits.kernel) if kernel >= 0]


def scalars(submits):
    return [submits.scalars[task] for task in tasks(submits)]


def computed(python, numbers, **inputs):
    submits = submits_of(python, **inputs)
    return compute_numbers(submits, numbers, tasks(submits))


# What the orchestration reads


def by_length(n: LENGTHS, x: TILE, y: TILE):
    for b in pl.range(4):
        rows = pl.tensor.read(n, [b])
        for i in pl.range(pl.min(rows, 3)):
            with pl.incore():
                y = pl.assemble(y, pl.slice(x, [1, 64], [b * 4 + i, 0]), [b * 4 + i, 0])


def test_a_loop_runs_as_long_as_the_data_say():
    found = submits_of(by_length, n=np.array([1, 0, 2, 9]))
    assert scalars(found) == [(0, 0), (2, 0), (2, 1), (3, 0), (3, 1), (3, 2)]
    assert len(tasks(submits_of(by_length, n=2))) == 8  # one number stands for all elements


def test_a_length_that_nobody_gives_is_asked_for():
    with pytest.raises(LanguageError, match=r"test_language_control.py:\d+: .*--input n=NUMBER"):
        submits_of(by_length)


@pytest.mark.parametrize(
    ("inputs", "words"),
    [
        ({"n": np.zeros(3, dtype=np.int32)}, r"input 'n' has shape \[3\].*\[4\]"),
        ({"lengths": 3}, r"no parameter 'lengths' \(it has: n, x, y\)"),
    ],
)
def test_inputs_that_do_not_fit_are_refused(inputs, words):
    with pytest.raises(InputError, match=words):
        submits_of(by_length, **inputs)


def reads_a_view(n: LENGTHS, x: TILE, y: TILE):
    later = n[2:4]
    k = later[1]
    with pl.incore():
        y = pl.assemble(y, pl.slice(x, [1, 64], [k, 0]), [0, 0])


def test_a_view_reads_from_its_tensor():
    assert scalars(submits_of(reads_a_view, n=np.array([9, 9, 9, 5]))) == [(5,)]


def reads_what_a_task_writes(n: LENGTHS, x: TILE, y: TILE):
    with pl.incore():
        y = pl.assemble(y, pl.add(x, 1.0), [0, 0])
    k = pl.read(y, [0, 0])
    if k > 1:
        with pl.incore():
            y = pl.assemble(y, pl.add(x, 2.0), [0, 0])


def test_reading_what_a_task_writes_is_refused_since_nobody_waits():
    with pytest.raises(LanguageError, match="'y', which tasks compute"):
        submits_of(reads_what_a_task_writes, y=1)


def reads_outside(n: LENGTHS, x: TILE, y: TILE):
    for i in pl.range(5):
        k = n[i]
        with pl.incore():
            y = pl.assemble(y, pl.slice(x, [1, 64], [k, 0]), [k, 0])


def test_reading_outside_a_tensor_is_refused():
    with pytest.raises(LanguageError, match=r"element \[4\] is outside 'n'"):
        submits_of(reads_outside, n=1)


def writes_an_element(n: LENGTHS, x: TILE, y: TILE):
    pl.tensor.write(n, [1], n[0] + 2)
    k = n[1]
    with pl.incore():
        y = pl.assemble(y, pl.slice(x, [1, 64], [k, 0]), [0, 0])


def test_what_the_orchestration_writes_it_reads_again():
    assert scalars(submits_of(writes_an_element, n=4)) == [(6,)]


def scaled(s: pl.Scalar[pl.FP32], rows: pl.Scalar[pl.INDEX], x: TILE, y: TILE):
    for i in pl.range(rows):
        with pl.incore():
            y = pl.assemble(y, pl.mul(pl.slice(x, [1, 64], [i, 0]), s), [i, 0])


def test_scalars_of_the_program_are_inputs():
    assert scalars(submits_of(scaled, s=0.5, rows=2)) == [(0, 0.5), (1, 0.5)]
    found = computed(scaled, {"x": NUMBERS}, s=0.5, rows=16)["y"]
    assert np.array_equal(found, NUMBERS / 2)
    with pytest.raises(InputError, match="--input rows=NUMBER"):
        submits_of(scaled)


def reads_in_a_region(n: LENGTHS, x: TILE, y: TILE):
    for b in pl.range(2):
        with pl.incore():
            for i in pl.range(2):
                rows = pl.tensor.read(n, [b * 2 + i])
                for r in pl.range(rows):
                    row = (b * 2 + i) * 4 + r
                    y = pl.assemble(y, pl.add(pl.slice(x, [1, 64], [row, 0]), 1.0), [row, 0])


def test_a_kernel_reads_what_the_program_is_given():
    lengths = np.array([1, 0, 4, 2])
    submits = submits_of(reads_in_a_region, n=lengths)
    assert directions(submits.kernels[0]) == [("n", "in"), ("x", "in"), ("y", "out_existing")]
    graph = build_graph(submits, lookup_cap=16, rings=4)
    short, long = durations_us(graph, load_device("a2a3"))
    assert short < long
    found = compute_numbers(submits, {"x": NUMBERS}, tasks(submits))["y"]
    computed_rows = [b * 4 + r for b, rows in enumerate(lengths) for r in range(rows)]
    assert np.flatnonzero(~np.isnan(found[:, 0])).tolist() == computed_rows
    with pytest.raises(LanguageError, match="--input n=NUMBER"):
        submits_of(reads_in_a_region)


def reads_a_result_in_a_region(n: LENGTHS, m: LENGTHS, x: TILE, y: TILE):
    with pl.incore():
        n = pl.assemble(n, pl.slice(m, [4], [0]), [0])
    with pl.incore():
        for i in pl.range(pl.tensor.read(n, [0])):
            y = pl.assemble(y, pl.add(pl.slice(x, [1, 64], [i, 0]), 1.0), [i, 0])


def test_a_kernel_reads_no_length_that_another_task_computes():
    with pytest.raises(LanguageError, match="'n', which tasks compute"):
        submits_of(reads_a_result_in_a_region, n=1)


# Names that change


def carried_scalar(x: TILE, y: TILE):
    row, step = 0, 1
    for _ in pl.range(4):
        with pl.incore():
            y = pl.assemble(y, pl.slice(x, [1, 64], [row, 0]), [row, 0])
        row, step = row + step, step + 1
    with pl.incore():
        y = pl.assemble(y, pl.slice(x, [1, 64], [row, 0]), [row, 0])


def test_scalars_are_carried_from_one_iteration_to_the_next():
    assert scalars(submits_of(carried_scalar)) == [(0,), (1,), (3,), (6,), (10,)]


def chosen_scalar(n: LENGTHS, x: TILE, y: TILE):
    k = n[0]
    if k > 2:
        row = 8
    else:
        row = k
    with pl.incore():
        y = pl.assemble(y, pl.slice(x, [1, 64], [row, 0]), [0, 0])


def test_a_scalar_is_what_the_side_that_runs_makes_it():
    assert scalars(submits_of(chosen_scalar, n=1)) == [(1,)]
    assert scalars(submits_of(chosen_scalar, n=3)) == [(8,)]


def chosen_tensor(n: LENGTHS, x: TILE, y: TILE):
    with pl.incore():
        t = pl.add(x, 1.0)
    k = n[0]
    if k > 2:
        with pl.incore():
            t = pl.mul(x, 2.0)
    with pl.incore():
        y = pl.assemble(y, pl.add(t, 1.0), [0, 0])


@pytest.mark.parametrize(("length", "expected"), [(1, NUMBERS + 2), (3, NUMBERS * 2 + 1)])
def test_a_tensor_is_the_one_of_the_side_that_runs(length, expected):
    assert np.array_equal(computed(chosen_tensor, {"x": NUMBERS}, n=length)["y"], expected)
    graph = build_graph(submits_of(chosen_tensor, n=length), lookup_cap=16, rings=4)
    last = max(tasks(submits_of(chosen_tensor, n=length)))
    before = [p for p in producers(graph)[last] if graph.kernel[p] >= 0]
    assert [graph.kernels[graph.kernel[p]].name for p in before] == [
        f"chosen_tensor_incore_{1 if length > 2 else 0}"
    ]


def one_type_or_another(n: LENGTHS, x: TILE, y: TILE):
    k = n[0]
    if k > 2:
        v = pl.slice(x, [8, 64], [0, 0])
    else:
        v = pl.slice(x, [4, 64], [0, 0])
    with pl.incore():
        y = pl.assemble(y, pl.add(v, 1.0), [0, 0])


def test_a_name_has_one_type_on_every_path():
    with pytest.raises(LanguageError, match="give it one type on every path"):
        submits_of(one_type_or_another, n=1)


def tile_of_a_side(x: TILE, y: TILE):
    with pl.incore():
        for i in pl.range(16):
            row = pl.slice(x, [1, 64], [i, 0])
            if i > 7:
                t = pl.mul(row, 2.0)
            else:
                t = pl.add(row, 1.0)
            y = pl.assemble(y, t, [i, 0])


def test_a_tile_is_the_one_of_the_side_that_runs():
    expected = np.concatenate([NUMBERS[:8] + 1, NUMBERS[8:] * 2])
    assert np.array_equal(computed(tile_of_a_side, {"x": NUMBERS})["y"], expected)


def tile_that_one_side_replaces(x: TILE, y: TILE):
    with pl.incore():
        t = pl.add(x, 1.0)
        for i in pl.range(4):
            if i > 2:
                t = pl.mul(t, 2.0)
        y = pl.assemble(y, t, [0, 0])


def test_a_tile_stays_what_it_was_where_no_side_runs():
    found = computed(tile_that_one_side_replaces, {"x": NUMBERS})["y"]
    assert np.array_equal(found, (NUMBERS + 1) * 2)


# Parts of tiles


def parts_of_tiles(x: TILE, y: TILE):
    with pl.incore():
        t = pl.add(x, 1.0)
        rows = pl.create_tensor([16, 64], dtype=pl.FP32)
        for i in pl.range(16):
            rows = pl.assemble(rows, pl.mul(pl.slice(t, [1, 64], [i, 0]), 2.0), [15 - i, 0])
        y = pl.assemble(y, rows, [0, 0])


def test_tiles_are_sliced_and_assembled_on_chip():
    submits = submits_of(parts_of_tiles)
    moved = [op.name for op in walk(submits.kernels[0].body) if op.box is not None]
    assert moved == ["tile.load", "tile.store"]
    assert np.array_equal(computed(parts_of_tiles, {"x": NUMBERS})["y"], (NUMBERS[::-1] + 1) * 2)


def part_of_a_window(x: TILE, y: TILE, z: TILE):
    with pl.incore():
        t = pl.slice(x, [16, 64], [0, 0])
        u = pl.assemble(t, pl.add(pl.slice(x, [1, 64], [3, 0]), 1.0), [0, 0])
        y = pl.assemble(y, u, [0, 0])
        z = pl.assemble(z, pl.add(t, 0.0), [0, 0])


def test_assembling_into_what_was_loaded_changes_no_other_use_of_it():
    found = computed(part_of_a_window, {"x": NUMBERS})
    assert np.array_equal(found["y"][0], NUMBERS[3] + 1)
    assert np.array_equal(found["y"][1:], NUMBERS[1:])
    assert np.array_equal(found["z"], NUMBERS)


# Explicit loop-carried values


def explicit(x: TILE, y: pl.Tensor[[16, 1], pl.FP32]):
    with pl.incore():
        first = pl.full([16, 1], dtype=pl.FP32, value=0.0)
        for i, (total, k) in pl.range(4, init_values=(first, x)):
            more = pl.add(total, pl.row_sum(k))
            half = pl.mul(k, 0.5)
            total_out, k_out = pl.yield_(more, half)
        y = pl.assemble(y, total_out, [0, 0])


def test_init_values_are_carried_and_yielded():
    found = computed(explicit, {"x": NUMBERS})["y"]
    halves = (1 + 0.5 + 0.25 + 0.125) * NUMBERS.sum(axis=1, keepdims=True)
    assert np.array_equal(found, halves)


# Copies and pastes


def unrolled(x: TILE, y: TILE):
    for i in pl.unroll(0, 6, 2):
        with pl.incore():
            for j in pl.unroll(2):
                row = pl.slice(x, [1, 64], [i + j, 0])
                y = pl.assemble(y, pl.mul(row, 2.0), [i + j, 0])


def test_every_copy_of_an_unrolled_body_has_kernels_of_its_own():
    found = submits_of(unrolled)
    assert [k.name for k in found.kernels] == [f"unrolled_incore_{n}" for n in range(3)]
    assert scalars(found) == [(), (), ()]
    rows = computed(unrolled, {"x": NUMBERS})["y"]
    assert np.array_equal(rows[:6], NUMBERS[:6] * 2)


SHIFT = 3.0


def shifted(tile, scale, rows=1):
    part = pl.mul(tile, scale)
    for _ in pl.range(rows):
        part = pl.add(part, SHIFT)
    return part


inlined = pl.inline(shifted)


def pastes(x: TILE, y: TILE):
    part = pl.slice(x, [16, 64], [0, 0])
    with pl.incore():
        once = inlined(part, 2.0)
        twice = inlined(once, scale=1.0, rows=2)
        y = pl.assemble(y, twice, [0, 0])


def test_an_inlined_function_is_pasted_where_it_is_called():
    assert np.array_equal(computed(pastes, {"x": NUMBERS})["y"], NUMBERS * 2 + 9)


def pastes_wrongly(x: TILE, y: TILE):
    with pl.incore():
        y = pl.assemble(y, x, [0, 0])
        t = inlined(x)


def test_an_inlined_function_is_called_with_its_parameters():
    with pytest.raises(LanguageError, match="shifted: missing a required argument: 'scale'"):
        submits_of(pastes_wrongly)


# A valid part, and what is outside of it


def padded(n: LENGTHS, x: TILE, y: TILE, z: TILE):
    k = n[0]
    with pl.incore():
        part = pl.slice(x, [16, 64], [0, 0], valid_shape=[16, k])
        y = pl.assemble(y, pl.fillpad(pl.mul(part, 2.0), pad_value=pl.PadValue.zero), [0, 0])
        z = pl.assemble(z, pl.fillpad(part, pad_value=pl.PadValue.min), [0, 0])


def test_fillpad_replaces_what_is_not_valid():
    found = computed(padded, {"x": NUMBERS}, n=5)
    inside = np.arange(64) < 5
    assert np.array_equal(found["y"], np.where(inside, NUMBERS * 2, 0))
    assert np.array_equal(found["z"], np.where(inside, NUMBERS, -np.inf))


# Kernels that are written by hand


@pl.program
class ByHand:
    @pl.function(type=pl.FunctionType.InCore)
    def product(
        self,
        a: pl.Tensor[[16, 128], pl.BF16],
        b: pl.Tensor[[64, 128], pl.BF16],
        column: pl.Scalar[pl.INDEX],
        c: pl.Out[pl.Tensor[[16, 128], pl.FP32]],
    ):
        left = pl.load(a, [0, 0], [16, 64], target_memory=pl.MemorySpace.Mat)
        right = pl.load(b, [0, 0], [64, 64], target_memory=pl.Mem.Mat, transpose=True)
        total = pl.matmul(
            pl.move(left, target_memory=pl.MemorySpace.Left),
            pl.move(right, target_memory=pl.MemorySpace.Right),
        )
        for k in pl.range(64, 128, 64):
            left_k = pl.load(a, [0, k], [16, 64], target_memory=pl.MemorySpace.Mat)
            right_k = pl.load(b, [0, k], [64, 64], target_memory=pl.MemorySpace.Mat, transpose=True)
            total = pl.matmul_acc(
                total,
                pl.move(left_k, target_memory=pl.MemorySpace.Left),
                pl.move(right_k, target_memory=pl.MemorySpace.Right),
            )
        c = pl.store(total, [0, column], c)
        return c

    @pl.function(type=pl.FunctionType.InCore)
    def largest(self, c: pl.Tensor[[16, 128], pl.FP32], y: pl.InOut[pl.Tensor[[16, 1], pl.FP32]]):
        tile = pl.load(c, [0, 0], [16, 128])
        scratch = pl.create_tile([16, 128], dtype=pl.FP32)
        old = pl.load(y, [0, 0], [16, 1])
        y = pl.store(pl.maximum(pl.row_max(tile, scratch), old), [0, 0], y)
        return y

    @pl.function(type=pl.FunctionType.Orchestration)
    def main(
        self,
        a: pl.Tensor[[16, 128], pl.BF16],
        b: pl.Tensor[[128, 128], pl.BF16],
        y: pl.InOut[pl.Tensor[[16, 1], pl.FP32]],
    ):
        c = pl.create_tensor([16, 128], dtype=pl.FP32)
        for i in pl.range(2):
            c = self.product(a, pl.slice(b, [64, 128], [i * 64, 0]), i * 64, c)
        y = self.largest(c, y=y)
        return y


def test_calls_of_kernels_are_tasks():
    found = record(ByHand)
    assert [(k.name, k.core) for k in found.kernels] == [
        ("product", CoreType.AIC),
        ("largest", CoreType.AIV),
    ]
    assert directions(found.kernels[0]) == [("a", "in"), ("b", "in"), ("c", "out_existing")]
    assert directions(found.kernels[1]) == [("c", "in"), ("y", "inout")]
    assert scalars(found) == [(0,), (64,), ()]
    graph = build_graph(found, lookup_cap=16, rings=4)
    assert producers(graph) == [[], [0], [0], [0, 1, 2]]


def test_kernels_that_are_written_by_hand_compute():
    rng = np.random.default_rng(1)
    a = rng.integers(-4, 5, (16, 128)).astype(ml_dtypes.bfloat16)
    b = rng.integers(-4, 5, (128, 128)).astype(ml_dtypes.bfloat16)
    y = np.full((16, 1), 40.0, dtype=np.float32)
    submits = record(ByHand)
    found = compute_numbers(submits, {"a": a, "b": b, "y": y}, tasks(submits))["y"]
    product = a.astype(np.float32) @ b.astype(np.float32).T
    assert np.array_equal(found, np.maximum(product.max(axis=1, keepdims=True), 40.0))


def test_the_august_directions_are_those_of_each_call():
    found = record(ByHand, Lowering.AUGUST)
    # In the loop the product is written after it was written: INOUT.
    assert directions(found.kernels[0]) == [("a", "in"), ("b", "in"), ("c", "inout")]


@pl.program
class Mistaken:
    @pl.function(type=pl.FunctionType.InCore)
    def copy(self, x: TILE, y: pl.Out[TILE]):
        y = pl.store(pl.load(x, [0, 0], [16, 64]), [0, 0], y)
        return y

    @pl.function(type=pl.FunctionType.Orchestration)
    def main(self, x: TILE, z: pl.Tensor[[8, 64], pl.FP32], y: pl.Out[TILE]):
        y = self.copy(z, y)  # <-


def test_an_argument_of_another_shape_is_refused():
    with pytest.raises(LanguageError, match=re.escape("copy takes Tensor[[16, 64], FP32] as 'x'")):
        record(Mistaken)
