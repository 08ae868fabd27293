"""What if the tasks were cut otherwise: splitting, merging and fusing tasks of a graph.

The work stays the same; only how much one task does changes, and with it the order: merged tasks
wait for all that any of them waited for, and parts of split ones for their counterparts alone.
Kernel times follow from those before: nothing is recorded or modelled anew.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import accumulate, chain
from math import isfinite

import numpy as np
from numpy.typing import NDArray

from devices.errors import InputError, unknown_name
from devices.kernel import CoreType, Kernel
from runtime.contraction import Group, contract, rebuild
from runtime.graph import TaskGraph

__all__ = ["Transformed", "Work", "fuse_kernels", "merge_tasks", "split_tasks"]


MOST_TASKS = 10_000_000
"""More than that do not fit into the memory of a laptop."""


@dataclass(frozen=True)
class Work:
    """A graph with the kernel time of each submit.

    Attributes
    ----------
    graph : TaskGraph
        Every edge leads from a lower to a higher submit.
    durations_us : float64 array, shape (n,)
        Kernel times in us, 0 for allocs.

    Raises
    ------
    InputError
        There is not one time, 0 or more, for each submit, or an edge leads backward.
    """

    graph: TaskGraph
    durations_us: NDArray[np.float64]

    def __post_init__(self) -> None:
        graph, times = self.graph, self.durations_us
        if times.shape != (len(graph),):
            raise InputError(f"{times.size} durations for a graph of {len(graph)} submits")
        if not (np.isfinite(times) & (times >= 0)).all():
            raise InputError(f"{graph.name} has durations that are no times; they are 0 us or more")
        consumer = np.repeat(np.arange(len(graph)), np.diff(graph.fanin_start))
        backward = np.flatnonzero(graph.fanin >= consumer)
        if len(backward):
            edge = backward[0]
            raise InputError(
                f"submit {consumer[edge]} of {graph.name} depends on submit {graph.fanin[edge]}, "
                "which is not before it; number submits so that producers come first"
            )


@dataclass(frozen=True, slots=True)
class Transformed:
    """What became of a graph.

    Attributes
    ----------
    work : Work
        The new graph.
    changed : int
        Tasks that were split, or groups of tasks that became one.
    left_alone : int
        Groups that stay as they were, since another task lies between their tasks: it waits for
        one of them and another of them for it.
    """

    work: Work
    changed: int
    left_alone: int


def split_tasks(work: Work, kernel: str, parts: int, fixed_us: float) -> Transformed:
    """Cut every task of a kernel into equal parts.

    Each part depends on all that the task depended on, and what depended on the task depends on
    all parts. Where one task of the kernel depends on another, as in an accumulation, each part
    depends on its counterpart only. Every part names the tensors of the whole task.

    Parameters
    ----------
    work : Work
        What to change.
    kernel : str
        Name of the kernel.
    parts : int
        Parts of each task, from 2 on.
    fixed_us : float
        Time in us that every task takes however little it does, at most the task's whole time;
        only the rest is divided among the parts.

    Raises
    ------
    InputError
        No kernel has that name, no task executes it, or a number is out of range.
    """
    graph, before_us = work.graph, work.durations_us
    _check_count("parts of a task", parts)
    _check_fixed(fixed_us)
    tasks = _tasks_of(graph, kernel)
    if len(tasks) * parts > MOST_TASKS:
        raise InputError(
            f"{len(tasks):,} tasks of {kernel} in {parts:,} parts each are more than "
            f"{MOST_TASKS:,} tasks; split them into fewer"
        )
    copies = np.ones(len(graph), dtype=np.int64)
    copies[tasks] = parts
    origin = np.repeat(np.arange(len(graph)), copies)
    kernels = list(graph.kernels)
    number = graph.kernel.copy()
    for old in np.unique(graph.kernel[tasks]).tolist():
        made = _kernel(graph, f"{kernel} /{parts}", [kernels[old]], kernels[old].core)
        if made not in kernels:
            kernels.append(made)
        number[graph.kernel == old] = kernels.index(made)
    members = [(submit,) for submit in origin.tolist()]
    fanin = _split_fanin(graph, copies.tolist())
    fixed = np.minimum(fixed_us, before_us)
    each_us = np.where(copies > 1, fixed + (before_us - fixed) / copies, before_us)
    new_graph = rebuild(graph, members, kernels, number[origin].tolist(), fanin)
    return Transformed(Work(new_graph, each_us[origin]), len(tasks), 0)


def _split_fanin(graph: TaskGraph, copies: Sequence[int]) -> list[list[int]]:
    """Producers of each submit when there are so many copies of each old one."""
    first = [0, *accumulate(copies)]
    start, flat = graph.fanin_start.tolist(), graph.fanin.tolist()
    fanin: list[list[int]] = []
    for submit, count in enumerate(copies):
        for part in range(count):
            row: list[int] = []
            for producer in flat[start[submit] : start[submit + 1]]:
                if count > 1 and copies[producer] > 1:
                    row.append(first[producer] + part)
                else:
                    row += range(first[producer], first[producer + 1])
            fanin.append(row)
    return fanin


def merge_tasks(work: Work, kernel: str, count: int, fixed_us: float) -> Transformed:
    """Make one task of every `count` consecutive tasks of a kernel.

    Parameters
    ----------
    work : Work
        What to change.
    kernel : str
        Name of the kernel.
    count : int
        Tasks that become one, from 2 on; the last ones may be fewer.
    fixed_us : float
        Time in us that every task takes however little it does, saved for each task but the
        first; a merged task takes at least as long as its longest.

    Raises
    ------
    InputError
        No kernel has that name, fewer than two tasks execute it, or a number is out of range.
    """
    graph = work.graph
    _check_count("tasks that become one", count)
    _check_fixed(fixed_us)
    tasks = _tasks_of(graph, kernel)
    if len(tasks) < 2:
        raise InputError(f"{graph.name} has only one task of kernel {kernel!r}; nothing to merge")
    number = graph.kernel.tolist()
    made: dict[tuple[int, ...], Kernel] = {}
    groups: list[Group] = []
    for begin in range(0, len(tasks) - 1, count):
        members = tuple(tasks[begin : begin + count])
        key = tuple([number[member] for member in members])
        if key not in made:
            ones = [graph.kernels[n] for n in key]
            made[key] = _kernel(graph, f"{kernel} x{len(key)}", ones, ones[0].core)
        groups.append(Group(members, made[key]))
    return _contracted(work, groups, fixed_us)


def fuse_kernels(
    work: Work, first: str, second: str, core: CoreType | None, fixed_us: float
) -> Transformed:
    """Make one task of each task of one kernel and the task of another that depends on it.

    Only clear pairs are fused: of the tasks of the second kernel, only one depends on the task of
    the first; and of the tasks of the first that are in no pair yet, it depends only on that one.

    Parameters
    ----------
    work : Work
        What to change.
    first, second : str
        Names of the kernels.
    core : CoreType or None
        Where the fused task runs; None if both run on one type of core.
    fixed_us : float
        Time in us that every task takes however little it does, saved once; a fused task takes at
        least as long as the longer of the two.

    Raises
    ------
    InputError
        No kernel has that name, no task executes it, there is no pair, a number is out of range,
        or the kernels run on different cores and `core` does not say on which to fuse them.
    """
    graph = work.graph
    _check_fixed(fixed_us)
    producers, consumers = _tasks_of(graph, first), _tasks_of(graph, second)
    number = graph.kernel.tolist()
    made: dict[tuple[int, int], Kernel] = {}
    groups: list[Group] = []
    for pair in _pairs(graph, producers, consumers):
        key = number[pair[0]], number[pair[1]]
        if key not in made:
            made[key] = _fused_kernel(graph, graph.kernels[key[0]], graph.kernels[key[1]], core)
        groups.append(Group(pair, made[key]))
    if not groups:
        raise InputError(
            f"{graph.name} has nothing to fuse: no task of kernel {second!r} depends on just one "
            f"of {first!r} on which no other of {second!r} depends"
        )
    return _contracted(work, groups, fixed_us)


def _pairs(
    graph: TaskGraph, producers: Sequence[int], consumers: Sequence[int]
) -> list[tuple[int, int]]:
    """Tasks to fuse, in order of the second."""
    candidates = set(producers)
    found = {task: candidates.intersection(graph.producers(task).tolist()) for task in consumers}
    followers = Counter(producer for each in found.values() for producer in each)
    taken: set[int] = set()
    pairs: list[tuple[int, int]] = []
    for task, each in found.items():
        free = each - taken
        if len(free) == 1 and task not in taken:
            (producer,) = free
            if followers[producer] == 1:
                pairs.append((producer, task))
                taken |= {producer, task}
    return pairs


def _fused_kernel(graph: TaskGraph, first: Kernel, second: Kernel, core: CoreType | None) -> Kernel:
    if core is None and first.core is not second.core:
        raise InputError(
            f"kernel {first.name!r} runs on {first.core.value} and {second.name!r} on "
            f"{second.core.value}; say on which of them the fused task runs"
        )
    return _kernel(graph, f"{first.name}+{second.name}", [first, second], core or first.core)


def _contracted(work: Work, groups: Sequence[Group], fixed_us: float) -> Transformed:
    result = contract(work.graph, groups)
    members = result.members
    sizes = np.array([len(group) for group in members])
    each_us = work.durations_us[list(chain.from_iterable(members))]
    start = np.cumsum(sizes) - sizes
    saved_us = np.add.reduceat(each_us, start) - fixed_us * (sizes - 1)
    longest_us = np.maximum.reduceat(each_us, start)
    new = Work(result.graph, np.maximum(saved_us, longest_us))
    return Transformed(new, len(groups) - result.left_alone, result.left_alone)


def _kernel(graph: TaskGraph, name: str, parts: Sequence[Kernel], core: CoreType) -> Kernel:
    """The kernel that takes the tensors of all parts; `graph` may have it already."""
    parameters = tuple([parameter for part in parts for parameter in part.parameters])
    for known in graph.kernels:
        if (known.name, known.core, known.parameters) == (name, core, parameters):
            return known
    scalars = parts[0].scalars if len(parts) == 1 else ()  # as `rebuild` passes them
    return Kernel(name, core, parameters, scalars, (), parts[0].line)


def _tasks_of(graph: TaskGraph, kernel: str) -> list[int]:
    """Tasks of the kernel of that name, in program order; at least one."""
    names = [known.name for known in graph.kernels]
    if kernel not in names:
        raise unknown_name("kernel", kernel, names)
    numbers = [number for number, name in enumerate(names) if name == kernel]
    tasks: list[int] = np.flatnonzero(np.isin(graph.kernel, numbers)).tolist()
    if not tasks:
        used = sorted({names[number] for number in graph.kernel.tolist() if number >= 0})
        raise InputError(
            f"no task of {graph.name} executes kernel {kernel!r}; those that run: {', '.join(used)}"
        )
    return tasks


def _check_count(what: str, count: int) -> None:
    if isinstance(count, bool) or not isinstance(count, int) or count < 2:
        raise InputError(f"the {what} are a number from 2 on, not {count!r}")


def _check_fixed(fixed_us: float) -> None:
    if not (isfinite(fixed_us) and fixed_us >= 0):
        raise InputError(f"the fixed time of a task is 0 us or more, not {fixed_us}")
