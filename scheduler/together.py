"""Blocks that start together: no thread dispatches until there is a core for each of them."""

from __future__ import annotations

from scheduler.board import Board

__all__ = ["start_together"]


def start_together(board: Board, now_us: float) -> None:
    """Place all blocks of the awaited task, if every thread stands still and they fit.

    The last thread to come to a stand, or to see a core become idle, does it for all.
    """
    task, threads = board.drain, board.threads
    standing = [thread.stand_still() for thread in threads]
    if task is None or not all(standing):
        return
    shape, blocks = board.shape_of[task], board.spread[task].blocks
    if sum(thread.idle_count(shape) for thread in threads) < blocks:
        return
    board.drain = None
    for thread in threads:
        now_us = thread.place_together(task, now_us)
    for thread in threads:
        thread.go_on(now_us)
