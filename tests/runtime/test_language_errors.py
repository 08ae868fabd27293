"""Every misuse of the language is refused at its file and line.

The programs here are wrong in one place each. The comment ``# <-`` marks the line to be blamed.
"""

# ruff: noqa: ARG001, F841, PLC3002, PLR0133, PLW0120, RET503, RET504, SIM117

import inspect
import re

import pytest
from small_programs import program, recorded

from devices.errors import InputError
from runtime import language as pl
from runtime.language import LanguageError, record

ROWS = pl.Tensor[[16, 512], pl.FP32]
TILE = pl.Tensor[[16, 64], pl.FP32]
HALF = pl.Tensor[[16, 64], pl.BF16]

refusals = []


def refused(words):
    """Register a program that is refused with a message that has these words."""

    def register(python):
        refusals.append(pytest.param(python, words, id=python.__name__))
        return python

    return register


def blamed_line(python):
    lines, first = inspect.getsourcelines(python)
    (marked,) = (number for number, line in enumerate(lines) if "# <-" in line)
    return first + marked


# Shapes and dtypes


@refused("inner sizes of FP32[16, 512] and FP32[16, 64] differ: 512 and 16")
def matmul_with_unequal_inner_sizes(x: ROWS, w: TILE, y: TILE):
    with pl.incore():
        y = pl.assemble(y, pl.matmul(x, w), [0, 0])  # <-


@refused("inner sizes")
def matmul_that_fits_only_untransposed(x: pl.Tensor[[16, 64], pl.FP32], w: ROWS, y: ROWS):
    with pl.incore():
        y = pl.assemble(y, pl.matmul(x, w, b_trans=True), [0, 0])  # <-


@refused("matmul takes matrices")
def matmul_of_three_dimensions(x: pl.Tensor[[2, 16, 16], pl.FP32], w: TILE, y: TILE):
    with pl.incore():
        y = pl.assemble(y, pl.matmul(x, w), [0, 0])  # <-


@refused("accumulator FP32[16, 64] must be FP32[16, 16]")
def accumulator_of_another_shape(x: TILE, w: TILE, v: pl.Tensor[[64, 64], pl.FP32], y: TILE):
    with pl.incore():
        acc = pl.matmul(x, v)
        acc = pl.matmul_acc(acc, x, w, b_trans=True)  # <-
        y = pl.assemble(y, acc, [0, 0])


@refused("accumulator BF16[16, 16] must be FP32[16, 16]")
def accumulator_of_half_width(x: HALF, y: pl.Tensor[[16, 16], pl.FP32]):
    with pl.incore():
        acc = pl.matmul(x, x, b_trans=True)
        acc = pl.matmul_acc(acc, x, x, b_trans=True)  # <-
        y = pl.assemble(y, acc, [0, 0])


@refused("matmul_acc needs the result of a matmul of the same region as accumulator")
def accumulator_from_outside(x: TILE, acc: pl.Tensor[[16, 16], pl.FP32]):
    with pl.incore():
        total = pl.matmul_acc(acc, x, x, b_trans=True)  # <-
        acc = pl.assemble(acc, total, [0, 0])


@refused("add: shapes of FP32[16, 512] and FP32[16, 64] do not broadcast")
def add_of_unequal_shapes(x: ROWS, w: TILE, y: ROWS):
    with pl.incore():
        t = pl.add(x, w)  # <-
        y = pl.assemble(y, t, [0, 0])


@refused("mul's first argument is a tensor, not 2.0")
def scalar_on_the_left(x: TILE, y: TILE):
    with pl.incore():
        y = pl.assemble(y, pl.mul(2.0, x), [0, 0])  # <-


@refused("maximum's second argument is a tensor, not 0.0")
def maximum_of_a_number(x: TILE, y: TILE):
    with pl.incore():
        y = pl.assemble(y, pl.maximum(x, 0.0), [0, 0])  # <-


@refused("second argument of FP32[16, 64] has shape [16, 1], not FP32[1, 64]")
def row_vector_along_rows(x: TILE, row: pl.Tensor[[1, 64], pl.FP32], y: TILE):
    with pl.incore():
        y = pl.assemble(y, pl.row_expand_mul(x, row), [0, 0])  # <-


@refused("cannot reshape FP32[16, 64] to [16, 32]: element counts differ")
def reshape_to_fewer_elements(x: TILE, y: TILE):
    with pl.incore():
        y = pl.assemble(y, pl.reshape(x, [16, 32]), [0, 0])  # <-


@refused("cannot concat FP32[16, 64] and FP32[8, 64]: rows or dtypes differ")
def concat_of_unequal_rows(x: TILE, w: pl.Tensor[[8, 64], pl.FP32], y: ROWS):
    with pl.incore():
        y = pl.assemble(y, pl.concat(x, w), [0, 0])  # <-


@refused("axis 2 is not a dimension of a tensor of rank 2")
def size_of_a_missing_dimension(x: TILE, y: TILE):
    rows = pl.dim(x, 2)  # <-
    with pl.incore():
        y = pl.assemble(y, pl.add(x, 1.0), [0, 0])


@refused("cast mode is one of")
def unknown_rounding(x: TILE, y: HALF):
    with pl.incore():
        y = pl.assemble(y, pl.cast(x, target_type=pl.BF16, mode="up"), [0, 0])  # <-


