"""What-ifs: small named changes of a case, of its graph, its kernel times or its machine."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import ClassVar, Protocol

import numpy as np

from devices.description import settings, with_values
from devices.errors import InputError, unknown_name
from devices.kernel import CoreType
from runtime.case import Case
from runtime.times import SUBMIT_COSTS, durations_us, memory_uses
from runtime.transforms import Transformed, Work, fuse_kernels, merge_tasks, split_tasks
from runtime.used_kernels import kernel_number

__all__ = [
    "Change",
    "Clusters",
    "DropFalseEdges",
    "FreeSubmits",
    "Fuse",
    "Merge",
    "ScaleKernel",
    "SchedulerThreads",
    "SetConstant",
    "Split",
    "apply_changes",
]


class Change(Protocol):
    """A change of a case.

    Attributes
    ----------
    stage : int
        Changes are made in the order of their stages: edges and constants, times, tasks, machine.
    """

    stage: ClassVar[int]

    def apply(self, case: Case) -> tuple[Case, str]:
        """Change a case.

        Returns
        -------
        Case
            The changed one.
        str
            What was done, in words.

        Raises
        ------
        InputError
            The case has nothing that could be changed so.
        """


MOST_FACTOR = 1e6
"""Beyond it, sums of kernel times lose the digits of a microsecond."""

RECORDED, TIMES, TASKS, MACHINE = range(4)
"""Stages: what needs the graph as it was recorded, then the times of its kernels, and so on."""

_SHAPING = ("lookup_cap", "rings")
"""Constants of the runtime that decide which graph is found."""


def apply_changes(case: Case, changes: list[Change]) -> tuple[Case, list[str]]:
    """Make several changes, by stages: edges and constants, times, tasks, machine.

    What tasks that are split or joined do with the memory is not known; before the first such
    change, every task gets the kernel time that it has in a run, and keeps it.

    Returns
    -------
    Case
        With all changes.
    list of str
        What was done, in the order in which it was done.
    """
    done = []
    for change in sorted(changes, key=lambda change: change.stage):
        if change.stage == TASKS and case.uses is not None:
            case = case.as_run(case.simulate())
        case, words = change.apply(case)
        done.append(words)
    return case, done


@dataclass(frozen=True)
class DropFalseEdges:
    """Without the edges that exist only because whole tensors are compared.

    Attributes
    ----------
    producer, consumer : str or None
        The pair of kernels whose false edges go; None for all.
    """

    stage: ClassVar[int] = RECORDED
    producer: str | None = None
    consumer: str | None = None

    def apply(self, case: Case) -> tuple[Case, str]:
        """Drop false edges and keep the true order that they enforced."""
        false = case.false_dependences
        pairs = None
        if self.producer is not None and self.consumer is not None:
            pairs = [
                (kernel_number(case.graph, self.producer), kernel_number(case.graph, self.consumer))
            ]
        count = sum(
            pair.count
            for pair in false.pairs
            if pairs is None or (pair.producer, pair.consumer) in pairs
        )
        which = f" from {self.producer} to {self.consumer}" if pairs else ""
        if pairs and not count:
            raise InputError(f"{case.graph.name} has no false dependences{which}")
        return replace(case, graph=false.without(pairs)), f"dropped {count:,} false edges{which}"


@dataclass(frozen=True)
class Split:
    """Each task of a kernel in several, which share its work."""

    stage: ClassVar[int] = TASKS
    kernel: str
    parts: int

    def apply(self, case: Case) -> tuple[Case, str]:
        """Split; each part has the start and the commit of a kernel."""
        result = split_tasks(_work(case), self.kernel, self.parts, case.fixed_us)
        return _with_work(case, result), (
            f"split {result.changed:,} tasks of {self.kernel} into {self.parts} each"
        )


@dataclass(frozen=True)
class Merge:
    """Several consecutive tasks of a kernel in one, as if more iterations ran in one task."""

    stage: ClassVar[int] = TASKS
    kernel: str
    count: int

    def apply(self, case: Case) -> tuple[Case, str]:
        """Merge; the start and the commit of a kernel are saved."""
        result = merge_tasks(_work(case), self.kernel, self.count, case.fixed_us)
        return _with_work(case, result), (
            f"merged tasks of {self.kernel}, {self.count} into one: {result.changed:,} new tasks"
            + _left_alone(result)
        )


@dataclass(frozen=True)
class Fuse:
    """Tasks of two kernels that follow each other in one.

    Attributes
    ----------
    core : CoreType or None
        Where the new tasks run; may be left open if both kernels run on the same.
    """

    stage: ClassVar[int] = TASKS
    first: str
    second: str
    core: CoreType | None = None

    def apply(self, case: Case) -> tuple[Case, str]:
        """Fuse; kernel times add up, less one start and commit."""
        result = fuse_kernels(_work(case), self.first, self.second, self.core, case.fixed_us)
        return _with_work(case, result), (
            f"fused {result.changed:,} pairs of {self.first} and {self.second}"
            + _left_alone(result)
        )


@dataclass(frozen=True)
class ScaleKernel:
    """Kernel times multiplied: of one kernel, or of all where none is named."""

    stage: ClassVar[int] = TIMES
    kernel: str | None
    factor: float

    def apply(self, case: Case) -> tuple[Case, str]:
        """Scale kernel times."""
        if not 0.0 <= self.factor <= MOST_FACTOR:
            raise InputError(
                f"a kernel time is scaled by a number from 0 to {MOST_FACTOR:g}, not {self.factor}"
            )
        scaled = case.durations_us.copy()
        if self.kernel is None:
            scaled *= self.factor
        else:
            scaled[case.graph.kernel == kernel_number(case.graph, self.kernel)] *= self.factor
        what = self.kernel or "all kernels"
        return replace(case, durations_us=scaled), f"time of {what} times {self.factor:g}"


@dataclass(frozen=True)
class SchedulerThreads:
    """Another number of scheduler threads."""

    stage: ClassVar[int] = MACHINE
    count: int

    def apply(self, case: Case) -> tuple[Case, str]:
        """Deal the clusters out to so many threads."""
        runtime = with_values(case.runtime, {"scheduler_threads": self.count})
        return replace(case, runtime=runtime), f"{self.count} scheduler threads"


@dataclass(frozen=True)
class Clusters:
    """Another number of clusters of one cube and two vector cores."""

    stage: ClassVar[int] = MACHINE
    count: int

    def apply(self, case: Case) -> tuple[Case, str]:
        """Change the device."""
        device = with_values(case.device, {"cores.clusters": self.count})
        return replace(case, device=device), f"{self.count} clusters"


@dataclass(frozen=True)
class FreeSubmits:
    """Submits, allocs, lookups and the records of them take no time."""

    stage: ClassVar[int] = MACHINE

    def apply(self, case: Case) -> tuple[Case, str]:
        """Change the runtime."""
        runtime = with_values(case.runtime, dict.fromkeys(SUBMIT_COSTS, 0.0))
        return replace(case, runtime=runtime), "submits take no time"


@dataclass(frozen=True)
class SetConstant:
    """Another value of a constant of the device's or the runtime's model.

    Attributes
    ----------
    key : str
        Its key in the TOML file, with dots.
    """

    stage: ClassVar[int] = RECORDED
    key: str
    value: float

    def apply(self, case: Case) -> tuple[Case, str]:
        """Change the runtime, or the device and with it kernel times."""
        if self.key in _SHAPING:
            raise InputError(f"{self.key} decides which graph is found; replay with another one")
        words = f"{self.key} = {self.value:g}"
        if self.key in settings(case.runtime):
            runtime = with_values(case.runtime, {self.key: self.value})
            return replace(case, runtime=runtime), words
        known = settings(case.device)
        if self.key not in known:
            raise unknown_name("constant", self.key, [*settings(case.runtime), *known])
        device = with_values(case.device, {self.key: self.value})
        times_us = np.array(durations_us(case.graph, device))
        footprints = case.uses.footprints if case.uses is not None else None
        uses = memory_uses(case.graph, device, footprints)
        return replace(case, device=device, durations_us=times_us, uses=uses), words


def _work(case: Case) -> Work:
    return Work(case.graph, case.durations_us)


def _with_work(case: Case, result: Transformed) -> Case:
    work = result.work
    return replace(case, graph=work.graph, durations_us=work.durations_us, uses=None)


def _left_alone(result: Transformed) -> str:
    if not result.left_alone:
        return ""
    return f" ({result.left_alone:,} left alone: other tasks lie between them)"
