"""The running cores of a scheduler thread, in the order in which it reads their state."""

from __future__ import annotations

from bisect import bisect
from collections.abc import Callable
from math import ceil
from typing import Final

from devices.cores import CorePool

__all__ = ["Sweep", "TwoSlotSweep"]

_NEVER: Final = float("inf")


class Sweep:
    """What runs, by core number: three parallel lists, as a read looks at nothing but the times.

    Parameters
    ----------
    read_us : float
        What one read costs. It sees what is visible when it begins, and takes its time.
    pool : CorePool
        Runs tasks.
    number_part : callable
        ``number_part(task)`` is the number of a new part of a task that takes several cores.

    Attributes
    ----------
    cores, tasks : list of int
        Running cores and their tasks.
    visible_us : list of float
        When a read of each core can see something new: that its task has ended.
    position : int
        Where in the sweep something was found.
    seen_us : float
        When the read began that found it.
    """

    def __init__(self, read_us: float, pool: CorePool, number_part: Callable[[int], int]) -> None:
        self.read_us = read_us
        self.cores: list[int] = []
        self.tasks: list[int] = []
        self.visible_us: list[float] = []
        self.position = 0
        self.seen_us = 0.0
        self._from = 0, 0.0  # where the current sweep went on, and when
        self._pool = pool
        self._number_part = number_part

    def start(self, core: int, task: int, dispatch_us: float) -> None:
        """Give a task to an idle core, and read that core from now on."""
        position = bisect(self.cores, core)
        self.cores.insert(position, core)
        self.tasks.insert(position, task)
        self.visible_us.insert(position, self._pool.run(core, task, dispatch_us)[1])

    def start_gated(self, core: int, task: int, staged_us: float, ring_us: float) -> None:
        """Let an idle core begin a task that it was given before, and read it from now on."""
        self._enter(core, task, *self._pool.run_gated(core, task, staged_us, ring_us))

    def _enter(self, core: int, task: int, accepted_us: float, ended_us: float) -> None:
        del accepted_us  # of no interest where a core has one slot
        self._insert(core, task, ended_us)

    def new_part(self, task: int, duration_us: float, share: float) -> int:
        """Number of a part of a task that takes several cores, for `start`.

        It moves a share of what the task moves through the memory.
        """
        part = self._number_part(task)
        self._pool.describe_part(part, task, duration_us, share)
        return part

    def _insert(self, core: int, task: int, visible_us: float) -> None:
        position = bisect(self.cores, core)
        if position <= self.position < len(self.cores):  # what was found stays found
            self.position += 1
        if position < self._from[0]:
            self._from = self._from[0] + 1, self._from[1]
        self.cores.insert(position, core)
        self.tasks.insert(position, task)
        self.visible_us.insert(position, visible_us)

    def completes(self) -> bool:
        """Whether what was found completes a task."""
        return True

    def take(self) -> tuple[int, int, bool]:
        """Complete the task that was found ended; returns core, task and whether the core idles."""
        del self.visible_us[self.position]
        return self.cores.pop(self.position), self.tasks.pop(self.position), True

    def has_ended_too(self) -> bool:
        """Whether the same read shows that the task behind the completed one has ended."""
        return False

    def accept(self) -> int:
        """Note that the core that was found has accepted its task, and return that core."""
        raise AssertionError("a core of one slot is read for ends only")

    def first_end(self, start_us: float, period_us: float) -> float:
        """Find the first news that sweeps will see; the first begins at `start_us`.

        Returns
        -------
        rounds : float
            How many sweeps before see nothing; infinite if no end is known.
        """
        read_us = start_us
        first_us, first_rounds = _NEVER, _NEVER
        for position, visible_us in enumerate(self.visible_us):
            if visible_us < first_us:  # else it is not seen before; not at all, if never visible
                late_us = visible_us - read_us
                if late_us <= 0.0:
                    rounds, seen_us = 0.0, read_us
                elif period_us:
                    rounds = float(ceil(late_us / period_us))
                    seen_us = read_us + rounds * period_us
                    seen_us = max(seen_us, visible_us)  # not before it, by what rounding makes
                else:  # loops that take no time see an end when it becomes visible
                    rounds, seen_us = 1.0, visible_us
                if seen_us < first_us:
                    first_us, first_rounds, self.position = seen_us, rounds, position
            read_us += self.read_us
        self.seen_us = first_us
        return first_rounds

    def next_end(self, read_us: float) -> tuple[float, bool]:
        """Sweep on from the last position, at `read_us`, to the next news or through.

        Returns
        -------
        read_us : float
            When the last read ends.
        found : bool
            Whether it has seen something.
        """
        visible_us, cost_us = self.visible_us, self.read_us
        self._from = self.position, read_us
        for position in range(self.position, len(visible_us)):
            begin_us, read_us = read_us, read_us + cost_us
            if visible_us[position] <= begin_us:
                self.position, self.seen_us = position, begin_us
                return read_us, True
        return read_us, False

    def next_end_again(self) -> tuple[float, bool]:
        """Do the same sweep anew, as ends have moved that it has not come to; as `next_end`."""
        self.position, read_us = self._from
        return self.next_end(read_us)

    def move(self, core: int, task: int, accepted_us: float, ended_us: float) -> None:
        """Take note of other times when reads can see what `start` has said of a task."""
        del task, accepted_us  # a core has one, and shows its end only
        self.visible_us[self.cores.index(core)] = ended_us