@refused("dtype is one of pl.FP32")
def dtype_by_its_name(x: TILE, y: HALF):
    with pl.incore():
        y = pl.assemble(y, pl.cast(x, target_type="BF16"), [0, 0])  # <-


@refused("a shape is a list of positive integer constants, not [16, 0]")
def empty_tensor(x: TILE, y: TILE):
    t = pl.create_tensor([16, 0], dtype=pl.FP32)  # <-
    with pl.incore():
        y = pl.assemble(y, pl.add(x, 1.0), [0, 0])


@refused("full's value is a constant, not i")
def filling_with_a_loop_variable(y: TILE):
    for i in pl.range(4):
        with pl.incore():
            y = pl.assemble(y, pl.full([16, 64], dtype=pl.FP32, value=i), [0, 0])  # <-


@refused("expands' scalar is a number, not FP32[16, 64]")
def expanding_a_tensor(x: TILE, y: TILE):
    with pl.incore():
        y = pl.assemble(y, pl.expands(x, x), [0, 0])  # <-


@refused("pl.min takes two scalars; use pl.maximum or pl.row_min")
def smaller_of_two_tensors(x: TILE, y: TILE):
    with pl.incore():
        y = pl.assemble(y, pl.min(x, x), [0, 0])  # <-


# Rectangles


@refused("[16, 64] at offset [0, 449] does not fit into FP32[16, 512]")
def slice_out_of_bounds(x: ROWS, y: TILE):
    v = pl.slice(x, [16, 64], [0, 449])  # <-
    with pl.incore():
        y = pl.assemble(y, pl.add(v, 1.0), [0, 0])


@refused("[16, 1024] at offset [0, i] does not fit into FP32[16, 512]")
def slice_wider_than_its_tensor(x: ROWS, y: TILE):
    for i in pl.range(2):
        with pl.incore():
            t = pl.slice(x, [16, 1024], [0, i])  # <-
            y = pl.assemble(y, pl.add(t, 1.0), [0, 0])


@refused("[16, 64] at offset [-1, 0] does not fit into FP32[16, 512]")
def slice_before_the_start(x: ROWS, y: TILE):
    v = pl.slice(x, [16, 64], [-1, 0])  # <-
    with pl.incore():
        y = pl.assemble(y, pl.add(v, 1.0), [0, 0])


@refused("[16, 64] at offset [0, 8] does not fit into FP32[16, 64]")
def assemble_out_of_bounds(x: TILE, y: TILE):
    with pl.incore():
        y = pl.assemble(y, pl.add(x, 1.0), [0, 8])  # <-


@refused("offset [0] needs 2 entries, one per dimension")
def offset_of_another_rank(x: ROWS, y: TILE):
    v = pl.slice(x, [16, 64], [0])  # <-
    with pl.incore():
        y = pl.assemble(y, pl.add(v, 1.0), [0, 0])


@refused("slice of FP32[16, 512] needs a shape of rank 2")
def shape_of_another_rank(x: ROWS, y: TILE):
    v = pl.slice(x, [64], [0])  # <-
    with pl.incore():
        y = pl.assemble(y, pl.add(v, 1.0), [0, 0])


@refused("an offset is a list of integers, not [0, 0.5]")
def offset_between_elements(x: ROWS, y: TILE):
    v = pl.slice(x, [16, 64], [0, 0.5])  # <-
    with pl.incore():
        y = pl.assemble(y, pl.add(v, 1.0), [0, 0])


@refused("cannot assemble FP32[1, 16, 64] into FP32[16, 64]: their ranks differ")
def assemble_of_another_rank(x: TILE, y: TILE):
    with pl.incore():
        y = pl.assemble(y, pl.reshape(x, [1, 16, 64]), [0, 0])  # <-


@refused("FP32[16, 512] needs 2 indices, not 1")
def one_index_for_two_dimensions(x: ROWS, y: TILE):
    with pl.incore():
        y = pl.assemble(y, pl.add(x[0:16], 1.0), [0, 0])  # <-


@refused("a subscript takes start:stop with a constant positive extent, no step")
def subscript_with_a_step(x: ROWS, y: TILE):
    with pl.incore():
        y = pl.assemble(y, pl.add(x[0:16:2, 0:64], 1.0), [0, 0])  # <-


@refused("a subscript takes start:stop with a constant positive extent, no step")
def subscript_of_unknown_extent(x: ROWS, y: TILE):
    for i in pl.range(4):
        with pl.incore():
            y = pl.assemble(y, pl.add(x[0:16, i : 2 * i], 1.0), [0, 0])  # <-


# Names


@refused("the name 'nothing' is not defined here")
def undefined_name(x: TILE, y: TILE):
    with pl.incore():
        y = pl.assemble(y, pl.add(x, nothing), [0, 0])  # noqa: F821  # <-


@refused("pl.softmax is not supported; docs/language.md lists what is")
def unknown_operation(x: TILE, y: TILE):
    with pl.incore():
        y = pl.assemble(y, pl.softmax(x), [0, 0])  # <-


@refused("'t' is used after the block at line")
def name_of_a_loop_used_after_it(x: ROWS, y: TILE):
    for i in pl.range(8):
        with pl.incore():
            t = pl.add(pl.slice(x, [16, 64], [0, i * 64]), 1.0)
    with pl.incore():
        y = pl.assemble(y, t, [0, 0])  # <-


