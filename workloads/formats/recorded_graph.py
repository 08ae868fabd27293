"""The task graph of a recorded run, which can be run again under other rules."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from runtime.arguments import ScalarArguments, TensorArguments
from runtime.graph import ALLOC, DUMMY, TaskGraph, View
from runtime.identity import RING_SHIFT
from runtime.launch import Launch
from runtime.map_entries import no_entries
from runtime.scopes import Scopes
from runtime.submits import Submits
from workloads.formats.deps import Dependences
from workloads.formats.named_producers import named_producers, shared_numbers
from workloads.formats.recorded_kernels import KernelTable
from workloads.formats.recorded_rows import RecordedRun
from workloads.formats.recorded_tasks import RecordedTasks
from workloads.formats.recorded_tensors import RecordedTensors, find_tensors
from workloads.formats.task_functions import ABSENT, TaskFunctions

__all__ = ["RecordedGraph", "build_recorded_graph"]

_LEAST_SHARE = 1e-9
"""Part of a kernel's time that a core is busy at the least."""

_ONCE = Launch()

_RUN_AGAIN = (
    "Run again, the edges are given: what lookups and inserts of the TensorMap cost is left out. "
    "Each submit has a scope of its own, so that it retires as soon as its consumers are done."
)
_NO_SYNC_START = (
    "Whether blocks have to start together (sync_start) is not recorded; run again, none has to."
)


@dataclass(frozen=True)
class RecordedGraph:
    """A graph, the submits that it stands for, kernel times in us, and what had to be guessed."""

    submits: Submits
    graph: TaskGraph
    durations_us: NDArray[np.float64]
    notes: tuple[str, ...]


def build_recorded_graph(
    name: str,
    run: RecordedRun,
    dependences: Dependences | None,
    names: Mapping[int, str],
) -> RecordedGraph:
    """Build the graph of a recorded run.

    Parameters
    ----------
    name : str
        What to call it.
    run : RecordedRun
        What ran.
    dependences : Dependences or None
        What `deps.json` says of tensors.
    names : mapping of int to str
        Names of functions.

    Raises
    ------
    InputError
        As `find_tensors`.
    """
    recording, tasks, executed = run.recording, run.tasks, run.executed
    count = len(tasks.id)
    nothing: list[tuple[()]] = [()] * count
    tensors = (
        RecordedTensors([*nothing], [*nothing], (), ())
        if dependences is None
        else find_tensors(dependences, tasks)
    )
    kernel, table = _kernels(tasks, executed, tensors, names)
    scalars: list[tuple[int, ...]] = [*nothing]
    rows = recording.rows
    exec_us = np.maximum(rows.end_us - rows.start_us, 0.0)
    durations_us = np.zeros(count)
    np.maximum.at(durations_us, tasks.row, exec_us)
    kernels = table.kernels(_shares(table, kernel, executed, tasks, exec_us, durations_us))
    launches = _launches(tasks, executed, dependences)
    scopes = Scopes(  # each submit has its own, so that none is held longer than it is needed
        np.arange(count, dtype=np.int32),
        np.arange(1, count + 1, dtype=np.int64),
        np.zeros(count, dtype=np.int32),
    )
    numbers = shared_numbers(count)
    ring = (tasks.id >> RING_SHIFT).astype(np.int8)
    graph = TaskGraph(
        name=name,
        kernels=kernels,
        kernel=kernel,
        ring=ring,
        fanin_start=np.searchsorted(tasks.consumer, np.arange(count + 1)).astype(np.int64),
        fanin=tasks.producer.astype(np.int32),
        chain_entries=np.zeros(count, dtype=np.int32),
        dropped=0,
        views=tensors.views,
        scalars=scalars,
        scopes=scopes,
        map_entries=no_entries(),
        launches=launches,
    )
    submits = Submits(
        name=name,
        file=str(recording.path),
        arguments=tensors.arguments,
        kernels=kernels,
        alloc_groups=(),
        kernel=kernel.tolist(),
        depth=ring.tolist(),
        views=TensorArguments(tensors.views),
        scalars=ScalarArguments(scalars),
        launches=launches,
        explicit=_explicit(tasks, tensors.views, numbers),
        scope=numbers[:count],
        scope_line=[0] * count,
        scope_end=numbers[1:],
    )
    if dependences is not None:
        submits.manual = {n for n, t in enumerate(tasks.id.tolist()) if _is_manual(dependences, t)}
    notes = [*tensors.notes, _RUN_AGAIN]
    if any(launch.blocks > 1 for launch in launches.values()):
        notes.append(_NO_SYNC_START)
    uneven = np.bincount(tasks.row, exec_us < durations_us[tasks.row] - 1e-9, count) > 0
    if uneven.any():
        notes.append(
            f"{np.count_nonzero(uneven)} tasks took their cores differently long; run again, every "
            "block takes as long as the longest, and the sides of a MIX kernel the same parts of "
            "it in every task."
        )
    return RecordedGraph(submits, graph, durations_us, tuple(notes))


