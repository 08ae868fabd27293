"""A look at the ready queues, as an event."""

from __future__ import annotations

from simpy import Environment, Event
from simpy.events import EventPriority

__all__ = ["Look"]

_LAST = EventPriority(2)  # after SimPy's URGENT and NORMAL


class Look(Event):
    """A look at the queues: of all that happens at one time, it comes last and sees the rest."""

    def __init__(self, env: Environment, delay_us: float) -> None:
        self.env = env
        self.callbacks = []
        self._value = None
        self._ok = True
        env.schedule(self, _LAST, delay_us)
