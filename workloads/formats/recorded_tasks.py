"""Which submits a recording shows: their ids in order of submission, and the edges between them."""

from __future__ import annotations

import heapq
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from devices.errors import InputError
from runtime.identity import RING_SHIFT
from workloads.formats.deps import Dependences
from workloads.formats.recording import Recording

__all__ = ["RecordedTasks", "find_tasks"]

Ints = NDArray[np.int64]

_LOCAL = (1 << RING_SHIFT) - 1


@dataclass(frozen=True)
class RecordedTasks:
    """The submits of a recording, in order, `n` of them.

    Attributes
    ----------
    id : int64 array, shape (n,)
        Task ids.
    runs : bool array, shape (n,)
        Whether there are executions of it.
    is_dummy : bool array, shape (n,)
        Whether it runs on no core; what does neither is an alloc.
    producer, consumer : int64 array, shape (e,)
        The edges, as positions in `id`, by consumer and then producer, each once.
    is_explicit : bool array, shape (e,)
        Whether the program names the producer.
    row : int32 array, shape (r,)
        Position in `id` of the task of each row of the recording.
    notes : tuple of str
        What had to be guessed.
    """

    id: Ints
    runs: NDArray[np.bool_]
    is_dummy: NDArray[np.bool_]
    producer: Ints
    consumer: Ints
    is_explicit: NDArray[np.bool_]
    row: NDArray[np.int32]
    notes: tuple[str, ...]


def find_tasks(recording: Recording, dependences: Dependences | None) -> RecordedTasks:
    """Find the submits and bring them in order.

    Raises
    ------
    InputError
        The edges name a task that nothing else knows, go in a circle or against the order of
        submission, or the graph is that of another run.
    """
    notes: list[str] = []
    ran = _distinct(recording.rows.task)
    ids, is_dummy = _known(recording, dependences, ran, notes)
    if dependences is None:
        producer, consumer = recording.edges.producer, recording.edges.consumer
        is_explicit = np.zeros(len(producer), dtype=np.bool_)
    else:
        producer, consumer = dependences.producer, dependences.consumer
        is_explicit = dependences.is_explicit
    gaps = _gaps(ids, notes)
    back = np.argsort(np.concatenate([ids, gaps]), kind="stable")
    ids = np.concatenate([ids, gaps])[back]
    is_dummy = np.concatenate([is_dummy, np.zeros(len(gaps), dtype=np.bool_)])[back]
    order = _order(recording, ids, producer, consumer)
    position = np.empty(len(ids), dtype=np.int64)
    position[order] = np.arange(len(ids))
    first, last = (position[np.searchsorted(ids, end)] for end in (producer, consumer))
    for wrong in np.flatnonzero(first >= last)[:1].tolist():
        raise InputError(
            f"{recording.path}: the edge from task {producer[wrong]} to task {consumer[wrong]} "
            "goes against the order of submission; the edges are those of another run"
        )
    # An edge that is found and named counts as named.
    place = np.lexsort((~is_explicit, first, last))
    first, last, is_explicit = first[place], last[place], is_explicit[place]
    once = np.ones(len(first), dtype=np.bool_)
    once[1:] = (first[1:] != first[:-1]) | (last[1:] != last[:-1])
    ordered = ids[order]
    runs = np.isin(ordered, ran, assume_unique=True)
    return RecordedTasks(
        ordered,
        runs,
        is_dummy[order],
        first[once],
        last[once],
        is_explicit[once],
        position.astype(np.int32)[np.searchsorted(ids, recording.rows.task)],
        tuple(notes),
    )


def _known(
    recording: Recording, dependences: Dependences | None, ran: Ints, notes: list[str]
) -> tuple[Ints, NDArray[np.bool_]]:
    """All ids that the files name, and which are dummy tasks."""
    submitted = _NONE if recording.submits is None else recording.submits.task
    alone = np.array(sorted(recording.dummies), dtype=np.int64)
    if dependences is None:
        named = _distinct(ran, submitted, alone)
        edges = recording.edges
        unknown = np.flatnonzero(~np.isin(edges.consumer, named))
        for wrong in unknown[:1].tolist():
            raise InputError(
                f"{recording.path}: {recording.rows.where}[{edges.record[wrong]}].fanout: task "
                f"{edges.consumer[wrong]} has no record; records were lost, or the file is cut"
            )
        waits = _without(_distinct(edges.consumer), ran)
        if len(waits):
            notes.append(
                f"{len(waits)} tasks that wait for others have no execution; they count as tasks "
                "that run on no core."
            )
        return named, np.isin(named, np.concatenate([alone, waits]))
    tasks = np.array(sorted(dependences.tasks), dtype=np.int64)
    _check_same_run(recording, dependences, ran, tasks)
    named = _distinct(tasks, submitted, dependences.producer)
    idle = _without(tasks, ran)
    silent = [t for t in idle.tolist() if max(dependences.tasks[t].functions) >= 0]
    skipped = [t for t in silent if t not in recording.dummies]
    if skipped:
        notes.append(
            f"{len(skipped)} tasks of deps.json have no execution; they count as tasks that run on "
            "no core."
        )
    if len(silent) > len(skipped):
        notes.append(f"{len(silent) - len(skipped)} tasks were skipped by their predicates.")
    return named, np.isin(named, idle, assume_unique=True)


