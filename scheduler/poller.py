"""What the board and its users know of a scheduler thread."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from scheduler.queues import ReadyQueue

__all__ = ["Poller"]


class Poller(Protocol):
    """A thread that looks at the queues.

    Attributes
    ----------
    queues : sequence of ReadyQueue
        Where it finds the ready tasks of each shape that may run on any core.
    """

    queues: Sequence[ReadyQueue]

    def next_look_us(self, shape: int, now_us: float) -> float:
        """When it looks at the queue of `shape` next and has a core for it, or never (inf)."""

    def look_at(self, look_us: float) -> None:
        """Have it look at that time."""

    def look_for(self, shape: int, now_us: float) -> None:
        """Have it look at the queue of `shape` as soon as it does."""

    def keep(self, task: int, core: int, now_us: float) -> None:
        """Have it run a ready task on one of its own cores, a MIX task on that cluster."""

    def waits_for(self, core: int) -> bool:
        """Whether it keeps a task for one of its own cores, or for its cluster."""

    def settle(self, now_us: float) -> None:
        """Release what an idle iteration that ended by then has released."""

    def next_release_us(self) -> float:
        """When it releases what it has completed, if nothing comes before; else never (inf)."""

    def open_gate(self, task: int, core: int, staged_us: float, now_us: float) -> None:
        """Let one of its cores begin a task that it was given before."""

    def has_idle(self, shape: int) -> bool:
        """Whether one of its cores of a shape is idle."""

    def idle_count(self, shape: int) -> int:
        """How many of its cores of a shape are idle."""

    def stand_still(self) -> bool:
        """Dispatch nothing until `go_on`, if it is between two iterations; returns whether so."""

    def place_together(self, task: int, now_us: float) -> float:
        """Place blocks of that task on its cores; returns when that is done."""

    def go_on(self, now_us: float) -> None:
        """Dispatch again."""

    def move(self, core: int, task: int, accepted_us: float, ended_us: float) -> None:
        """Note that reads of one of its cores see news of a task at other times than was known."""
