"""What a scheduler thread spends, and the rules by which it works."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

__all__ = ["EARLY", "PENDING", "ThreadCosts", "ThreadRules"]

PENDING: Final = 4
"""Added to a shape: the second slots of busy cores of that shape."""

EARLY: Final = 8
"""Added to a shape: idle cores, for tasks whose producers still run."""


@dataclass(frozen=True, slots=True)
class ThreadCosts:
    """What a scheduler thread spends, in microseconds.

    Attributes
    ----------
    read_us : float
        One read of a running core's state.
    loop_us : float
        One iteration, besides its reads.
    completion_us : float
        Completing a task, up to the moment at which its consumers can no longer grow.
    per_consumer_us : float
        Walking on to one consumer.
    dispatch_us : float
        Deciding on, preparing and writing one task to a core.
    """

    read_us: float
    loop_us: float
    completion_us: float
    per_consumer_us: float
    dispatch_us: float


@dataclass(frozen=True, slots=True)
class ThreadRules:
    """What differs between versions of the scheduler.

    Attributes
    ----------
    phases : tuple of int
        What an iteration dispatches, in order: a shape to idle cores, or a shape plus `PENDING`
        to second slots, or a shape plus `EARLY` before it is ready.
    local_capacity : int
        Tasks per shape that a local buffer holds; with 0, what becomes ready goes to the queues
        at once.
    deferred_limit : int
        Completed tasks that a thread keeps unreleased at the most.
    publishes_batches : bool
        Whether the tasks of one batch reach their cores together, when all are prepared.
    mix_first : bool
        Whether AIC and AIV tasks wait while a MIX task does.
    finishes_when_seen : bool
        Whether the finish stamp is the observation of the end, and not the end of the walk.
    """

    phases: tuple[int, ...]
    local_capacity: int
    deferred_limit: int
    publishes_batches: bool = False
    mix_first: bool = False
    finishes_when_seen: bool = False
