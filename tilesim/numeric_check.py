"""Running a workload in numbers and comparing with golden results, or with its own order."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from enum import StrEnum
from typing import NamedTuple

import numpy as np
import psutil

from devices.errors import InputError
from runtime.numerics.comparison import Match, match
from runtime.numerics.elements import Array, storage_dtype
from runtime.numerics.memory import buffer_bytes, tensor_bytes
from runtime.numerics.orders import (
    Order,
    adversarial_order,
    program_order,
    random_order,
    simulated_order,
)
from runtime.numerics.run import FirstNotFinite, TaskWrite, Writes, compute_numbers, outputs
from runtime.numerics.tasks import Observer, check_computable
from tilesim.replay import Report, Run
from tilesim.sources import program_of
from workloads.workload import Workload

__all__ = [
    "Against",
    "Compared",
    "Tolerances",
    "any_inputs",
    "check_memory",
    "compare_numbers",
    "compute_outputs",
]

_WORKING_BYTES = 512 << 20
"""Beside the tensors: the interpreter with its libraries, the graph, blocks that are widened."""

Comparer = Callable[[Order, Sequence[int], Observer | None], tuple[Match, ...]]


class Against(StrEnum):
    """What numbers were compared with."""

    GOLDEN = "golden results"
    PROGRAM = "program order"
    """Golden results are not known: with the same program's own order."""
    NOTHING = "nothing"
    """Nothing was computed."""


class Tolerances(NamedTuple):
    """How close elements have to be, relative and absolute."""

    rtol: float
    atol: float


class Compared(NamedTuple):
    """What `Check` says of the numbers; by default, that there are none."""

    against: Against = Against.NOTHING
    matches: tuple[Match, ...] = ()
    program_matches: tuple[Match, ...] = ()
    deviation: TaskWrite | None = None
    not_finite: TaskWrite | None = None


def check_memory(run: Run) -> int:
    """Memory that the numeric run takes, in bytes, which has to be there.

    Raises
    ------
    InputError
        It is not, or an operation has no numbers.
    """
    submits = run.case.submits
    check_computable(submits)
    golden = sum(tensor_bytes(view.buffer) for view in outputs(submits))
    needed = buffer_bytes(submits) + golden + _WORKING_BYTES
    available = psutil.virtual_memory().available
    if needed > available:
        raise InputError(
            f"computing {run.full_name} needs about {needed / 1e9:.1f} GB of memory, and "
            f"{available / 1e9:.1f} GB are available; give smaller sizes with --set"
        )
    return needed


def compare_numbers(
    run: Run, order: Order, seed: int, tolerances: Tolerances, tell: Report
) -> Compared:
    """Compute in program order and in the order that is asked for; see where they part.

    Parameters
    ----------
    run : Run
        What was simulated.
    order : Order
        The order of the tasks.
    seed : int
        Seed of the inputs, and of a random order.
    tolerances : Tolerances
        How close elements have to be.
    tell : callable
        Told each step that begins.
    """
    workload = program_of(run.workload, "compute; --hazards looks for hazards alone")
    numbers, name = workload.numbers, workload.name
    tell(f"{name}: drawing inputs")
    if numbers is None:
        return _against_itself(run, workload, order, seed, tolerances, tell)
    inputs = workload.drawn(seed, run.parameters)
    tell(f"{name}: computing golden results")
    golden = numbers.golden(inputs, **run.parameters)

    def compared(order: Order, tasks: Sequence[int], observe: Observer | None) -> tuple[Match, ...]:
        found = compute_outputs(run, inputs, order, tasks, observe, tell)
        return tuple(
            match(n, found[n], values, **tolerances._asdict()) for n, values in golden.items()
        )

    return _in_orders(run, order, seed, compared)


def _in_orders(run: Run, order: Order, seed: int, compared: Comparer) -> Compared:
    in_program_order = program_order(run.graph)
    writes, finder = Writes(), FirstNotFinite()
    record = None if order is Order.PROGRAM else writes.record
    program_matches = compared(Order.PROGRAM, in_program_order, record)
    if any(one.not_finite for one in program_matches):
        compared(Order.PROGRAM, in_program_order, finder.observe)
    if order is Order.PROGRAM:
        return Compared(Against.GOLDEN, program_matches, program_matches, None, finder.first)
    comparison = writes.comparison()
    matches = compared(order, _tasks(run, order, seed), comparison.observe)
    is_match = all(one.is_match for one in matches)
    deviation = None if is_match else comparison.first
    return Compared(Against.GOLDEN, matches, program_matches, deviation, finder.first)


def _against_itself(
    run: Run,
    workload: Workload,
    order: Order,
    seed: int,
    tolerances: Tolerances,
    tell: Report,
) -> Compared:
    """Compare an order with the program's own, on inputs of which only the dtypes are known."""
    inputs = any_inputs(run, workload, seed)
    writes = Writes()
    own = compute_outputs(run, inputs, Order.PROGRAM, program_order(run.graph), writes.record, tell)
    comparison = writes.comparison()
    tasks = _tasks(run, order, seed)
    found = compute_outputs(run, inputs, order, tasks, comparison.observe, tell)
    matches = tuple(
        match(name, found[name], values, strange_matches=True, **tolerances._asdict())
        for name, values in own.items()
    )
    deviation = None if all(one.is_match for one in matches) else comparison.first
    return Compared(Against.PROGRAM, matches, (), deviation)


def any_inputs(run: Run, workload: Workload, seed: int) -> dict[str, Array]:
    """Numbers for every tensor of a program: floats from [0, 1), and the integers that it reads."""
    rng = np.random.default_rng(seed)
    known = workload.read_values(run.parameters)
    inputs: dict[str, Array] = {}
    for view in run.case.submits.arguments:
        name, shape, dtype = view.buffer.name, view.shape, view.buffer.dtype
        if dtype.is_float and name not in known:
            values: Array = rng.random(shape, dtype=np.float32)
        else:
            values = np.broadcast_to(np.asarray(known.get(name, 0)), shape)
        inputs[name] = values.astype(storage_dtype(dtype))
    return inputs


def compute_outputs(
    run: Run,
    inputs: Mapping[str, Array],
    order: Order,
    tasks: Sequence[int],
    observe: Observer | None,
    tell: Report,
) -> dict[str, Array]:
    """The outputs of a run's program with some inputs, its tasks in some order."""

    def progress(done: int) -> None:
        tell(f"{run.workload.name}: computing in {order} order, task {done:,} of {len(tasks):,}")

    return compute_numbers(run.case.submits, inputs, tasks, observe=observe, report=progress)


def _tasks(run: Run, order: Order, seed: int) -> list[int]:
    if order is Order.PROGRAM:
        return program_order(run.graph)
    if order is Order.SIMULATED:
        return simulated_order(run.trace)
    if order is Order.RANDOM:
        return random_order(run.graph, seed)
    return adversarial_order(run.graph)
