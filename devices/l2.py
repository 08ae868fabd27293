"""L2: which of the bytes that a task reads are there already."""

from __future__ import annotations

from array import array
from typing import Final

from devices.footprints import Footprints
from devices.recency import Recency, filled

__all__ = ["L2"]

_ABSENT: Final = -2
"""Stands for the number of a fetch where a cell is not in L2."""

_STORED: Final = -1
"""Stands for it where a cell is there, but was not fetched."""


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
    footprints : Footprints
        What tasks touch.
    """

    def __init__(self, capacity_bytes: int, footprints: Footprints) -> None:
        cell_bytes = footprints.cell_bytes
        self._capacity_bytes = capacity_bytes
        self._cell_bytes = cell_bytes
        # Where everything fits, nothing is ever replaced, and the order need not be kept.
        self._replaces = sum(cell_bytes) > capacity_bytes
        self._is_dirty = bytearray(len(cell_bytes))
        self._recency = Recency(len(cell_bytes) if self._replaces else 0)
        self._held = 0  # cells that are there, and their bytes
        self._held_bytes = 0
        # What tasks bring into L2, evenly over their times; and what each cell was fetched by
        # last, or is. A million tasks touch millions of cells, so these are columns, no objects.
        self._fetch_start_us: array[float] = array("d")
        self._fetch_end_us: array[float] = array("d")
        self._fetch_of: array[int] = array("i", [_ABSENT]) * len(cell_bytes)
        loads, stores, kinds = footprints.loads, footprints.stores, footprints.kinds
        self._load_start: array[int] = loads.start
        self._load_cell: array[int] = loads.cell
        self._load_kind: array[int] = loads.kind
        self._store_start: array[int] = stores.start
        self._store_cell: array[int] = stores.cell
        self._store_kind: array[int] = stores.kind
        self._runs: list[int] = kinds.runs
        self._cells: list[int] = kinds.cells
        self._step: list[int] = kinds.step
        self._first_bytes: list[float] = kinds.first_bytes
        self._line_bytes: list[float] = kinds.line_bytes
        self._loaded_bytes: array[float] = footprints.loaded_bytes

    def run(
        self, task: int, start_us: float, cold_us: float, hit_gain: float
    ) -> tuple[float, float]:
        """Take note of what a task reads and writes.

        Parameters
        ----------
        task : int
            Whose footprint it is.
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
        fetches = len(self._fetch_start_us)
        missed, hbm_bytes = self._load(task, start_us, hit_gain)
        hbm_bytes = self._store(task, hbm_bytes)
        if missed < 1.0:
            cold_us *= 1.0 - hit_gain * (1.0 - missed)
        if len(self._fetch_start_us) > fetches:
            self._fetch_end_us[fetches] = start_us + cold_us
        return cold_us, hbm_bytes

    def _load(self, task: int, start_us: float, hit_gain: float) -> tuple[float, float]:
        """Touch what a task loads: which part of it misses, and bytes of HBM."""
        missed = 0.0
        hbm_bytes = 0.0
        own = _STORED
        loaded_bytes = self._loaded_bytes[task]
        for place in range(self._load_start[task], self._load_start[task + 1]):
            kind = self._load_kind[place]
            first = self._load_cell[place]
            runs, cells, step = self._runs[kind], self._cells[kind], self._step[kind]
            count = float(runs * cells)
            share = self._first_bytes[kind] / loaded_bytes / count
            nbytes = self._line_bytes[kind] / count
            if step == cells:  # the runs are neighbours, too
                runs, cells = 1, runs * cells
            for run in range(runs):
                cell = first + run * step
                end = cell + cells
                while cell < end:
                    stop = end if cells == 1 else self._alike(cell, end)
                    other = self._fetch_of[cell]
                    if other == _ABSENT:
                        if own == _STORED:
                            own = self._fetch(start_us)
                        missed += share * (stop - cell)
                        hbm_bytes += nbytes * (stop - cell) + self._bring(cell, stop, own)
                    else:
                        if self._replaces:
                            self._recency.touch(cell, stop)
                        if other != _STORED and start_us < self._fetch_end_us[other]:
                            waits = self._awaited(other, start_us, hit_gain)
                            missed += share * (stop - cell) * waits
                    cell = stop
        return missed, hbm_bytes

    def _store(self, task: int, hbm_bytes: float) -> float:
        """Touch what a task stores; returns the bytes of HBM with those that it costs."""
        for place in range(self._store_start[task], self._store_start[task + 1]):
            kind = self._store_kind[place]
            first = self._store_cell[place]
            runs, cells, step = self._runs[kind], self._cells[kind], self._step[kind]
            if step == cells:
                runs, cells = 1, runs * cells
            for run in range(runs):
                cell = first + run * step
                end = cell + cells
                while cell < end:
                    stop = end if cells == 1 else self._alike(cell, end)
                    if self._fetch_of[cell] == _ABSENT:
                        hbm_bytes += self._bring(cell, stop, _STORED)
                    elif self._replaces:
                        self._recency.touch(cell, stop)
                    if stop - cell == 1:
                        self._is_dirty[cell] = 1
                    else:
                        self._is_dirty[cell:stop] = b"\x01" * (stop - cell)
                    cell = stop
        return hbm_bytes

    def _alike(self, first: int, stop: int) -> int:
        """Where cells end that are all absent, or have all been brought by the same task."""
        if self._replaces:  # cells that L2 cannot hold together come and go one by one
            most = max(1, self._capacity_bytes // self._cell_bytes[first])
            stop = min(stop, first + most)
        fetches: list[int] = self._fetch_of[first:stop].tolist()
        count, fetch = 0, fetches[0]
        for other in fetches:
            if other != fetch:
                break
            count += 1
        return first + count

    def _fetch(self, start_us: float) -> int:
        """A new fetch; its end is known once all that its task loads is."""
        self._fetch_start_us.append(start_us)
        self._fetch_end_us.append(start_us)
        return len(self._fetch_start_us) - 1

    def _awaited(self, fetch: int, now_us: float, gain: float) -> float:
        """Part of a fetch that one who begins now, and is faster by `gain` on hits, waits for.

        In the time that he takes for a part x at his speed, which is 1 - gain of the fetch's time
        for it, the fetch comes from p = where it is now to x. It may lie ahead: tasks are looked at
        as they are given to cores, and one that is given later may begin before.
        """
        if not gain:
            return 0.0
        start_us = self._fetch_start_us[fetch]
        come = (now_us - start_us) / (self._fetch_end_us[fetch] - start_us)
        return min(1.0, max(0.0, 1.0 - come / gain))

    def _bring(self, first: int, stop: int, fetch: int) -> float:
        """Make cells present, in place of those touched longest ago if need be.

        Returns
        -------
        float
            Bytes of changed lines that are written back.
        """
        if stop - first == 1:
            self._fetch_of[first] = fetch
        else:
            self._fetch_of[first:stop] = filled(fetch, stop - first)
        if not self._replaces:
            return 0.0
        self._recency.touch(first, stop)
        self._held_bytes += (stop - first) * self._cell_bytes[first]
        self._held += stop - first
        written = 0
        while self._held_bytes > self._capacity_bytes and self._held > 1:
            written += self._replace()
        return float(written)

    def _replace(self) -> int:
        """Drop some of the cells touched longest ago, no more than have to go."""
        first = self._recency.oldest()
        nbytes = self._cell_bytes[first]
        excess = -(-(self._held_bytes - self._capacity_bytes) // nbytes)
        stop = self._recency.take(first, min(excess, self._held - 1))
        count = stop - first
        self._held_bytes -= count * nbytes
        self._held -= count
        if count == 1:
            self._fetch_of[first] = _ABSENT
            if not self._is_dirty[first]:
                return 0
            self._is_dirty[first] = 0
            return nbytes
        self._fetch_of[first:stop] = filled(_ABSENT, count)
        dirty = self._is_dirty.count(1, first, stop)
        self._is_dirty[first:stop] = bytes(count)
        return dirty * nbytes
