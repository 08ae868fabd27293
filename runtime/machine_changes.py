"""What-ifs of the machine: what a later version of the runtime has, added to any other one."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import ClassVar

import msgspec
import numpy as np

from devices.errors import InputError
from runtime.case import Case
from runtime.contraction import rebuild
from runtime.graph import DUMMY
from runtime.launch import Launch
from runtime.used_kernels import kernel_number

__all__ = ["DummyBefore", "EarlyDispatch", "SecondSlot"]

_TASKS, _MACHINE = 2, 3
"""Stages, as `runtime.changes` has them."""


@dataclass(frozen=True)
class SecondSlot:
    """Cores that hold a second task, and go on to it by themselves."""

    stage: ClassVar[int] = _MACHINE

    def apply(self, case: Case) -> tuple[Case, str]:
        """Change the rules of the runtime."""
        rules = case.runtime.rules
        if rules.slots_per_core > 1:
            raise InputError(f"{case.runtime.name} has a second slot per core already")
        rules = msgspec.structs.replace(rules, slots_per_core=2)
        runtime = msgspec.structs.replace(case.runtime, rules=rules)
        return replace(case, runtime=runtime), "a second slot per core"


@dataclass(frozen=True)
class EarlyDispatch:
    """Consumers of a kernel lie on their core before they are ready.

    Attributes
    ----------
    kernel : str
        Whose tasks allow it.
    """

    stage: ClassVar[int] = _MACHINE
    kernel: str

    def apply(self, case: Case) -> tuple[Case, str]:
        """Change the launches of the kernel and the rules of the runtime."""
        number, launches = kernel_number(case.graph, self.kernel), dict(case.graph.launches)
        for task in np.flatnonzero(case.graph.kernel == number).tolist():
            launches[task] = replace(launches.get(task, Launch()), allows_early=True)
        rules = msgspec.structs.replace(case.runtime.rules, early_dispatch=True)
        runtime = msgspec.structs.replace(case.runtime, rules=rules)
        graph = replace(case.graph, launches=launches)
        words = f"early dispatch of the consumers of {self.kernel}"
        return replace(case, graph=graph, runtime=runtime), words


@dataclass(frozen=True)
class DummyBefore:
    """One dummy task that all tasks of a kernel wait for, in place of what comes before them.

    It waits for all producers of theirs that are submitted before the first of them.

    Attributes
    ----------
    kernel : str
        Whose tasks wait for it.
    """

    stage: ClassVar[int] = _TASKS
    kernel: str

    def apply(self, case: Case) -> tuple[Case, str]:
        """Insert a submit before the kernel's first, and lead the edges over it."""
        graph = case.graph
        number = kernel_number(graph, self.kernel)
        first = int(np.flatnonzero(graph.kernel == number)[0])
        fanin: list[list[int]] = []
        gathered: dict[int, None] = {}
        led = 0
        for task in range(len(graph)):
            producers = graph.producers(task).tolist()
            if graph.kernel[task] == number:
                before = [p for p in producers if p < first]
                gathered.update(dict.fromkeys(before))
                led += len(before)
                producers = [first - 1] * bool(before) + [p for p in producers if p >= first]
                # The dummy comes in at `first`; until all are renumbered it is the one before.
                moved = [first if p == first - 1 else p + 1 for p in producers]
                fanin.append(moved)
            else:
                fanin.append([p + (p >= first) for p in producers])
        fanin.insert(first, list(gathered))
        members = [(task,) for task in range(len(graph))]
        members.insert(first, (first,))
        kernel = [*graph.kernel.tolist()]
        kernel.insert(first, DUMMY)
        made = rebuild(graph, members, graph.kernels, kernel, fanin)
        entries = made.chain_entries.copy()
        entries[first] = 0
        views, scalars = list(made.views), list(made.scalars)
        views[first], scalars[first] = (), ()
        launches = {task: launch for task, launch in made.launches.items() if task != first}
        made = replace(made, chain_entries=entries, views=views, scalars=scalars, launches=launches)
        times_us = np.insert(case.durations_us, first, 0.0)
        words = f"a dummy task before {self.kernel}: {led:,} edges through one task"
        return replace(case, graph=made, durations_us=times_us, uses=None), words
