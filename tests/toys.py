"""Toy graphs and machines that tests of several floors share."""

from collections.abc import Sequence

import numpy as np

from devices.description import with_values
from devices.device import Device, load_device
from devices.kernel import CoreType, Kernel
from runtime.graph import ALLOC, TaskGraph
from runtime.scopes import one_scope
from runtime.version import RuntimeVersion, load_runtime

COSTS = (
    "submit_us",
    "alloc_us",
    "chain_entry_us",
    "cond_read_us",
    "idle_loop_us",
    "completion_us",
    "per_consumer_us",
    "dispatch_us",
    "aicpu_to_core_us",
    "core_to_aicpu_us",
    "core_prepare_us",
)


def make_graph(cores: str, producers: Sequence[Sequence[int]] | None = None) -> TaskGraph:
    """Graph with one submit per letter: c(ube), v(ector) or a(lloc), and their producers."""
    edges = producers or [[] for _ in cores]
    kernels = [
        Kernel("cube", CoreType.AIC, (), (), (), 1),
        Kernel("vector", CoreType.AIV, (), (), (), 2),
    ]
    return TaskGraph(
        name="toy",
        kernels=kernels,
        kernel=np.array([{"c": 0, "v": 1, "a": ALLOC}[c] for c in cores], dtype=np.int32),
        ring=np.ones(len(cores), dtype=np.int8),
        fanin_start=np.cumsum([0, *map(len, edges)]),
        fanin=np.array([p for each in edges for p in each], dtype=np.int32),
        chain_entries=np.zeros(len(cores), dtype=np.int32),
        dropped=0,
        views=[()] * len(cores),
        scalars=[()] * len(cores),
        scopes=one_scope(len(cores)),
    )


def make_device(clusters: int = 1) -> Device:
    return with_values(load_device("a2a3"), {"cores.clusters": clusters})


def make_runtime(threads: int = 1, local_capacity: int = 64, **costs: float) -> RuntimeVersion:
    """Runtime whose costs are 0 but for those given, without records; a loop takes 1/1024 us."""
    values = {f"costs.{name}": costs.get(name, 0.0) for name in COSTS}
    values["costs.idle_loop_us"] = costs.get("idle_loop_us", 2.0**-10)  # time has to pass
    assert costs.keys() <= set(COSTS)
    return with_values(
        load_runtime("tmr-2026-04"),
        {**values, "scheduler_threads": threads, "local_capacity": local_capacity},
    )