class TwoSlotSweep(Sweep):
    """The same for cores with a second slot, which go on to the task in it by themselves.

    A read then shows that a core has accepted a task, which frees its second slot, or that it has
    ended one. While a second task waits, the end of the first is not looked at; it shows in the
    acceptance of the second.
    """

    def __init__(self, read_us: float, pool: CorePool, number_part: Callable[[int], int]) -> None:
        super().__init__(read_us, pool, number_part)
        self._ended_us: dict[int, float] = {}  # of the running task of each core
        self._second: dict[int, tuple[int, float]] = {}  # task and its end
        self._accepted: dict[int, bool] = {}

    def start(self, core: int, task: int, dispatch_us: float) -> None:
        """Give a task to an idle core, or to the second slot of a running one."""
        accepted_us, ended_us = self._pool.run(core, task, dispatch_us)
        if core in self._ended_us:
            self._second[core] = task, ended_us
            self.visible_us[self.cores.index(core)] = accepted_us
            return
        self._enter(core, task, accepted_us, ended_us)

    def _enter(self, core: int, task: int, accepted_us: float, ended_us: float) -> None:
        self._ended_us[core] = ended_us
        self._accepted[core] = False
        self._insert(core, task, accepted_us)

    def completes(self) -> bool:
        """Whether what was found completes a task."""
        core = self.cores[self.position]
        return core in self._second or self._ended_us[core] <= self.seen_us

    def take(self) -> tuple[int, int, bool]:
        """Complete the running task of the core that was found; the second one becomes it."""
        core, task = self.cores[self.position], self.tasks[self.position]
        if core in self._second:
            self.tasks[self.position], self._ended_us[core] = self._second.pop(core)
            self._accepted[core] = True
            self.visible_us[self.position] = self._ended_us[core]
            if self._ended_us[core] > self.seen_us:
                self.position += 1  # sweep on behind it
            return core, task, False
        del self._ended_us[core], self._accepted[core]
        return super().take()[0], task, True

    def accept(self) -> int:
        """Note that the core that was found has accepted its task, and return that core."""
        core = self.cores[self.position]
        self._accepted[core] = True
        self.visible_us[self.position] = self._ended_us[core]
        self.position += 1
        return core

    def has_ended_too(self) -> bool:
        """Whether the same read shows that the task behind the completed one has ended."""
        here = self.position < len(self.cores) and self.visible_us[self.position] <= self.seen_us
        return here and self._accepted[self.cores[self.position]]

    def move(self, core: int, task: int, accepted_us: float, ended_us: float) -> None:
        """Take note of other times when reads can see what `start` has said of a task."""
        position = self.cores.index(core)
        second = self._second.get(core)
        if second is not None and second[0] == task:
            self._second[core] = task, ended_us
            self.visible_us[position] = accepted_us
            return
        self._ended_us[core] = ended_us
        if second is None and self._accepted[core]:
            self.visible_us[position] = ended_us
