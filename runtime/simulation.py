"""Running a task graph in simulated time."""

from __future__ import annotations

import gc
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray
from simpy import Environment

from devices.cores import CoreCosts, CorePool
from devices.device import Device
from devices.errors import InputError
from devices.timing import kernel_time_us, timing_symbols
from runtime.graph import ALLOC, TaskGraph
from runtime.orchestrator import Orchestrator
from runtime.trace import Trace
from runtime.version import RuntimeVersion
from scheduler.board import AIC, AIV, Board
from scheduler.thread import SchedulerThread, ThreadCosts

__all__ = ["SimulationError", "durations_us", "simulate", "submit_costs_us"]

_SHAPES = {"aic": AIC, "aiv": AIV}


class SimulationError(InputError):
    """A graph that cannot finish: says which tasks wait for each other."""


def simulate(
    graph: TaskGraph,
    device: Device,
    runtime: RuntimeVersion,
    *,
    profiling: bool = True,
    durations: Sequence[float] | None = None,
) -> Trace:
    """Run `graph` once.

    Parameters
    ----------
    graph : TaskGraph
        What runs.
    device : Device
        Cores, and how long a kernel takes on one.
    runtime : RuntimeVersion
        Threads, their rules and what their work costs.
    profiling : bool
        Whether cores and orchestrator write records of what they do, which takes time itself.
    durations : sequence of float, optional
        Kernel time of each submit in us, instead of the device's model.

    Returns
    -------
    Trace
        Every stamp of every task. Same arguments give the same trace, bit for bit.

    Raises
    ------
    SimulationError
        Tasks wait for each other.
    InputError
        The graph has no task, a duration is missing or is no time, or the device does not state
        the cost of an operation.
    """
    if not graph.task_count:
        raise InputError(f"{graph.name} has no task; there is nothing to simulate")
    if durations is not None:
        _check_durations(durations, graph)
    with _garbage_collection_paused():
        return _run(graph, device, runtime, profiling=profiling, durations=durations)


def _run(
    graph: TaskGraph,
    device: Device,
    runtime: RuntimeVersion,
    *,
    profiling: bool,
    durations: Sequence[float] | None,
) -> Trace:
    env = Environment()
    tasks = graph.kernel != ALLOC
    board = Board(np.where(graph.is_aic, AIC, AIV).tolist())
    cores = CorePool(
        durations_us(graph, device) if durations is None else durations,
        _core_costs(runtime, profiling=profiling),
    )
    threads = _threads(env, board, device, runtime, cores)
    cost_us = submit_costs_us(graph, runtime, profiling=profiling)
    producers = _task_producers(graph)
    orchestrator = Orchestrator(env, board, tasks.tolist(), cost_us.tolist(), producers)
    for thread in threads:  # nothing synchronises their loops, so they begin evenly spread
        thread.start(thread.number / len(threads))
    orchestrator.start()
    env.run()
    rows = np.flatnonzero(tasks)
    _check_complete(graph, board.complete, rows)
    end_us = np.array(orchestrator.end_us)
    core = np.array(cores.core_of, dtype=np.int16)[rows]
    return Trace(
        graph=graph,
        task=rows.astype(np.int32),
        submit_us=end_us[rows],
        ready_us=np.array(board.ready_us)[rows],
        dispatch_us=np.array(cores.dispatch_us)[rows],
        start_us=np.array(cores.start_us)[rows],
        end_us=np.array(cores.end_us)[rows],
        observe_us=np.array(board.observe_us)[rows],
        finish_us=np.array(board.finish_us)[rows],
        core=core,
        thread=_thread_of_core(device, runtime)[core],
        orchestrator_begin_us=end_us - cost_us,
        orchestrator_end_us=end_us,
        dispatch_cost_us=runtime.costs.dispatch_us.value,
        aic_count=device.aic_count,
        aiv_count=device.aiv_count,
        thread_count=runtime.scheduler_threads,
    )


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
    """What the orchestrator spends on each submit, shape (n,), in us."""
    costs, records = runtime.costs, runtime.profiling
    is_alloc = graph.kernel == ALLOC
    cost_us = np.where(is_alloc, costs.alloc_us.value, costs.submit_us.value)
    cost_us += costs.chain_entry_us.value * graph.chain_entries
    if profiling:
        count = np.where(is_alloc, records.records_per_alloc, records.records_per_submit)
        cost_us += count * records.phase_record_us.value
    return cost_us


