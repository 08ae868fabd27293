"""A task graph as files of other tools write it, nodes with names and edges, and its checks."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from devices.errors import InputError
from devices.kernel import CoreType, Kernel
from runtime.launch import Launch
from workloads.formats.assumed import Assumed
from workloads.formats.content import shown
from workloads.formats.draft_edges import NamedEdges, Producers
from workloads.formats.edge_programs import graph_of_edges, program_of_edges
from workloads.formats.imported import Imported

__all__ = ["MOST_EDGES", "MOST_NODES", "NO_SCOPES", "TAKE_LESS", "Draft", "Node", "imported"]

MOST_EDGES = 8_000_000
MOST_NODES = 2_500_000
"""With so many of both, reading a file takes less than 2 GB."""

TAKE_LESS = "take a smaller part of the graph"

MOST_TEXT = 4096
"""Most characters of an id or a name."""

NO_SCOPES = (
    "The file has no scopes: each task is taken to have one of its own, so that it retires as soon "
    "as its consumers are done."
)
NO_CORES = (
    "The file does not say which core runs {count} of its {kernels} kernels; they are taken for "
    "{cores} kernels."
)
OTHER_ORDER = (
    "The file names tasks before their producers; they are submitted in its order where the edges "
    "allow that."
)

_ONCE = Launch()
_LONE_SURROGATE = re.compile("[\ud800-\udfff]")
_IN_CYCLE = 8
"""Tasks of a cycle that a message names."""


@dataclass(slots=True)
class Node:
    """A node of a file.

    Attributes
    ----------
    id : str
        Its name, which no other node has.
    place : int
        Where in the file it is, as `Draft.where` understands it.
    kernel : str
        What it executes.
    core : CoreType or None
        On what; None where the file does not say it.
    time_us : float
        For how long.
    kind : int
        0 for a task, else `runtime.graph.ALLOC` or `DUMMY`.
    ring : int
        Its task ring.
    launch : Launch
        On how many cores it runs.
    core_shares : tuple of float
        As `Kernel.core_shares`.
    """

    id: str
    place: int
    kernel: str = "task"
    core: CoreType | None = None
    time_us: float = 0.0
    kind: int = 0
    ring: int = 0
    launch: Launch = _ONCE
    core_shares: tuple[float, ...] = ()


@dataclass(slots=True)
class Draft:
    """Nodes and edges of a file, checked one by one but not yet together.

    Attributes
    ----------
    file, name, format : str
        The file, and what `Imported` says of it.
    where : callable
        Says in words where a place in the file is.
    nodes : list of Node
        In the order of the file.
    edges : NamedEdges
        Ids of producer and consumer, and the place of each edge.
    notes : list of str
        As in `Imported`.
    """

    file: str
    name: str
    format: str
    where: Callable[[int], str]
    nodes: list[Node] = field(default_factory=list)
    edges: NamedEdges = field(default_factory=NamedEdges)
    notes: list[str] = field(default_factory=list)

    def add_edge(self, source: str, target: str, place: int) -> None:
        """Note an edge.

        Raises
        ------
        InputError
            There are too many.
        """
        if len(self.edges) >= MOST_EDGES:
            raise self.error(place, f"there are more than {MOST_EDGES:,} edges; {TAKE_LESS}")
        self.edges.add(source, target, place)

    def add_node(self, node: Node) -> None:
        """Note a node.

        Raises
        ------
        InputError
            There are too many.
        """
        if len(self.nodes) >= MOST_NODES:
            raise self.error(node.place, f"there are more than {MOST_NODES:,} tasks; {TAKE_LESS}")
        self.nodes.append(node)

    def error(self, place: int, why: str) -> InputError:
        """The error of something at a place of the file."""
        return InputError(f"{self.file}: {self.where(place)}: {why}")


def imported(draft: Draft, assumed: Assumed) -> Imported:
    """The graph of a draft, which is used up: its nodes are let go as soon as they are read.

    Raises
    ------
    InputError
        There is no task, an id is there twice or too long, an edge leads from or to no node, to
        its own or is there twice, or edges lead in a circle.
    """
    producers = _producers(draft, _nodes_of_names(draft))
    order, waits = producers.order()
    if len(order) < len(producers):
        raise _cycle(draft, producers, waits)
    notes = list(draft.notes)
    nodes = draft.nodes
    if (np.diff(order) < 0).any():
        notes.append(OTHER_ORDER)
        producers = producers.reordered(order)
        nodes = [nodes[old] for old in order]
    draft.nodes, draft.edges = [], NamedEdges()
    kernels, kernel = _kernels(nodes, assumed, notes)
    notes.append(NO_SCOPES)
    ring = [node.ring for node in nodes]
    launches = {n: node.launch for n, node in enumerate(nodes) if node.launch != _ONCE}
    times_us = np.array([node.time_us for node in nodes], dtype=np.float64)
    nodes.clear()
    submits = program_of_edges(draft.name, draft.file, kernels, (kernel, ring), launches, producers)
    graph = graph_of_edges(submits, producers)
    return Imported(draft.name, draft.format, submits, graph, times_us, notes=tuple(notes))


def _nodes_of_names(draft: Draft) -> NDArray[np.int64]:
    """Number of the node that each name of `draft.edges` is the id of; -1 if it is none."""
    numbers = []
    for node in draft.nodes:
        for what, text in (("id", node.id), ("kernel", node.kernel)):
            if not 0 < len(text) <= MOST_TEXT:
                why = f"{what} {shown(text)} has {len(text):,} characters; 1 to {MOST_TEXT:,}"
                raise draft.error(node.place, why)
            if not text.isascii() and _LONE_SURROGATE.search(text):
                raise draft.error(node.place, f"{what} {shown(text)} is no text of Unicode")
        numbers.append(draft.edges.number(node.id))
    of = np.full(draft.edges.name_count, -1, dtype=np.int64)
    for n, number in enumerate(numbers):
        if of[number] >= 0:
            node, first = draft.nodes[n], draft.nodes[of[number]]
            why = f"id {shown(node.id)} is there twice; see {draft.where(first.place)}"
            raise draft.error(node.place, why)
        of[number] = n
    if not any(node.kind == 0 for node in draft.nodes):
        raise InputError(f"{draft.file}: has no task; there is nothing to simulate")
    return of


def _producers(draft: Draft, node_of: NDArray[np.int64]) -> Producers:
    """Producers of each node, once the edges are checked."""
    source, target, place = draft.edges.columns()
    producer, consumer = node_of[source], node_of[target]
    wrong = (producer < 0) | (consumer < 0) | (source == target)
    for edge in np.flatnonzero(wrong)[:1].tolist():
        ends = [draft.edges.name(int(end[edge])) for end in (source, target)]
        for name, node in zip(ends, (producer[edge], consumer[edge]), strict=True):
            if node < 0:
                why = f"edge {' -> '.join(map(shown, ends))}: there is no node {shown(name)}"
                raise draft.error(int(place[edge]), why)
        why = f"edge of {shown(ends[0])} to itself: it would never start"
        raise draft.error(int(place[edge]), why)
    by_consumer = np.argsort(consumer, kind="stable")
    start = np.searchsorted(consumer[by_consumer], np.arange(len(draft.nodes) + 1))
    producers = Producers(start.astype(np.int64), producer[by_consumer])
    consumer_twice = producers.twice()
    if consumer_twice is not None:
        raise _twice(draft, draft.nodes[consumer_twice].id)
    return producers


def _twice(draft: Draft, target: str) -> InputError:
    """The error of an edge that is there twice; `target` has one."""
    first: dict[str, int] = {}
    for source, to, place in draft.edges:
        if to == target:
            if source in first:
                break
            first[source] = place
    where = draft.where(first[source])
    why = f"edge {shown(source)} -> {shown(target)} is there twice; see {where}"
    return draft.error(place, why)


def _cycle(draft: Draft, producers: Producers, waits: Sequence[int]) -> InputError:
    """The error of edges that lead in a circle; `waits` are above 0 for nodes behind one."""
    node = next(n for n, count in enumerate(waits) if count)
    seen: dict[int, int] = {}
    path: list[int] = []
    while node not in seen:
        seen[node] = len(path)
        path.append(node)
        node = next(p for p in producers.of(node) if waits[p])
    cycle = path[seen[node] :]
    ids = [shown(draft.nodes[n].id) for n in (cycle[0], *reversed(cycle))]
    if len(ids) > _IN_CYCLE:
        ids[_IN_CYCLE - 1 : -1] = [f"... ({len(cycle)} nodes)"]
    why = f"edges lead in a circle: {' -> '.join(ids)}; drop one of them"
    return draft.error(draft.nodes[cycle[0]].place, why)


def _kernels(
    nodes: Iterable[Node], assumed: Assumed, notes: list[str]
) -> tuple[list[Kernel], list[int]]:
    """The kernels, and the number of each node's."""
    known: dict[tuple[str, CoreType, tuple[float, ...]], int] = {}
    unknown: dict[str, CoreType] = {}
    kernels: list[Kernel] = []
    numbers = []
    for node in nodes:
        if node.kind:
            numbers.append(node.kind)
            continue
        core = node.core
        if core is None:
            core = unknown.setdefault(node.kernel, assumed.core_of(node.kernel))
        shares = (node.core_shares or (1.0, 1.0, 1.0)) if core is CoreType.MIX else ()
        key = (node.kernel, core, shares)
        if key not in known:
            known[key] = len(kernels)
            kernels.append(
                Kernel(node.kernel, core, (), (), (), 0, recorded=False, core_shares=shares)
            )
        numbers.append(known[key])
    if unknown:
        cores = " and ".join(sorted({core.name for core in unknown.values()}))
        notes.append(NO_CORES.format(count=len(unknown), kernels=len(kernels), cores=cores))
    return kernels, numbers
