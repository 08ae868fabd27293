"""Deadlocks of the rings: what holds the space for which the orchestrator waits for ever.

A submit cannot retire while its scope is open, whoever has used its results, and the orchestrator
cannot end a scope while it waits. So what a ring needs at the least does not depend on timing: at
each submit, everything from the oldest submit of the ring whose scope is still open.
"""

from __future__ import annotations

from collections.abc import Iterator

from devices.errors import InputError
from runtime.demand import Demand, Limits, Resource, heap_bytes, place
from runtime.graph import ALLOC, TaskGraph

__all__ = ["DeadlockError", "deadlock", "smallest"]


class DeadlockError(InputError):
    """The orchestrator waits for space that nothing can free.

    Attributes
    ----------
    resource : Resource
        What is full.
    submit : int
        What has no space.
    smallest : int
        The smallest size of the resource with which the graph passes it.
    """

    def __init__(self, message: str, resource: Resource, submit: int, smallest: int) -> None:
        super().__init__(message)
        self.resource = resource
        self.submit = submit
        self.smallest = smallest


def deadlock(graph: TaskGraph, limits: Limits, resource: Resource, submit: int) -> DeadlockError:
    """Describe the deadlock of a submit that waits for a resource."""
    holder = _holder(graph, resource, submit)
    if holder == submit:
        why = _asks_too_much(graph, limits, resource, submit)
    else:
        why = _is_held(graph, holder, submit)
    whose = "" if resource is Resource.TENSORMAP else f" of ring {graph.ring[submit]}"
    least = smallest(graph, limits, resource)
    message = (
        f"deadlock: {graph.name}: submit {submit} ({_name(graph, submit)}), in the scope that "
        f"begins {_where(graph, submit)}, waits for space in the {resource.label}{whose} "
        f"({resource.key}={limits.size(resource)}), {why}. The smallest size that works: "
        f"{resource.key}={least}"
    )
    return DeadlockError(message, resource, submit, least)


def _is_held(graph: TaskGraph, holder: int, submit: int) -> str:
    """Who keeps the space, and why that cannot change."""
    held = int((graph.scopes.of[:submit] == graph.scopes.of[holder]).sum())
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
    return "alloc" if number == ALLOC else graph.kernels[number].name


def _holder(graph: TaskGraph, resource: Resource, submit: int) -> int:
    """The oldest submit that cannot retire, of those that share the resource; else the submit."""
    scope_end = graph.scopes.end[graph.scopes.of]
    for earlier in range(submit):
        shares = resource is Resource.TENSORMAP or graph.ring[earlier] == graph.ring[submit]
        if shares and scope_end[earlier] > submit:
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
    for ring, position, kept in _kept(graph, demand):
        if resource is Resource.TASK_WINDOW:
            least = max(least, position - kept + 2)
        else:
            producers = demand.rings[ring].producers
            least = max(least, producers[position] - (producers[kept - 1] if kept else 0))
    return least


def _kept(graph: TaskGraph, demand: Demand) -> Iterator[tuple[int, int, int]]:
    """Ring and position of each submit, and the position from which all have to be kept."""
    scope_end = graph.scopes.end[graph.scopes.of].tolist()
    for ring, own in enumerate(demand.rings):
        kept = 0
        for position, submit in enumerate(own.submits):
            while scope_end[own.submits[kept]] <= submit:
                kept += 1
            yield ring, position, kept


def _smallest_heap(graph: TaskGraph, limits: Limits) -> int:
    demand = Demand.of(graph, limits)
    nbytes: list[int] = heap_bytes(graph, limits.output_alignment_bytes).tolist()
    sizes = [[nbytes[submit] for submit in own.submits] for own in demand.rings]
    spans = list(_kept(graph, demand))
    step = limits.output_alignment_bytes
    least = max(sum(sizes[ring][kept : position + 1]) for ring, position, kept in spans)

    def works(heap: int) -> bool:
        ends = [place(of_ring, heap) for of_ring in sizes]
        for ring, position, kept in spans:
            tail = ends[ring][kept - 1] if kept else 0
            taken = ends[ring][position] - tail
            if sizes[ring][position] and (taken > heap or (taken == heap and tail % heap)):
                return False
        return True

    low, high = least // step, least // step
    while not works(high * step):
        low, high = high + 1, high + max(1, max(nbytes) // step)
    while low < high:
        middle = (low + high) // 2
        if works(middle * step):
            high = middle
        else:
            low = middle + 1
    return high * step


def _smallest_tensormap(graph: TaskGraph, limits: Limits) -> int:
    demand = Demand.of(graph, limits)
    kept_from = [0] * limits.rings
    scope_end = graph.scopes.end[graph.scopes.of].tolist()
    entries_of: dict[int, int] = {}
    entries = least = 0
    for submit in range(len(graph)):
        for ring, own in enumerate(demand.rings):
            kept = kept_from[ring]
            while (
                kept < len(own.submits)
                and own.submits[kept] < submit
                and scope_end[own.submits[kept]] <= submit
            ):
                entries -= entries_of.pop(own.submits[kept], 0)
                kept += 1
            kept_from[ring] = kept
        for writer in demand.removed.get(submit, ()):
            if entries_of.get(writer):
                entries_of[writer] -= 1
                entries -= 1
        made = demand.inserted[submit] - (demand.inserted[submit - 1] if submit else 0)
        entries_of[submit] = made
        entries += made
        least = max(least, entries)
    return max(least, 1)
