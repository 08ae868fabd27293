"""Running a task graph in simulated time."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Sequence

import numpy as np
from numpy.typing import NDArray

from devices.columns import flags, reals
from devices.cores import CoreCosts, CorePool
from devices.device import Device
from devices.errors import InputError
from devices.events import Clock
from devices.footprints import Uses
from devices.kernel import CoreType
from devices.traffic import Traffic
from runtime.chains import Chains
from runtime.deadlock import deadlock
from runtime.demand import Demand, Limits
from runtime.estimates import Estimates
from runtime.garbage import garbage_collection_paused
from runtime.graph import ALLOC, TaskGraph
from runtime.noise import Noise
from runtime.orchestrator import Orchestrator
from runtime.rings import Rings
from runtime.rows import executions, moved, real_releaser
from runtime.spread import spread_tasks
from runtime.times import durations_us, least_overheads, memory_uses, submit_costs_us
from runtime.trace import WAIT, Trace
from runtime.version import RuntimeVersion
from scheduler.board import AIC, AIV, ANY_CORE, DUMMY, MIX, Board
from scheduler.clusters import Clusters
from scheduler.links import Links
from scheduler.policy import Machine, Policy, RuntimePolicy, full_name
from scheduler.rules import EARLY, PENDING, ThreadCosts, ThreadRules
from scheduler.sweep import Sweep, TwoSlotSweep
from scheduler.tasks import Tasks
from scheduler.thread import SchedulerThread

__all__ = ["SimulationError", "simulate"]

MOST_CORES = 32_767
"""Numbers of cores are 16 bits in a trace."""

_SHAPES = {"aic": AIC, "aiv": AIV, "mix": MIX}


class SimulationError(InputError):
    """A graph that cannot finish: says which tasks wait for each other."""


def simulate(
    graph: TaskGraph,
    device: Device,
    runtime: RuntimeVersion,
    *,
    policy: Policy | None = None,
    profiling: bool = True,
    durations: Sequence[float] | NDArray[np.float64] | None = None,
    uses: Uses | None = None,
    estimates: Estimates | None = None,
    noise: Noise | None = None,
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
    policy : Policy, optional
        Which ready task runs next, and where; by default as the real runtime decides.
    profiling : bool
        Whether cores and orchestrator write records of what they do, which takes time itself.
    durations : sequence or array of float, shape (n,), optional
        Kernel time of each submit in us, instead of the device's model; what else runs and what L2
        holds then changes nothing, unless `uses` is given.
    uses : Uses, optional
        What each submit does with global memory; `durations` are then those of kernels that are
        alone on the device and find nothing in L2.
    estimates : Estimates, optional
        What the policy is told of kernel times and priorities; by default the truth, and none.
    noise : Noise, optional
        What this run has by chance; by default nothing, and the threads begin evenly spread.

    Returns
    -------
    Trace
        Every stamp of every task. Same arguments give the same trace, bit for bit.

    Raises
    ------
    SimulationError
        Tasks wait for each other.
    DeadlockError
        The orchestrator waits for ring space that nothing can free.
    InputError
        The graph has no task, a duration is missing or is no time, the device does not state
        the cost of an operation, or the policy names a core that cannot run the task.
    """
    if not graph.task_count:
        raise InputError(f"{graph.name} has no task; there is nothing to simulate")
    if durations is not None:
        _check_durations(durations, graph)
    if device.aic_count + device.aiv_count > MOST_CORES:
        raise InputError(f"{device.name} has more than {MOST_CORES:,} cores")
    if policy is not None and not 0.0 <= policy.decision_us < np.inf:
        raise InputError(f"policy {policy.name}: decision_us is {policy.decision_us}; 0 or more")
    if durations is None:
        durations = durations_us(graph, device)
        uses = uses or memory_uses(graph, device)
    times_us = np.asarray(durations, dtype=np.float64)
    if noise is not None:
        times_us = times_us * noise.kernel_factors(len(graph))
    cost_us = submit_costs_us(graph, runtime, profiling=profiling)
    tasks = (estimates or Estimates()).tasks(graph, durations, cost_us)
    with garbage_collection_paused():
        return _run(
            graph,
            device,
            runtime,
            policy or RuntimePolicy(),
            tasks,
            times_us,
            cost_us,
            uses,
            noise,
            profiling=profiling,
        )


