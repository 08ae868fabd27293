"""Other cuts of a program into tasks: split, merge and fuse tasks of a graph."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import chain

import numpy as np
from numpy.typing import NDArray

from devices.errors import InputError, unknown_name
from devices.kernel import CoreType, Kernel
from runtime.contraction import Group, contract, renumbered
from runtime.graph import ALLOC, TaskGraph

__all__ = ["Transformed", "Work", "fuse_kernels", "merge_tasks", "split_tasks"]


@dataclass(frozen=True)
class Work:
    """A graph with the kernel time of each submit.

    Attributes
    ----------
    graph : TaskGraph
        Whose edges lead from lower to higher numbers.
    durations_us : float64 array, shape (n,)
        Kernel times, 0 for allocs.
    """

    graph: TaskGraph
    durations_us: NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Transformed:
    """What a transform made.

    Attributes
    ----------
    work : Work
        The new graph and times.
    changed : int
        Tasks that were split, or new tasks that several were made into.
    left_alone : int
        Groups of tasks that could not become one, because other tasks have to run between them.
    """

    work: Work
    changed: int
    left_alone: int = 0


def split_tasks(work: Work, kernel: str, parts: int, fixed_us: float) -> Transformed:
    """Cut each task of a kernel into several, which share its work evenly.

    Every part depends on all producers of the task, and all its consumers on every part; but of
    a chain of the kernel's tasks, each part depends on its own predecessor only.

    Parameters
    ----------
    work : Work
        What is cut.
    kernel : str
        Name of the kernel.
    parts : int
        How many parts, 2 or more.
    fixed_us : float
        What each part takes again, whatever its work.

    Raises
    ------
    InputError
        No task has a kernel of that name, or the number is less than 2.
    """
    _check_number(parts, "parts")
    graph = work.graph
    tasks, number = _tasks_of(graph, kernel), len(graph.kernels)
    is_split = np.zeros(len(graph), dtype=np.bool_)
    is_split[tasks] = True
    copies = np.where(is_split, parts, 1)
    first = np.concatenate(([0], np.cumsum(copies))).tolist()
    split: list[bool] = is_split.tolist()

    def part_of(producer: int, submit: int, part: int) -> range:
        begin = first[producer]
        chained = split[producer] and split[submit]
        return (
            range(begin + part, begin + part + 1) if chained else range(begin, first[producer + 1])
        )

    fanin = [
        list(
            chain.from_iterable(part_of(p, submit, part) for p in graph.producers(submit).tolist())
        )
        for submit in range(len(graph))
        for part in range(first[submit + 1] - first[submit])
    ]
    origin = np.repeat(np.arange(len(graph)), copies)
    own = graph.kernels[int(graph.kernel[tasks[0]])]
    made = replace(own, name=f"{kernel} /{parts}")
    durations_us = work.durations_us.copy()
    fixed = np.minimum(durations_us[tasks], fixed_us)
    durations_us[tasks] = fixed + (durations_us[tasks] - fixed) / parts
    cut = replace(
        graph,
        kernels=[*graph.kernels, made],
        kernel=np.where(is_split, number, graph.kernel)[origin].astype(np.int32),
        ring=graph.ring[origin],
        fanin_start=np.cumsum([0, *map(len, fanin)], dtype=np.int64),
        fanin=np.array(list(chain.from_iterable(fanin)), dtype=np.int32),
        chain_entries=graph.chain_entries[origin],
        views=renumbered([graph.views[submit] for submit in origin.tolist()], first),
        scalars=[graph.scalars[submit] for submit in origin.tolist()],
    )
    return Transformed(Work(cut, durations_us[origin]), len(tasks))


def merge_tasks(work: Work, kernel: str, count: int, fixed_us: float) -> Transformed:
    """Make each `count` consecutive tasks of a kernel one task.

    It takes the sum of their times, less `fixed_us` for each task saved.

    Raises
    ------
    InputError
        No task has a kernel of that name, or the number is less than 2.
    """
    _check_number(count, "tasks")
    tasks = _tasks_of(work.graph, kernel)
    own = work.graph.kernels[int(work.graph.kernel[tasks[0]])]
    made: dict[int, Kernel] = {}
    groups = []
    for begin in range(0, len(tasks) - 1, count):
        members = tasks[begin : begin + count]
        if len(members) < 2:
            continue
        if len(members) not in made:
            made[len(members)] = _joined([own] * len(members), f"{kernel} x{len(members)}", None)
        groups.append(_group(work, members, made[len(members)], fixed_us))
    return _contracted(work, groups)


def fuse_kernels(
    work: Work, first: str, second: str, core: CoreType | None, fixed_us: float
) -> Transformed:
    """Make one task of each task of one kernel and the task of another that follows it.

    A pair is fused if neither has another partner of the other's kernel. It takes the sum of
    both times, less `fixed_us`.

    Parameters
    ----------
    core : CoreType or None
        Where the new tasks run; needed if the kernels run on different types of cores.

    Raises
    ------
    InputError
        No task has a kernel of one of these names, both are the same, no core is given where one
        is needed, or no task of `second` follows one of `first` alone.
    """
    graph = work.graph
    if first == second:
        raise InputError(f"fusing needs two kernels; to join tasks of {first} alone, merge them")
    numbers = [int(graph.kernel[_tasks_of(graph, name)[0]]) for name in (first, second)]
    kernels = [graph.kernels[number] for number in numbers]
    if core is None and kernels[0].core is not kernels[1].core:
        raise InputError(
            f"{first} runs on {kernels[0].core.name} and {second} on {kernels[1].core.name} "
            "cores; say where the fused tasks are to run: aic or aiv"
        )
    pairs = _pairs(graph, first, second)
    if not pairs:
        raise InputError(f"no task of {second} follows one task of {first} alone; nothing to fuse")
    made = _joined(kernels, f"{first}+{second}", core)
    return _contracted(work, [_group(work, pair, made, fixed_us) for pair in pairs])


def _pairs(graph: TaskGraph, first: str, second: str) -> list[list[int]]:
    """Tasks of two kernels that are each other's only partner."""
    is_first = np.zeros(len(graph), dtype=np.bool_)
    is_first[_tasks_of(graph, first)] = True
    producers_of: dict[int, list[int]] = {}
    consumers_of: defaultdict[int, list[int]] = defaultdict(list)
    for task in _tasks_of(graph, second):
        producers = graph.producers(task)
        producers_of[task] = producers[is_first[producers]].tolist()
        for producer in producers_of[task]:
            consumers_of[producer].append(task)
    return [
        [producers[0], task]
        for task, producers in producers_of.items()
        if len(producers) == 1 and len(consumers_of[producers[0]]) == 1
    ]


