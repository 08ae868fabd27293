"""Traces in the own format of Perfetto: a tenth of the size of those for Chrome.

References
----------
``protos/perfetto/trace`` in https://github.com/google/perfetto: trace_packet.proto,
track_event/*.proto and interned_data.proto have the numbers of all fields.
"""

from __future__ import annotations

import gzip
from itertools import count
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from plots.endings import PERFETTO_ENDINGS
from plots.events import AICORE_VIEW, PROCESSES
from plots.protobuf import Block, Tails, fixed64_tails, joined, message, number, placed, text
from plots.stamps import Integers, Stamps, identity_of, stamps_of
from plots.timeline import Counts, Slices, arrows_of, counts_of, slices_of, threads_of
from workloads.files import file_ending, write_file

if TYPE_CHECKING:
    import os
    from collections.abc import Iterable, Iterator, Sequence
    from pathlib import Path

    from runtime.trace import Trace

__all__ = ["write_perfetto_trace"]

# Trace and TracePacket
_PACKET, _TIMESTAMP, _SEQUENCE, _EVENT, _INTERNED, _FLAGS, _TRACK = 1, 8, 10, 11, 12, 13, 60
_CLEARED, _NEEDED = 1, 2  # what texts have been interned so far
# TrackDescriptor, with ProcessDescriptor, ThreadDescriptor and CounterDescriptor
_UUID, _TRACK_NAME, _PROCESS, _THREAD, _PARENT, _COUNTER = 1, 2, 3, 4, 5, 8
_PID, _SORT_INDEX, _PROCESS_NAME = 1, 3, 6
_TID, _THREAD_NAME = 2, 5
_UNIT_NAME = 6
# TrackEvent, with DebugAnnotation
_ANNOTATION, _TYPE, _NAME, _TRACK_UUID, _VALUE, _FLOWS, _FLOW_ENDS = 4, 9, 10, 11, 30, 47, 48
_BEGIN, _END, _COUNT = 1, 2, 4
_ANNOTATION_NAME, _INTEGER = 1, 4
# InternedData and its entries
_NAMES, _ANNOTATION_NAMES = 2, 3
_IID, _INTERNED_TEXT = 1, 2

_ONE_SEQUENCE = number(_SEQUENCE, 1)
_NO_BYTES = np.zeros((1, 0), dtype=np.uint8)

_ANNOTATIONS = ("submit", "ring", "task", "head-ns", "tail-ns")
"""What the viewer shows of a slice; `task` is the number within the ring."""


def write_perfetto_trace(trace: Trace, path: str | os.PathLike[str]) -> None:
    """Write a run for ui.perfetto.dev and Perfetto's trace processor.

    Processes, threads, slices, arrows and counters are those of `write_chrome_trace`, but slices
    have the names of kernels alone, so that the viewer adds up those of one kernel; which task it
    is stands in the slice's arguments. Times count from the begin of orchestration, in ns.

    Parameters
    ----------
    trace : Trace
        The run.
    path : path
        File to write, ending in one of `PERFETTO_ENDINGS`.

    Raises
    ------
    InputError
        When the ending is another or the file cannot be written.
    """
    ending = file_ending(path, PERFETTO_ENDINGS)
    content = _content(trace)
    if ending.endswith(".gz"):
        # Without the time of writing in it, the same run gives the same bytes.
        content = gzip.compress(content, compresslevel=6, mtime=0)

    def write(temporary: Path) -> None:
        temporary.write_bytes(content)

    write_file(path, write)


def _content(trace: Trace) -> bytes:
    """The whole file."""
    stamps = stamps_of(trace)
    slices = slices_of(trace, stamps)
    counts = list(counts_of(trace, stamps))
    names = _Interned(name for each in slices for name in each.names)
    annotations = _Interned(_ANNOTATIONS)
    state = joined(*names.entries(_NAMES), *annotations.entries(_ANNOTATION_NAMES))
    tracks = _Tracks(trace, slices[-1], counts)
    parts = [
        message(
            _PACKET, joined(_ONE_SEQUENCE, number(_FLAGS, _CLEARED), message(_INTERNED, state))
        ),
        *(message(_PACKET, joined(_ONE_SEQUENCE, message(_TRACK, d))) for d in tracks.descriptors),
        _events(trace, stamps, slices, tracks, names, annotations),
        *(_counter(each, tracks) for each in counts),
    ]
    return b"".join(part.tobytes() for part in parts)


class _Interned:
    """Texts that packets name by number."""

    def __init__(self, texts: Iterable[str]) -> None:
        self.number = {text: n for n, text in enumerate(dict.fromkeys(texts), start=1)}

    def entries(self, field: int) -> Iterator[Block]:
        """What tells which number stands for which text."""
        for name, iid in self.number.items():
            yield message(field, joined(number(_IID, iid), text(_INTERNED_TEXT, name)))

    def of(self, names: Sequence[str], index: Integers) -> Integers:
        """Numbers of texts that are given by an index into `names`."""
        return np.array([self.number[name] for name in names], dtype=np.int64)[index]