def _core_costs(runtime: RuntimeVersion, *, profiling: bool) -> CoreCosts:
    costs = runtime.costs
    return CoreCosts(
        reach_us=costs.aicpu_to_core_us.value,
        prepare_us=costs.core_prepare_us.value,
        record_us=runtime.profiling.record_write_us.value if profiling else 0.0,
        visible_us=costs.core_to_aicpu_us.value,
    )


def _threads(
    env: Environment, board: Board, device: Device, runtime: RuntimeVersion, cores: CorePool
) -> list[SchedulerThread]:
    costs = ThreadCosts(
        read_us=runtime.costs.cond_read_us.value,
        loop_us=runtime.costs.idle_loop_us.value,
        completion_us=runtime.costs.completion_us.value,
        per_consumer_us=runtime.costs.per_consumer_us.value,
        dispatch_us=runtime.costs.dispatch_us.value,
    )
    return [
        SchedulerThread(
            env,
            board,
            number=number,
            clusters=range(number, device.cores.clusters, runtime.scheduler_threads),
            aic_count=device.aic_count,
            aiv_per_cluster=device.cores.aiv_per_cluster,
            shape_order=[_SHAPES[s] for s in runtime.shape_order(number) if s in _SHAPES],
            local_capacity=runtime.local_capacity,
            costs=costs,
            run=cores.run,
        )
        for number in range(runtime.scheduler_threads)
    ]


def _thread_of_core(device: Device, runtime: RuntimeVersion) -> NDArray[np.int16]:
    """Scheduler thread that owns each core: clusters are dealt out in turn."""
    clusters = np.arange(device.cores.clusters)
    cluster_of_core = [clusters, np.repeat(clusters, device.cores.aiv_per_cluster)]
    return (np.concatenate(cluster_of_core) % runtime.scheduler_threads).astype(np.int16)


def _task_producers(graph: TaskGraph) -> list[list[int]]:
    """Producers of each submit without allocs, which are complete before anything asks."""
    is_task = graph.kernel[graph.fanin] != ALLOC
    kept = np.concatenate(([0], np.cumsum(is_task)))[graph.fanin_start].tolist()
    fanin = graph.fanin[is_task].tolist()
    return [fanin[first:last] for first, last in pairwise(kept)]


def _check_durations(durations: Sequence[float], graph: TaskGraph) -> None:
    if len(durations) != len(graph):
        raise InputError(f"{len(durations)} durations for a graph of {len(graph)} submits")
    for submit, duration_us in enumerate(durations):
        if not 0.0 <= duration_us < np.inf:
            raise InputError(f"duration of submit {submit} is {duration_us} us; it is 0 or more")


def _check_complete(graph: TaskGraph, complete: Sequence[int], rows: NDArray[np.intp]) -> None:
    """Find the cycle that keeps a graph from finishing; nothing else can."""
    if sum(complete) == len(rows):
        return
    is_task = (graph.kernel != ALLOC).tolist()
    task = next(t for t in rows.tolist() if not complete[t])
    chain: dict[int, None] = {}
    while task not in chain:
        chain[task] = None
        task = next(p for p in graph.producers(task).tolist() if is_task[p] and not complete[p])
    cycle = [*list(chain)[list(chain).index(task) :], task]
    steps = " waits for ".join(f"task {t} ({graph.kernels[graph.kernel[t]].name})" for t in cycle)
    raise SimulationError(
        f"the graph cannot finish: {steps}; drop one of these edges to free the others"
    )


@contextmanager
def _garbage_collection_paused() -> Iterator[None]:
    """Events are freed by reference counts; looking for cycles among them takes a third more."""
    enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if enabled:
            gc.enable()
