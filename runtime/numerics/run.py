"""Running a whole program in numbers, and finding where two orders of its tasks part."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from zlib import crc32

import numpy as np

from devices.kernel import Direction
from runtime.graph import View
from runtime.numerics.elements import Array
from runtime.numerics.memory import GlobalMemory
from runtime.numerics.tasks import Observer, check_computable, run_task
from runtime.submits import Submits

__all__ = ["FirstNotFinite", "TaskWrite", "Writes", "compute_numbers", "outputs"]

_TASKS_PER_REPORT = 256
"""Tasks between two calls of `report`."""


@dataclass(frozen=True, slots=True)
class TaskWrite:
    """One write of one task.

    Attributes
    ----------
    task : int
        The submit that wrote it.
    view : View
        What it wrote: tensor, shape and offset in elements.
    """

    task: int
    view: View


@dataclass
class Writes:
    """Check sums of everything that tasks write, to compare runs in several orders.

    Attributes
    ----------
    sums : dict of int to list of int
        Check sum of each write of each task, in the order of its writes.
    """

    sums: dict[int, list[int]] = field(default_factory=dict)

    def record(self, task: int, view: View, offset: tuple[int, ...], values: Array) -> None:
        """Keep the check sum of a write."""
        del view, offset
        self.sums.setdefault(task, []).append(_check_sum(values))

    def comparison(self) -> Comparison:
        """An observer of another run that finds its first deviation from this one."""
        return Comparison(self)


@dataclass
class Comparison:
    """Finds the first write of a run that differs from the same write of another one."""

    expected: Writes
    first: TaskWrite | None = None
    _seen: dict[int, int] = field(default_factory=dict)

    def observe(self, task: int, view: View, offset: tuple[int, ...], values: Array) -> None:
        """Compare one write; nothing is looked at behind the first deviation."""
        if self.first is not None:
            return
        number = self._seen.get(task, 0)
        self._seen[task] = number + 1
        sums = self.expected.sums.get(task, [])
        if number >= len(sums) or sums[number] != _check_sum(values):
            self.first = _write(task, view, offset, values)


@dataclass
class FirstNotFinite:
    """Finds the first write that holds NaN or an infinity."""

    first: TaskWrite | None = None

    def observe(self, task: int, view: View, offset: tuple[int, ...], values: Array) -> None:
        """Look at one write; nothing is looked at behind the first that is found."""
        if self.first is None and not np.isfinite(values).all():
            self.first = _write(task, view, offset, values)


def compute_numbers(
    submits: Submits,
    inputs: Mapping[str, Array],
    order: Sequence[int],
    *,
    observe: Observer | None = None,
    report: Callable[[int], None] | None = None,
) -> dict[str, Array]:
    """Run every task of a recorded program on numbers, one after the other.

    Parameters
    ----------
    submits : Submits
        The recorded program.
    inputs : mapping of str to array
        What the program's tensors hold at first, by name; see `GlobalMemory`. Stays as it is.
    order : sequence of int
        The tasks, in the order in which they run.
    observe : callable, optional
        Told of every write.
    report : callable, optional
        Told now and then how many tasks have run.

    Returns
    -------
    dict of str to array
        The program's tensors that some task writes, by name.

    Raises
    ------
    LanguageError
        An operation or dtype has no numbers; the message has its line.
    InputError
        The inputs do not fit the program.
    """
    check_computable(submits)
    memory = GlobalMemory(submits.arguments, inputs)
    with np.errstate(all="ignore"):  # infinities and NaN are results, and reported as such
        for number, task in enumerate(order):
            if report is not None and number % _TASKS_PER_REPORT == 0:
                report(number)
            run_task(submits, task, memory, observe)
    return {view.buffer.name: memory.array(view.buffer) for view in outputs(submits)}


def outputs(submits: Submits) -> list[View]:
    """The program's tensors that some task writes, in the order of its parameters."""
    directions = [[p.direction for p in kernel.parameters] for kernel in submits.kernels]
    written = {
        view.buffer
        for kernel, views in zip(submits.kernel, submits.views, strict=True)
        if kernel >= 0
        for view, direction in zip(views, directions[kernel], strict=True)
        if direction is not Direction.IN
    }
    return [view for view in submits.arguments if view.buffer in written]


def _write(task: int, view: View, offset: tuple[int, ...], values: Array) -> TaskWrite:
    start = tuple(a + b for a, b in zip(view.offset, offset, strict=True))
    return TaskWrite(task, View(view.buffer, values.shape, start))


def _check_sum(values: Array) -> int:
    return crc32(np.ascontiguousarray(values).view(np.uint8).reshape(-1).data)
