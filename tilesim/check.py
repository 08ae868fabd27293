"""Checking a workload: its numbers in some order of tasks, its hazards, its on-chip capacity."""

from __future__ import annotations

import resource
import sys
from collections.abc import Collection, Mapping
from dataclasses import dataclass, replace
from math import inf
from time import perf_counter
from typing import Any

from devices.errors import InputError
from runtime.hazards import Hazards, find_hazards
from runtime.margins import Margin, find_margins
from runtime.numerics.comparison import Match
from runtime.numerics.orders import Order
from runtime.numerics.run import TaskWrite
from runtime.unordered import Key, Kind
from tilesim.capacity import Capacity
from tilesim.numeric_check import Against, Compared, Tolerances, check_memory, compare_numbers
from tilesim.replay import Report, Run, replay, run_case
from tilesim.setup import Setup
from tilesim.sources import Source, program_of
from workloads.numbers import Numbers
from workloads.recorded_workload import RecordedWorkload

__all__ = ["Check", "Repair", "check"]


@dataclass(frozen=True, slots=True)
class Repair:
    """Edges that were added to put unordered pairs in order.

    Attributes
    ----------
    kinds : tuple of Kind
        Which pairs.
    edges : int
        Edges that were added.
    before : Run
        The run without them.
    """

    kinds: tuple[Kind, ...]
    edges: int
    before: Run


@dataclass(frozen=True)
class Check:
    """What a check has found.

    Attributes
    ----------
    run : Run
        The simulated run of the graph that was checked, with repairs if any were asked for.
    order, seed, rtol, atol
        How the numbers were computed and compared.
    against : Against
        What they were compared with.
    matches : tuple of Match
        Each output against its golden values, or what stands for them.
    program_matches : tuple of Match
        The same for the program's own order.
    deviation : TaskWrite or None
        If an output does not match: the first write that differs from the same in program order.
    not_finite : TaskWrite or None
        If an output has NaN or infinities in program order: the first write that had some.
    hazards : Hazards
        Pairs of tasks that conflict and that nothing orders.
    margins : mapping of Key to Margin
        How those pairs came out in the simulated run.
    capacity : Capacity
        What each kernel takes on chip.
    repair : Repair or None
        What was repaired.
    seconds : float
        How long the check took.
    needed_bytes, peak_bytes : int
        Memory that was estimated, and the most that the process has had.
    """

    run: Run
    order: Order
    seed: int
    rtol: float
    atol: float
    against: Against
    matches: tuple[Match, ...]
    program_matches: tuple[Match, ...]
    deviation: TaskWrite | None
    not_finite: TaskWrite | None
    hazards: Hazards
    margins: Mapping[Key, Margin]
    capacity: Capacity
    repair: Repair | None
    seconds: float
    needed_bytes: int
    peak_bytes: int

    @property
    def is_match(self) -> bool:
        """Whether every element of every output is close to its golden value."""
        return all(one.is_match for one in self.matches)

    @property
    def problems(self) -> tuple[str, ...]:
        """What makes the check fail, in words: outputs that do not match, kernels that overflow."""
        wrong = [
            f"{one.total - one.matched} of {one.total} elements of {one.name} do not match"
            for one in self.matches
            if not one.is_match
        ]
        if self.against is Against.PROGRAM:
            wrong += [
                f"{one.name} is NaN or infinite everywhere, so orders cannot be compared: the "
                "program computes on what nothing has written"
                for one in self.matches
                if one.not_finite == one.total
            ]
        return (*wrong, *self.run.overflows)

    @property
    def passes(self) -> bool:
        """Whether the numbers match and every kernel fits on chip; hazards may remain."""
        return not self.problems


