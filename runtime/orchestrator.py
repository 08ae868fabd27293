"""The orchestrator: one thread that submits the program's tasks, one after the other."""

from __future__ import annotations

from collections.abc import Sequence

from simpy import Environment, Event, Timeout

from scheduler.board import Board

__all__ = ["Orchestrator"]


class Orchestrator:
    """Submits tasks while the cores run.

    Parameters
    ----------
    env : Environment
        The simulation.
    board : Board
        Where tasks are handed over.
    is_task : sequence of bool
        Whether each submit is a task; the others are hidden allocs, complete as they are made.
    cost_us : sequence of float
        What each submit costs.
    producers : sequence of sequence of int
        Producers of each submit, allocs left out.

    Attributes
    ----------
    end_us : list of float
        When each submit was done.
    """

    def __init__(
        self,
        env: Environment,
        board: Board,
        is_task: Sequence[bool],
        cost_us: Sequence[float],
        producers: Sequence[Sequence[int]],
    ) -> None:
        self.env = env
        self.board = board
        self.end_us: list[float] = []
        self._count = len(is_task)
        self._is_task = is_task
        self._cost_us = cost_us
        self._producers = producers

    def start(self) -> None:
        """Begin to submit."""
        self._advance(self.env.now)

    def _advance(self, now_us: float) -> None:
        """Make allocs up to the next task, and schedule that one; nobody waits for an alloc."""
        end_us, begin_us = self.end_us, now_us
        submit = len(end_us)
        while submit < self._count:
            now_us += self._cost_us[submit]
            end_us.append(now_us)
            if self._is_task[submit]:
                # One submit ahead: a heap of all of them would slow every event down.
                event = Timeout(self.env, now_us - begin_us)
                event.callbacks.append(self._submit)
                return
            submit += 1

    def _submit(self, _: Event) -> None:
        submit = len(self.end_us) - 1
        now_us = self.end_us[submit]
        self.board.submit(submit, self._producers[submit], now_us)
        self._advance(now_us)
