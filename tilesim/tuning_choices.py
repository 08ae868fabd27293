"""How a space is searched, and how candidates are checked."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from devices.errors import InputError
from tilesim.feasibility import Fit
from tilesim.objective import read_objective

__all__ = ["Choices", "Numbers"]


@dataclass(frozen=True)
class Numbers:
    """How candidates are checked.

    Attributes
    ----------
    is_wanted : bool
        Whether numbers are computed at all.
    sizes : mapping of str to int
        Parameters for the check alone.
    rtol, atol : float or None
        Tolerances, None for the usual ones.
    """

    is_wanted: bool = True
    sizes: Mapping[str, int] | None = None
    rtol: float | None = None
    atol: float | None = None


@dataclass(frozen=True)
class Choices:
    """How a space is searched.

    Attributes
    ----------
    objective : str
        A figure of a run, as `read_objective` reads it.
    budget : int
        Points that may be simulated.
    jobs : int or None
        Processes, None for one for each core; 0 runs everything in this one. It changes nothing
        but the time that it takes.
    seed : int
        Of what the optimiser draws, and of the inputs of the numeric check.
    fit : Fit or str
        When kernels fit on chip.
    allow_races : bool
        Whether a run in which unordered tasks overlapped may be chosen.
    """

    objective: str = "wall_clock_us"
    budget: int = 200
    jobs: int | None = None
    seed: int = 0
    fit: Fit | str = Fit.ALLOCATED
    allow_races: bool = False

    def __post_init__(self) -> None:
        read_objective(self.objective)
        if self.budget < 1:
            raise InputError(f"the budget is a number of runs from 1 on, not {self.budget}")
        if self.jobs is not None and self.jobs < 0:
            raise InputError(
                f"--jobs is the number of processes, 0 for none but this, not {self.jobs}"
            )