_NONE = np.array([], dtype=np.int64)


def _distinct(*columns: Ints) -> Ints:
    """Ids in columns, ascending, each once."""
    ids = np.concatenate(columns)
    ids.sort()  # np.unique puts them into a hash table, which takes ten times as long
    new = np.ones(len(ids), dtype=np.bool_)
    np.not_equal(ids[1:], ids[:-1], out=new[1:])
    return ids[new]


def _without(ids: Ints, others: Ints) -> Ints:
    """Ids that are not among others; both are distinct."""
    return np.setdiff1d(ids, others, assume_unique=True)


def _check_same_run(recording: Recording, dependences: Dependences, ran: Ints, tasks: Ints) -> None:
    for other in _without(ran, tasks)[:1].tolist():
        record = int(np.flatnonzero(recording.rows.task == other)[0])
        raise InputError(
            f"{recording.path}: {recording.rows.where}[{record}]: {dependences.path.name} has no "
            f"task {other}; it is of another run"
        )
    for place in np.flatnonzero(~np.isin(dependences.consumer, tasks))[:1].tolist():
        raise InputError(
            f"{dependences.path}: edges: the edge from task {dependences.producer[place]} to task "
            f"{dependences.consumer[place]} ends in a task that is not in tasks"
        )


def _gaps(ids: Ints, notes: list[str]) -> Ints:
    """Ids that a ring has to have given out as well, if those are few enough to be allocs."""
    found: list[Ints] = [_NONE]
    for ring in np.unique(ids >> RING_SHIFT).tolist():
        local = ids[ids >> RING_SHIFT == ring] & _LOCAL
        count = int(local[-1]) + 1 - len(local)
        if not count:
            continue
        if count > len(local):
            notes.append(
                f"Ring {ring} has {len(local)} tasks with numbers up to {local[-1]}: records were "
                "lost, or recording began late. Tasks are numbered anew."
            )
            continue
        notes.append(
            f"{count} numbers of ring {ring} have no record; they count as allocs, which have none."
        )
        missing = _without(np.arange(int(local[-1]) + 1), local)
        found.append(missing | (ring << RING_SHIFT))
    return np.concatenate(found)


def _order(recording: Recording, ids: Ints, producer: Ints, consumer: Ints) -> Ints:
    """Positions in `ids`, which ascend, in order of submission."""
    ring = ids >> RING_SHIFT
    submits = recording.submits
    if submits is not None and len(submits.task) == len(ids):
        return np.searchsorted(ids, submits.task)
    # Each ring is in order. Between rings, the one whose next tasks were needed first goes first.
    needed_us = np.full(len(ids), np.inf)
    rows = recording.rows
    np.minimum.at(needed_us, np.searchsorted(ids, rows.task), rows.dispatch_us)
    for number in np.unique(ring).tolist():
        own = np.flatnonzero(ring == number)
        needed_us[own] = np.minimum.accumulate(needed_us[own][::-1])[::-1]
    order = np.lexsort((ids, needed_us))
    position = np.empty(len(ids), dtype=np.int64)
    position[order] = np.arange(len(ids))
    first, last = np.searchsorted(ids, producer), np.searchsorted(ids, consumer)
    if (position[first] < position[last]).all():
        return order
    return _sorted_by_edges(recording, ids, needed_us, first, last)


def _sorted_by_edges(
    recording: Recording, ids: Ints, needed_us: NDArray[np.float64], first: Ints, last: Ints
) -> Ints:
    """The order of rings and edges together."""
    chained = np.flatnonzero(np.diff(ids >> RING_SHIFT) == 0)
    first, last = np.concatenate([first, chained]), np.concatenate([last, chained + 1])
    by_first = np.argsort(first, kind="stable")
    start = np.searchsorted(first[by_first], np.arange(len(ids) + 1)).tolist()
    after = last[by_first].tolist()
    missing = np.bincount(last, minlength=len(ids)).tolist()
    rank_us = needed_us.tolist()
    ready = [(rank_us[n], n) for n, count in enumerate(missing) if not count]
    heapq.heapify(ready)
    order = []
    while ready:
        _, node = heapq.heappop(ready)
        order.append(node)
        for follower in after[start[node] : start[node + 1]]:
            missing[follower] -= 1
            if not missing[follower]:
                heapq.heappush(ready, (rank_us[follower], follower))
    if len(order) < len(ids):
        stuck = next(n for n, count in enumerate(missing) if count)
        raise InputError(
            f"{recording.path}: the edges go in a circle or against the order of their ring, with "
            f"task {ids[stuck]} in it; they are those of another run"
        )
    return np.array(order, dtype=np.int64)