@refused("'t' is used after the block at line")
def name_of_a_kernel_loop_used_after_it(x: ROWS, y: TILE):
    with pl.incore():
        for i in pl.range(8):
            t = pl.add(pl.slice(x, [16, 64], [0, i * 64]), 1.0)
        y = pl.assemble(y, t, [0, 0])  # <-


@refused("'t' is used after the block at line")
def name_of_a_branch_used_after_it(x: TILE, y: TILE):
    for i in pl.range(8):
        if i > 2:
            with pl.incore():
                t = pl.add(x, 1.0)
        with pl.incore():
            y = pl.assemble(y, t, [0, 0])  # <-


@refused("'i' is used after the block at line")
def loop_variable_used_after_the_loop(x: ROWS, y: TILE):
    for i in pl.range(8):
        with pl.incore():
            y = pl.assemble(y, pl.slice(x, [16, 64], [0, i * 64]), [0, 0])
    with pl.incore():
        y = pl.assemble(y, pl.slice(x, [16, 64], [0, i * 64]), [0, 0])  # <-


@refused("'t' is used after the block at line")
def result_of_a_kernel_loop_used_after_the_region(x: TILE, y: TILE):
    with pl.incore():
        for _ in pl.range(8):
            t = pl.add(x, 1.0)
    with pl.incore():
        y = pl.assemble(y, pl.add(t, 1.0), [0, 0])  # <-


@refused("cannot reassign 't' with another type: was FP32[16, 64], now BF16[16, 64]")
def another_dtype_for_a_name(x: TILE, y: HALF):
    with pl.incore():
        t = pl.add(x, 1.0)
        t = pl.cast(t, target_type=pl.BF16)  # <-
        y = pl.assemble(y, t, [0, 0])


@refused("cannot reassign 't' with another type: was FP32[16, 64], now FP32[16, 32]")
def another_shape_for_a_name(x: ROWS, y: TILE):
    t = pl.slice(x, [16, 64], [0, 0])
    t = pl.slice(x, [16, 32], [0, 0])  # <-
    with pl.incore():
        y = pl.assemble(y, pl.add(t, 1.0), [0, 0])


@refused("cannot reassign 't' with another type: was FP32[16, 64], now FP32[8, 64]")
def another_shape_for_a_regions_result(x: TILE, y: TILE):
    with pl.incore():
        t = pl.add(x, 1.0)
    with pl.incore():
        y = pl.assemble(y, pl.add(t, 1.0), [0, 0])
    with pl.incore():  # <-
        t = pl.add(pl.slice(x, [8, 64], [0, 0]), 1.0)
    with pl.incore():
        y = pl.assemble(y, pl.add(t, 1.0), [0, 0])


@refused("'k' cannot stand for 'text'")
def name_for_a_string(x: TILE, y: TILE):
    k = "text"  # <-
    with pl.incore():
        y = pl.assemble(y, pl.add(x, 1.0), [0, 0])


@refused("expected 2 values")
def unpacking_too_few(x: TILE, y: TILE):
    a, b = (1, 2, 3)  # <-
    with pl.incore():
        y = pl.assemble(y, pl.add(x, 1.0), [a, b])


@refused("the scalar 'k' is carried through a loop")
def scalar_carried_through_a_kernel_loop(x: ROWS, y: TILE):
    with pl.incore():
        k = 0
        for _ in pl.range(8):  # <-
            y = pl.assemble(y, pl.slice(x, [16, 64], [0, k]), [0, 0])
            k = k + 64


@refused("the scalar 'k' is computed in the region and used after it")
def scalar_of_a_region_used_outside(x: ROWS, y: TILE):
    for i in pl.range(4):
        with pl.incore():  # <-
            k = i * 64
            y = pl.assemble(y, pl.slice(x, [16, 64], [0, k]), [0, 0])
        with pl.incore():
            y = pl.assemble(y, pl.slice(x, [16, 64], [0, k]), [0, 0])


@refused("give them two names")
def created_tensor_lost_to_another_of_its_name(x: TILE, y: TILE):
    with pl.incore():  # <-
        t = pl.create_tensor([16, 64], dtype=pl.FP32)
        t = pl.assemble(t, pl.add(x, 1.0), [0, 0])
        t = pl.create_tensor([16, 64], dtype=pl.FP32)
        t = pl.assemble(t, pl.add(x, 2.0), [0, 0])
    with pl.incore():
        y = pl.assemble(y, pl.add(t, 1.0), [0, 0])


# Statements that the language does not have


@refused("augmented assignment; write x = x + y")
def augmented_assignment(x: ROWS, y: TILE):
    k = 0
    k += 64  # <-
    with pl.incore():
        y = pl.assemble(y, pl.slice(x, [16, 64], [0, k]), [0, 0])


@refused("assert; use pl.static_assert")
def assertion(x: TILE, y: TILE):
    assert 64 == 64  # <-
    with pl.incore():
        y = pl.assemble(y, pl.add(x, 1.0), [0, 0])


@refused("break (the compiler drops it)")
def leaving_a_loop(x: TILE, y: TILE):
    for i in pl.range(4):
        if i > 2:
            break  # <-
        with pl.incore():
            y = pl.assemble(y, pl.add(x, 1.0), [0, 0])


