"""Whether a candidate still computes what it should."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from time import perf_counter

from devices.errors import InputError
from runtime.numerics.comparison import Match, match
from runtime.numerics.orders import Order, program_order
from tilesim.numeric_check import (
    Tolerances,
    any_inputs,
    check_memory,
    compare_numbers,
    compute_outputs,
)
from tilesim.replay import Report, Run, replay
from tilesim.sources import program_of

__all__ = ["TOLERANCE", "Checked", "check_candidate"]

TOLERANCE = 2.0**-6
"""How close two ways of cutting one program have to be, relative and absolute: BF16 has 8 bits, and
sums in another order are rounded at other places."""


@dataclass(frozen=True)
class Checked:
    """The outcome of a numeric check.

    Attributes
    ----------
    name : str
        What was computed, with all its parameters.
    against : str
        What the numbers were compared with.
    is_full_size : bool
        Whether the sizes are those of the candidate.
    matches : tuple of Match
        Each output.
    tolerances : Tolerances
        How close they have to be.
    seconds : float
        How long it took.
    """

    name: str
    against: str
    is_full_size: bool
    matches: tuple[Match, ...]
    tolerances: Tolerances
    seconds: float

    @property
    def problem(self) -> str | None:
        """What does not match, in words."""
        wrong = [
            f"{one.total - one.matched} of {one.total} elements of {one.name} do not match"
            for one in self.matches
            if not one.is_match
        ]
        wrong += [
            f"{one.name} is NaN or infinite everywhere, so nothing was compared"
            for one in self.matches
            if one.is_match and one.not_finite == one.total
        ]
        return "; ".join(wrong) or None


def check_candidate(
    run: Run,
    baseline: Run | None,
    sizes: Mapping[str, int],
    seed: int,
    rtol: float | None,
    atol: float | None,
    tell: Report,
) -> Checked:
    """Compute a candidate's numbers in program order and compare them with what they should be.

    In another order the numbers are the same where all pairs that conflict come out in order.

    Parameters
    ----------
    run : Run
        The candidate.
    baseline : Run or None
        What its outputs are compared with where no golden results are known.
    sizes : mapping
        Parameters for the check alone, where the full size takes too long.
    seed : int
        Of the inputs.
    rtol, atol : float or None
        Tolerances, by default as published with the workload, or `TOLERANCE`.
    tell : callable
        Told each step that begins.

    Raises
    ------
    InputError
        Memory is too small, an operation has no numbers, the sizes do not fit, or there is nothing
        to compare with.
    """
    began = perf_counter()
    run = _resized(run, sizes, tell)
    numbers = program_of(run.workload, "compute").numbers
    usual = (TOLERANCE, TOLERANCE) if numbers is None else (numbers.rtol, numbers.atol)
    tolerances = Tolerances(usual[0] if rtol is None else rtol, usual[1] if atol is None else atol)
    check_memory(run)
    if numbers is not None:
        against = "golden results"
        matches = compare_numbers(run, Order.PROGRAM, seed, tolerances, tell).matches
    elif baseline is None:
        raise InputError(f"{run.workload.name} has neither golden results nor a baseline")
    else:
        against = "the baseline's outputs"
        matches = _against_baseline(run, _resized(baseline, sizes, tell), seed, tolerances, tell)
    seconds = perf_counter() - began
    return Checked(run.full_name, against, not sizes, matches, tolerances, seconds)


def _resized(run: Run, sizes: Mapping[str, int], tell: Report) -> Run:
    if not sizes:
        return run
    return replay(run.workload, {**run.parameters, **sizes}, run.setup, tell)


def _against_baseline(
    run: Run, baseline: Run, seed: int, tolerances: Tolerances, tell: Report
) -> tuple[Match, ...]:
    """Compare two ways of cutting one program, on the same inputs."""
    workload = program_of(run.workload, "compute")
    inputs = any_inputs(baseline, workload, seed)
    should, found = (
        compute_outputs(each, inputs, Order.PROGRAM, program_order(each.graph), None, tell)
        for each in (baseline, run)
    )
    return tuple(
        match(name, found[name], values, strange_matches=True, **tolerances._asdict())
        for name, values in should.items()
    )