def _run(
    graph: TaskGraph,
    device: Device,
    runtime: RuntimeVersion,
    policy: Policy,
    tasks: Tasks,
    times_us: NDArray[np.float64],
    cost_us: NDArray[np.float64],
    uses: Uses | None,
    noise: Noise | None,
    *,
    profiling: bool,
) -> Trace:
    clock, rules = Clock(), runtime.rules
    spread = spread_tasks(graph, device, runtime, times_us)
    execution_count = len(graph) + sum(each.parts for each in spread.values())
    durations = reals(np.append(times_us, np.zeros(execution_count - len(graph))))
    core_count = device.aic_count + device.aiv_count
    cores = CorePool(core_count, durations, _core_costs(runtime, profiling=profiling))
    traffic = None if uses is None else Traffic(clock, device, uses, execution_count, cores.move)
    cores.traffic = traffic
    if noise is not None:
        cores.late_us = noise.visible_us(len(graph)).tolist()
    board = Board(
        graph.shape.astype(np.uint8).tobytes(),
        flags(graph.kernel == ALLOC),
        Links.of(graph.fanin_start, graph.fanin, graph.kernel != ALLOC),
        spread,
    )
    machine = _machine(device, runtime, board, cores, policy, profiling=profiling)
    allowing = {task for task, launch in graph.launches.items() if launch.allows_early}
    # What is dispatched early lies on any core that is idle then.
    if rules.early_dispatch and allowing and not policy.names_cores:
        board.allow_early(allowing)
    board.own_queues = machine.own_queues and policy.fills_local_buffers
    policy.prepare(tasks, machine)
    if policy.names_cores:
        board.name_core = _checked_core(graph, policy, tasks, machine)
    threads = _threads(clock, board, device, runtime, cores, policy)
    cores.on_moved = board.move
    orchestrator = Orchestrator(
        clock,
        board,
        (graph.kernel != ALLOC).tobytes(),
        reals(cost_us),
        entry_us=0.0 if rules.orchestration == "host" else runtime.costs.entry_us.value,
        chain_entry_us=0.0 if rules.orchestration == "host" else runtime.costs.chain_entry_us.value,
        push_us=0.0 if rules.orchestration == "host" else runtime.costs.push_us.value,
        reveals=_reveals(graph) if rules.orchestration == "scope" else {},
    )
    phases = np.arange(len(threads)) / len(threads)  # nothing synchronises their loops
    if noise is not None:
        phases = noise.phases(len(threads))
    for thread, phase in zip(threads, phases.tolist(), strict=True):
        thread.start(phase)
    limits = Limits.of(runtime)
    rings = Rings(graph, Demand.of(graph, limits), limits, board, orchestrator.end_us)
    orchestrator.start(rings, Chains(graph, rings))
    clock.run()
    if orchestrator.lacking is not None:
        raise deadlock(graph, limits, orchestrator.lacking, orchestrator.made)
    for thread in threads:
        thread.settle(np.inf)
    _check_complete(graph, np.asarray(board.complete))
    end_us = np.asarray(orchestrator.end_us)
    number, task = executions(graph, board.part_of)
    core = np.asarray(cores.core_of)[number]
    alone_us, hbm_bytes, gm_bytes = moved(traffic, number, cores)
    return Trace(
        graph=graph,
        task=task,
        submit_us=end_us[task],
        ready_us=np.asarray(board.ready_us)[task],
        dispatch_us=np.asarray(cores.dispatch_us)[number],
        start_us=np.asarray(cores.start_us)[number],
        end_us=np.asarray(cores.end_us)[number],
        alone_us=alone_us,
        hbm_bytes=hbm_bytes,
        gm_bytes=gm_bytes,
        observe_us=np.asarray(board.observe_us)[number],
        finish_us=np.asarray(board.finish_us)[number],
        done_us=np.asarray(board.done_us)[number],
        core=core,
        thread=np.array(machine.thread_of, dtype=np.int16)[core],
        released_by=real_releaser(graph, board.released_by)[task],
        named_core=np.where(np.asarray(board.named_core)[task] == ANY_CORE, ANY_CORE, core),
        orchestrator_begin_us=end_us - orchestrator.spent_us,
        orchestrator_end_us=end_us,
        waits=np.array(orchestrator.waits, dtype=WAIT),
        release_us=np.where(graph.kernel != ALLOC, board.release_us, end_us),
        linked=np.asarray(board.linked),
        limits=limits,
        dispatch_cost_us=runtime.costs.dispatch_us.value + policy.decision_us,
        decision_us=policy.decision_us,
        policy=full_name(policy),
        aic_count=device.aic_count,
        aiv_count=device.aiv_count,
        thread_count=runtime.scheduler_threads,
    )


