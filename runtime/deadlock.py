"""Deadlocks of the rings: what holds the space for which the orchestrator waits for ever.

A submit cannot retire while its scope is open, whoever has used its results, and the orchestrator
cannot end a scope while it waits. So what a ring needs at the least does not depend on timing: at
each submit, everything from the oldest submit of the ring whose scope is still open.
"""

from __future__ import annotations

from collections.abc import Iterator
from heapq import heappop, heappush
from itertools import accumulate

import numpy as np

from devices.errors import InputError
from runtime.demand import Demand, Limits, Resource, heap_bytes, place
from runtime.graph import ALLOC, DUMMY, TaskGraph

__all__ = ["DeadlockError", "deadlock", "smallest"]


_BY_PLAN = (
    "which tasks hold that could run, but that the policy has planned behind tasks that are not "
    "submitted yet"
)


class DeadlockError(InputError):
    """The orchestrator waits for space that nothing can free.

    Attributes
    ----------
    resource : Resource
        What is full.
    submit : int
        What has no space.
    smallest : int
        The smallest size of the resource with which the graph passes it, if tasks run in whatever
        order; where a policy plans their order, more may be needed.
    """

    def __init__(self, message: str, resource: Resource, submit: int, smallest: int) -> None:
        super().__init__(message)
        self.resource = resource
        self.submit = submit
        self.smallest = smallest


def deadlock(graph: TaskGraph, limits: Limits, resource: Resource, submit: int) -> DeadlockError:
    """Describe the deadlock of a submit that waits for a resource."""
    holder = _holder(graph, limits, resource, submit)
    if holder == submit:
        why = _asks_too_much(graph, limits, resource, submit)
    else:
        why = _is_held(graph, holder, submit)
    whose = "" if resource is Resource.TENSORMAP else f" of ring {graph.ring[submit]}"
    least = smallest(graph, limits, resource)
    cure = f"The smallest size that works: {resource.key}={least}"
    # A larger heap may do worse, so of it this says nothing.
    if least <= limits.size(resource) and resource is not Resource.HEAP:
        why, cure = _BY_PLAN, f"Choose another policy, or a larger {resource.key}"
    message = (
        f"deadlock: {graph.name}: submit {submit} ({_name(graph, submit)}), in the scope that "
        f"begins {_where(graph, submit)}, waits for space in the {resource.label}{whose} "
        f"({resource.key}={limits.size(resource)}), {why}. {cure}"
    )
    return DeadlockError(message, resource, submit, least)


def _is_held(graph: TaskGraph, holder: int, submit: int) -> str:
    """Who keeps the space, and why that cannot change."""
    held = int((graph.scopes.of[:submit] == graph.scopes.of[holder]).sum())
    ended = int(graph.scopes.end[graph.scopes.of[holder]]) <= submit
    if ended:
        return (
            f"which submit {holder} ({_name(graph, holder)}) and all behind it hold: it waits for "
            "tasks that do not run before their scope ends, and that cannot end while the "
            "orchestrator waits"
        )
    return (
        f"which submit {holder} ({_name(graph, holder)}) and all behind it hold until the scope "
        f"that begins {_where(graph, holder)} ends; that has made {held} "
        f"{'submit' if held == 1 else 'submits'} and cannot end while the orchestrator waits"
    )


def _asks_too_much(graph: TaskGraph, limits: Limits, resource: Resource, submit: int) -> str:
    """What a submit asks for that even an empty resource does not have."""
    if resource is Resource.HEAP:
        asked = int(heap_bytes(graph, limits.output_alignment_bytes)[submit])
        return (
            f"of which it alone needs {asked} bytes in one stretch; there are never so many "
            "between the end of what was taken last and the end of the heap, nor before that"
        )
    return "of which it alone needs more than there is"


def _where(graph: TaskGraph, submit: int) -> str:
    line = int(graph.scopes.line[graph.scopes.of[submit]])
    return f"at line {line}" if line else f"with submit {submit}"


def _name(graph: TaskGraph, submit: int) -> str:
    number = int(graph.kernel[submit])
    return {ALLOC: "alloc", DUMMY: "dummy"}.get(number) or graph.kernels[number].name


def _holder(graph: TaskGraph, limits: Limits, resource: Resource, submit: int) -> int:
    """The oldest submit that cannot retire, of those that share the resource; else the submit."""
    runs_from = _runs_from(graph, limits)
    for earlier in range(submit):
        shares = resource is Resource.TENSORMAP or graph.ring[earlier] == graph.ring[submit]
        if shares and any(
            first <= submit < until
            for first, until in _kept_spans(graph, limits, runs_from, earlier)
        ):
            return earlier
    return submit


