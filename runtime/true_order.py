"""The order that the bytes themselves ask for, and how to keep it when edges are dropped."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from devices.kernel import Direction
from runtime.graph import Buffer
from runtime.overlaps import Overlaps
from runtime.task_sets import TaskSets, last_uses
from runtime.tensormap import Access

__all__ = ["Conflicts", "find_conflicts", "keep_order", "last_touches"]

Place = tuple[tuple[int, ...], tuple[int, ...]]
"""Where a rectangle is in its tensor: offset and shape, in elements."""


@dataclass(frozen=True, slots=True)
class Conflicts:
    """Which tasks read and write the bytes that each task reads or writes.

    Rectangles in tensors that no task writes are left out.

    Attributes
    ----------
    touched, read, written : sequence of sequence of int
        Numbers of the rectangles that each submit touches, reads and writes.
    writers, readers : sequence of sequence of int
        Tasks that write, and read, at least one element of each rectangle, ascending.
    """

    touched: Sequence[Sequence[int]]
    read: Sequence[Sequence[int]]
    written: Sequence[Sequence[int]]
    writers: Sequence[Sequence[int]]
    readers: Sequence[Sequence[int]]


def find_conflicts(accesses: Sequence[Sequence[Access]]) -> Conflicts:
    """Compare the rectangles that tasks touch; `accesses` has those of each submit."""
    # Tasks touch the same few rectangles again and again: number them and compare each once.
    numbers: dict[Buffer, dict[Place, int]] = {
        view.buffer: {}
        for touches in accesses
        for view, direction in touches
        if direction is not Direction.IN
    }
    count = 0
    touched: list[list[int]] = []
    read: list[list[int]] = []
    written: list[list[int]] = []
    read_by: list[list[int]] = []
    written_by: list[list[int]] = []
    for submit, touches in enumerate(accesses):
        row: list[int] = []
        reads: list[int] = []
        writes: list[int] = []
        for view, direction in touches:
            known = numbers.get(view.buffer)
            if known is None:
                continue
            number = known.setdefault((view.offset, view.shape), count)
            if number == count:
                count += 1
                read_by.append([])
                written_by.append([])
            row.append(number)
            if direction is not Direction.OUT_EXISTING:
                reads.append(number)
                read_by[number].append(submit)
            if direction is not Direction.IN:
                writes.append(number)
                written_by[number].append(submit)
        touched.append(row)
        read.append(reads)
        written.append(writes)
    writers, readers = list(written_by), list(read_by)
    for known in numbers.values():
        for number, hits in _overlapping(known):
            writers[number] = sorted({task for hit in hits for task in written_by[hit]})
            readers[number] = sorted({task for hit in hits for task in read_by[hit]})
    return Conflicts(touched, read, written, writers, readers)


def _overlapping(known: dict[Place, int]) -> Iterator[tuple[int, list[int]]]:
    """Numbers of the rectangles that overlap each of the `known` ones, where others do."""
    if len(known) == 1:  # most tensors are written and read whole
        return
    overlaps = Overlaps()
    for (offset, shape), number in known.items():
        overlaps.keep(offset, shape, number)
    for place, number in known.items():
        hits = overlaps.overlapping(*place)
        if len(hits) > 1:
            yield number, hits


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
    last_touch = last_touches(len(before), conflicts, conflicts.writers)
    ending = last_uses(before, last_touch)
    sets = TaskSets(_asked_for(after, conflicts), last_touch)
    masks: dict[int, int] = {}  # writers of each rectangle
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
            lost &= _writers_of(conflicts, task, sets, masks) if lost else 0
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
        if sets.forget(task, old, new):
            masks.clear()
    return kept


def _writers_of(conflicts: Conflicts, task: int, sets: TaskSets, masks: dict[int, int]) -> int:
    """Every writer, earlier or later, of what `task` touches."""
    found = 0
    for rectangle in conflicts.touched[task]:
        if rectangle not in masks:
            masks[rectangle] = sets.among(conflicts.writers[rectangle])
        found |= masks[rectangle]
    return found


def _asked_for(after: Sequence[Sequence[int]], conflicts: Conflicts) -> list[int]:
    """Writers whose order is not plain from the edges into those that touch what they wrote."""
    asked: set[int] = set()
    for task, rectangles in enumerate(conflicts.touched):
        for rectangle in rectangles:
            writers = conflicts.writers[rectangle]
            if len(writers) > 1 or not {task, *after[task]}.issuperset(writers):
                asked.update(writers)
    return sorted(asked)


def last_touches(count: int, conflicts: Conflicts, sharers: Iterable[Iterable[int]]) -> list[int]:
    """Last submit that touches what each of `count` submits touches; itself, if none does.

    Parameters
    ----------
    sharers : iterable of iterable of int
        The submits of each rectangle that are asked about: its writers, or its readers, too.
    """
    last_of = [-1] * len(conflicts.writers)
    for task, rectangles in enumerate(conflicts.touched):
        for rectangle in rectangles:
            last_of[rectangle] = task
    last = list(range(count))
    for rectangle, tasks in enumerate(sharers):
        for task in tasks:
            last[task] = max(last[task], last_of[rectangle])
    return last
