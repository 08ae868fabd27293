"""The same schedule on tilesim: with everything that the runtime costs, and with nothing of it."""

from __future__ import annotations

import numpy as np

from benchmarks.peer_graph import AIC_COUNT, AIV_COUNT, PeerGraph
from devices.description import with_values
from devices.device import Device, load_device
from devices.kernel import CoreType, Kernel
from runtime.graph import TaskGraph
from runtime.map_entries import no_entries
from runtime.scopes import Scopes
from runtime.simulation import simulate
from runtime.trace import Trace
from runtime.version import RuntimeVersion, load_runtime
from scheduler.policies import Fifo

__all__ = ["free_run", "free_runtime", "full_run", "makespan_us", "task_graph"]


def task_graph(graph: PeerGraph) -> TaskGraph:
    """The graph as the runtime has it, each task in a scope of its own."""
    count = len(graph)
    number = np.arange(count, dtype=np.int32)
    lengths = list(map(len, graph.producers))
    return TaskGraph(
        name="chains, join and fan-out",
        kernels=[
            Kernel("vector", CoreType.AIV, (), (), (), 1),
            Kernel("cube", CoreType.AIC, (), (), (), 2),
        ],
        kernel=np.array(graph.is_cube, dtype=np.int32),
        ring=np.zeros(count, dtype=np.int8),
        fanin_start=np.concatenate(([0], np.cumsum(lengths, dtype=np.int64))),
        fanin=np.array([p for each in graph.producers for p in each], dtype=np.int32),
        chain_entries=np.zeros(count, dtype=np.int32),
        dropped=0,
        views=[()] * count,
        scalars=[()] * count,
        scopes=Scopes(number, number.astype(np.int64) + 1, np.zeros(count, dtype=np.int32)),
        map_entries=no_entries(),
    )


def full_run(graph: TaskGraph, durations_us: list[float]) -> Trace:
    """As the device runs it: runtime, rings, three scheduler threads and records."""
    return simulate(graph, _device(), load_runtime("tmr-2026-04"), durations=durations_us)


def free_run(graph: TaskGraph, durations_us: list[float]) -> Trace:
    """First come, first served on a runtime whose steps take no time and that waits for no room."""
    return simulate(
        graph,
        _device(),
        free_runtime(),
        policy=Fifo(),
        profiling=False,
        durations=durations_us,
    )


def free_runtime() -> RuntimeVersion:
    """One scheduler thread that sees everything the moment it happens, and rings without end."""
    runtime = load_runtime("tmr-2026-04")
    costs = {f"costs.{name}": 0.0 for name in runtime.costs.__struct_fields__}
    limits = ("task_window", "heap_bytes", "dep_pool_entries", "tensormap_entries")
    return with_values(
        runtime, {**costs, **dict.fromkeys(limits, 0), "scheduler_threads": 1, "local_capacity": 0}
    )


def makespan_us(trace: Trace) -> float:
    """When the last task ends; of a free run, time 0 is when the first one begins."""
    return float(trace.end_us.max())


def _device() -> Device:
    """The device, which has the cores that the other engines have workers."""
    device = load_device("a2a3")
    if (device.aic_count, device.aiv_count) != (AIC_COUNT, AIV_COUNT):
        return with_values(device, {"cores.clusters": AIC_COUNT})
    return device
