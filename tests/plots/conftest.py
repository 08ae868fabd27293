"""Runs that are made by hand or by a rough list scheduler, so that no simulation is needed."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
import pytest

from devices.kernel import CoreType, Kernel
from runtime.demand import Limits
from runtime.graph import ALLOC, TaskGraph
from runtime.map_entries import no_entries
from runtime.scopes import one_scope
from runtime.trace import WAIT, Trace
from runtime.version import load_runtime

AIC, AIV = CoreType.AIC, CoreType.AIV
DISPATCH_COST_US = 0.6


def kernel(name: str, core: CoreType) -> Kernel:
    return Kernel(name, core, (), (), (), 0)


def graph(
    name: str,
    kernels: Sequence[Kernel],
    kernel_of: Sequence[int],
    producers: Sequence[Sequence[int]],
    rings: Sequence[int],
) -> TaskGraph:
    count = len(kernel_of)
    return TaskGraph(
        name=name,
        kernels=kernels,
        kernel=np.array(kernel_of, dtype=np.int32),
        ring=np.array(rings, dtype=np.int8),
        fanin_start=np.cumsum([0, *map(len, producers)], dtype=np.int64),
        fanin=np.array([p for some in producers for p in some], dtype=np.int32),
        chain_entries=np.zeros(count, dtype=np.int32),
        dropped=0,
        views=[()] * count,
        scalars=[()] * count,
        scopes=one_scope(count),
        map_entries=no_entries(),
    )


@pytest.fixture(scope="session")
def small() -> Trace:
    """An alloc, a matmul on each of two AICs, and an add on an AIV that waits for both.

    The first dispatch is at 3 us, the last finish at 29 us.
    """
    kernels = [kernel("matmul", AIC), kernel("add", AIV)]
    return Trace(
        graph=graph("small", kernels, [ALLOC, 0, 0, 1], [[], [0], [0], [0, 1, 2]], [1, 2, 2, 2]),
        task=np.array([1, 2, 3], dtype=np.int32),
        submit_us=np.array([2.0, 3.0, 4.0]),
        ready_us=np.array([2.0, 3.0, 22.5]),
        dispatch_us=np.array([3.0, 4.0, 24.0]),
        start_us=np.array([3.5, 4.5, 24.5]),
        end_us=np.array([13.5, 21.5, 28.0]),
        observe_us=np.array([14.0, 22.0, 28.5]),
        finish_us=np.array([14.5, 22.5, 29.0]),
        done_us=np.array([14.5, 22.5, 29.0]),
        core=np.array([0, 1, 2], dtype=np.int16),
        thread=np.array([0, 1, 0], dtype=np.int16),
        orchestrator_begin_us=np.array([0.0, 1.0, 2.0, 3.0]),
        orchestrator_end_us=np.array([1.0, 2.0, 3.0, 4.0]),
        dispatch_cost_us=DISPATCH_COST_US,
        aic_count=2,
        aiv_count=2,
        thread_count=2,
        released_by=np.array([-1, -1, 2], dtype=np.int32),
        named_core=np.full(3, -1, dtype=np.int16),
        decision_us=0.0,
        policy="runtime",
        waits=np.array([], dtype=WAIT),
        release_us=np.array([1.0, 15.0, 23.0, 29.5]),
        linked=np.array([0, 0, 0, 2], dtype=np.int32),
        limits=Limits.of(load_runtime("tmr-2026-04")),
        alone_us=np.array([10.0, 17.0, 3.5]),
        hbm_bytes=np.zeros(3),
        gm_bytes=np.zeros(3),
    )


@pytest.fixture(scope="session")
def make_run() -> Callable[..., Trace]:
    return run


def run(
    tasks: int,
    *,
    seed: int = 0,
    exec_us: float = 20.0,
    chain: bool = False,
    slots: int = 1,
    kernels: int = 6,
    name: str = "run",
) -> Trace:
    """Schedule random tasks on 24 AIC and 48 AIV; every third submit is an alloc.

    `chain` lets each task wait for the one before; with two `slots` the next task of a core is
    dispatched while the core still runs one.
    """
    random = np.random.default_rng(seed)
    all_kernels = [kernel(f"kernel_{k}", AIC if k % 2 == 0 else AIV) for k in range(kernels)]
    kernel_of, producers, rows = [], [], []
    while len(rows) < tasks:
        submit = len(kernel_of)
        is_alloc = submit % 3 == 0
        kernel_of.append(ALLOC if is_alloc else int(random.integers(kernels)))
        some = random.choice(submit, size=min(submit, 2), replace=False) if submit else []
        last = [rows[-1]] if chain and rows else []
        producers.append([] if is_alloc else sorted({*(int(p) for p in some), *last}))
        rows += [] if is_alloc else [submit]
    rings = [submit % 2 for submit in range(len(kernel_of))]
    return schedule(graph(name, all_kernels, kernel_of, producers, rings), random, exec_us, slots)


def schedule(tasks: TaskGraph, random: np.random.Generator, exec_us: float, slots: int) -> Trace:
    submit_end = (1 + np.arange(len(tasks))) * 0.8
    finish = submit_end.copy()
    free = {AIC: [0.0] * 24, AIV: [0.0] * 48}
    rows = []
    for submit, index in enumerate(tasks.kernel.tolist()):
        if index == ALLOC:
            continue
        core_type = tasks.kernels[index].core
        before = [finish[p] for p in tasks.producers(submit)]
        ready = max([submit_end[submit], *before])
        core = int(np.argmin(free[core_type]))
        begin = max(ready, free[core_type][core]) + DISPATCH_COST_US + 0.4
        end = begin + exec_us * random.uniform(0.1, 1.0)
        dispatch = begin - 0.4 if slots == 1 else max(ready, begin - 2.0)
        finish[submit] = end + 0.5 + random.uniform(0, 0.3)
        free[core_type][core] = end + (1.0 if slots == 1 else 0.1)
        number = core + (24 if core_type is AIV else 0)
        rows.append((submit, ready, dispatch, begin, end, end + 0.4, finish[submit], number))
    columns = np.array(rows, dtype=np.float64).T
    task, core = columns[0].astype(np.int32), columns[7].astype(np.int16)
    return Trace(
        tasks,
        task,
        submit_end[task],
        *columns[1:7],
        columns[6],
        core,
        np.where(core < 24, core % 3, (core - 24) // 2 % 3).astype(np.int16),
        submit_end - 0.8,
        submit_end,
        DISPATCH_COST_US,
        24,
        48,
        3,
        np.full(len(task), -1, dtype=np.int32),
        np.full(len(task), -1, dtype=np.int16),
        0.0,
        "runtime",
        np.array([], dtype=WAIT),
        finish + 0.5,
        np.diff(tasks.fanin_start).astype(np.int32),
        Limits.of(load_runtime("tmr-2026-04")),
        columns[4] - columns[3],
        np.zeros(len(task)),
        np.zeros(len(task)),
    )
