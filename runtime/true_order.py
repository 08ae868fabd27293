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
    # The writers before a submit are the bits of one integer, so that a whole set is compared at
    # once; 30 000 writers are 4 kB. Newer writers have higher bits.
    writers = sorted({task for tasks in conflicts.writers for task in tasks})
    bit = {task: number for number, task in enumerate(writers)}
    masks = _Masks(conflicts, bit)
    ending = _last_uses(before, conflicts)
    old, new = [0] * len(before), [0] * len(before)  # with the submit's own bit
    kept: list[list[int]] = []
    for task, producers in enumerate(before):
        own = 1 << bit[task] if task in bit else 0
        for producer in producers:
            own |= old[producer]
        old[task] = own
        fanin = list(after[task])
        if len(fanin) == len(producers) and all(old[p] is new[p] for p in producers):
            new[task] = own  # the same object tells that nothing is lost up to here
        else:
            have = 1 << bit[task] if task in bit else 0
            for producer in fanin:
                have |= new[producer]
            lost = own & ~have
            if lost:
                lost &= masks.touching(task)
            while lost:
                newest = writers[lost.bit_length() - 1]
                fanin.append(newest)
                have |= new[newest]
                lost &= ~have
            new[task] = own if have == own else have
        kept.append(fanin)
        for ended in ending.pop(task, ()):
            old[ended] = new[ended] = 0
    return kept


class _Masks:
    """Writers of what a task touches, as bits of an integer."""

    def __init__(self, conflicts: Conflicts, bit: dict[int, int]) -> None:
        self._conflicts = conflicts
        self._bit = bit
        self._known: dict[int, int] = {}

    def touching(self, task: int) -> int:
        """Every writer, earlier or later, of a rectangle that `task` touches."""
        mask = 0
        for rectangle in self._conflicts.touched[task]:
            if rectangle not in self._known:
                one = 0
                for writer in self._conflicts.writers[rectangle]:
                    one |= 1 << self._bit[writer]
                self._known[rectangle] = one
            mask |= self._known[rectangle]
        return mask


def _last_uses(before: Sequence[Sequence[int]], conflicts: Conflicts) -> dict[int, list[int]]:
    """Submits whose set of earlier writers is not asked for after each submit."""
    last = list(range(len(before)))
    final = [-1] * len(conflicts.writers)
    for task, producers in enumerate(before):
        for producer in producers:
            last[producer] = task
        for rectangle in conflicts.touched[task]:
            final[rectangle] = task
    for rectangle, tasks in enumerate(conflicts.writers):
        for task in tasks:
            last[task] = max(last[task], final[rectangle])
    ending: dict[int, list[int]] = {}
    for submit, end in enumerate(last):
        ending.setdefault(end, []).append(submit)
    return ending
