"""Toy graphs and machines that tests of several floors share."""

from collections.abc import Mapping, Sequence

import numpy as np

from devices.description import with_values
from devices.device import Device, load_device
from devices.dtypes import BY_NAME
from devices.kernel import CoreType, Kernel
from runtime.graph import ALLOC, DUMMY, Buffer, TaskGraph, View
from runtime.handwritten import mix_kernel
from runtime.launch import Launch
from runtime.map_entries import no_entries
from runtime.scopes import Scopes
from runtime.version import RuntimeVersion, load_runtime

COSTS = (
    "submit_us",
    "alloc_us",
    "argument_us",
    "chain_entry_us",
    "insert_us",
    "push_us",
    "edge_us",
    "scope_end_us",
    "cond_read_us",
    "idle_loop_us",
    "completion_us",
    "per_consumer_us",
    "dispatch_us",
    "aicpu_to_core_us",
    "core_to_aicpu_us",
    "core_prepare_us",
    "core_cold_us",
    "entry_us",
)


def make_graph(
    cores: str,
    producers: Sequence[Sequence[int]] | None = None,
    scope_ends: Sequence[int] | None = None,
    nbytes: Sequence[int] | None = None,
    launches: Mapping[int, Launch] | None = None,
) -> TaskGraph:
    """Graph with one submit per letter, and their producers.

    Letters: c(ube), v(ector), m(ix of a cube core and both vector cores), h(alf a mix, with one
    vector core), a(lloc), d(ummy).

    `scope_ends` has, for each submit, how many submits there are when its scope ends; those that
    follow each other with the same number share a scope. `nbytes` is what each alloc makes.
    """
    edges = producers or [[] for _ in cores]
    ends = scope_ends or [len(cores)] * len(cores)
    first = [n == 0 or ends[n] != ends[n - 1] for n in range(len(cores))]
    scopes = Scopes(
        np.cumsum(first, dtype=np.int32) - 1,
        np.array([end for end, new in zip(ends, first, strict=True) if new], dtype=np.int64),
        np.flatnonzero(first).astype(np.int32) + 1,
    )
    views: list[tuple[View, ...]] = [()] * len(cores)
    for owner, size in enumerate(nbytes or []):
        if size:
            made = Buffer(f"made_{owner}", (size,), BY_NAME["INT8"], owner)
            views[owner] = (View(made, (size,), (0,)),)
    kernels = [
        Kernel("cube", CoreType.AIC, (), (), (), 1),
        Kernel("vector", CoreType.AIV, (), (), (), 2),
    ]
    cube, vector = kernels
    kernels += [mix_kernel("mix", cube, vector, vector), mix_kernel("half", cube, vector)]
    numbers = {"c": 0, "v": 1, "m": 2, "h": 3, "a": ALLOC, "d": DUMMY}
    return TaskGraph(
        name="toy",
        kernels=kernels,
        kernel=np.array([numbers[c] for c in cores], dtype=np.int32),
        ring=np.ones(len(cores), dtype=np.int8),
        fanin_start=np.cumsum([0, *map(len, edges)]),
        fanin=np.array([p for each in edges for p in each], dtype=np.int32),
        chain_entries=np.zeros(len(cores), dtype=np.int32),
        dropped=0,
        views=views,
        scalars=[()] * len(cores),
        scopes=scopes,
        map_entries=no_entries(),
        launches=launches or {},
    )


def make_device(clusters: int = 1) -> Device:
    return with_values(load_device("a2a3"), {"cores.clusters": clusters})


def make_runtime(threads: int = 1, local_capacity: int = 64, **settings: float) -> RuntimeVersion:
    """Runtime whose costs are 0 but for those given, without records; a loop takes 1/1024 us.

    What is no cost is the size of a ring or pool.
    """
    costs = {name: value for name, value in settings.items() if name in COSTS}
    sizes = {name: value for name, value in settings.items() if name not in COSTS}
    values = {f"costs.{name}": costs.get(name, 0.0) for name in COSTS}
    values["costs.idle_loop_us"] = costs.get("idle_loop_us", 2.0**-10)  # time has to pass
    return with_values(
        load_runtime("tmr-2026-04"),
        {**values, **sizes, "scheduler_threads": threads, "local_capacity": local_capacity},
    )
