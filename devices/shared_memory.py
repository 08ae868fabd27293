"""The memory that all cores share while they run: HBM and L2, which deliver so much and no more.

A kernel moves its bytes evenly over the time that it would take alone, or more slowly where its
fair share is less. As long as all that runs or is about to run wants no more than there is, ends
are known when tasks are given to cores, and nothing happens here. Otherwise tasks of the same rate
form a group with a clock of its own, which goes as fast as they do: a change of speed changes
clocks, not tasks. Only then do starts and ends of tasks cost an event each.
"""

from __future__ import annotations

from collections.abc import Callable
from heapq import heappop, heappush
from typing import Final

from devices.events import Clock, Event
from devices.fair_share import fair_speeds

__all__ = ["SharedMemory"]

_NEVER: Final = float("inf")
_SAME_US: Final = 1e-9
"""Ends nearer than that to now have come: less than rounding makes of a run of seconds."""


class _Stream:
    """One kernel that moves bytes."""

    __slots__ = ("alone_us", "cancelled", "end_us", "number", "rates", "start_us", "watched")

    def __init__(
        self, number: int, start_us: float, alone_us: float, rates: tuple[float, float]
    ) -> None:
        self.number = number
        self.start_us = start_us
        self.alone_us = alone_us
        self.rates = rates
        self.end_us = start_us + alone_us  # infinite once somebody slows it down
        self.watched = False  # whether its start is or was an event
        self.cancelled = False


class _Group:
    """Running streams of one rate.

    Attributes
    ----------
    clock_us : float
        Time that each of them would have run by now at full speed, from some beginning on.
    ends : heap of (float, int, _Stream)
        When each ends by that clock.
    """

    __slots__ = ("clock_us", "ends", "speed")

    def __init__(self) -> None:
        self.clock_us = 0.0
        self.speed = 1.0
        self.ends: list[tuple[float, int, _Stream]] = []


