"""L2: which of the bytes that a task reads are there already."""

from __future__ import annotations

from typing import Final

from librt.vecs import append, vec
from mypy_extensions import i32, u8

from devices.footprints import Footprints
from devices.recency import Recency

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
        count = len(cell_bytes)
        self._capacity_bytes = capacity_bytes
        self._cell_bytes = cell_bytes
        # Where everything fits, nothing is ever replaced, and the order need not be kept.
        self._replaces = sum(cell_bytes) > capacity_bytes
        self._is_dirty = vec[u8]([0] * count)
        self._recency = Recency(count if self._replaces else 0)
        self._held = 0  # cells that are there, and their bytes
        self._held_bytes = 0
        # What tasks bring into L2, evenly over their times; and what each cell was fetched by
        # last, or is.
        self._fetch_start_us = vec[float]()
        self._fetch_end_us = vec[float]()
        self._fetch_of = vec[i32]([_ABSENT] * count)
        loads, stores, kinds = footprints.loads, footprints.stores, footprints.kinds
        self._load_start, self._load_cell, self._load_kind = loads.start, loads.cell, loads.kind
        self._store_start, self._store_cell = stores.start, stores.cell
        self._store_kind = stores.kind
        self._runs = vec[i32](kinds.runs)
        self._cells = vec[i32](kinds.cells)
        self._step = vec[i32](kinds.step)
        self._first_bytes = vec[float](kinds.first_bytes)
        self._line_bytes = vec[float](kinds.line_bytes)
        self._loaded_bytes = footprints.loaded_bytes

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
        missed, hbm_bytes, own = 0.0, 0.0, _STORED
        loaded_bytes = self._loaded_bytes[task]
        begin: int = self._load_start[task]
        end: int = self._load_start[task + 1]
        for place in range(begin, end):
            kind: int = self._load_kind[place]
            runs: int = self._runs[kind]
            cells: int = self._cells[kind]
            step: int = self._step[kind]
            share = self._first_bytes[kind] / loaded_bytes / float(runs * cells)
            brought = 0
            first: int = self._load_cell[place]
            for _ in range(runs):
                for cell in range(first, first + cells):
                    fetch: int = self._fetch_of[cell]
                    if fetch == _ABSENT:
                        if own == _STORED:
                            own = self._fetch(start_us)
                        brought += 1
                        hbm_bytes += self._bring(cell, own)
                        continue
                    if self._replaces:
                        self._recency.touch(cell)
                    if fetch != _STORED and start_us < self._fetch_end_us[fetch]:
                        missed += share * self._awaited(fetch, start_us, hit_gain)
                first += step
            missed += share * float(brought)
            hbm_bytes += self._line_bytes[kind] / float(runs * cells) * float(brought)
        return missed, hbm_bytes

    def _store(self, task: int, hbm_bytes: float) -> float:
        """Touch what a task stores; returns the bytes of HBM with those that it costs."""
        begin: int = self._store_start[task]
        end: int = self._store_start[task + 1]
        for place in range(begin, end):
            kind: int = self._store_kind[place]
            runs: int = self._runs[kind]
            cells: int = self._cells[kind]
            step: int = self._step[kind]
            first: int = self._store_cell[place]
            for _ in range(runs):
                for cell in range(first, first + cells):
                    if self._fetch_of[cell] == _ABSENT:
                        hbm_bytes += self._bring(cell, _STORED)
                    elif self._replaces:
                        self._recency.touch(cell)
                    self._is_dirty[cell] = 1
                first += step
        return hbm_bytes

    def _fetch(self, start_us: float) -> int:
        """A new fetch; its end is known once all that its task loads is."""
        self._fetch_start_us = append(self._fetch_start_us, start_us)
        self._fetch_end_us = append(self._fetch_end_us, start_us)
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
        if now_us <= start_us:
            return 1.0
        come = (now_us - start_us) / (self._fetch_end_us[fetch] - start_us)
        return max(0.0, 1.0 - come / gain)

    def _bring(self, cell: int, fetch: int) -> float:
        """Make a cell present, in place of those touched longest ago if need be.

        Returns
        -------
        float
            Bytes of changed lines that are written back.
        """
        self._fetch_of[cell] = fetch
        if not self._replaces:
            return 0.0
        self._recency.add(cell)
        nbytes: int = self._cell_bytes[cell]
        self._held_bytes += nbytes
        self._held += 1
        written = 0
        while self._held_bytes > self._capacity_bytes and self._held > 1:
            written += self._replace()
        return float(written)

    def _replace(self) -> int:
        """Drop the cell touched longest ago; returns the changed bytes in it."""
        cell = self._recency.take_oldest()
        nbytes: int = self._cell_bytes[cell]
        self._held_bytes -= nbytes
        self._held -= 1
        self._fetch_of[cell] = _ABSENT
        written = nbytes if self._is_dirty[cell] else 0
        self._is_dirty[cell] = 0
        return written
