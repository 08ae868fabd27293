"""What the board and its users know of a scheduler thread."""

from __future__ import annotations

from abc import ABC, abstractmethod

from scheduler.queues import ReadyQueue

__all__ = ["Poller"]


class Poller(ABC):
    """A thread that looks at the queues.

    Attributes
    ----------
    queues : tuple of ReadyQueue
        Where it finds the ready tasks of each shape that may run on any core.
    """

    queues: tuple[ReadyQueue, ...]

    @abstractmethod
    def next_look_us(self, shape: int, now_us: float) -> float:
        """When it looks at the queue of `shape` next and has a core for it, or never (inf)."""

    @abstractmethod
    def look_at(self, look_us: float) -> None:
        """Have it look at that time."""

    @abstractmethod
    def look_for(self, shape: int, now_us: float) -> None:
        """Have it look at the queue of `shape` as soon as it does."""

    @abstractmethod
    def keep(self, task: int, core: int, now_us: float) -> None:
        """Have it run a ready task on one of its own cores, a MIX task on that cluster."""

    @abstractmethod
    def waits_for(self, core: int) -> bool:
        """Whether it keeps a task for one of its own cores, or for its cluster."""

    @abstractmethod
    def settle(self, now_us: float) -> None:
        """Release what an idle iteration that ended by then has released."""

    @abstractmethod
    def next_release_us(self) -> float:
        """When it releases what it has completed, if nothing comes before; else never (inf)."""

    @abstractmethod
    def open_gate(self, task: int, core: int, staged_us: float, now_us: float) -> None:
        """Let one of its cores begin a task that it was given before."""

    @abstractmethod
    def has_idle(self, shape: int) -> bool:
        """Whether one of its cores of a shape is idle."""

    @abstractmethod
    def idle_count(self, shape: int) -> int:
        """How many of its cores of a shape are idle."""

    @abstractmethod
    def stand_still(self) -> bool:
        """Dispatch nothing until `go_on`, if it is between two iterations; returns whether so."""

    @abstractmethod
    def place_together(self, task: int, now_us: float) -> float:
        """Place blocks of that task on its cores; returns when that is done."""

    @abstractmethod
    def go_on(self, now_us: float) -> None:
        """Dispatch again."""

    @abstractmethod
    def move(self, core: int, task: int, accepted_us: float, ended_us: float) -> None:
        """Note that reads of one of its cores see news of a task at other times than was known."""