def _is_manual(dependences: Dependences, task: int) -> bool:
    known = dependences.tasks.get(task)
    return known is not None and known.manual


def _kernels(
    tasks: RecordedTasks,
    executed: TaskFunctions,
    tensors: RecordedTensors,
    names: Mapping[int, str],
) -> tuple[NDArray[np.int32], KernelTable]:
    """Kernel of each submit."""
    table = KernelTable(names)
    # In order of their functions, however tasks follow each other.
    by_function = sorted(range(len(executed.table)), key=lambda n: _in_order(executed.table[n]))
    rank = np.argsort(np.array(by_function, dtype=np.int64))
    kernel = np.where(tasks.is_dummy, DUMMY, ALLOC).astype(np.int32)
    runs = np.flatnonzero(executed.task >= 0)
    if not any(tensors.directions):
        numbers = [table.add(executed.table[place], (), ()) for place in by_function]
        kernel[runs] = np.array(numbers, dtype=np.int32)[rank[executed.task[runs]]]
        return kernel, table
    order = runs[np.argsort(rank[executed.task[runs]], kind="stable")]
    for place, number in zip(order.tolist(), executed.task[order].tolist(), strict=True):
        kernel[place] = table.add(
            executed.table[number], tensors.views[place], tensors.directions[place]
        )
    return kernel, table


def _in_order(functions: tuple[int, ...]) -> list[int]:
    return [f for f in functions if f != ABSENT]


def _shares(
    table: KernelTable,
    kernel: NDArray[np.int32],
    executed: TaskFunctions,
    tasks: RecordedTasks,
    exec_us: NDArray[np.float64],
    durations_us: NDArray[np.float64],
) -> dict[int, tuple[float, ...]]:
    """`Kernel.core_shares` of each MIX kernel, by its number."""
    longest_us = np.zeros((len(durations_us), 3))
    np.maximum.at(longest_us, (tasks.row, executed.side), exec_us)
    shares = {}
    for number in range(len(table)):
        functions = table.functions(number)
        present = [slot for slot, function in enumerate(functions) if function != ABSENT]
        if len(present) < 2:
            continue
        total_us = longest_us[kernel == number].sum(axis=0)
        # Rows of vector cores that nothing tells apart stand for both sides.
        if len(present) == 3:
            total_us[1:] = np.where(total_us[1:] > 0.0, total_us[1:], total_us[1:].max())
        most_us = float(total_us[present].max())
        part = total_us / most_us if most_us else np.ones(3)
        # A core that was taken for no time that shows is still taken.
        shares[number] = tuple(
            max(float(part[slot]), _LEAST_SHARE) if slot in present else 0.0 for slot in range(3)
        )
    return shares


def _launches(
    tasks: RecordedTasks, executed: TaskFunctions, dependences: Dependences | None
) -> dict[int, Launch]:
    several = np.flatnonzero(executed.blocks > 1).tolist()
    launches = {place: Launch(blocks=int(executed.blocks[place])) for place in several}
    if dependences is None:
        return launches
    for place, task in enumerate(tasks.id.tolist()):
        known = dependences.tasks.get(task)
        if known is not None and known.allows_early and executed.task[place] >= 0:
            blocks = launches.get(place, _ONCE).blocks
            launches[place] = Launch(blocks=blocks, allows_early=True)
    return launches


def _explicit(
    tasks: RecordedTasks, views: list[tuple[View, ...]], numbers: list[int]
) -> dict[int, tuple[int, ...]]:
    """Producers that count as named: of edges that are, and where no tensor can be compared."""
    is_bare = np.array([not own for own in views], dtype=np.bool_)
    named = tasks.is_explicit | is_bare[tasks.producer] | is_bare[tasks.consumer]
    start = np.searchsorted(tasks.consumer[named], np.arange(len(views) + 1))
    return named_producers(start, tasks.producer[named], numbers)
