"""Contracting groups of tasks of a graph to one task each, as far as it stays free of cycles."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from heapq import heapify, heappop, heappush
from itertools import chain

import numpy as np

from devices.errors import InputError
from devices.kernel import Kernel
from runtime.graph import Buffer, TaskGraph, View

__all__ = ["Contraction", "Group", "contract", "rebuild"]


@dataclass(frozen=True, slots=True)
class Group:
    """Tasks, in program order, that become one task of `kernel`."""

    members: tuple[int, ...]
    kernel: Kernel


@dataclass(frozen=True, slots=True)
class Contraction:
    """A graph with contracted tasks.

    Attributes
    ----------
    graph : TaskGraph
        The new graph.
    members : sequence of tuple of int
        Submits of the old graph that each submit of the new one stands for.
    left_alone : int
        Groups that stay as they were, since a task outside them lies between their tasks.
    """

    graph: TaskGraph
    members: Sequence[tuple[int, ...]]
    left_alone: int


def contract(graph: TaskGraph, groups: Iterable[Group]) -> Contraction:
    """Contract groups of tasks, one group after the other.

    A contracted task depends on everything that its members depend on, and what depends on a
    member depends on it. A group is left alone if a path leads from one member through other
    tasks, or through groups contracted before, to another member: its task would have to wait
    for itself.

    Submits keep their order as far as edges allow. A contracted task stands where its first
    member stood, or right behind the last of its producers: so no consumer of it is submitted
    later than it must be.

    Parameters
    ----------
    graph : TaskGraph
        Every edge leads from a lower to a higher submit.
    groups : iterable of Group
        What to contract; no task is in two of them.

    Raises
    ------
    InputError
        A group has an alloc, or a task that another group has.
    """
    order = _Order(graph)
    chosen: dict[int, Group] = {}
    left_alone = 0
    grouped: set[int] = set()
    for group in groups:
        for member in group.members:
            if graph.kernel[member] < 0 or member in grouped:
                why = "is in two groups" if member in grouped else "is an alloc"
                raise InputError(f"submit {member} of {graph.name} {why}; it cannot be contracted")
            grouped.add(member)
        if order.join(group.members):
            chosen[group.members[0]] = group
        else:
            left_alone += 1
    return _contracted(graph, order, chosen, left_alone)


class _Order:
    """An order of submits in which producers stand first, kept while submits are joined.

    Joining moves only what lies between the members in this order and depends on one of them, or
    one of them on it (Pearce and Kelly's algorithm for dynamic topological orders).
    """

    def __init__(self, graph: TaskGraph) -> None:
        start, flat = graph.fanin_start.tolist(), graph.fanin.tolist()
        count = len(graph)
        self.producers = [flat[start[n] : start[n + 1]] for n in range(count)]
        self.consumers: list[list[int]] = [[] for _ in range(count)]
        for consumer, row in enumerate(self.producers):
            for producer in row:
                self.consumers[producer].append(consumer)
        self.head = list(range(count))
        """First member of the group that a submit is in; itself, if in none."""
        self.members: list[tuple[int, ...]] = [(n,) for n in range(count)]
        self._position = list(range(count))

    def join(self, group: tuple[int, ...]) -> bool:
        """Join submits, unless one of them waits for another through submits outside."""
        position = self._position
        places = [position[member] for member in group]
        behind = self._reached(self.consumers, group, min(places), max(places))
        if not behind.isdisjoint(group):
            return False
        ahead = self._reached(self.producers, group, min(places), max(places))
        slots = sorted([*places, *(position[n] for n in ahead), *(position[n] for n in behind)])
        for node, slot in zip(sorted(ahead, key=position.__getitem__), slots, strict=False):
            position[node] = slot
        last = slots[len(slots) - len(behind) :]
        for node, slot in zip(sorted(behind, key=position.__getitem__), last, strict=True):
            position[node] = slot
        position[group[0]] = slots[len(ahead)]
        for member in group:
            self.head[member] = group[0]
        self.members[group[0]] = group
        return True

    def _reached(
        self, neighbours: list[list[int]], group: tuple[int, ...], first: int, last: int
    ) -> set[int]:
        """What edges reach from a group within a range of positions, by way of others."""
        head, position = self.head, self._position
        inside = set(group)
        reached: set[int] = set()
        pending = list(group)
        while pending:
            node = pending.pop()
            for member in self.members[node]:
                for neighbour in neighbours[member]:
                    other = head[neighbour]
                    within_group = node in inside and other in inside
                    if other in reached or within_group or not first <= position[other] <= last:
                        continue
                    reached.add(other)
                    pending.append(other)
        return reached

    def in_program_order(self) -> list[int]:
        """Heads in an order that edges allow, as near to the program's as possible."""
        head, members = self.head, self.members
        heads = [n for n, of in enumerate(head) if n == of]
        waiting = [0] * len(head)
        for node in heads:
            # An edge counts once for each pair of members, here and below.
            waiting[node] = sum(head[p] != node for m in members[node] for p in self.producers[m])
        ready = [node for node in heads if not waiting[node]]
        heapify(ready)
        order: list[int] = []
        while ready:
            node = heappop(ready)
            order.append(node)
            for member in members[node]:
                for consumer in self.consumers[member]:
                    other = head[consumer]
                    if other != node:
                        waiting[other] -= 1
                        if not waiting[other]:
                            heappush(ready, other)
        return order


def _contracted(
    graph: TaskGraph, order: _Order, chosen: dict[int, Group], left_alone: int
) -> Contraction:
    heads = order.in_program_order()
    number = [0] * len(graph)
    for new, node in enumerate(heads):
        for member in order.members[node]:
            number[member] = new
    kernels = list(graph.kernels)
    numbers = {known: index for index, known in enumerate(kernels)}
    old_kernel = graph.kernel.tolist()
    kernel: list[int] = []
    fanin: list[list[int]] = []
    for new, node in enumerate(heads):
        found = {number[p]: None for m in order.members[node] for p in order.producers[m]}
        found.pop(new, None)
        fanin.append(list(found))
        if node in chosen:
            made = chosen[node].kernel
            if made not in numbers:
                numbers[made] = len(kernels)
                kernels.append(made)
            kernel.append(numbers[made])
        else:
            kernel.append(old_kernel[node])
    members = [order.members[node] for node in heads]
    new_graph = rebuild(graph, members, kernels, kernel, fanin)
    return Contraction(new_graph, members, left_alone)


def rebuild(
    graph: TaskGraph,
    members: Sequence[tuple[int, ...]],
    kernels: Sequence[Kernel],
    kernel: Sequence[int],
    fanin: Sequence[Sequence[int]],
) -> TaskGraph:
    """A graph whose submits stand for submits of another one.

    Parameters
    ----------
    graph : TaskGraph
        The old graph.
    members : sequence of tuple of int
        Old submits that each new one stands for; an old one may stand in several. A new submit
        has the tensors of all of them, ring and scope of the first, and, if it stands for one only,
        that one's scalars. Its lookups are those of all.
    kernels, kernel, fanin
        Of the new graph; `fanin` has the producers of each submit.
    """
    entries = graph.chain_entries.tolist()
    scalars = graph.scalars
    return replace(
        graph,
        kernels=kernels,
        kernel=np.array(kernel, dtype=np.int32),
        ring=graph.ring[[group[0] for group in members]],
        fanin_start=np.cumsum([0, *map(len, fanin)], dtype=np.int64),
        fanin=np.array(list(chain.from_iterable(fanin)), dtype=np.int32),
        chain_entries=np.array(
            [sum([entries[member] for member in group]) for group in members], dtype=np.int32
        ),
        views=_renumbered_views(graph, members),
        scalars=[scalars[group[0]] if len(group) == 1 else () for group in members],
        scopes=graph.scopes.regrouped(members),
        map_entries=graph.map_entries.regrouped(members),
        launches={
            new: graph.launches[group[0]]
            for new, group in enumerate(members)
            if len(group) == 1 and group[0] in graph.launches
        },
    )


def _renumbered_views(
    graph: TaskGraph, members: Sequence[tuple[int, ...]]
) -> list[tuple[View, ...]]:
    """Tensors of each submit, in buffers that know the new number of the submit that made them."""
    number = {old: new for new, group in reversed([*enumerate(members)]) for old in group}
    buffers: dict[Buffer, Buffer] = {}

    def moved(view: View) -> View:
        old = view.buffer
        owner = number.get(old.owner, old.owner)
        if owner == old.owner:
            return view
        if old not in buffers:
            buffers[old] = replace(old, owner=owner)
        return View(buffers[old], view.shape, view.offset)

    return [
        tuple([moved(view) for member in group for view in graph.views[member]])
        for group in members
    ]
