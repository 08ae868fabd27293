"""Why one program takes longer than another: the gap, attributed to what differs.

Each factor is a switch from the first program's side to the second's, and a run exists for every
setting of the switches, so that the parts sum to the gap and nothing is left over:

- *graph*: which program's graph runs.
- *problem size*: at whose size.
- *false dependences*: whose are in force. A program has its own only while the switch stands at
  its side, so this factor is what they cost it.
- *number of tasks*: whose total of per-task costs is charged. The costs of each submit and of each
  dispatch, completion and core hand-over are scaled, so that their sum is that of the other
  program.
- *kernel time*: whose total kernel time is spent, per core type; the kernel times are scaled.

The graph factor is what remains when the other program's tasks neither cost more nor less in all:
how much can run at the same time, and how evenly the work is cut.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from enum import StrEnum
from functools import cache
from itertools import count

import numpy as np

from devices.description import with_values
from runtime.case import Case
from runtime.shapley import Part, attribute
from runtime.times import SUBMIT_COSTS, submit_costs_us
from runtime.version import RuntimeVersion

__all__ = ["Factor", "Gap", "attribute_gap"]

FIRST, SECOND = 0, 1


class Factor(StrEnum):
    """What two programs may differ in."""

    SIZE = "problem size"
    CHAINS = "false dependences (serial chains)"
    TASKS = "number of tasks (submit, dispatch)"
    KERNEL = "kernel time"
    GRAPH = "graph (parallelism, balance)"


@dataclass(frozen=True)
class Gap:
    """The difference between two wall-clocks in parts.

    Attributes
    ----------
    first_us, second_us : float
        The wall-clocks.
    parts : tuple of Part
        They sum to ``second_us - first_us``.
    """

    first_us: float
    second_us: float
    parts: tuple[Part, ...]


_TASK_COSTS = (
    "costs.completion_us",
    "costs.per_consumer_us",
    "costs.dispatch_us",
    "costs.aicpu_to_core_us",
    "costs.core_to_aicpu_us",
    "costs.core_prepare_us",
    "profiling.record_write_us",
)


def attribute_gap(
    cases: Mapping[tuple[int, int], Case], report: Callable[[str], None] | None = None
) -> Gap:
    """Attribute the gap between two programs.

    Parameters
    ----------
    cases : mapping
        The case of each program (0 and 1) at each one's size (0 and 1); where sizes do not
        differ, those with size 0 are enough.
    report : callable, optional
        Told each run that begins.

    Raises
    ------
    InputError
        A case cannot be simulated.
    """
    # Mixtures scale and exchange kernel times, so these have to be the same in every run.
    cases = {place: case.as_run(case.simulate()) for place, case in cases.items()}
    factors = [f for f in Factor if f is not Factor.SIZE or len({size for _, size in cases}) > 1]
    run = count(1)

    @cache
    def wall_clock_us(changed: frozenset[str]) -> float:
        if report is not None:
            report(f"hypothetical run {next(run)} of {2 ** len(factors)} between the two programs")
        return _between(cases, changed).simulate().wall_clock_us

    parts = attribute(factors, wall_clock_us)
    return Gap(wall_clock_us(frozenset()), wall_clock_us(frozenset(factors)), parts)


def _between(cases: Mapping[tuple[int, int], Case], changed: frozenset[str]) -> Case:
    """The case with some factors switched to the second program's side."""
    side = {factor: SECOND if factor in changed else FIRST for factor in Factor}
    own, size = side[Factor.GRAPH], side[Factor.SIZE]
    case, other = cases[own, size], cases[1 - own, size]
    hypothetical = case
    if side[Factor.CHAINS] != own:
        hypothetical = hypothetical.without_false_edges()
    if side[Factor.KERNEL] != own:
        hypothetical = _with_kernel_time_of(hypothetical, case, other)
    if side[Factor.TASKS] != own:
        hypothetical = _with_task_costs_of(hypothetical, case, other)
    return hypothetical


def _with_kernel_time_of(changed: Case, own: Case, other: Case) -> Case:
    """Scale kernel times to the other program's total, per core type that both have."""
    factor = np.ones(len(own.graph))
    for is_aic in (True, False):
        mine = (own.graph.is_aic == is_aic) & (own.graph.kernel >= 0)
        theirs = (other.graph.is_aic == is_aic) & (other.graph.kernel >= 0)
        own_us, other_us = own.durations_us[mine].sum(), other.durations_us[theirs].sum()
        if own_us and other_us:
            factor[mine] = other_us / own_us
    return replace(changed, durations_us=changed.durations_us * factor)


def _with_task_costs_of(changed: Case, own: Case, other: Case) -> Case:
    """Scale what a submit and a task cost to the other program's totals."""
    own_us = _submit_total_us(own)
    submits = _submit_total_us(other) / own_us if own_us else 1.0
    tasks = other.graph.task_count / own.graph.task_count
    factors = {
        **dict.fromkeys(SUBMIT_COSTS, submits),
        **dict.fromkeys(_TASK_COSTS, tasks),
    }
    return replace(changed, runtime=_scaled(changed.runtime, factors))


def _submit_total_us(case: Case) -> float:
    return float(submit_costs_us(case.graph, case.runtime, profiling=case.profiling).sum())


def _scaled(runtime: RuntimeVersion, factors: Mapping[str, float]) -> RuntimeVersion:
    """The runtime with some constants multiplied."""
    values = {}
    for key, factor in factors.items():
        table, name = key.split(".")
        values[key] = getattr(getattr(runtime, table), name).value * factor
    return with_values(runtime, values)