class _Tracks:
    """Tracks: processes have the numbers of their pids, then come threads and counters."""

    def __init__(self, trace: Trace, cpu_view: Slices, counts: Sequence[Counts]) -> None:
        self.descriptors: list[Block] = []
        self.of_counter: dict[str, int] = {}
        self._of_thread: dict[tuple[int, int], int] = {}
        for place, (pid, name) in enumerate(PROCESSES.items()):
            process = joined(
                number(_PID, pid), number(_SORT_INDEX, place), text(_PROCESS_NAME, name)
            )
            self.descriptors.append(joined(number(_UUID, pid), message(_PROCESS, process)))
        uuids = count(max(PROCESSES) + 1)
        for thread in threads_of(trace, cpu_view.tid):
            uuid = next(uuids)
            self._of_thread[thread.pid, thread.tid] = uuid
            described = joined(
                number(_PID, thread.pid),
                number(_TID, thread.tid),
                number(_SORT_INDEX, thread.index),
                text(_THREAD_NAME, thread.name),
            )
            self._add(uuid, thread.pid, message(_THREAD, described))
        for each in counts:
            uuid = next(uuids)
            self.of_counter[each.name] = uuid
            counter = message(_COUNTER, text(_UNIT_NAME, each.unit))
            self._add(uuid, each.pid, joined(text(_TRACK_NAME, each.name), counter))

    def _add(self, uuid: int, parent: int, what: Block) -> None:
        self.descriptors.append(joined(number(_UUID, uuid), number(_PARENT, parent), what))

    def of(self, slices: Slices) -> Integers:
        """The track of each slice."""
        tids, index = np.unique(slices.tid, return_inverse=True)
        uuids = [self._of_thread[slices.pid, tid] for tid in tids.tolist()]
        return np.array(uuids, dtype=np.int64)[index]


def _counter(counts: Counts, tracks: _Tracks) -> Block:
    """Packets with the values of a counter."""
    track = number(_TRACK_UUID, tracks.of_counter[counts.name])
    event = joined(number(_TYPE, _COUNT), track, number(_VALUE, counts.value))
    return _packet(counts.time, event)


def _packet(
    time: Integers, event: Block, flags: Block = _NO_BYTES, tails: Tails | None = None
) -> Block:
    length = None if tails is None else tails.length
    event = message(_EVENT, event, length)
    return message(_PACKET, joined(number(_TIMESTAMP, time), _ONE_SEQUENCE, flags, event), length)


def _events(
    trace: Trace,
    stamps: Stamps,
    slices: tuple[Slices, ...],
    tracks: _Tracks,
    names: _Interned,
    annotations: _Interned,
) -> Block:
    """Packets with the begin and the end of each slice, in the order of time."""
    order = _order(slices)
    shown = _annotations(trace, stamps, annotations)
    pieces: list[tuple[Block, Tails | None]] = []
    for each, annotation in zip(slices, shown, strict=True):
        track = number(_TRACK_UUID, tracks.of(each))
        tails = _flows(trace) if each.pid == AICORE_VIEW else None
        name = number(_NAME, names.of(each.names, each.name))
        submit = _annotation(annotations, "submit", each.submit)
        begin = joined(number(_TYPE, _BEGIN), track, name, submit, *annotation)
        pieces.append((_packet(each.begin, begin, number(_FLAGS, _NEEDED), tails), tails))
        pieces.append((_packet(each.end, joined(number(_TYPE, _END), track)), None))
    length = np.concatenate(
        [np.full(len(b), b.shape[1]) + (0 if t is None else t.length) for b, t in pieces]
    )
    place = np.empty(len(length), dtype=np.int64)
    place[order] = np.cumsum(length[order]) - length[order]
    out = np.empty(int(length.sum()), dtype=np.uint8)
    first = 0
    for block, tails in pieces:
        placed(out, place[first : first + len(block)], block, tails)
        first += len(block)
    return out


def _order(slices: tuple[Slices, ...]) -> NDArray[np.intp]:
    """Begins and ends by time, where those of each process stand one behind the other.

    At one time, slices end before others begin, and those of no length begin and end at once.
    """
    time = np.concatenate([column for each in slices for column in (each.begin, each.end)])
    lengths = [each.end - each.begin for each in slices]
    row = [np.arange(len(each)) for each in slices]
    late = np.concatenate([c for each in lengths for c in (np.full(len(each), 1), each == 0)])
    number_of = np.concatenate([c for each in row for c in (2 * each, 2 * each + 1)])
    return np.lexsort((number_of, late, time))


def _annotations(
    trace: Trace, stamps: Stamps, annotations: _Interned
) -> tuple[tuple[Block, ...], ...]:
    """What is shown of each slice besides its submit, by process."""
    identity = identity_of(trace.graph)
    core_view = (
        _annotation(annotations, "ring", np.array(identity.ring)[trace.task]),
        _annotation(annotations, "task", np.array(identity.local)[trace.task]),
    )
    cpu_view = (
        _annotation(annotations, "head-ns", stamps.start - stamps.dispatch),
        _annotation(annotations, "tail-ns", stamps.finish - stamps.end),
    )
    return (), (), core_view, cpu_view


def _annotation(annotations: _Interned, name: str, values: Integers) -> Block:
    iid = number(_ANNOTATION_NAME, annotations.number[name])
    return message(_ANNOTATION, joined(iid, number(_INTEGER, values)))


def _flows(trace: Trace) -> Tails:
    """Arrows that begin and end at each row of a trace; they are numbered from 1 on."""
    producer, consumer = arrows_of(trace)
    row = np.concatenate([producer, consumer])
    order = np.argsort(row, kind="stable")
    flow = np.tile(np.arange(1, len(producer) + 1), 2)
    field = np.repeat([_FLOWS, _FLOW_ENDS], len(producer))
    return fixed64_tails(field[order], flow[order], row[order], len(trace))
