"""How long kernels and submits take: what the models of device and runtime say of a graph."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from devices.device import Device
from devices.timing import kernel_time_us, timing_symbols
from runtime.graph import ALLOC, TaskGraph
from runtime.version import RuntimeVersion
from scheduler.bounds import LeastOverheads

__all__ = ["SUBMIT_COSTS", "durations_us", "least_overheads", "submit_costs_us"]

SUBMIT_COSTS = (
    "costs.submit_us",
    "costs.alloc_us",
    "costs.chain_entry_us",
    "costs.scope_end_us",
    "profiling.phase_record_us",
)
"""Keys of the constants that `submit_costs_us` adds up."""


def durations_us(graph: TaskGraph, device: Device) -> list[float]:
    """Kernel time of each submit on `device`, 0 for allocs, in us.

    Raises
    ------
    InputError
        A kernel has an operation whose cost the device does not state.
    """
    constant = np.zeros(len(graph.kernels) + 1)  # the last entry is for allocs: ALLOC is -1
    varying: dict[int, dict[tuple[int, ...], float]] = {}
    for number, kernel in enumerate(graph.kernels):
        if timing_symbols(kernel.body):
            varying[number] = {}
        else:
            constant[number] = kernel_time_us(kernel, device).total_us
    times: list[float] = constant[graph.kernel].tolist()
    for submit in np.flatnonzero(np.isin(graph.kernel, list(varying))).tolist():
        number, scalars = int(graph.kernel[submit]), graph.scalars[submit]
        known = varying[number]
        if scalars not in known:
            kernel = graph.kernels[number]
            values = dict(zip(kernel.scalars, scalars, strict=True))
            known[scalars] = kernel_time_us(kernel, device, values).total_us
        times[submit] = known[scalars]
    return times


def submit_costs_us(
    graph: TaskGraph, runtime: RuntimeVersion, *, profiling: bool
) -> NDArray[np.float64]:
    """What the orchestrator spends on each submit, shape (n,), in us.

    Scopes that end before a submit are paid with it: nobody waits for the end of the last ones.
    """
    costs, records = runtime.costs, runtime.profiling
    is_alloc = graph.kernel == ALLOC
    cost_us = np.where(is_alloc, costs.alloc_us.value, costs.submit_us.value)
    cost_us += costs.chain_entry_us.value * graph.chain_entries
    cost_us += costs.scope_end_us.value * graph.scopes.held_before(len(graph))
    if profiling:
        count = np.where(is_alloc, records.records_per_alloc, records.records_per_submit)
        cost_us += count * records.phase_record_us.value
    return cost_us


def least_overheads(
    runtime: RuntimeVersion, decision_us: float, *, profiling: bool
) -> LeastOverheads:
    """What passes around a kernel at the least, for a policy's cost per decision in us."""
    costs = runtime.costs
    record_us = runtime.profiling.record_write_us.value if profiling else 0.0
    read_us = costs.cond_read_us.value
    return LeastOverheads(
        head_us=costs.aicpu_to_core_us.value + costs.core_prepare_us.value,
        seen_us=record_us + costs.core_to_aicpu_us.value + read_us,
        completion_us=costs.completion_us.value,
        per_consumer_us=costs.per_consumer_us.value,
        dispatch_us=costs.dispatch_us.value + decision_us,
        read_us=read_us,
    )
