"""Rings: which submits have retired, and whether there is space for the next one.

A submit keeps its place in the ring, its heap, its entries in the dependency pool and in the
TensorMap until it retires, and submits of a ring retire strictly in order. It may retire when its
scope has ended and when the scheduler threads have released it and all its consumers; they do so
late (see `scheduler.thread`). Nothing of this happens as an event: it is worked out when a ring
looks full, from the times at which threads released what they had completed.
"""

from __future__ import annotations

from typing import Final

import numpy as np
from librt.vecs import vec
from mypy_extensions import i64

from devices.columns import integers
from runtime.demand import Demand, Limits, Resource
from runtime.graph import ALLOC, TaskGraph
from scheduler.board import Board

__all__ = ["Rings"]

_NEVER: Final = float("inf")


class Rings:
    """Space in the rings of one run.

    Parameters
    ----------
    graph : TaskGraph
        What runs.
    demand : Demand
        What its submits ask for.
    limits : Limits
        How much there is.
    board : Board
        Knows what the threads have released, and how many producers each submit has waited for.
    end_us : column of float
        When each submit was done; the orchestrator fills it.

    Attributes
    ----------
    safe_until : int
        Every submit before this one finds space, even if nothing more retires.
    """

    def __init__(
        self,
        graph: TaskGraph,
        demand: Demand,
        limits: Limits,
        board: Board,
        end_us: vec[float],
    ) -> None:
        self._consumer_start = board.links.consumer_start
        self._consumer = board.links.consumer
        self._demand = demand
        self._position = demand.position
        self._submits = [own.submits for own in demand.rings]
        self._limits = limits
        self._board = board
        self._end_us = end_us
        self._ring = graph.ring.astype(np.uint8).tobytes()
        for alloc in np.flatnonzero(graph.kernel == ALLOC).tolist():
            board.release_us[alloc] = 0.0  # no thread has a hand in it
        self._scope_end = integers(graph.scopes.end[graph.scopes.of])
        self._retired = [0] * limits.rings
        self._counted = 0  # submits that have been made, as far as they are looked at ...
        self._known = [0] * limits.rings  # ... and those of each ring
        # The consumer that the oldest submit of each ring waits for, and until when it is kept.
        self._awaited = [(0, 0.0)] * limits.rings
        self._linked = [0] * limits.rings  # entries of each dependency pool
        self._entries = 0  # of the TensorMap
        self._entries_of: dict[int, int] = {}
        self._may_fill_map = 0 < limits.tensormap_entries < demand.inserted[-1]
        self.safe_until = self._next_check(at_least=0)

    def lacking(self, submit: int, now_us: float) -> Resource | None:
        """The resource that has no space for `submit`, which comes next; None if all have."""
        self.retire_all(submit, now_us)
        lacking = self._lacking(submit)
        if lacking is None:
            self.safe_until = self._next_check(at_least=submit + 1)
        return lacking

    def retire_all(self, submit: int, now_us: float) -> None:
        """Retire whatever may have retired before `submit`, which comes next."""
        for thread in self._board.threads:
            thread.settle(now_us)
        self._count(submit)
        for ring in range(self._limits.rings):
            if self._retired[ring] < self._known[ring]:
                self._retire(ring, submit, now_us)

    def has_retired(self, submit: int) -> bool:
        """Whether a submit is known to have retired."""
        return self._position[submit] < self._retired[self._ring[submit]]

    def _lacking(self, submit: int) -> Resource | None:
        limits, ring = self._limits, self._ring[submit]
        position: int = self._position[submit]
        if 0 < limits.task_window <= position - self._retired[ring] + 1:
            return Resource.TASK_WINDOW
        own = self._demand.rings[ring]
        if limits.heap_bytes and _step(own.heap_end, position) and not self._fits(ring, position):
            return Resource.HEAP
        if 0 < limits.dep_pool_entries < self._linked[ring] + _step(own.producers, position):
            return Resource.DEP_POOL
        entries = self._entries + self._added_entries(submit)
        if self._may_fill_map and entries > limits.tensormap_entries:
            return Resource.TENSORMAP
        return None

    def _fits(self, ring: int, position: int) -> bool:
        """Whether the heap has a stretch that is long enough."""
        taken = self._demand.rings[ring].heap_end[position] - self._tail(ring)
        heap = self._limits.heap_bytes
        # Head on tail means empty, so a lap that does not begin at the heap's start stays short.
        return taken < heap or (taken == heap and self._tail(ring) % heap == 0)

    def _tail(self, ring: int) -> int:
        retired = self._retired[ring]
        return self._demand.rings[ring].heap_end[retired - 1] if retired else 0

    def _added_entries(self, submit: int) -> int:
        removed = [w for w in self._demand.removed.get(submit, ()) if self._entries_of.get(w)]
        return self._inserted(submit) - len(removed)

    def _inserted(self, submit: int) -> int:
        return _step(self._demand.inserted, submit)

    # Going on with the orchestrator

    def _count(self, submit: int) -> None:
        """Count what all submits before `submit` have taken."""
        for number in range(self._counted, submit):
            ring = self._ring[number]
            self._known[ring] += 1
            self._linked[ring] += self._board.linked[number]
            if self._may_fill_map:
                self._count_entries(number)
        self._counted = submit

    def _count_entries(self, submit: int) -> None:
        inserted = self._inserted(submit)
        for writer in self._demand.removed.get(submit, ()):
            if self._entries_of.get(writer):
                self._entries_of[writer] -= 1
                self._entries -= 1
        self._entries_of[submit] = inserted
        self._entries += inserted

    def _next_check(self, at_least: int) -> int:
        """The first submit, none of those counted, that may find no space if nothing retires."""
        limits, found = self._limits, [len(self._ring)]
        for ring, own in enumerate(self._demand.rings):
            places = []
            if limits.task_window:
                places.append(self._retired[ring] + limits.task_window - 1)
            if limits.heap_bytes:
                places.append(_count_up_to(own.heap_end, self._tail(ring) + limits.heap_bytes - 1))
            if limits.dep_pool_entries:
                known = self._known[ring]
                before = own.producers[known - 1] if known else 0
                free = limits.dep_pool_entries - self._linked[ring]
                places.append(_count_up_to(own.producers, before + free))
            found += [own.submits[place] for place in places if place < len(own.submits)]
        if self._may_fill_map:
            before = self._demand.inserted[self._counted - 1] if self._counted else 0
            free = limits.tensormap_entries - self._entries
            found.append(_count_up_to(self._demand.inserted, before + free))
        return max(min(found), at_least)

    # Retirement

    def _retire(self, ring: int, submit: int, now_us: float) -> None:
        """Retire what may retire, of the submits before `submit`."""
        own, retired = self._submits[ring], self._retired[ring]
        while retired < self._known[ring]:
            oldest: int = own[retired]
            if not self._is_consumed(oldest, ring, submit, now_us):
                break
            self._linked[ring] -= self._board.linked[oldest]
            if self._may_fill_map:
                self._entries -= self._entries_of.pop(oldest)
            retired += 1
        self._retired[ring] = retired

    def _is_consumed(self, old: int, ring: int, submit: int, now_us: float) -> bool:
        """Whether the oldest submit of a ring has nothing to wait for any more."""
        scope_end: int = self._scope_end[old]
        if scope_end > submit:
            return False
        end_us, release_us = self._end_us, self._board.release_us
        first, kept_us = self._awaited[ring]
        kept_us = max(kept_us, release_us[old], end_us[scope_end - 1])
        if kept_us > now_us:
            return False
        consumers = self._consumer
        start: int = self._consumer_start[old]
        stop: int = self._consumer_start[old + 1]
        for place in range(start + first, stop):
            consumer: int = consumers[place]
            # One that was submitted later has found it gone.
            if consumer >= submit or end_us[consumer] > kept_us:
                break
            released_us = release_us[consumer]
            if released_us > now_us:
                self._awaited[ring] = place - start, kept_us
                return False
            kept_us = max(kept_us, released_us)
        self._awaited[ring] = 0, 0.0
        return True


def _step(sums: vec[i64], place: int) -> int:
    """What one of some numbers adds to their sum."""
    return sums[place] - sums[place - 1] if place else sums[0]


def _count_up_to(sums: vec[i64], most: int) -> int:
    """How many of some ascending numbers are no larger than that."""
    low, high = 0, len(sums)
    while low < high:
        middle = (low + high) // 2
        if sums[middle] <= most:
            low = middle + 1
        else:
            high = middle
    return low
