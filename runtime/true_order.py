"""The order that the bytes themselves ask for, and how to keep it when edges are dropped."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from devices.kernel import Direction
from runtime.graph import Buffer
from runtime.tensormap import Access

__all__ = ["Conflicts", "find_conflicts", "keep_order"]

Place = tuple[tuple[int, ...], tuple[int, ...]]
"""Where a rectangle is in its tensor: offset and shape, in elements."""

_MANY_BITS = 1024
"""Bits without use that are worth the time to cut them off."""


@dataclass(frozen=True, slots=True)
class Conflicts:
    """Which tasks write the bytes that each task reads or writes.

    Attributes
    ----------
    touched : sequence of sequence of int
        Numbers of the rectangles that each submit reads or writes; those in tensors that no task
        writes are left out.
    writers : sequence of sequence of int
        Tasks that write at least one element of each rectangle, ascending.
    """

    touched: Sequence[Sequence[int]]
    writers: Sequence[Sequence[int]]


def find_conflicts(accesses: Sequence[Sequence[Access]]) -> Conflicts:
    """Compare the rectangles that tasks touch; `accesses` has those of each submit."""
    written: dict[Buffer, dict[Place, list[int]]] = {}
    for submit, touches in enumerate(accesses):
        for view, direction in touches:
            if direction is not Direction.IN:
                places = written.setdefault(view.buffer, {})
                places.setdefault((view.offset, view.shape), []).append(submit)
    # Tasks touch the same few rectangles again and again: number them and compare each once.
    numbers: dict[Buffer, dict[Place, int]] = {buffer: {} for buffer in written}
    count = 0
    touched: list[list[int]] = []
    for touches in accesses:
        row: list[int] = []
        for view, _ in touches:
            known = numbers.get(view.buffer)
            if known is not None:
                number = known.setdefault((view.offset, view.shape), count)
                count += number == count
                row.append(number)
        touched.append(row)
    writers: list[Sequence[int]] = [()] * count
    for buffer, known in numbers.items():
        found = _overlapping(list(known), written[buffer])
        for number, tasks in zip(known.values(), found, strict=True):
            writers[number] = tasks
    return Conflicts(touched, writers)


def _overlapping(places: list[Place], written: dict[Place, list[int]]) -> list[list[int]]:
    """Tasks that write into each of `places`."""
    if len(places) == 1:  # most tensors are written and read whole
        return list(written.values())
    tasks = list(written.values())
    rectangles = np.array(list(written))
    starts, ends = rectangles[:, 0], rectangles.sum(axis=1)
    found: list[list[int]] = []
    for offset, shape in np.array(places):
        overlaps = ((offset < ends) & (starts < offset + shape)).all(axis=1)
        found.append(sorted({t for hit in np.flatnonzero(overlaps).tolist() for t in tasks[hit]}))
    return found


def keep_order(
    before: Sequence[Sequence[int]], after: Sequence[Sequence[int]], conflicts: Conflicts
) -> list[list[int]]:
    """Add the edges that keep conflicting tasks in order, where dropped edges did so.

    A task that touches what another wrote stays behind it if `before` put it there, directly or
    through others. Nothing is added that `after` already implies, for every edge costs a
    scheduler thread time.

    Parameters
    ----------
    before, after : sequence of sequence of int
        Producers of each submit, with and without the dropped edges; all are earlier submits.
    conflicts : Conflicts
        What has to stay in order.

    Returns
    -------
    list of list of int
        Producers of each submit: those in `after`, then the added ones, newest first.
    """
    last_touch = _last_touches(len(before), conflicts)
    ending = _last_uses(before, last_touch)
    sets = _WriterSets(_asked_for(after, conflicts), last_touch, conflicts)
    # Writers before each submit, itself included; in the end only of submits still asked for.
    old: dict[int, int] = {}
    new: dict[int, int] = {}
    kept: list[list[int]] = []
    for task, producers in enumerate(before):
        own = sets.of(task)
        fanin = list(after[task])
        was = own
        for producer in producers:
            was |= old[producer]
        old[task] = new[task] = was
        # Where nothing is lost, old and new are the same object, which is quick to see.
        if len(fanin) < len(producers) or any(old[p] is not new[p] for p in producers):
            now = own
            for producer in fanin:
                now |= new[producer]
            lost = was & ~now
            lost &= sets.touched_by(task) if lost else 0
            while lost:
                newest = sets.newest(lost)
                fanin.append(newest)
                now |= new[newest]
                lost &= ~now
            if now != was:
                new[task] = now
        kept.append(fanin)
        for ended in ending.pop(task, ()):
            del old[ended], new[ended]
        sets.forget(task, old, new)
    return kept


class _WriterSets:
    """Sets of earlier writers as integers, so that whole sets are compared at once.

    Newer writers have higher bits. The oldest bits are cut off when nobody asks for them any
    more: a layer of a model need not carry the bits of those before it.
    """

    def __init__(
        self, writers: Sequence[int], last_touch: Sequence[int], conflicts: Conflicts
    ) -> None:
        self._writers = writers
        self._rank = {task: rank for rank, task in enumerate(writers)}
        self._last_touch = last_touch
        self._conflicts = conflicts
        self._masks: dict[int, int] = {}
        self._base = 0
        self._oldest = 0

    def of(self, task: int) -> int:
        """The set of this task alone; empty if nobody asks for it."""
        return 1 << self._rank[task] - self._base if task in self._rank else 0

    def newest(self, writers: int) -> int:
        """The last task of a set."""
        return self._writers[self._base + writers.bit_length() - 1]

    def touched_by(self, task: int) -> int:
        """Every writer, earlier or later, of what `task` touches."""
        found = 0
        for rectangle in self._conflicts.touched[task]:
            mask = self._masks.get(rectangle)
            if mask is None:
                mask = 0
                for writer in self._conflicts.writers[rectangle]:
                    if self._rank.get(writer, -1) >= self._base:
                        mask |= self.of(writer)
                self._masks[rectangle] = mask
            found |= mask
        return found

    def forget(self, task: int, old: dict[int, int], new: dict[int, int]) -> None:
        """Cut off the bits that no task after `task` asks for, when they are many."""
        writers, oldest = self._writers, self._oldest
        while oldest < len(writers) and self._last_touch[writers[oldest]] <= task:
            oldest += 1
        self._oldest = oldest
        unused = oldest - self._base
        if unused < _MANY_BITS:
            return
        for submit, was in old.items():
            same = new[submit] is was
            old[submit] = was >> unused
            new[submit] = old[submit] if same else new[submit] >> unused
        self._masks.clear()
        self._base = oldest


def _asked_for(after: Sequence[Sequence[int]], conflicts: Conflicts) -> list[int]:
    """Writers whose order is not plain from the edges into those that touch what they wrote."""
    asked: set[int] = set()
    for task, rectangles in enumerate(conflicts.touched):
        for rectangle in rectangles:
            writers = conflicts.writers[rectangle]
            if len(writers) > 1 or not {task, *after[task]}.issuperset(writers):
                asked.update(writers)
    return sorted(asked)


def _last_touches(count: int, conflicts: Conflicts) -> list[int]:
    """Last submit that touches what each of `count` submits wrote; itself, if none does."""
    last_of = [-1] * len(conflicts.writers)
    for task, rectangles in enumerate(conflicts.touched):
        for rectangle in rectangles:
            last_of[rectangle] = task
    last = list(range(count))
    for rectangle, writers in enumerate(conflicts.writers):
        for writer in writers:
            last[writer] = max(last[writer], last_of[rectangle])
    return last


def _last_uses(before: Sequence[Sequence[int]], last_touch: Sequence[int]) -> dict[int, list[int]]:
    """Submits whose set of earlier writers is not asked for after each submit."""
    last = list(last_touch)
    for task, producers in enumerate(before):
        for producer in producers:
            last[producer] = max(last[producer], task)
    ending: dict[int, list[int]] = {}
    for submit, end in enumerate(last):
        ending.setdefault(end, []).append(submit)
    return ending