def smallest(graph: TaskGraph, limits: Limits, resource: Resource) -> int:
    """Smallest size of a resource with which no submit of a graph can wait for ever.

    For the task window it is exact. A heap is searched in steps of its alignment, between what
    has to be kept and what is certain to do. Of the dependency pool it is what no timing can
    exceed: producers that are complete when a consumer is submitted take no entry.
    """
    if resource is Resource.HEAP:
        return _smallest_heap(graph, limits)
    if resource is Resource.TENSORMAP:
        return _smallest_tensormap(graph, limits)
    demand = Demand.of(graph, limits)
    least = 1
    for ring, position, kept in _kept(graph, limits, demand):
        if resource is Resource.TASK_WINDOW:
            least = max(least, position - kept + 2)
        else:
            producers = demand.rings[ring].producers
            least = max(least, producers[position] - (producers[kept - 1] if kept else 0))
    return least


def _kept(graph: TaskGraph, limits: Limits, demand: Demand) -> Iterator[tuple[int, int, int]]:
    """Ring and position of each submit, and the position from which all may have to be kept."""
    runs_from = _runs_from(graph, limits)
    for ring, own in enumerate(demand.rings):
        spans = sorted(
            (first, position, until)
            for position, submit in enumerate(own.submits)
            for first, until in _kept_spans(graph, limits, runs_from, submit)
        )
        keeping: list[tuple[int, int]] = []
        begun = 0
        for position, submit in enumerate(own.submits):
            while begun < len(spans) and spans[begun][0] <= submit:
                heappush(keeping, spans[begun][1:])
                begun += 1
            while keeping[0][1] <= submit:
                heappop(keeping)
            yield ring, position, keeping[0][0]


def _kept_spans(
    graph: TaskGraph, limits: Limits, runs_from: list[int], old: int
) -> Iterator[tuple[int, int]]:
    """From which submit on, and until which, an old one cannot retire, whatever the timing.

    Nothing that runs when it is ready keeps anybody for ever. Where tasks wait for the end of
    their scope, a task keeps its producers until then.
    """
    scope_end = int(graph.scopes.end[graph.scopes.of[old]])
    yield old, max(scope_end, runs_from[old])
    if limits.holds_scopes:
        start, consumers = graph.fanout
        for consumer in consumers[start[old] : start[old + 1]]:
            yield consumer + 1, runs_from[consumer]


def _runs_from(graph: TaskGraph, limits: Limits) -> list[int]:
    """How many submits there are when each task can run."""
    if not limits.holds_scopes:
        return [0] * len(graph)
    runs_from: list[int] = graph.scopes.end[graph.scopes.of].tolist()
    for task in range(len(graph)):
        if graph.kernel[task] == ALLOC:
            runs_from[task] = task
        for producer in graph.producers(task).tolist():
            runs_from[task] = max(runs_from[task], runs_from[producer])
    return runs_from


def _smallest_heap(graph: TaskGraph, limits: Limits) -> int:
    demand = Demand.of(graph, limits)
    nbytes = heap_bytes(graph, limits.output_alignment_bytes)
    sizes = [nbytes[np.asarray(own.submits)] for own in demand.rings]
    spans = list(_kept(graph, limits, demand))
    step = limits.output_alignment_bytes
    sums = [[0, *accumulate(of_ring.tolist())] for of_ring in sizes]
    least = max(sums[ring][position + 1] - sums[ring][kept] for ring, position, kept in spans)

    def works(heap: int) -> bool:
        ends = [place(of_ring, heap) for of_ring in sizes]
        for ring, position, kept in spans:
            tail = ends[ring][kept - 1] if kept else 0
            taken = ends[ring][position] - tail
            if sizes[ring][position] and (taken > heap or (taken == heap and tail % heap)):
                return False
        return True

    low = high = int(least) // step
    while not works(high * step):
        low, high = high + 1, high + max(1, int(nbytes.max()) // step)
    while low < high:
        middle = (low + high) // 2
        if works(middle * step):
            high = middle
        else:
            low = middle + 1
    return high * step


def _smallest_tensormap(graph: TaskGraph, limits: Limits) -> int:
    demand = Demand.of(graph, limits)
    if limits.holds_scopes:
        return max(demand.inserted[-1], 1)  # all of them are sure to do
    scope_end: list[int] = graph.scopes.end[graph.scopes.of].tolist()
    kept_from = [0] * limits.rings
    entries_of: dict[int, int] = {}
    entries = least = 0
    for submit in range(len(graph)):
        for ring, own in enumerate(demand.rings):
            while kept_from[ring] < len(own.submits):
                oldest = own.submits[kept_from[ring]]
                if oldest >= submit or scope_end[oldest] > submit:
                    break
                entries -= entries_of.pop(oldest, 0)
                kept_from[ring] += 1
        for writer in demand.removed.get(submit, ()):
            if entries_of.get(writer):
                entries_of[writer] -= 1
                entries -= 1
        made = demand.inserted[submit] - (demand.inserted[submit - 1] if submit else 0)
        entries_of[submit] = made
        entries += made
        least = max(least, entries)
    return max(least, 1)