class SharedMemory:
    """Decides when kernels end that move bytes at the same time.

    Parameters
    ----------
    clock : Clock
        The simulation.
    hbm_gbps, l2_gbps : float
        What they deliver to all cores together.
    moved : callable
        ``moved(number, end_us)`` is told that the end of an execution is another than was said:
        infinite where it is not known any more, or now.
    """

    def __init__(
        self,
        clock: Clock,
        hbm_gbps: float,
        l2_gbps: float,
        moved: Callable[[int, float], None],
    ) -> None:
        self._clock = clock
        self._limits = hbm_gbps * 1e3, l2_gbps * 1e3  # bytes a us
        self._moved = moved
        self._open: dict[int, _Stream] = {}  # may run: given to a core, and not known to have ended
        self._wanted = [0.0, 0.0]  # by all of them
        self._groups: dict[tuple[float, float], _Group] = {}
        self._now_us = 0.0  # where the clocks stand
        self._slowed = False
        self._unknown = 0  # running streams whose ends are not known
        self._pending: Event | None = None

    def begin(
        self, number: int, start_us: float, alone_us: float, hbm_bytes: float, l2_bytes: float
    ) -> float:
        """Let a kernel run from `start_us` on, which lies ahead.

        Returns
        -------
        float
            When it ends, or infinity where that shows only then; `moved` is told if it changes.
        """
        if not l2_bytes or not alone_us:
            return start_us + alone_us
        rates = hbm_bytes / alone_us, l2_bytes / alone_us
        stream = _Stream(number, start_us, alone_us, rates)
        self._open[number] = stream
        wanted = self._wanted
        wanted[0] += rates[0]
        wanted[1] += rates[1]
        if wanted[0] > self._limits[0] or wanted[1] > self._limits[1]:
            self._watch()
        if self._slowed:
            stream.end_us = _NEVER
        return stream.end_us

    def cancel(self, number: int) -> None:
        """Forget a kernel that has not started after all."""
        stream = self._open.get(number)
        if stream is not None:
            stream.cancelled = True
            self._close(stream)

    def _watch(self) -> None:
        """Have starts be events, if all that may run still wants more than there is."""
        now_us = self._clock.now_us
        self._tick(now_us)
        self._drop_ended()
        for stream in [s for s in self._open.values() if not s.watched and s.end_us <= now_us]:
            self._close(stream)
        if self._is_enough():
            return
        for stream in self._open.values():
            if not stream.watched:
                stream.watched = True
                if stream.start_us < now_us:
                    self._enter(stream, stream.end_us - now_us)
                else:
                    self._clock.after(stream.start_us - now_us, self._start, stream)

    def _is_enough(self) -> bool:
        """Whether there is enough for all that may run."""
        wanted, limits = self._wanted, self._limits
        return wanted[0] <= limits[0] and wanted[1] <= limits[1]

    def _close(self, stream: _Stream) -> None:
        del self._open[stream.number]
        self._wanted[0] -= stream.rates[0]
        self._wanted[1] -= stream.rates[1]
        if not self._open:
            self._wanted = [0.0, 0.0]  # what rounding has left

    def _enter(self, stream: _Stream, left_us: float) -> None:
        group = self._groups.get(stream.rates)
        if group is None:
            group = self._groups[stream.rates] = _Group()
        heappush(group.ends, (group.clock_us + left_us, stream.number, stream))

    def _start(self, event: Event) -> None:
        stream = event.value
        if not isinstance(stream, _Stream) or stream.cancelled:
            return
        self._tick(self._clock.now_us)
        self._enter(stream, stream.alone_us)
        self._unknown += stream.end_us == _NEVER
        self._settle()

    def _end(self, event: Event) -> None:
        if event is self._pending:  # else something has changed since
            self._tick(self._clock.now_us)
            self._settle()

    def _tick(self, now_us: float) -> None:
        """Put the clocks forward; speeds were the same until now, or there would be an event."""
        passed_us, self._now_us = now_us - self._now_us, now_us
        for group in self._groups.values():
            group.clock_us += passed_us * group.speed

    def _settle(self) -> None:
        """Let end what has ended, find how fast the rest runs, and say whose end has moved."""
        now_us = self._clock.now_us
        moved = [(stream.number, now_us) for stream in self._drop_ended(known_only=False)]
        self._share()
        if self._slowed:
            moved += [(number, _NEVER) for number in self._slowed_down()]
        self._await_end()
        for number, end_us in moved:  # last: what is told may begin other kernels
            self._moved(number, end_us)

    def _drop_ended(self, *, known_only: bool = True) -> list[_Stream]:
        """Close running streams that have ended; returns those whose ends were not known."""
        found = []
        for rates, group in list(self._groups.items()):
            while group.ends and group.ends[0][0] <= group.clock_us + _SAME_US:
                stream = group.ends[0][2]
                if stream.end_us == _NEVER:
                    if known_only:
                        break
                    self._unknown -= 1
                    found.append(stream)
                heappop(group.ends)
                self._close(stream)
            if not group.ends:
                del self._groups[rates]
        return found

    def _share(self) -> None:
        """Find how fast everything runs from now on."""
        groups = self._groups
        counts = [len(group.ends) for group in groups.values()]
        speeds = fair_speeds(list(groups), counts, self._limits)
        for group, speed in zip(groups.values(), speeds, strict=True):
            group.speed = speed
        self._slowed = any(speed < 1.0 for speed in speeds)

    def _slowed_down(self) -> list[int]:
        """Forget the ends of what runs slowly; returns whose was known."""
        found = []
        for group in self._groups.values():
            if group.speed < 1.0:
                for _, number, stream in group.ends:
                    if stream.end_us < _NEVER:
                        stream.end_us = _NEVER
                        found.append(number)
        self._unknown += len(found)
        return found

    def _await_end(self) -> None:
        """Have the next end be an event, if it says or changes something."""
        self._pending = None
        if self._slowed or self._unknown:
            left_us = min((g.ends[0][0] - g.clock_us) / g.speed for g in self._groups.values())
            self._pending = self._clock.after(max(0.0, left_us), self._end)