@refused("continue (the compiler drops it)")
def skipping_an_iteration(x: TILE, y: TILE):
    for i in pl.range(4):
        if i > 2:
            continue  # <-
        with pl.incore():
            y = pl.assemble(y, pl.add(x, 1.0), [0, 0])


@refused("a while loop (the compiler emits its body once)")
def while_loop(x: TILE, y: TILE):
    i = 0
    while i < 4:  # <-
        with pl.incore():
            y = pl.assemble(y, pl.add(x, 1.0), [0, 0])
        i = i + 1


@refused("a chained comparison, `in` or `is`; compare two scalars at a time")
def chained_comparison(x: TILE, y: TILE):
    for i in pl.range(4):
        if 0 < i < 3:  # <-
            with pl.incore():
                y = pl.assemble(y, pl.add(x, 1.0), [0, 0])


@refused("a chained comparison, `in` or `is`; compare two scalars at a time")
def membership(x: TILE, y: TILE):
    for i in pl.range(4):
        if i in (0, 3):  # <-
            with pl.incore():
                y = pl.assemble(y, pl.add(x, 1.0), [0, 0])


@refused("lambda; write the operation out")
def anonymous_function(x: TILE, y: TILE):
    with pl.incore():
        y = pl.assemble(y, (lambda t: pl.add(t, 1.0))(x), [0, 0])  # <-


@refused("a comprehension; write the elements out")
def comprehension(x: TILE, y: TILE):
    with pl.incore():
        y = pl.assemble(y, pl.add(x, 1.0), [0 for _ in (1, 2)])  # <-


@refused("a conditional expression; use an if statement or pl.min / pl.max")
def conditional_expression(x: ROWS, y: TILE):
    for i in pl.range(8):
        k = 0 if i > 4 else 64  # <-
        with pl.incore():
            y = pl.assemble(y, pl.slice(x, [16, 64], [0, k]), [0, 0])


@refused("an assignment inside an expression; write it as a statement")
def walrus(x: TILE, y: TILE):
    with pl.incore():
        y = pl.assemble(y, (t := pl.add(x, 1.0)), [0, 0])  # <-


@refused("yield; use pl.yield_, or re-assign the carried name in the body of the loop")
def generator(x: TILE, y: TILE):
    with pl.incore():
        y = pl.assemble(y, pl.add(x, 1.0), [0, 0])
    yield y  # <-


@refused("try; there are no exceptions in a program")
def exceptions(x: TILE, y: TILE):
    try:  # <-
        y = pl.assemble(y, x, [0, 0])
    finally:
        pass


@refused("this form of FunctionDef")
def function_in_a_function(x: TILE, y: TILE):
    def double(t):  # <-
        return pl.mul(t, 2.0)

    with pl.incore():
        y = pl.assemble(y, double(x), [0, 0])


@refused("this form of Assign")
def two_targets(x: TILE, y: TILE):
    with pl.incore():
        t = u = pl.add(x, 1.0)  # <-
        y = pl.assemble(y, pl.add(t, u), [0, 0])


@refused("only names can be assigned to; write into a tensor with pl.assemble")
def assignment_to_a_part(x: TILE, y: TILE):
    with pl.incore():
        y[0:16, 0:64] = pl.add(x, 1.0)  # <-


@refused("this form of With")
def named_region(x: TILE, y: TILE):
    with pl.incore() as region:  # <-
        y = pl.assemble(y, pl.add(x, 1.0), [0, 0])


@refused("this form of For")
def else_of_a_loop(x: TILE, y: TILE):
    for _ in pl.range(2):  # <-
        with pl.incore():
            y = pl.assemble(y, pl.add(x, 1.0), [0, 0])
    else:
        y = pl.assemble(y, x, [0, 0])


# Operators


@refused("operators on tensors are not in the language; use pl.add, pl.mul")
def sum_of_tensors(x: TILE, y: TILE):
    with pl.incore():
        y = pl.assemble(y, x + x, [0, 0])  # <-


@refused("operators on tensors are not in the language")
def product_with_a_number(x: TILE, y: TILE):
    with pl.incore():
        y = pl.assemble(y, 2.0 * x, [0, 0])  # <-


@refused("operators on tensors are not in the language")
def negated_tensor(x: TILE, y: TILE):
    with pl.incore():
        y = pl.assemble(y, -x, [0, 0])  # <-


@refused("operators on tensors are not in the language")
def smaller_tensor(x: TILE, y: TILE):
    if x < y:  # <-
        with pl.incore():
            y = pl.assemble(y, pl.add(x, 1.0), [0, 0])


@refused("== takes two scalars")
def equal_tensors(x: TILE, y: TILE):
    if x == y:  # <-
        with pl.incore():
            y = pl.assemble(y, pl.add(x, 1.0), [0, 0])


@refused("a tensor has no truth value; compare scalars")
def tensor_as_condition(x: TILE, y: TILE):
    if x:  # <-
        with pl.incore():
            y = pl.assemble(y, pl.add(x, 1.0), [0, 0])


@refused("not takes a scalar")
def tensor_as_negated_condition(x: TILE, y: TILE):
    if not x:  # <-
        with pl.incore():
            y = pl.assemble(y, pl.add(x, 1.0), [0, 0])