def _tasks_of(graph: TaskGraph, name: str) -> list[int]:
    """Tasks of the kernel of a name, in program order."""
    used: list[int] = np.unique(graph.kernel[graph.kernel != ALLOC]).tolist()
    numbers = [number for number in used if graph.kernels[number].name == name]
    if not numbers:
        raise unknown_name(f"kernel of {graph.name}", name, [graph.kernels[k].name for k in used])
    tasks: list[int] = np.flatnonzero(np.isin(graph.kernel, numbers)).tolist()
    return tasks


def _check_number(number: int, what: str) -> None:
    if number < 2:
        raise InputError(f"the number of {what} is 2 or more, not {number}")


def _joined(kernels: Sequence[Kernel], name: str, core: CoreType | None) -> Kernel:
    """A kernel with the arguments of several; what it computes is not recorded."""
    return Kernel(
        name=name,
        core=core or kernels[0].core,
        parameters=tuple(chain.from_iterable(kernel.parameters for kernel in kernels)),
        scalars=(),
        body=(),
        line=kernels[0].line,
    )


def _group(work: Work, members: list[int], kernel: Kernel, fixed_us: float) -> Group:
    times_us = work.durations_us[members]
    saved_us = (len(members) - 1) * fixed_us
    duration_us = max(float(times_us.sum()) - saved_us, float(times_us.max()))
    return Group(tuple(members), kernel, duration_us)


def _contracted(work: Work, groups: list[Group]) -> Transformed:
    graph, durations_us, done = contract(work.graph, work.durations_us, groups)
    return Transformed(Work(graph, durations_us), done, len(groups) - done)