def _core_costs(runtime: RuntimeVersion, *, profiling: bool) -> CoreCosts:
    costs = runtime.costs
    return CoreCosts(
        reach_us=costs.aicpu_to_core_us.value,
        prepare_us=costs.core_prepare_us.value,
        cold_us=costs.core_cold_us.value,
        record_us=runtime.profiling.record_write_us.value if profiling else 0.0,
        shows_end_first=runtime.rules.shows_end_first,
        visible_us=costs.core_to_aicpu_us.value,
    )


def _threads(
    clock: Clock,
    board: Board,
    device: Device,
    runtime: RuntimeVersion,
    cores: CorePool,
    policy: Policy,
) -> list[SchedulerThread]:
    count, rules = runtime.scheduler_threads, runtime.rules
    # What waits in a local buffer may run on any core of the thread.
    keeps = policy.fills_local_buffers and not policy.names_cores
    costs = ThreadCosts(
        read_us=runtime.costs.cond_read_us.value,
        loop_us=runtime.costs.idle_loop_us.value,
        completion_us=runtime.costs.completion_us.value,
        per_consumer_us=runtime.costs.per_consumer_us.value,
        dispatch_us=runtime.costs.dispatch_us.value + policy.decision_us,
    )
    dummies: deque[int] = deque()
    sweep = TwoSlotSweep if rules.slots_per_core > 1 else Sweep
    return [
        SchedulerThread(
            clock,
            board,
            number=number,
            clusters=Clusters(
                range(number, device.cores.clusters, count),
                device.aic_count,
                device.cores.aiv_per_cluster,
                policy.core_queue,
                policy.cluster_queue,
                has_mix=MIX in board.shape_of,
            ),
            queues=(*queues, dummies),
            costs=costs,
            rules=ThreadRules(
                phases=_phases(runtime, number, set(board.shape_of)),
                local_capacity=runtime.local_capacity if keeps else 0,
                deferred_limit=runtime.deferred_releases,
                publishes_batches=rules.publishes_batches,
                mix_first=rules.mix_first,
                finishes_when_seen=rules.finish_stamp == "seen",
            ),
            sweep=sweep(costs.read_us, cores, board.new_part),
        )
        for number, queues in enumerate(policy.queues(count))
    ]


def _phases(runtime: RuntimeVersion, thread: int, shapes: set[int]) -> tuple[int, ...]:
    """What an iteration dispatches, in order; shapes that no task has are left out."""
    order = [_SHAPES[shape] for shape in runtime.shape_order(thread)]
    order = [shape for shape in order if shape != MIX or MIX in shapes]
    early = [AIC + EARLY, AIV + EARLY] if runtime.rules.early_dispatch else []
    seconds = [shape + PENDING for shape in order] if runtime.rules.slots_per_core > 1 else []
    return (*([DUMMY] if DUMMY in shapes else []), *order, *seconds, *early)


