"""How long kernels and submits take: what the models of device and runtime say of a graph."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from devices.device import Device
from devices.footprints import Footprints, Uses
from devices.mix_timing import longest_us
from devices.timing import timing_symbols
from runtime.arguments import ScalarArguments
from runtime.distinct import distinct_rows
from runtime.footprints import find_footprints
from runtime.graph import ALLOC, TaskGraph
from runtime.version import RuntimeVersion
from scheduler.bounds import LeastOverheads

__all__ = ["SUBMIT_COSTS", "durations_us", "least_overheads", "memory_uses", "submit_costs_us"]

SUBMIT_COSTS = (
    "costs.submit_us",
    "costs.alloc_us",
    "costs.argument_us",
    "costs.chain_entry_us",
    "costs.insert_us",
    "costs.push_us",
    "costs.edge_us",
    "costs.scope_end_us",
    "profiling.phase_record_us",
)
"""Keys of the constants that `submit_costs_us` adds up."""


def durations_us(graph: TaskGraph, device: Device, missed: float = 1.0) -> list[float]:
    """Kernel time of each submit alone on `device`, 0 for allocs, in us.

    Of a MIX task it is that of the core which takes longest.

    Parameters
    ----------
    graph : TaskGraph
        What runs.
    device : Device
        Whose cores run it.
    missed : float
        Part of what cube cores load that is not in L2, 0 to 1.

    Raises
    ------
    InputError
        A kernel has an operation whose cost the device does not state.
    """
    different, place = _different_us(graph, device, missed)
    # Of a million times few are different: they share the numbers.
    return [different[n] for n in place.tolist()]


def _different_us(
    graph: TaskGraph, device: Device, missed: float
) -> tuple[list[float], NDArray[np.int32]]:
    """The kernel times that there are, 0 first, and which of them each submit has, shape (n,)."""
    scalars = graph.scalars
    if not isinstance(scalars, ScalarArguments):
        scalars = ScalarArguments(scalars)
    times: list[float] = [0.0]
    which = np.zeros(len(graph), dtype=np.int32)
    for number, kernel in enumerate(graph.kernels):
        tasks = np.flatnonzero(graph.kernel == number)
        wanted = timing_symbols(kernel.body)
        columns = [n for n, symbol in enumerate(kernel.scalars) if symbol in wanted]
        table = scalars.table(tasks, len(kernel.scalars)) if columns else tasks[:, None]
        first, alike = distinct_rows(table[:, columns])
        which[tasks] = len(times) + alike
        for task in tasks[first].tolist():
            values = dict(zip(kernel.scalars, graph.scalars[task], strict=True)) if columns else {}
            times.append(longest_us(kernel, device, values, missed))
    return times, which


def memory_uses(graph: TaskGraph, device: Device, footprints: Footprints | None = None) -> Uses:
    """What each submit does with global memory: what it touches, and what hits in L2 save it.

    Parameters
    ----------
    graph : TaskGraph
        What runs.
    device : Device
        On what.
    footprints : Footprints, optional
        What submits touch, if that is known already.

    Raises
    ------
    InputError
        As `durations_us`.
    """
    cold_us, hit_us = (
        np.array(different)[place]
        for different, place in (_different_us(graph, device, missed) for missed in (1.0, 0.0))
    )
    gain = 1.0 - np.divide(hit_us, cold_us, out=np.ones_like(cold_us), where=cold_us > 0.0)
    different, number = np.unique(gain, return_inverse=True)
    shared = different.tolist()
    gains = [shared[n] for n in number.tolist()]
    return Uses(footprints or find_footprints(graph, device.l2.line_bytes), gains)


def submit_costs_us(
    graph: TaskGraph, runtime: RuntimeVersion, *, profiling: bool
) -> NDArray[np.float64]:
    """What the orchestrator spends on each submit, shape (n,), in us.

    Scopes that end before a submit are paid with it: nobody waits for the end of the last ones.
    """
    if runtime.rules.orchestration == "host":  # done before time zero
        return np.zeros(len(graph))
    costs, records = runtime.costs, runtime.profiling
    is_alloc = graph.kernel == ALLOC
    cost_us = np.where(is_alloc, costs.alloc_us.value, costs.submit_us.value)
    arguments = np.array([*(len(k.parameters) for k in graph.kernels), 0, 0])  # no dummy, no alloc
    cost_us += costs.argument_us.value * arguments[graph.kernel]
    cost_us += costs.chain_entry_us.value * graph.chain_entries
    writers = graph.map_entries.writer
    cost_us += costs.insert_us.value * np.bincount(writers, minlength=len(graph))
    cost_us += costs.edge_us.value * np.diff(graph.fanin_start)
    cost_us += costs.scope_end_us.value * graph.scopes.held_before(len(graph))
    if profiling:
        count = np.where(is_alloc, records.records_per_alloc, records.records_per_submit)
        cost_us += count * records.phase_record_us.value
    return cost_us


def least_overheads(
    runtime: RuntimeVersion, decision_us: float, *, profiling: bool
) -> LeastOverheads:
    """What passes around a kernel at the least, for a policy's cost per decision in us."""
    costs, rules = runtime.costs, runtime.rules
    record_us = runtime.profiling.record_write_us.value if profiling else 0.0
    read_us, completion_us = costs.cond_read_us.value, costs.completion_us.value
    dispatch_us = costs.dispatch_us.value + decision_us
    head_us = costs.aicpu_to_core_us.value + costs.core_prepare_us.value
    shown_us = 0.0 if rules.shows_end_first else record_us
    seen_us = shown_us + costs.core_to_aicpu_us.value + read_us
    two_slots = rules.slots_per_core > 1
    told_us = seen_us + completion_us
    signal_us = costs.aicpu_to_core_us.value
    return LeastOverheads(
        head_us=signal_us if rules.early_dispatch else head_us,
        seen_us=seen_us,
        completion_us=completion_us,
        per_consumer_us=costs.per_consumer_us.value,
        dispatch_us=dispatch_us,
        read_us=0.0 if two_slots else read_us,
        # A core of two slots goes on by itself; one that was given its task waits for a signal.
        core_us=record_us + costs.core_prepare_us.value
        if two_slots
        else told_us + dispatch_us + head_us,
        step_us=told_us + (signal_us if rules.early_dispatch else dispatch_us + head_us),
        ends_completed=rules.finish_stamp == "walked",
    )
