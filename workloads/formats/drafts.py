"""A task graph as files of other tools write it, nodes with names and edges, and its checks."""

from __future__ import annotations

import heapq
import re
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field

import numpy as np

from devices.errors import InputError
from devices.kernel import CoreType, Kernel
from runtime.graph import TaskGraph
from runtime.launch import Launch
from runtime.map_entries import no_entries
from runtime.submits import Submits
from workloads.formats.assumed import Assumed
from workloads.formats.content import shown
from workloads.formats.imported import Imported

__all__ = ["MOST_EDGES", "NO_SCOPES", "Draft", "Node", "imported"]

MOST_EDGES = 50_000_000
"""A file of half a gigabyte has no room for more, unless it abbreviates them."""

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
    edges : list of (str, str, int)
        Ids of producer and consumer, and the place of the edge.
    notes : list of str
        As in `Imported`.
    """

    file: str
    name: str
    format: str
    where: Callable[[int], str]
    nodes: list[Node] = field(default_factory=list)
    edges: list[tuple[str, str, int]] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)

    def error(self, place: int, why: str) -> InputError:
        """The error of something at a place of the file."""
        return InputError(f"{self.file}: {self.where(place)}: {why}")


def imported(draft: Draft, assumed: Assumed) -> Imported:
    """The graph of a draft.

    Raises
    ------
    InputError
        There is no task, an id is there twice or too long, an edge leads from or to no node, to
        its own or is there twice, or edges lead in a circle.
    """
    number = _numbers(draft)
    producers = _producers(draft, number)
    order = _order(draft, producers)
    notes = list(draft.notes)
    if order != list(range(len(order))):
        notes.append(OTHER_ORDER)
        place = {old: new for new, old in enumerate(order)}
        producers = [[place[p] for p in producers[old]] for old in order]
    nodes = [draft.nodes[old] for old in order]
    kernels, kernel = _kernels(nodes, assumed, notes)
    notes.append(NO_SCOPES)
    submits = _submits(draft, nodes, kernels, kernel, producers)
    graph = _graph(submits, producers)
    times_us = np.array([node.time_us for node in nodes], dtype=np.float64)
    return Imported(draft.name, draft.format, submits, graph, times_us, notes=tuple(notes))


def _numbers(draft: Draft) -> dict[str, int]:
    """Number of each id."""
    number: dict[str, int] = {}
    for n, node in enumerate(draft.nodes):
        for what, text in (("id", node.id), ("kernel", node.kernel)):
            if not 0 < len(text) <= MOST_TEXT:
                why = f"{what} {shown(text)} has {len(text):,} characters; 1 to {MOST_TEXT:,}"
                raise draft.error(node.place, why)
            if not text.isascii() and _LONE_SURROGATE.search(text):
                raise draft.error(node.place, f"{what} {shown(text)} is no text of Unicode")
        if number.setdefault(node.id, n) != n:
            first = draft.where(draft.nodes[number[node.id]].place)
            raise draft.error(node.place, f"id {shown(node.id)} is there twice; see {first}")
    if not any(node.kind == 0 for node in draft.nodes):
        raise InputError(f"{draft.file}: has no task; there is nothing to simulate")
    return number


def _producers(draft: Draft, number: dict[str, int]) -> list[list[int]]:
    """Producers of each node, in the order of the edges."""
    producers: list[list[int]] = [[] for _ in draft.nodes]
    for source, target, place in draft.edges:
        for end in (source, target):
            if end not in number:
                why = f"edge {shown(source)} -> {shown(target)}: there is no node {shown(end)}"
                raise draft.error(place, why)
        if source == target:
            raise draft.error(place, f"edge of {shown(source)} to itself: it would never start")
        producers[number[target]].append(number[source])
    for consumer, found in enumerate(producers):
        if len(set(found)) < len(found):
            raise _twice(draft, draft.nodes[consumer].id)
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


def _order(draft: Draft, producers: Sequence[Sequence[int]]) -> list[int]:
    """The nodes, producers first, and apart from that as they are in the file."""
    if all(p < n for n, each in enumerate(producers) for p in each):
        return list(range(len(producers)))
    consumers: list[list[int]] = [[] for _ in producers]
    waits = [len(each) for each in producers]
    for node, each in enumerate(producers):
        for producer in each:
            consumers[producer].append(node)
    ready = [node for node, count in enumerate(waits) if not count]
    order = []
    while ready:
        node = heapq.heappop(ready)
        order.append(node)
        for consumer in consumers[node]:
            waits[consumer] -= 1
            if not waits[consumer]:
                heapq.heappush(ready, consumer)
    if len(order) < len(producers):
        raise _cycle(draft, producers, waits)
    return order


def _cycle(draft: Draft, producers: Sequence[Sequence[int]], waits: Sequence[int]) -> InputError:
    """The error of edges that lead in a circle; `waits` are above 0 for nodes behind one."""
    node = next(n for n, count in enumerate(waits) if count)
    seen: dict[int, int] = {}
    path: list[int] = []
    while node not in seen:
        seen[node] = len(path)
        path.append(node)
        node = next(p for p in producers[node] if waits[p])
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


def _submits(
    draft: Draft,
    nodes: Sequence[Node],
    kernels: Sequence[Kernel],
    kernel: list[int],
    producers: Sequence[Sequence[int]],
) -> Submits:
    count = len(nodes)
    return Submits(
        draft.name,
        draft.file,
        (),
        kernels,
        (),
        kernel=kernel,
        depth=[node.ring for node in nodes],
        views=[()] * count,
        scalars=[()] * count,
        launches={n: node.launch for n, node in enumerate(nodes) if node.launch != _ONCE},
        explicit={n: tuple(each) for n, each in enumerate(producers) if each},
        scope=list(range(count)),
        scope_line=[0] * count,
        scope_end=list(range(1, count + 1)),
    )


def _graph(submits: Submits, producers: Sequence[Sequence[int]]) -> TaskGraph:
    count = len(submits)
    return TaskGraph(
        name=submits.name,
        kernels=submits.kernels,
        kernel=np.array(submits.kernel, dtype=np.int32),
        ring=np.array(submits.depth, dtype=np.int8),
        fanin_start=np.cumsum([0, *map(len, producers)], dtype=np.int64),
        fanin=np.array([p for each in producers for p in each], dtype=np.int32),
        chain_entries=np.zeros(count, dtype=np.int32),
        dropped=0,
        views=submits.views,
        scalars=submits.scalars,
        scopes=submits.scopes,
        map_entries=no_entries(),
        launches=submits.launches,
    )
