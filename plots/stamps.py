"""Stamps and names of tasks as a trace viewer needs them: whole nanoseconds, no part overlaps."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from plots.events import Arguments
from runtime.identity import RING_SHIFT, numbers_in_rings

if TYPE_CHECKING:
    from runtime.graph import TaskGraph
    from runtime.trace import Trace

__all__ = [
    "Identity",
    "Integers",
    "Stamps",
    "cut_ends",
    "identity_of",
    "slots_of",
    "stamps_of",
    "to_us",
]

Integers = NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class Stamps:
    """A trace's stamps in whole nanoseconds, in which the ends of slices compare exactly."""

    submit_begin: Integers
    submit_end: Integers
    ready: Integers
    dispatch_begin: Integers
    dispatch: Integers
    start: Integers
    end: Integers
    observe: Integers
    finish: Integers


@dataclass(frozen=True, slots=True)
class Identity:
    """How the runtime identifies each submit, shape (n,): ring, and number within the ring."""

    ring: list[int]
    local: list[int]
    label: list[str]

    def arguments(self, submit: int, hint: str) -> Arguments:
        """Describe a submit for the viewer."""
        ring, local = self.ring[submit], self.local[submit]
        return Arguments(
            f"Task:{self.label[submit]}{hint}", submit, ring, ring << RING_SHIFT | local
        )


def stamps_of(trace: Trace) -> Stamps:
    """Count nanoseconds from the begin of orchestration, or whatever is first."""
    columns = (
        trace.orchestrator_begin_us,
        trace.orchestrator_end_us,
        trace.ready_us,
        trace.dispatch_us - trace.dispatch_cost_us,
        trace.dispatch_us,
        trace.start_us,
        trace.end_us,
        trace.observe_us,
        trace.finish_us,
    )
    zero_us = min((float(column.min()) for column in columns if len(column)), default=0.0)
    return Stamps(*(np.rint((column - zero_us) * 1000).astype(np.int64) for column in columns))


def identity_of(graph: TaskGraph) -> Identity:
    """Name each submit by its ring and its number in the ring."""
    rings, locals_ = graph.ring.tolist(), numbers_in_rings(graph).tolist()
    labels = [f"r{ring}t{number}" for ring, number in zip(rings, locals_, strict=True)]
    return Identity(rings, locals_, labels)


def slots_of(core: NDArray[np.int16], begin: Integers, end: Integers) -> list[int]:
    """Give tasks that a core holds at the same time different slots.

    A runtime may write the next task to a core that still runs one; in one thread of the viewer
    the two would overlap without one holding the other, which viewers cannot draw.
    """
    slots = [0] * len(core)
    busy_until: dict[int, list[int]] = {}
    cores, begins, ends = core.tolist(), begin.tolist(), end.tolist()
    for row in np.lexsort((end, begin)).tolist():
        until = busy_until.setdefault(cores[row], [])
        slot = next((s for s, time in enumerate(until) if time <= begins[row]), len(until))
        until[slot : slot + 1] = [ends[row]]
        slots[row] = slot
    return slots


def cut_ends(thread: NDArray[np.integer], begin: Integers, end: Integers) -> Integers:
    """Ends in whole nanoseconds, cut where the thread's next slice begins.

    Stamps of a thread are sums in different orders and may overlap by the last digit, and
    viewers drop slices that overlap.
    """
    order = np.lexsort((end, begin, thread))
    cut = end.copy()
    same = thread[order[1:]] == thread[order[:-1]]
    before, after = order[:-1][same], order[1:][same]
    cut[before] = np.minimum(cut[before], begin[after])
    return np.maximum(cut, begin)  # clocks of a measured run may disagree


def to_us(nanoseconds: Integers) -> list[float]:
    """Convert to us; the nearest float to three decimals is printed with three decimals."""
    return [value / 1000 for value in nanoseconds.tolist()]