@refused("a tensor cannot be iterated; use pl.range and pl.slice")
def star_of_a_tensor(x: TILE, y: TILE):
    k = (*x,)  # <-
    with pl.incore():
        y = pl.assemble(y, pl.add(x, 1.0), [0, 0])


# Memory outside a tensor, where only the loop shows it


@refused("loads [16, 64] at offset [0, 512] of 'x', which has shape [16, 512]")
def one_block_too_many(x: ROWS, y: TILE):
    for i in pl.range(9):
        with pl.incore():
            block = pl.slice(x, [16, 64], [0, i * 64])  # <-
            y = pl.assemble(y, pl.add(block, 1.0), [0, 0])


@refused("stores [16, 64] at offset [0, -64] of 'y'")
def one_block_too_early(x: TILE, y: ROWS):
    with pl.incore():
        tile = pl.add(x, 1.0)
        for i in pl.range(3):
            y = pl.assemble(y, tile, [0, (i - 1) * 64])  # <-


# Loops and regions


@refused("a loop goes over pl.range(...) or pl.parallel(...)")
def python_range(x: TILE, y: TILE):
    for _ in range(4):  # <-
        with pl.incore():
            y = pl.assemble(y, pl.add(x, 1.0), [0, 0])


@refused("pl.range takes (stop), (start, stop) or (start, stop, step)")
def loop_without_bounds(x: TILE, y: TILE):
    for _ in pl.range():  # <-
        with pl.incore():
            y = pl.assemble(y, pl.add(x, 1.0), [0, 0])


@refused("bounds of pl.parallel are integers, not 4.0")
def loop_to_a_fraction(x: TILE, y: TILE):
    for _ in pl.parallel(4.0):  # <-
        with pl.incore():
            y = pl.assemble(y, pl.add(x, 1.0), [0, 0])


@refused("the step of pl.range is positive, not -1")
def loop_downwards(x: TILE, y: TILE):
    for _ in pl.range(4, 0, -1):  # <-
        with pl.incore():
            y = pl.assemble(y, pl.add(x, 1.0), [0, 0])


@refused("the body of a loop with init_values ends in pl.yield_")
def loop_with_initial_values(x: TILE, y: TILE):
    for _ in pl.range(4, init_values=(x,)):  # <-
        with pl.incore():
            y = pl.assemble(y, pl.add(x, 1.0), [0, 0])


@refused("chunk= is only for loops inside pl.auto_incore()")
def chunk_outside_auto_incore(x: TILE, y: TILE):
    for _ in pl.parallel(0, 8, 1, chunk=4):  # <-
        with pl.incore():
            y = pl.assemble(y, pl.add(x, 1.0), [0, 0])


@refused("chunk is a positive integer constant, not 0")
def empty_chunks(x: TILE, y: TILE):
    with pl.auto_incore():
        for _ in pl.parallel(0, 8, 1, chunk=0):  # <-
            y = pl.assemble(y, pl.add(x, 1.0), [0, 0])


@refused("unsupported chunk_policy 'guarded'; use 'leading_full'")
def guarded_chunks(x: TILE, y: TILE):
    with pl.auto_incore():
        for _ in pl.parallel(0, 8, 1, chunk=4, chunk_policy="guarded"):  # <-
            y = pl.assemble(y, pl.add(x, 1.0), [0, 0])


@refused("misplaced operation pl.add: compute inside pl.incore() or pl.at(...)")
def compute_outside_a_region(x: TILE, y: TILE):
    t = pl.add(x, 1.0)  # <-
    with pl.incore():
        y = pl.assemble(y, pl.add(t, 1.0), [0, 0])


@refused("misplaced operation pl.matmul_acc: compute inside pl.incore()")
def product_outside_a_region(x: TILE, acc: pl.Tensor[[16, 16], pl.FP32]):
    t = pl.matmul_acc(acc, x, x, b_trans=True)  # <-
    with pl.incore():
        acc = pl.assemble(acc, pl.add(t, 1.0), [0, 0])


@refused("a region inside a region; end the outer one first")
def region_in_a_region(x: TILE, y: TILE):
    with pl.incore():
        with pl.incore():  # <-
            y = pl.assemble(y, pl.add(x, 1.0), [0, 0])


@refused("with takes pl.incore(), pl.auto_incore() or pl.at(...)")
def region_of_another_kind(x: TILE, y: TILE):
    with x:  # <-
        y = pl.assemble(y, pl.add(x, 1.0), [0, 0])


@refused("pl.at(Level.CHIP) makes no task; use pl.at(level=pl.Level.CORE_GROUP)")
def region_on_the_whole_chip(x: TILE, y: TILE):
    with pl.at(level=pl.Level.CHIP):  # <-
        y = pl.assemble(y, pl.add(x, 1.0), [0, 0])


@refused("unknown optimization 'fast'; use pl.chunked_loop_optimizer")
def unknown_optimization(x: TILE, y: TILE):
    with pl.at(level=pl.Level.CORE_GROUP, optimization="fast"):  # <-
        y = pl.assemble(y, pl.add(x, 1.0), [0, 0])


@refused("return inside a region")
def return_in_a_region(x: TILE, y: TILE):
    with pl.incore():
        y = pl.assemble(y, pl.add(x, 1.0), [0, 0])
        return y  # <-


@refused("return inside pl.auto_incore()")
def return_in_auto_incore(x: TILE, y: TILE):
    with pl.auto_incore():
        y = pl.assemble(y, pl.add(x, 1.0), [0, 0])
        return y  # <-


