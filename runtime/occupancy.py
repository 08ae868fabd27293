"""When cores are held, from the dispatch of a task to its end, and by which kernels."""

from __future__ import annotations

from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from runtime.trace import Trace

__all__ = ["Occupancies", "Occupancy"]

Floats = NDArray[np.float64]


class Occupancy:
    """How many of some cores are held, as a function of time.

    A core is held from the dispatch of a task to its end; then it is idle, whether or not a
    scheduler thread has seen that, unless another task lies in its second slot.

    Parameters
    ----------
    trace : Trace
        The run.
    rows : int array
        Rows of the tasks that ran on these cores.
    cores : int
        How many cores they are.

    Attributes
    ----------
    time_us : float64 array, shape (e,)
        Where the number changes.
    held : int64 array, shape (e,)
        Cores that are held from each of these times on.
    """

    def __init__(self, trace: Trace, rows: NDArray[np.integer], cores: int) -> None:
        self._trace = trace
        self._rows = rows
        self._cores = cores
        times_us = np.concatenate([trace.held_from_us[rows], trace.end_us[rows]])
        change = np.repeat([1, -1], len(rows))
        order = np.argsort(times_us, kind="stable")
        self._order = order
        self.time_us: Floats = times_us[order]
        self.held: NDArray[np.int64] = np.cumsum(change[order])

    @cached_property
    def is_full(self) -> NDArray[np.bool_]:
        """Whether all cores are held from each time on, shape (e,)."""
        return self.held >= self._cores

    @cached_property
    def _full_before_us(self) -> Floats:
        """Time before each change in which all cores were held."""
        lasted_us = np.diff(self.time_us, append=self.time_us[-1:])
        return np.concatenate(([0.0], np.cumsum(lasted_us * self.is_full)[:-1]))

    def full_us(self, first_us: float, last_us: float) -> float:
        """Time between two moments in which all cores were held."""
        before = np.interp([first_us, last_us], self.time_us, self._full_before_us)
        return float(before[1] - before[0])

    @cached_property
    def _share_before_us(self) -> Floats:
        """Time before each change that each kernel held of full cores, shape (kernels, e)."""
        trace, count = self._trace, len(self._rows)
        kernel = np.concatenate([trace.kernel[self._rows]] * 2)[self._order]
        change = np.repeat([1.0, -1.0], count)[self._order]
        lasted_us = np.diff(self.time_us, append=self.time_us[-1:]) * self.is_full / self._cores
        shares = np.zeros((len(trace.graph.kernels), len(self.time_us)))
        for number in np.unique(kernel).tolist():
            held = np.cumsum(change * (kernel == number))
            shares[number, 1:] = np.cumsum(held * lasted_us)[:-1]
        return shares

    def held_us(self, first_us: float, last_us: float) -> Floats:
        """Time between two moments in which all cores were held, by who held them.

        Returns
        -------
        float64 array, shape (kernels,)
            Sums to `full_us`.
        """
        shares = self._share_before_us
        return np.array(
            [
                np.interp(last_us, self.time_us, one) - np.interp(first_us, self.time_us, one)
                for one in shares
            ]
        )


class Occupancies:
    """Of all cores of a type, and of single cores, made when asked for."""

    def __init__(self, trace: Trace) -> None:
        self._trace = trace
        self._is_aic = trace.core < trace.aic_count
        self._known: dict[int | str, Occupancy] = {}

    def awaited_by(self, row: int) -> Occupancy:
        """Of the cores that a task could have run on: those of its type, or the one named."""
        named = int(self._trace.named_core[row])
        if named >= 0:
            return self._find(named, np.flatnonzero(self._trace.core == named), 1)
        return self.of_type(is_aic=bool(self._is_aic[row]))

    def of_type(self, *, is_aic: bool) -> Occupancy:
        """Of all cores of one type."""
        cores = self._trace.aic_count if is_aic else self._trace.aiv_count
        rows = np.flatnonzero(self._is_aic == is_aic)
        return self._find("aic" if is_aic else "aiv", rows, cores)

    def _find(self, key: int | str, rows: NDArray[np.integer], cores: int) -> Occupancy:
        if key not in self._known:
            self._known[key] = Occupancy(self._trace, rows, cores)
        return self._known[key]