def _machine(
    device: Device,
    runtime: RuntimeVersion,
    board: Board,
    cores: CorePool,
    policy: Policy,
    *,
    profiling: bool,
) -> Machine:
    """What a policy sees of the cores; clusters are dealt out to the threads in turn."""
    cubes = range(device.aic_count)  # one in each cluster
    clusters = np.arange(device.cores.clusters)
    cluster_of = np.concatenate([clusters, np.repeat(clusters, device.cores.aiv_per_cluster)])
    return Machine(
        cores=(cubes, range(device.aic_count, len(cluster_of)), cubes),
        cluster_of=cluster_of.tolist(),
        thread_of=(cluster_of % runtime.scheduler_threads).tolist(),
        overhead_us=least_overheads(runtime, policy.decision_us, profiling=profiling).between_us,
        last_task=board.last_task,
        core_of=cores.core_of,
        own_queues=runtime.rules.ready_queues == "own",
        is_idle=board.is_idle,
    )


def _checked_core(
    graph: TaskGraph, policy: Policy, tasks: Tasks, machine: Machine
) -> Callable[[int], int]:
    """The policy's choice of a core, which has to be one that can run the task."""
    is_asked = (tasks.is_task & (tasks.blocks == 1)).tolist()

    def core_of(task: int) -> int:
        if not is_asked[task]:
            return ANY_CORE
        core = policy.core(task)
        if core != ANY_CORE and core not in machine.cores[tasks.shape[task]]:
            kernel, cores = graph.kernels[graph.kernel[task]], machine.cores[tasks.shape[task]]
            runs_on = f"{kernel.core.name} cores"
            if kernel.core is CoreType.MIX:
                runs_on = "a cluster, named by its cube core"
            raise InputError(
                f"policy {policy.name} names core {core} for task {task} ({kernel.name}), which "
                f"runs on {runs_on}: {cores.start} to {cores.stop - 1}"
            )
        return core

    return core_of


def _reveals(graph: TaskGraph) -> dict[int, list[int]]:
    """Tasks that become visible when so many submits have been made, as their scope ends."""
    reveals: dict[int, list[int]] = {}
    for submit in np.flatnonzero(graph.kernel != ALLOC).tolist():
        reveals.setdefault(int(graph.scopes.end[graph.scopes.of[submit]]), []).append(submit)
    return reveals


def _check_durations(durations: Sequence[float] | NDArray[np.float64], graph: TaskGraph) -> None:
    if len(durations) != len(graph):
        raise InputError(f"{len(durations)} durations for a graph of {len(graph)} submits")
    times_us = np.asarray(durations, dtype=np.float64)
    wrong = np.flatnonzero(~((times_us >= 0.0) & (times_us < np.inf)))
    if len(wrong):
        duration_us = times_us[wrong[0]]
        raise InputError(f"duration of submit {wrong[0]} is {duration_us} us; it is 0 or more")


def _check_complete(graph: TaskGraph, complete: NDArray[np.uint8]) -> None:
    """Find the cycle that keeps a graph from finishing; nothing else can."""
    if complete.all():
        return
    task = int(complete.argmin())
    chain: dict[int, None] = {}
    while task not in chain:
        chain[task] = None
        waits_for = (p for p in graph.producers(task).tolist() if not complete[p])
        ready, task = task, next(waits_for, -1)
        if task < 0:
            raise SimulationError(f"task {ready} is ready but never ran; the policy has lost it")
    cycle = [*list(chain)[list(chain).index(task) :], task]
    steps = " waits for ".join(f"task {t} ({graph.kernels[graph.kernel[t]].name})" for t in cycle)
    raise SimulationError(
        f"the graph cannot finish: {steps}; drop one of these edges to free the others"
    )