@refused("return before the function's end; use if")
def return_from_a_loop(x: TILE, y: TILE):
    for i in pl.range(4):
        if i > 2:
            return y  # <-
        with pl.incore():
            y = pl.assemble(y, pl.add(x, 1.0), [0, 0])
    return y


@refused("return before the function's end; use if")
def statements_after_return(x: TILE, y: TILE):
    with pl.incore():
        y = pl.assemble(y, pl.add(x, 1.0), [0, 0])
    return y  # <-
    with pl.incore():
        y = pl.assemble(y, pl.add(x, 1.0), [0, 0])


@refused("'y' would be a tensor that is written, or something else")
def another_tensor_under_a_name_in_a_branch(x: TILE, y: TILE, z: TILE):
    for i in pl.range(2):
        with pl.incore():
            if i > 0:  # <-
                y = pl.assemble(z, pl.add(x, 1.0), [0, 0])
            y = pl.assemble(y, pl.add(x, 1.0), [0, 0])


@refused("the tile 'y' depends on a condition or a loop")
def another_tensor_under_a_name_in_a_loop(x: TILE, y: TILE, z: TILE):
    with pl.incore():
        for _ in pl.range(2):  # <-
            y = pl.assemble(y, pl.add(x, 1.0), [0, 0])
            y = pl.assemble(z, pl.add(x, 1.0), [0, 0])


@refused("static_assert failed: rows are not 32")
def failing_static_assert(x: TILE, y: TILE):
    pl.static_assert(pl.dim(x, 0) == 32, "rows are not 32")  # <-
    with pl.incore():
        y = pl.assemble(y, pl.add(x, 1.0), [0, 0])


# Assembles


@refused("the result 't' is assembled twice")
def result_assembled_twice(x: TILE, y: ROWS):
    with pl.incore():
        t = pl.add(x, 1.0)
    y = pl.assemble(y, t, [0, 0])
    y = pl.assemble(y, t, [0, 64])  # <-


@refused("assemble outside a region copies nothing")
def view_assembled_outside_a_region(x: ROWS, y: TILE):
    v = pl.slice(x, [16, 64], [0, 0])
    y = pl.assemble(y, v, [0, 0])  # <-
    with pl.incore():
        y = pl.assemble(y, pl.add(v, 1.0), [0, 0])


@refused("assemble outside a region copies nothing")
def argument_assembled_outside_a_region(x: TILE, y: TILE):
    y = pl.assemble(y, x, [0, 0])  # <-
    with pl.incore():
        y = pl.assemble(y, pl.add(x, 1.0), [0, 0])


@refused("'t' is assembled in another loop or branch than the one that creates it")
def result_assembled_in_a_loop_further_in(x: TILE, y: ROWS):
    with pl.incore():
        t = pl.add(x, 1.0)
    for i in pl.range(8):
        y = pl.assemble(y, t, [0, i * 64])  # <-


@refused("a result is assembled into a tensor that does not exist yet")
def result_assembled_into_a_later_view(x: TILE, y: ROWS):
    with pl.incore():
        t = pl.add(x, 1.0)
    v = pl.slice(y, [16, 64], [0, 64])
    v = pl.assemble(v, t, [0, 0])  # <-


@refused("a whole tensor cannot be assembled without computing on it")
def argument_assembled_in_a_region(x: TILE, y: TILE):
    with pl.incore():
        y = pl.assemble(y, x, [0, 0])  # <-


@refused("'t' is used after the block")
def tensor_created_in_a_kernel_loop(x: TILE, y: TILE):
    with pl.incore():
        for _ in pl.range(8):
            t = pl.create_tensor([16, 64], dtype=pl.FP32)
            t = pl.assemble(t, pl.add(x, 1.0), [0, 0])
    with pl.incore():
        y = pl.assemble(y, pl.add(t, 1.0), [0, 0])  # <-


# Cube and vector work in one region


@refused("store another matmul's result, or what is to be transposed, into a tensor first")
def matmul_of_a_matmul(x: TILE, w: TILE, y: TILE):
    with pl.incore():
        t = pl.matmul(x, w, b_trans=True)
        y = pl.assemble(y, pl.matmul(t, x), [0, 0])  # <-


@refused("store another matmul's result, or what is to be transposed, into a tensor first")
def matmul_of_a_transposed_vector_result(x: TILE, w: TILE, y: pl.Tensor[[16, 16], pl.FP32]):
    with pl.incore():
        t = pl.add(x, 1.0)
        y = pl.assemble(y, pl.matmul(w, t, b_trans=True), [0, 0])  # <-


@refused("tiles of different sizes pass between the cube core and the vector cores both ways")
def mix_of_tiles_of_two_sizes(x: TILE, w: TILE, y: pl.Tensor[[16, 16], pl.FP32]):
    with pl.incore():  # <-
        t = pl.matmul(pl.add(x, 1.0), w, b_trans=True)
        y = pl.assemble(y, pl.add(t, 1.0), [0, 0])


@refused("the 15 rows of a tile that passes between the cube core and the vector cores cannot be")
def mix_of_an_odd_number_of_rows(x: ROWS, w: ROWS, y: TILE):
    with pl.auto_incore(split=pl.SplitMode.UP_DOWN):
        for i in pl.parallel(0, 1, chunk=1):  # <-
            t = pl.matmul(pl.slice(x, [15, 512], [i, 0]), w, b_trans=True)
            y = pl.assemble(y, pl.add(t, 1.0), [0, 0])


