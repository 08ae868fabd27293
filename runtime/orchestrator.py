"""The orchestrator: one thread that submits the program's tasks, one after the other."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Final

from librt.vecs import vec

from devices.events import Clock, Event
from runtime.chains import Chains
from runtime.demand import Resource
from runtime.rings import Rings
from scheduler.board import Board

__all__ = ["Orchestrator", "Wait"]

_NEVER: Final = float("inf")

Wait = tuple[int, int, float, float]
"""A submit that waited, the resource that had no space, and begin and end of the wait in us."""


class Orchestrator:
    """Submits tasks while the cores run.

    Parameters
    ----------
    clock : Clock
        The simulation.
    board : Board
        Where tasks are handed over.
    is_task : bytes
        Whether each submit is a task; the others are hidden allocs, complete as they are made.
    cost_us : column of float
        What each submit costs.
    entry_us : float
        What it does before the first submit.
    chain_entry_us : float
        What walking one entry of the TensorMap takes, a part of the costs.
    push_us : float
        What handing over a task takes that is ready when it has been submitted.
    reveals : mapping of int to sequence of int
        Tasks that run from when so many submits have been made; empty where all run at once.

    Attributes
    ----------
    made : int
        Submits that are done, or that the next event is the end of.
    end_us : column of float
        When each of those was done.
    waits : list of Wait
        When it waited for space, in order.
    lacking : Resource or None
        What it waits for.
    spent_us : column of float
        What each submit took: its cost, less what the TensorMap has forgotten meanwhile, and the
        handing over of the one before.
    """

    def __init__(
        self,
        clock: Clock,
        board: Board,
        is_task: bytes,
        cost_us: vec[float],
        *,
        entry_us: float,
        chain_entry_us: float,
        push_us: float,
        reveals: Mapping[int, Sequence[int]],
    ) -> None:
        self.clock = clock
        self.board = board
        self.made = 0
        self.end_us = vec[float]([0.0] * len(is_task))
        self.waits: list[Wait] = []
        self.spent_us = cost_us[:]
        self.lacking: Resource | None = None
        self._since_us = 0.0
        self._count = len(is_task)
        self._is_task = is_task
        self._chain_entry_us = chain_entry_us
        self._push_us = push_us
        self._entry_us = entry_us
        self._reveals = dict(reveals)
        self._holds = bool(reveals)
        # At hand, as a new method object for each event would take as long as the event.
        self._submits: Callable[[Event], None] = self._submit

    def start(self, rings: Rings, chains: Chains) -> None:
        """Begin to submit into `rings`."""
        self._rings = rings
        self._chains = chains
        stops = bytearray(chains.walks)
        for submit in self._reveals:
            if submit < self._count:
                stops[submit] = 1
        self._stops = bytes(stops)
        self._at(self._entry_us, self.clock.now_us + self._entry_us, self._advance)

    def _advance(self, now_us: float) -> None:
        """Make allocs up to the next task, and schedule that one; nobody waits for an alloc."""
        begin_us, submit, safe_until = now_us, self.made, self._rings.safe_until
        while submit < self._count:
            if submit >= safe_until or self._stops[submit]:
                # What others have done has to be asked when the time has come.
                if now_us > begin_us:
                    self._at(now_us - begin_us, now_us, self._advance)
                    return
                if not self._stop(submit, now_us):
                    return
                safe_until = self._rings.safe_until
            now_us += self.spent_us[submit]
            self.end_us[submit] = now_us
            self.made = submit + 1
            if self._is_task[submit]:
                # One submit ahead: a heap of all of them would slow every event down.
                self.clock.after(now_us - begin_us, self._submits)
                return
            submit += 1
        if submit in self._reveals:
            self._at(now_us - begin_us, now_us, self._reveal_last)

    def _stop(self, submit: int, now_us: float) -> bool:
        """Do what the time of a submit matters for; returns whether it can go on."""
        self._reveal(submit, now_us)
        if submit >= self._rings.safe_until and not self._finds_space(submit, now_us):
            return False
        if self._chains.walks[submit]:
            skipped = self._chains.skipped(submit, now_us)
            self.spent_us[submit] -= skipped * self._chain_entry_us
        return True

    def _reveal(self, submits: int, now_us: float) -> None:
        if submits in self._reveals:
            for task in self._reveals.pop(submits):
                self.board.reveal(task, now_us)

    def _reveal_last(self, now_us: float) -> None:
        self._reveal(self._count, now_us)

    def _at(self, delay_us: float, time_us: float, step: Callable[[float], None]) -> None:
        """Have `step` run after a delay, with the exact time, which now + delay need not be."""
        self.clock.after(delay_us, lambda _: step(time_us))

    def _submit(self, _: Event) -> None:
        submit = self.made - 1
        now_us = self.end_us[submit]
        self.board.submit(submit, now_us, held=self._holds)
        if not self.board.waiting_for[submit] and submit + 1 < self._count:
            self.spent_us[submit + 1] += self._push_us  # before it begins with the next one
        self._advance(now_us)

    # Waiting

    def _finds_space(self, submit: int, now_us: float) -> bool:
        """Whether all resources have space; if not, look again whenever a thread releases."""
        lacking = self._rings.lacking(submit, now_us)
        if lacking is not self.lacking and self.lacking is not None:
            self.waits.append((submit, self.lacking, self._since_us, now_us))
        if lacking is not self.lacking:
            self._since_us = now_us
        self.lacking = lacking
        if lacking is None:
            self.board.on_release = None
            return True
        if self.board.on_release is None:
            self.board.on_release = self._look_again
            for thread in self.board.threads:
                self._look_again(thread.next_release_us())
        return False

    def _look_again(self, time_us: float) -> None:
        """Look for space at a time at which a thread may release something."""
        if time_us < _NEVER:
            now_us = self.clock.now_us
            self._at(max(0.0, time_us - now_us), max(time_us, now_us), self._retry)

    def _retry(self, now_us: float) -> None:
        if self.lacking is not None:
            self._advance(now_us)