def check(
    workload: Source,
    settings: Mapping[str, Any] | None = None,
    setup: Setup | None = None,
    *,
    order: Order | None = None,
    seed: int = 0,
    rtol: float | None = None,
    atol: float | None = None,
    repair: Collection[Kind] = (),
    hazards_only: bool = False,
    report: Report | None = None,
) -> Check:
    """Compute what a workload computes, and find what could make it wrong.

    Where no golden results are known, the numbers of the program's own order stand for them: what
    differs in another order is a race.

    Parameters
    ----------
    workload : str or Workload
        As for `replay`.
    settings : mapping, optional
        Parameters that differ from its defaults.
    setup : Setup, optional
        What it runs on.
    order : Order, optional
        The order of the tasks in the numeric run: by default that of the program, or the
        adversarial one where no golden results are known.
    seed : int
        Seed of the inputs, and of a random order.
    rtol, atol : float, optional
        Tolerances, by default those that were published with the workload.
    repair : collection of Kind
        Unordered pairs to put in order first.
    hazards_only : bool
        Whether nothing is computed.
    report : callable, optional
        Told each step that begins.

    Raises
    ------
    InputError
        As `replay`; a tolerance is negative, an operation has no numbers, or memory is too small.
    """
    began, tell = perf_counter(), report or (lambda _: None)
    run = replay(workload, settings, setup, report)
    _check_recording(run, hazards_only=hazards_only)
    numbers = run.workload.numbers
    if order is None:
        order = Order.ADVERSARIAL if numbers is None else Order.PROGRAM
    # Two orders of one program compute the same, bit for bit.
    rtol = _tolerance("rtol", _published(numbers, "rtol") if rtol is None else rtol)
    atol = _tolerance("atol", _published(numbers, "atol") if atol is None else atol)
    needed = 0
    if not hazards_only:
        needed = check_memory(run)
    tell(f"{run.workload.name}: looking for unordered pairs of tasks")
    hazards = find_hazards(run.case.submits, run.graph, run.setup.dependencies)
    repaired = None
    if repair:
        run, hazards, repaired = _repaired(run, hazards, tuple(Kind(k) for k in repair), tell)
    compared = Compared()
    if not hazards_only:
        compared = compare_numbers(run, order, seed, Tolerances(rtol, atol), tell)
    return Check(
        run=run,
        order=order,
        seed=seed,
        rtol=rtol,
        atol=atol,
        against=compared.against,
        matches=compared.matches,
        program_matches=compared.program_matches,
        deviation=compared.deviation,
        not_finite=compared.not_finite,
        hazards=hazards,
        margins=find_margins(hazards, run.trace),
        capacity=Capacity(run.case.submits, run.setup.device),
        repair=repaired,
        seconds=perf_counter() - began,
        needed_bytes=needed,
        peak_bytes=_peak_bytes(),
    )


def _check_recording(run: Run, *, hazards_only: bool) -> None:
    """Refuse what a recording has too little for, before it takes any time."""
    if not isinstance(run.workload, RecordedWorkload):
        return
    if not hazards_only:
        program_of(run.workload, "compute; --hazards looks for hazards alone")
    if not run.workload.imported.has_tensors:
        raise InputError(
            f"{run.workload.name} names no tensors, so hazards cannot be found; a folder with a "
            "deps.json does"
        )


def _tolerance(name: str, value: float) -> float:
    if not 0.0 <= value < inf:
        raise InputError(f"{name} is a number from 0 on, not {value}")
    return value


def _published(numbers: Numbers | None, name: str) -> float:
    return 0.0 if numbers is None else float(getattr(numbers, name))


def _repaired(
    run: Run, hazards: Hazards, kinds: tuple[Kind, ...], tell: Report
) -> tuple[Run, Hazards, Repair]:
    graph = hazards.repaired(kinds)
    edges = graph.edge_count - run.graph.edge_count
    case = replace(run.case, graph=graph)
    after = run_case(run.workload, run.parameters, run.setup, case, run.trace_s, tell)
    found = find_hazards(run.case.submits, graph, run.setup.dependencies)
    return after, found, Repair(kinds, edges, run)


def _peak_bytes() -> int:
    """Most memory that the process has had."""
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return int(peak if sys.platform == "darwin" else peak * 1024)
