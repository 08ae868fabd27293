"""Time in a run: a SimPy environment, and events that cost as little as they can.

Three events happen for every task, so that what SimPy does to make and process one in general
would take half of the time of a run. The queue is SimPy's and what is in it behaves as SimPy's
events do: ``clock.env.run()`` gives the same run, more slowly.
"""

from __future__ import annotations

from collections.abc import Callable
from heapq import heappop, heappush
from typing import Any, Final

from simpy import Environment

from devices.signals import heed_signals

__all__ = ["LAST", "NORMAL", "Clock", "Event"]

NORMAL: Final = 1
"""SimPy's usual priority."""
LAST: Final = 2
"""Of all that happens at one time, what sees the rest."""

_HEEDED_EVENTS: Final = 10_000
"""Events between two looks at signals: some hundredths of a second."""


class Event:
    """Something that will happen; it cannot fail, and has one callback.

    Attributes
    ----------
    value : object
        What the callback has to know.
    """

    def __init__(
        self, clock: Clock, time_us: float, step: Callable[[Event], None], value: object
    ) -> None:
        self.time_us = time_us
        self.step = step
        self.value = value
        self._clock = clock
        self._ok = True  # for SimPy: it has not failed

    @property
    def callbacks(self) -> list[Callable[[Event], None]]:
        """What SimPy calls."""
        return [self._happen]

    @callbacks.setter
    def callbacks(self, callbacks: None) -> None:
        """Take no note that SimPy has processed it."""

    def _happen(self, event: Event) -> None:
        self._clock.now_us = self.time_us
        self.step(event)


class Clock:
    """Simulated time.

    Attributes
    ----------
    env : Environment
        Whose queue it is.
    now_us : float
        The time of what happens now.
    """

    def __init__(self) -> None:
        self.env = Environment()
        self.now_us = 0.0
        self._queue: list[Any] = self.env._queue
        self._count = 0

    def after(
        self,
        delay_us: float,
        step: Callable[[Event], None],
        value: object = None,
        priority: int = NORMAL,
    ) -> Event:
        """Have ``step(event)`` be called after a delay, as SimPy does with a `Timeout`."""
        time_us = self.now_us + delay_us
        event = Event(self, time_us, step, value)
        self._count += 1
        heappush(self._queue, (time_us, priority, self._count, event))
        return event

    def run(self) -> None:
        """Let everything happen; ``env.run()`` without what no event here needs."""
        queue, left = self._queue, _HEEDED_EVENTS
        while queue:
            event: Event = heappop(queue)[3]
            self.now_us = event.time_us
            event.step(event)
            left -= 1
            if not left:
                heed_signals()
                left = _HEEDED_EVENTS
