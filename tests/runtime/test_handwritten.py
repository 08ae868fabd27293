"""Orchestrations written by hand: what is submitted, with which edges, and what is refused."""

# ruff: noqa: ARG005 - every misuse is a function of the same two arguments

from __future__ import annotations

import inspect

import pytest
from toy_kernels import Scale, Square

from devices.dtypes import BY_NAME
from devices.errors import InputError
from devices.kernel import CoreType, Direction
from runtime import language as pl
from runtime.dependencies import Dependencies, find_graph
from runtime.graph import ALLOC, DUMMY
from runtime.handwritten import Orchestration, kernel_of, mix_kernel
from runtime.launch import Launch
from runtime.tensormap import build_graph
from runtime.version import load_runtime

FP32 = BY_NAME["FP32"]
SHAPE = (16, 64)


@pl.program
class Grow:
    @pl.function
    def grow(self, z: pl.InOut[pl.Tensor[[16, 64], pl.FP32]], x: pl.Tensor[[16, 64], pl.FP32]):
        with pl.incore():
            z = pl.assemble(z, pl.add(z, x), [0, 0])


SCALE = kernel_of(Scale, "scale")
FRESH = kernel_of(Scale, "fresh", fresh=["y"])
GROW = kernel_of(Grow, "grow")
SQUARE = kernel_of(Square, "square")


def edges(orchestration):
    graph = build_graph(orchestration.submits(), lookup_cap=None, rings=4)
    return [graph.producers(n).tolist() for n in range(len(graph))]


def test_parameters_keep_the_order_of_the_program():
    names = [(p.name, p.direction) for p in GROW.parameters]
    assert names == [("z", Direction.INOUT), ("x", Direction.IN)]
    assert [p.direction for p in FRESH.parameters] == [Direction.IN, Direction.OUT]


def test_a_consumer_waits_for_the_task_whose_output_the_runtime_allocated():
    o = Orchestration("chain")
    x, z = o.tensor("x", SHAPE, FP32), o.tensor("z", SHAPE, FP32)
    (y,) = o.submit(FRESH, x).outputs
    o.submit(GROW, z, y)
    o.submit(GROW, z, y)
    assert edges(o) == [[], [0], [1, 0]]
    submits = o.submits()
    assert [k.name for k in submits.kernels] == ["fresh", "grow"]
    assert y.buffer.owner == 0
    assert build_graph(submits, lookup_cap=None, rings=4).made_tensors[1].tolist() == [16 * 64 * 4]


def test_tiles_of_an_output_of_ones_own_are_no_dependence():
    o = Orchestration("tiles")
    x, z = o.tensor("x", SHAPE, FP32), o.tensor("z", SHAPE, FP32)
    (y,) = o.submit(FRESH, x).outputs
    o.submit(GROW, z, y)
    runtime = load_runtime("tmr-2026-04")
    graph = find_graph(o.submits(), runtime, dependencies=Dependencies.TILE)
    assert [graph.producers(n).tolist() for n in range(2)] == [[], [0]]


def test_a_hidden_alloc_makes_tensors_and_is_waited_for():
    o = Orchestration("alloc")
    x = o.tensor("x", SHAPE, FP32)
    first, second = o.alloc(("first", SHAPE, FP32), ("second", SHAPE, FP32))
    o.submit(SCALE, x, first)
    o.submit(SCALE, first, second)
    assert o.submits().kernel[0] == ALLOC
    assert edges(o) == [[], [0], [0, 1]]


def test_named_producers_are_added_to_those_that_are_found():
    o = Orchestration("explicit")
    x, y, z = (o.tensor(name, SHAPE, FP32) for name in "xyz")
    first = o.submit(SCALE, x, y)
    second = o.submit(SCALE, x, z)
    o.submit(SCALE, y, z, after=[second, first])
    assert edges(o) == [[], [], [0, 1]]


def test_in_a_manual_scope_only_named_producers_count():
    o = Orchestration("manual")
    x, y, z = (o.tensor(name, SHAPE, FP32) for name in "xyz")
    with o.scope(manual=True):
        first = o.submit(SCALE, x, y)
        o.submit(SCALE, y, z)
        o.submit(SCALE, y, z, after=[first])
    o.submit(SCALE, y, z)
    assert edges(o) == [[], [], [0], []]  # what was written there is in no TensorMap


def test_a_dummy_task_stands_between():
    o = Orchestration("barrier")
    x, y, z = (o.tensor(name, SHAPE, FP32) for name in "xyz")
    some = [o.submit(SCALE, x, y), o.submit(SCALE, x, z)]
    barrier = o.dummy(some)
    o.submit(SCALE, x, y, after=[barrier])
    assert o.submits().kernel[2] == DUMMY
    assert edges(o) == [[], [], [0, 1], [2]]


