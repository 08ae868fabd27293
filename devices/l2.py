"""L2: which of the bytes that a task reads are there already."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Sequence
from typing import NamedTuple

__all__ = ["L2", "Touch", "Use"]


class Touch(NamedTuple):
    """Lines that a task reads or writes.

    Attributes
    ----------
    cells : tuple of int
        Groups of lines that tasks touch together only.
    share : float
        Part of all bytes that the task loads which miss if one cell of these is not there.
    nbytes : float
        Bytes of the lines that the task touches in one cell: whole lines, whatever it takes of
        each.
    """

    cells: tuple[int, ...]
    share: float
    nbytes: float


class Use(NamedTuple):
    """What one submit does with global memory.

    Attributes
    ----------
    loads, stores : tuple of Touch
        Lines that it reads and writes, in that order.
    nbytes : float
        Bytes that it loads and stores.
    """

    loads: tuple[Touch, ...]
    stores: tuple[Touch, ...]
    nbytes: float


class L2:
    """Which lines are in L2: those touched last, as many as it holds. Empty at first.

    Lines are kept by cells, rectangles of lines that all tasks touch as a whole, so that one look
    serves many lines. Neighbouring column tiles that share lines share cells: the first task
    fetches them for all.

    A task that loads what another one is still fetching reads fast as far as that one has come,
    until it has caught up; from there on both wait for the same lines.

    Parameters
    ----------
    capacity_bytes : int
        What L2 holds.
    cell_bytes : sequence of int
        Bytes of each cell.
    """

    def __init__(self, capacity_bytes: int, cell_bytes: Sequence[int]) -> None:
        self._capacity_bytes = capacity_bytes
        self._cell_bytes = cell_bytes
        # Where everything fits, nothing is ever replaced, and the order need not be kept.
        self._replaces = sum(cell_bytes) > capacity_bytes
        self._present = bytearray(len(cell_bytes))
        self._is_dirty = bytearray(len(cell_bytes))
        self._fetches: dict[int, _Fetch] = {}  # what was fetched last, or is
        self._order: OrderedDict[int, None] = OrderedDict()
        self._held_bytes = 0

    def run(
        self, use: Use, start_us: float, cold_us: float, hit_gain: float
    ) -> tuple[float, float]:
        """Take note of what a task reads and writes.

        Parameters
        ----------
        use : Use
            What it does with the memory.
        start_us, cold_us : float
            When it starts, and how long it runs if nothing is there.
        hit_gain : float
            Part of its time that it saves if all it loads is there.

        Returns
        -------
        alone_us, hbm_bytes : float
            How long it runs, alone; and what HBM moves for it: lines that it fetches, and changed
            lines that are replaced.
        """
        missed, hbm_bytes, fetch = self._load(use.loads, start_us, hit_gain)
        for cells, _, _ in use.stores:
            for cell in cells:
                if not self._present[cell]:
                    hbm_bytes += self._bring(cell)
                elif self._replaces:
                    self._order.move_to_end(cell)
                self._is_dirty[cell] = 1
        if missed < 1.0:
            cold_us *= 1.0 - hit_gain * (1.0 - missed)
        if fetch is not None:
            fetch.end_us = start_us + cold_us
        return cold_us, hbm_bytes

    def _load(
        self, loads: Sequence[Touch], start_us: float, hit_gain: float
    ) -> tuple[float, float, _Fetch | None]:
        """Touch what a task loads: which part of it misses, bytes of HBM, and what it fetches."""
        missed = hbm_bytes = 0.0
        present, fetches, fetch = self._present, self._fetches, None
        for cells, share, nbytes in loads:
            for cell in cells:
                if not present[cell]:
                    missed += share
                    hbm_bytes += nbytes + self._bring(cell)
                    fetches[cell] = fetch = fetch or _Fetch(start_us)
                    continue
                if self._replaces:
                    self._order.move_to_end(cell)
                other = fetches.get(cell)
                if other is not None and start_us < other.end_us:
                    missed += share * other.awaited(start_us, hit_gain)
        return missed, hbm_bytes, fetch

    def _bring(self, cell: int) -> float:
        """Make a cell present, in place of those touched longest ago if need be."""
        self._present[cell] = 1
        if not self._replaces:
            return 0.0
        self._order[cell] = None
        self._held_bytes += self._cell_bytes[cell]
        written = 0
        while self._held_bytes > self._capacity_bytes and len(self._order) > 1:
            oldest, _ = self._order.popitem(last=False)
            self._present[oldest] = 0
            self._fetches.pop(oldest, None)
            self._held_bytes -= self._cell_bytes[oldest]
            if self._is_dirty[oldest]:
                self._is_dirty[oldest] = 0
                written += self._cell_bytes[oldest]
        return float(written)


class _Fetch:
    """What a task brings into L2, evenly over its time."""

    __slots__ = ("end_us", "start_us")

    def __init__(self, start_us: float) -> None:
        self.start_us = start_us
        self.end_us = start_us  # until its time is known, which is once all its loads are

    def awaited(self, now_us: float, gain: float) -> float:
        """Part of it that one who begins now, and is faster by `gain` on what is there, waits for.

        In the time that he takes for a part x at his speed, which is 1 - gain of the fetch's time
        for it, the fetch comes from p = where it is now to x. It may lie ahead: tasks are looked at
        as they are given to cores, and one that is given later may begin before.
        """
        come = (now_us - self.start_us) / (self.end_us - self.start_us)
        return min(1.0, max(0.0, 1.0 - come / gain)) if gain else 0.0
