"""The graph on which engines are compared: chains of cube and vector tasks, a join, a fan-out."""

from __future__ import annotations

import random
from dataclasses import dataclass

__all__ = ["AIC_COUNT", "AIV_COUNT", "PeerGraph", "peer_graph"]

AIC_COUNT, AIV_COUNT = 24, 48
"""The 72 workers: a cube task runs on one of the first, a vector task on one of the others."""


@dataclass(frozen=True)
class PeerGraph:
    """Tasks in plain lists, which every engine takes.

    Attributes
    ----------
    producers, consumers : list of list of int
        By task, in ascending order; producers have lower numbers.
    durations_us : list of float
        By task.
    is_cube : list of bool
        By task.
    """

    producers: list[list[int]]
    consumers: list[list[int]]
    durations_us: list[float]
    is_cube: list[bool]

    def __len__(self) -> int:
        return len(self.durations_us)

    @property
    def edge_count(self) -> int:
        """Edges."""
        return sum(map(len, self.producers))


def peer_graph(chains: int = 40, pairs: int = 400, fan_out: int = 1000, seed: int = 0) -> PeerGraph:
    """A root, chains of pairs of a cube and a vector task, a join, a fan-out and a sink.

    Durations are drawn, so that nothing but what is meant to ties: what one task makes ready.
    Chains are interleaved, as an orchestrator that loops over them submits their tasks.
    """
    choose = random.Random(seed)  # noqa: S311 - no secrets
    producers: list[list[int]] = [[]]
    is_cube = [False]
    last = [0] * chains
    for _ in range(pairs):
        for chain in range(chains):
            for cube in (True, False):
                producers.append([last[chain]])
                is_cube.append(cube)
                last[chain] = len(is_cube) - 1
    join = len(is_cube)
    producers += [sorted(last), *([join] for _ in range(fan_out))]
    producers.append(list(range(join + 1, join + 1 + fan_out)))
    is_cube += [False] * (fan_out + 2)
    consumers: list[list[int]] = [[] for _ in producers]
    for task, waits_for in enumerate(producers):
        for producer in waits_for:
            consumers[producer].append(task)
    durations_us = [choose.uniform(2.0, 6.0) for _ in producers]
    return PeerGraph(producers, consumers, durations_us, is_cube)