def test_scopes_nest_and_choose_the_ring():
    o = Orchestration("scopes")
    x, y = o.tensor("x", SHAPE, FP32), o.tensor("y", SHAPE, FP32)
    o.submit(SCALE, x, y)
    first = inspect.currentframe().f_lineno + 1
    with o.scope():
        o.submit(SCALE, x, y)
        with o.scope():
            o.submit(SCALE, x, y)
    scopes = o.submits().scopes
    assert scopes.line.tolist()[1:] == [first, first + 2]
    assert scopes.end.tolist() == [3, 3, 3]
    assert build_graph(o.submits(), lookup_cap=None, rings=4).ring.tolist() == [0, 1, 2]


def test_launches_reach_the_graph():
    o = Orchestration("blocks")
    x, y = o.tensor("x", SHAPE, FP32), o.tensor("y", SHAPE, FP32)
    o.submit(SCALE, x, y)
    o.submit(SCALE, x, y, launch=Launch(blocks=4, sync_start=True))
    graph = build_graph(o.submits(), lookup_cap=None, rings=4)
    assert graph.launches == {1: Launch(4, sync_start=True)}


def test_a_recorded_program_is_submitted_again_on_other_tensors():
    inner = Orchestration("inner")
    x = inner.tensor("x", SHAPE, FP32)
    y = inner.tensor("y", SHAPE, FP32)
    with inner.scope():
        first = inner.submit(FRESH, x)
        inner.submit(SCALE, first.outputs[0], y, launch=Launch(blocks=3))
    inner.submit(GROW, y, x, after=[first])
    o = Orchestration("outer")
    a, b, c = (o.tensor(name, SHAPE, FP32) for name in "abc")
    o.submit(GROW, a, b)
    with o.scope():
        o.include(inner.submits(), {"x": a, "y": b})
    o.include(inner.submits(), {"x": b, "y": c})
    assert edges(o) == [[], [0], [1], [2, 0, 1], [3], [4], [5, 3, 4]]
    graph = build_graph(o.submits(), lookup_cap=None, rings=4)
    assert graph.launches == {2: Launch(blocks=3), 5: Launch(blocks=3)}
    assert graph.ring.tolist() == [0, 2, 2, 1, 1, 1, 0]
    made = [
        [view.buffer.owner for view in views if view.buffer.owner >= 0] for views in graph.views
    ]
    assert made == [[], [1], [1], [], [4], [4], []]
    first_names = [views[0].buffer.name for views in graph.views]
    assert first_names == ["a", "a", "y_0", "b", "b", "y_0", "c"]


def test_an_included_program_gets_a_whole_tensor_for_each_parameter():
    inner = Orchestration("inner")
    inner.submit(GROW, inner.tensor("z", SHAPE, FP32), inner.tensor("x", SHAPE, FP32))
    o = Orchestration("outer")
    a, small = o.tensor("a", SHAPE, FP32), o.tensor("small", (16, 16), FP32)
    with pytest.raises(InputError, match="parameter 'x' of the program has no tensor"):
        o.include(inner.submits(), {"z": a})
    with pytest.raises(InputError, match=r"'x' is FP32\[16, 64\]; given is small, FP32\[16, 16\]"):
        o.include(inner.submits(), {"z": a, "x": small})


def test_a_mix_kernel_has_the_parameters_of_its_sides():
    mix = mix_kernel("both", SQUARE, None, GROW)
    assert mix.core is CoreType.MIX
    assert [p.name for p in mix.parameters] == ["a", "b", "z", "x"]
    boxes = {op.box.parameter for op in mix.body if op.box is not None}
    assert boxes == {0, 1, 2, 3}


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        (
            lambda o, x: o.submit(SCALE, x),
            "scale takes 2 tensors .x, y. and 0 scalars; given are 1",
        ),
        (lambda o, x: o.submit(SCALE, x, x, scalars=[1]), "0 scalars; given are 2 and 1"),
        (
            lambda o, x: o.submit(SQUARE, x, x),
            r"square: a is FP32\[16, 16\]; given is x, FP32\[16, 64\]",
        ),
        (lambda o, x: o.submits(), "wrong submits no task"),
        (lambda o, x: kernel_of(Scale, "s", fresh=["x"]), "s: x is no tensor that the region only"),
        (lambda o, x: mix_kernel("m", SQUARE), "m: a MIX kernel has at least two sides"),
        (lambda o, x: mix_kernel("m", GROW, SCALE), "m: grow runs on aiv, not aic"),
    ],
)
def test_misuse_is_refused(wrong, message):
    o = Orchestration("wrong")
    x = o.tensor("x", SHAPE, FP32)
    with pytest.raises(InputError, match=message):
        wrong(o, x)
