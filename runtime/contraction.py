"""Contraction: making one task of several, where no other task has to run between them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from heapq import heapify, heappop, heappush
from itertools import chain

import numpy as np
from numpy.typing import NDArray

from devices.kernel import Kernel
from runtime.graph import Buffer, TaskGraph, View

__all__ = ["Group", "contract", "renumbered"]


@dataclass(frozen=True, slots=True)
class Group:
    """Tasks that are to become one.

    Attributes
    ----------
    members : tuple of int
        The tasks, in program order.
    kernel : Kernel
        What the new task executes; its arguments are those of the members in turn.
    duration_us : float
        How long that takes.
    """

    members: tuple[int, ...]
    kernel: Kernel
    duration_us: float


def contract(
    graph: TaskGraph, durations_us: NDArray[np.float64], groups: Sequence[Group]
) -> tuple[TaskGraph, NDArray[np.float64], int]:
    """Make each group one task, as far as tasks then do not wait for each other.

    A group whose members have to run before and after another task is left as it was; where
    groups can become tasks one by one but not together, the later ones are. The new tasks stand
    where the first member stood, or as soon after it as all producers are submitted.

    Parameters
    ----------
    graph : TaskGraph
        Whose edges lead from lower to higher numbers.
    durations_us : float64 array, shape (n,)
        Kernel time of each submit.
    groups : sequence of Group
        Without common members.

    Returns
    -------
    TaskGraph
        In a topological order.
    float64 array
        Kernel times of its submits.
    int
        How many groups became tasks.
    """
    fanin = [graph.producers(submit).tolist() for submit in range(len(graph))]
    kept = list(groups)
    while True:
        node_of = _node_of(len(graph), kept)
        producers = _producers(fanin, node_of)
        order = _topological_order(producers)
        if len(order) == len(producers):
            break
        kept = _without_cycles(kept, producers, set(order))
    return _rebuilt(graph, durations_us, kept, producers, order)


def _node_of(count: int, groups: Sequence[Group]) -> list[int]:
    """The first member of each submit's group; the submit itself, for most."""
    node_of = list(range(count))
    for group in groups:
        for member in group.members:
            node_of[member] = group.members[0]
    return node_of


def _producers(fanin: Sequence[Sequence[int]], node_of: Sequence[int]) -> dict[int, list[int]]:
    """Producers of each node, without itself and without repetition."""
    producers: dict[int, dict[int, None]] = {}
    for submit, before in enumerate(fanin):
        node = node_of[submit]
        own = producers.setdefault(node, {})
        for producer in before:
            if node_of[producer] != node:
                own[node_of[producer]] = None
    return {node: list(own) for node, own in producers.items()}


def _topological_order(producers: dict[int, list[int]]) -> list[int]:
    """Nodes, each after its producers, else in program order; without those in or after cycles."""
    waiting = {node: len(before) for node, before in producers.items()}
    consumers: dict[int, list[int]] = {node: [] for node in producers}
    for node, before in producers.items():
        for producer in before:
            consumers[producer].append(node)
    ready = [node for node, count in waiting.items() if not count]
    heapify(ready)
    order = []
    while ready:
        node = heappop(ready)
        order.append(node)
        for consumer in consumers[node]:
            waiting[consumer] -= 1
            if not waiting[consumer]:
                heappush(ready, consumer)
    return order


def _without_cycles(
    groups: list[Group], producers: dict[int, list[int]], fine: set[int]
) -> list[Group]:
    """Leave out groups that lie on cycles: of each knot of cycles the later half, at least one."""
    import networkx as nx  # noqa: PLC0415 - slow to load, and cycles are rare

    stuck = nx.DiGraph(
        (producer, node)
        for node, before in producers.items()
        if node not in fine
        for producer in before
        if producer not in fine
    )
    named = {group.members[0] for group in groups}
    given_up: set[int] = set()
    for knot in nx.strongly_connected_components(stuck):
        if len(knot) > 1:
            involved = sorted(named & knot)
            given_up.update(involved[len(involved) // 2 :])
    return [group for group in groups if group.members[0] not in given_up]


def _rebuilt(
    graph: TaskGraph,
    durations_us: NDArray[np.float64],
    groups: Sequence[Group],
    producers: dict[int, list[int]],
    order: list[int],
) -> tuple[TaskGraph, NDArray[np.float64], int]:
    """The graph of the nodes, in order."""
    number_of = {node: number for number, node in enumerate(order)}
    fanin = [[number_of[p] for p in producers[node]] for node in order]
    kernels = list(graph.kernels)
    known: dict[Kernel, int] = {}
    kernel, entries = graph.kernel.copy(), graph.chain_entries.copy()
    times_us = durations_us.copy()
    views, scalars = list(graph.views), list(graph.scalars)
    for group in groups:
        node = group.members[0]
        if group.kernel not in known:
            known[group.kernel] = len(kernels)
            kernels.append(group.kernel)
        kernel[node] = known[group.kernel]
        times_us[node] = group.duration_us
        entries[node] = graph.chain_entries[list(group.members)].sum()
        views[node] = tuple(chain.from_iterable(graph.views[m] for m in group.members))
        scalars[node] = ()
    made = replace(
        graph,
        kernels=kernels,
        kernel=kernel[order],
        ring=graph.ring[order],
        fanin_start=np.cumsum([0, *map(len, fanin)], dtype=np.int64),
        fanin=np.array(list(chain.from_iterable(fanin)), dtype=np.int32),
        chain_entries=entries[order],
        views=renumbered([views[node] for node in order], number_of),
        scalars=[scalars[node] for node in order],
    )
    return made, times_us[order], len(groups)


def renumbered(
    views: Sequence[tuple[View, ...]], number_of: Mapping[int, int] | Sequence[int]
) -> list[tuple[View, ...]]:
    """The same views of buffers whose owners, always allocs, have their new numbers."""
    moved: dict[Buffer, Buffer] = {}

    def move(view: View) -> View:
        old = view.buffer
        if old.owner < 0:
            return view
        if old not in moved:
            moved[old] = replace(old, owner=number_of[old.owner])
        return View(moved[old], view.shape, view.offset)

    return [tuple([move(view) for view in each]) for each in views]
