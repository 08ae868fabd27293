"""How the processes of a pool share the memory: each asks before it takes much."""

from __future__ import annotations

from dataclasses import dataclass, field

from tilesim.memory import PROCESS_BYTES

__all__ = ["Needs", "PoolRoom"]


@dataclass(frozen=True)
class Needs:
    """What a process says when it has read a program.

    Attributes
    ----------
    nbytes : int
        What it would take besides what every process has.
    """

    nbytes: int


@dataclass
class PoolRoom:
    """Memory that is promised to processes.

    Attributes
    ----------
    free_bytes : int
        What there was before any process was started.
    promised : dict of int to int
        Bytes by the number of the process.
    """

    free_bytes: int
    promised: dict[int, int] = field(default_factory=dict)

    @property
    def left_bytes(self) -> int:
        """What is promised to nobody."""
        return self.free_bytes - sum(self.promised.values())

    @property
    def has_room_for_one(self) -> bool:
        """Whether one more process may begin; the first one may in any case."""
        return not self.promised or self.left_bytes >= PROCESS_BYTES

    def begin(self, process: int) -> None:
        """Promise a new process what each has."""
        self.promised[process] = PROCESS_BYTES

    def ask(self, process: int, needs: Needs) -> bool:
        """Promise a process what it needs for its program, if there is so much."""
        before = self.promised.pop(process, 0)
        wanted = PROCESS_BYTES + needs.nbytes
        if wanted > self.left_bytes:
            self.promised[process] = before
            return False
        self.promised[process] = wanted
        return True

    def give(self, process: int, needs: Needs) -> None:
        """Promise a process what it needs, whether there is so much or not."""
        self.promised[process] = PROCESS_BYTES + needs.nbytes

    def end(self, process: int) -> None:
        """Take back what a process had."""
        self.promised.pop(process, None)
