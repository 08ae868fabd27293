"""How a task is launched, where that is not on one core, once."""

from __future__ import annotations

from dataclasses import dataclass

__all__ = ["Launch"]


@dataclass(frozen=True, slots=True)
class Launch:
    """Launch of a task.

    Attributes
    ----------
    blocks : int
        How many cores, or clusters of a MIX task, execute the kernel; each knows its number.
    sync_start : bool
        Whether they all have to start together.
    allows_early : bool
        Whether consumers may be put on a core while the task runs, to start when it ends.
    """

    blocks: int = 1
    sync_start: bool = False
    allows_early: bool = False
