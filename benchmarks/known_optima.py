"""Graphs for identical cores whose shortest makespan is known.

References
----------
Graham: Bounds on multiprocessing timing anomalies. SIAM Journal on Applied Mathematics 17 (1969),
for the bound that every list schedule keeps: (2 - 1/m) times the optimum on m cores.
"""

from __future__ import annotations

import random
from dataclasses import dataclass
from functools import cache

import numpy as np

from devices.description import with_values
from devices.device import Device, load_device
from devices.kernel import CoreType, Kernel
from runtime.estimates import Estimates
from runtime.graph import TaskGraph
from runtime.map_entries import no_entries
from runtime.scopes import one_scope
from runtime.simulation import simulate
from runtime.version import RuntimeVersion, load_runtime
from scheduler.policy import Policy

__all__ = ["KnownOptimum", "cut_schedule", "makespan", "searched_graph", "shortest_makespan"]


@dataclass(frozen=True)
class KnownOptimum:
    """Tasks for identical cores, and the shortest time in which they can be done.

    Attributes
    ----------
    producers : list of list of int
        By task, each before its consumers.
    durations : list of float
        By task.
    cores : int
        How many there are.
    optimum : float
        The shortest makespan.
    """

    producers: list[list[int]]
    durations: list[float]
    cores: int
    optimum: float


def cut_schedule(seed: int, cores: int = 4, tasks_per_core: int = 8) -> KnownOptimum:
    """Cut a schedule without idle time into tasks, and add edges that it respects.

    No schedule is shorter than the work spread evenly over the cores, and this one is not longer.
    """
    choose = random.Random(seed)  # noqa: S311 - no secrets
    horizon = 64 * tasks_per_core
    slots = []
    for _ in range(cores):
        cuts = sorted(choose.sample(range(1, horizon), tasks_per_core - 1))
        slots += list(zip([0, *cuts], [*cuts, horizon], strict=True))
    slots.sort()
    producers: list[list[int]] = []
    for number, (begin, _) in enumerate(slots):
        before = [p for p in range(number) if slots[p][1] <= begin]
        producers.append(sorted(choose.sample(before, min(len(before), choose.randint(0, 3)))))
    durations = [(end - begin) / 64 for begin, end in slots]
    return _renumbered(KnownOptimum(producers, durations, cores, horizon / 64), choose)


def _renumbered(case: KnownOptimum, choose: random.Random) -> KnownOptimum:
    """Other numbers, producers first: the order of the optimum shall not break ties."""
    order: list[int] = []
    left = list(range(len(case.durations)))
    while left:
        ready = [task for task in left if set(case.producers[task]) <= set(order)]
        order.append(choose.choice(ready))
        left.remove(order[-1])
    number = {task: place for place, task in enumerate(order)}
    producers = [sorted(number[p] for p in case.producers[task]) for task in order]
    return KnownOptimum(
        producers, [case.durations[task] for task in order], case.cores, case.optimum
    )


def searched_graph(seed: int) -> KnownOptimum:
    """A small random graph; its optimum is found by exhaustive search."""
    choose = random.Random(seed)  # noqa: S311 - no secrets
    count, cores = choose.randint(3, 8), choose.randint(2, 3)
    producers = [
        sorted(choose.sample(range(task), min(task, choose.choice([0, 0, 1, 2]))))
        for task in range(count)
    ]
    durations = [float(choose.randint(1, 9)) for _ in range(count)]
    return KnownOptimum(producers, durations, cores, shortest_makespan(producers, durations, cores))


def shortest_makespan(producers: list[list[int]], durations: list[float], cores: int) -> float:
    """Shortest makespan on identical cores, by trying every set of tasks to start at each time.

    Cores may also wait: tasks that are ready need not start. Starting only when a task ends is
    no loss, for any other start could be moved back to the last end before it.
    """
    everything = (1 << len(durations)) - 1
    before = [sum(1 << p for p in each) for each in producers]

    @cache
    def left(done: int, running: tuple[tuple[float, int], ...]) -> float:
        """Time until all is done; `running` has the time left of each running task."""
        if done == everything:
            return 0.0
        busy = sum(1 << task for _, task in running)
        ready = [
            task
            for task in range(len(durations))
            if not (done | busy) >> task & 1 and before[task] & ~done == 0
        ]
        best = float("inf")
        for chosen in range(1 << len(ready)):
            started = [task for place, task in enumerate(ready) if chosen >> place & 1]
            if len(started) + len(running) > cores or not (started or running):
                continue
            now = (*running, *((durations[task], task) for task in started))
            passed = min(rest for rest, _ in now)
            ended = sum(1 << task for rest, task in now if rest == passed)
            still = sorted((rest - passed, task) for rest, task in now if rest != passed)
            best = min(best, passed + left(done | ended, tuple(still)))
        return best

    return left(0, ())


def makespan(case: KnownOptimum, policy: Policy, error: float = 0.0, seed: int = 0) -> float:
    """What a policy needs, on cube cores and a runtime whose steps take no time."""
    graph = _cube_graph(case.producers)
    trace = simulate(
        graph,
        _device(case.cores),
        _free_runtime(),
        policy=policy,
        profiling=False,
        durations=case.durations,
        estimates=Estimates(error, seed),
    )
    return trace.wall_clock_us


@cache
def _device(cores: int) -> Device:
    return with_values(load_device("a2a3"), {"cores.clusters": cores})


@cache
def _free_runtime() -> RuntimeVersion:
    runtime = load_runtime("tmr-2026-04")
    costs = {f"costs.{name}": 0.0 for name in runtime.costs.__struct_fields__}
    return with_values(runtime, {**costs, "scheduler_threads": 2})


def _cube_graph(producers: list[list[int]]) -> TaskGraph:
    count = len(producers)
    return TaskGraph(
        name="known optimum",
        kernels=[Kernel("cube", CoreType.AIC, (), (), (), 1)],
        kernel=np.zeros(count, dtype=np.int32),
        ring=np.zeros(count, dtype=np.int8),
        fanin_start=np.cumsum([0, *map(len, producers)], dtype=np.int64),
        fanin=np.array([p for each in producers for p in each], dtype=np.int32),
        chain_entries=np.zeros(count, dtype=np.int32),
        dropped=0,
        views=[()] * count,
        scalars=[()] * count,
        scopes=one_scope(count),
        map_entries=no_entries(),
    )