@refused("the 15 columns of a tile that passes")
def mix_of_an_odd_number_of_columns(x: ROWS, w: ROWS, y: TILE):
    with pl.auto_incore(split=pl.SplitMode.LEFT_RIGHT):
        for i in pl.parallel(0, 1, chunk=1):  # <-
            t = pl.matmul(x, pl.slice(w, [15, 512], [i, 0]), b_trans=True)
            y = pl.assemble(y, pl.add(t, 1.0), [0, 0])


@refused("in pl.auto_incore() it ends the region before it")
def reshape_between_regions(x: TILE, y: TILE):
    with pl.auto_incore():
        t = pl.add(x, 1.0)
        u = pl.reshape(t, [1, 1024])  # <-
        y = pl.assemble(y, pl.reshape(pl.mul(u, 2.0), [16, 64]), [0, 0])


@refused("matmul_acc needs the result of a matmul of the same region as accumulator")
def products_added_to_nothing(x: TILE, y: pl.Tensor[[16, 16], pl.FP32]):
    with pl.incore():
        total = pl.create_tensor([16, 16], dtype=pl.FP32)
        for _ in pl.range(2):
            total = pl.matmul_acc(total, x, x, b_trans=True)  # <-
        y = pl.assemble(y, total, [0, 0])


# Statements over several lines, and nested calls


@refused("shapes of FP32[16, 64] and FP32[8, 64] do not broadcast")
def statement_over_several_lines(x: TILE, w: pl.Tensor[[8, 64], pl.FP32], y: TILE):
    with pl.incore():
        y = pl.assemble(  # <-
            y,
            pl.add(
                x,
                w,
            ),
            [0, 0],
        )


@refused("inner sizes of FP32[16, 64] and FP32[16, 64] differ")
def nested_call_in_auto_incore(x: TILE, y: TILE):
    with pl.auto_incore():
        y = pl.assemble(
            y,
            pl.matmul(x, pl.slice(x, [16, 64], [0, 0])),  # <-
            [0, 0],
        )


@refused("chunk is a positive integer constant, not -1")
def loop_header_over_several_lines(x: TILE, y: TILE):
    with pl.auto_incore():
        for _ in pl.parallel(  # <-
            0,
            8,
            chunk=-1,
        ):
            y = pl.assemble(y, pl.add(x, 1.0), [0, 0])


@refused("the name 'nothing' is not defined here")
def condition_after_a_long_comment(x: TILE, y: TILE):
    """Docstring
    that goes on in the first column."""
    # So does this comment, and no line is lost.

    if nothing > 2:  # noqa: F821  # <-
        with pl.incore():
            y = pl.assemble(y, pl.add(x, 1.0), [0, 0])


# What the function declares


@refused("parameter 'x' needs an annotation pl.Tensor[[...], ...]")
def missing_annotation(
    y: TILE,
    x,  # <-
):
    with pl.incore():
        y = pl.assemble(y, pl.add(x, 1.0), [0, 0])


@refused("parameter 'n' needs an annotation pl.Tensor[[...], ...]")
def annotation_of_another_kind(
    y: TILE,
    n: int,  # <-
):
    with pl.incore():
        y = pl.assemble(y, pl.add(y, 1.0), [0, 0])


@refused("no_region submits nothing: it has no region; put the work into pl.incore()")
def no_region(x: TILE, y: TILE):  # <-
    v = pl.slice(x, [8, 64], [0, 0])


@refused("region_behind_a_false_constant submits nothing")
def region_behind_a_false_constant(x: TILE, y: TILE):  # <-
    if pl.dim(x, 0) == 8:
        with pl.incore():
            y = pl.assemble(y, pl.add(x, 1.0), [0, 0])


@pytest.mark.parametrize(("python", "words"), refusals)
def test_the_message_names_file_line_and_reason(python, words):
    with pytest.raises(LanguageError) as caught:
        recorded(python)
    assert str(caught.value).startswith(f"{__file__}:{blamed_line(python)}: ")
    assert words in str(caught.value)


def build_with_a_constant_called_scale(scale):
    @pl.program
    class Rescaled:
        @pl.function
        def rescaled(self, x: ROWS, y: TILE):
            for i in pl.range(8):
                with pl.incore():
                    scale = pl.add(pl.slice(x, [16, 64], [0, i * 64]), 1.0)
                    y = pl.assemble(y, scale, [0, 0])
            with pl.incore():
                y = pl.assemble(y, pl.mul(y, scale), [0, 0])  # <-

    return Rescaled


def test_a_name_that_left_its_loop_does_not_become_the_builders_constant():
    line = blamed_line(build_with_a_constant_called_scale)
    with pytest.raises(LanguageError, match=f":{line}: 'scale' is used after the block at line"):
        record(build_with_a_constant_called_scale(8))


def test_a_program_whose_loops_never_run_submits_nothing():
    def idle(x: TILE, y: TILE):
        for _ in pl.range(4, 2):
            with pl.incore():
                y = pl.assemble(y, pl.add(x, 1.0), [0, 0])

    with pytest.raises(InputError, match=re.escape(f"{__file__}: idle submits nothing")):
        recorded(idle)


def test_an_asynchronous_function_is_not_one_of_a_program():
    async def later(x: TILE, y: TILE):
        with pl.incore():
            y = pl.assemble(y, pl.add(x, 1.0), [0, 0])

    with pytest.raises(LanguageError, match="later is not a plain function"):
        recorded(later)


def test_a_lambda_is_not_a_function_of_a_program():
    with pytest.raises(LanguageError, match=r"\.py:\d+: <lambda> is not a plain function"):
        recorded(lambda x: x)


def test_a_program_of_kernels_only_has_nothing_to_run():
    @pl.program
    class Kernels:
        @pl.function(type=pl.FunctionType.InCore)
        def kernel(self, x: TILE) -> TILE:
            return x

    with pytest.raises(InputError, match="program Kernels has no Opaque or Orchestration function"):
        record(Kernels)


def test_operations_outside_a_program_are_refused():
    with pytest.raises(InputError, match=r"only inside a function of a pl\.program"):
        pl.create_tensor([16, 64], dtype=pl.FP32)
    with pytest.raises(InputError, match="add's first argument is a tensor, not 1"):
        pl.add(1, 2)
    with pytest.raises(InputError, match=r"loops of the language run only inside a function"):
        list(pl.range(4))
    with pytest.raises(InputError, match="regions exist only inside a function"), pl.incore():
        pass
    with pytest.raises(AttributeError, match=r"pl\.softmax is not supported"):
        _ = pl.softmax


def test_a_program_is_not_being_read_after_one_was_refused():
    with pytest.raises(LanguageError):
        recorded(compute_outside_a_region)
    with pytest.raises(InputError, match=r"only inside a function of a pl\.program"):
        pl.create_tensor([16, 64], dtype=pl.FP32)


def test_a_tensors_annotation_is_checked_where_it_is_written():
    with pytest.raises(InputError, match="a tensor's shape is a list of positive integers"):
        pl.Tensor[[16, -1], pl.FP32]
    with pytest.raises(InputError, match=r"Tensor\[...\] takes a shape and a dtype"):
        pl.Tensor[[16, 64]]


SOURCE = """\
from runtime import language as pl

@pl.program
class P:
    @pl.function
    def f(self, x: pl.Tensor[[16, 64], pl.FP32], y: pl.Tensor[[16, 64], pl.FP32]):
        with pl.incore():
            y = pl.assemble(y, pl.add(x, 1.0), [0, 0])
"""


def test_a_program_without_a_file_cannot_be_read():
    names = {}
    exec(SOURCE, names)  # noqa: S102 - this is what the test is about
    with pytest.raises(LanguageError, match="<string>: the source of f cannot be read; programs"):
        record(names["P"])


def test_an_annotation_that_cannot_be_evaluated_later_is_refused(tmp_path):
    path = tmp_path / "postponed.py"
    text = "from __future__ import annotations\n" + SOURCE.replace(
        "y: pl.Tensor[[16", "y: pl.Tensor[[N"
    )
    path.write_text(text)
    names = {}
    exec(compile(text, str(path), "exec"), names)  # noqa: S102 - an import would do no more
    with pytest.raises(LanguageError) as caught:
        record(names["P"])
    assert str(caught.value) == f"{path}:7: annotation of 'y': name 'N' is not defined"


def test_the_file_is_the_one_that_defines_the_function():
    assert program(undefined_name).entry.python.__code__.co_filename == __file__


def test_a_guarded_load_may_reach_as_far_as_its_loop():
    def guarded(x: ROWS, y: TILE):
        with pl.incore():
            for i in pl.range(9):
                if i < 8:
                    block = pl.slice(x, [16, 64], [0, i * 64])
                    y = pl.assemble(y, pl.add(block, 1.0), [0, 0])

    assert len(recorded(guarded)) == 1


def test_a_view_outside_its_tensor_is_refused():
    def views(x: ROWS, y: TILE):
        for i in pl.range(2):
            v = pl.slice(x, [16, 64], [0, i * 480])
            with pl.incore():
                y = pl.assemble(y, pl.add(v, 1.0), [0, 0])

    with pytest.raises(InputError, match=r"view \[16, 64\] at offset \[0, 480\] of 'x'"):
        recorded(views)


def test_a_division_by_zero_outside_regions_names_the_program():
    def divides(x: ROWS, y: TILE):
        for i in pl.range(2):
            k = 4 // i
            with pl.incore():
                y = pl.assemble(y, pl.add(pl.slice(x, [16, 64], [0, k]), 1.0), [0, 0])

    with pytest.raises(LanguageError, match=r"test_language_errors\.py: divides: .*zero"):
        recorded(divides)


@pytest.mark.parametrize("item", [([-16, 64], pl.FP32), ([16, 64], "FP32"), 16, ([], pl.FP32)])
def test_a_bad_annotation_names_its_line(item):
    line = inspect.currentframe().f_lineno + 2
    with pytest.raises(LanguageError) as caught:
        _ = pl.Tensor[item]
    assert str(caught.value).startswith(f"{__file__}:{line}: ")


def test_an_unsupported_name_is_bad_input_wherever_it_stands():
    with pytest.raises(InputError, match=r"pl\.FP33 is not supported"):
        _ = pl.FP33
    assert not hasattr(pl, "FP33")
