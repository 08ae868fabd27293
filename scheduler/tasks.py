"""What a policy may know of a graph's tasks before they run: one array per property."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

__all__ = ["Tasks", "longest_after", "longest_from", "longest_to"]

_AT_ONCE = 1 << 14
"""Nodes of a graph that are looked at together."""

Floats = NDArray[np.float64]
Integers = NDArray[np.int64]


@dataclass(frozen=True)
class Tasks:
    """The submits of a graph, `n` of them, in program order; hidden allocs are among them.

    Attributes
    ----------
    is_task : bool array, shape (n,)
        False for hidden allocs and dummies, which run on no core and take no time.
    kernel : int32 array, shape (n,)
        Number of the kernel, negative for what is no task.
    shape : int8 array, shape (n,)
        What runs it, an index of `Machine.cores`: `AIC` or `AIV`, a core of that type, or `MIX`,
        a whole cluster. Without a meaning for what is no task.
    blocks : int32 array, shape (n,)
        Cores, or clusters of a `MIX` task, that execute it, each a part.
    together : bool array, shape (n,)
        Whether all blocks start together.
    estimate_us : float64 array, shape (n,)
        Estimated kernel time of a block, 0 for what is no task.
    release_us : float64 array, shape (n,)
        When the orchestrator has submitted the task, if nothing holds it up.
    priority : int32 array, shape (n,)
        What the user wants first: the larger, the sooner.
    fanin_start : int64 array, shape (n + 1,)
        Where each submit's producers begin in `fanin` (CSR).
    fanin : int32 array
        Producers, each before its consumers.
    count_stored_bytes : callable
        Finds `stored_bytes`, which few ask for.
    """

    is_task: NDArray[np.bool_]
    kernel: NDArray[np.int32]
    shape: NDArray[np.int8]
    blocks: NDArray[np.int32]
    together: NDArray[np.bool_]
    estimate_us: Floats
    release_us: Floats
    priority: NDArray[np.int32]
    fanin_start: Integers
    fanin: NDArray[np.int32]
    count_stored_bytes: Callable[[], Integers]

    def __len__(self) -> int:
        return len(self.kernel)

    def producers(self, task: int) -> NDArray[np.int32]:
        """Producers of one task, allocs included."""
        return self.fanin[self.fanin_start[task] : self.fanin_start[task + 1]]

    @cached_property
    def stored_bytes(self) -> Integers:
        """Bytes that each task stores to global memory, shape (n,)."""
        return self.count_stored_bytes()

    @cached_property
    def successor_count(self) -> Integers:
        """Direct consumers of each task, shape (n,)."""
        return np.bincount(self.fanin, minlength=len(self)).astype(np.int64)

    @cached_property
    def fanout_start(self) -> Integers:
        """Where each submit's consumers begin in `fanout` (CSR), shape (n + 1,)."""
        return np.concatenate(([0], np.cumsum(self.successor_count)))

    @cached_property
    def fanout(self) -> Integers:
        """Consumers, in program order."""
        consumer = np.repeat(np.arange(len(self)), np.diff(self.fanin_start))
        return consumer[np.argsort(self.fanin, kind="stable")]

    @cached_property
    def bottom_level_us(self) -> Floats:
        """Longest path from the begin of each task to the end of the graph, shape (n,)."""
        return longest_from(self.estimate_us, self.fanin_start, self.fanin)

    @cached_property
    def top_level_us(self) -> Floats:
        """Longest path from the begin of the graph to the begin of each task, shape (n,)."""
        return longest_to(self.estimate_us, self.fanin_start, self.fanin) - self.estimate_us

    @cached_property
    def level(self) -> Integers:
        """Tasks on the longest path that ends in each task, itself included, shape (n,)."""
        ones = self.is_task.astype(np.float64)
        return longest_to(ones, self.fanin_start, self.fanin).astype(np.int64)


def longest_to(
    weight: Sequence[float] | Floats, fanin_start: Integers, fanin: NDArray[np.integer]
) -> Floats:
    """Weight of the heaviest path that ends in each node, the node included, shape (n,).

    Nodes are numbered so that producers come before consumers.
    """
    weights = np.asarray(weight)
    longest: list[float] = []
    for first in range(0, len(weights), _AT_ONCE):
        for own, producers in _listed(weights, fanin_start, fanin, first):
            before = 0.0
            for producer in producers:
                before = max(before, longest[producer])
            longest.append(before + own)
    return np.array(longest)


def _listed(
    weights: Floats, fanin_start: Integers, fanin: NDArray[np.integer], first: int
) -> list[tuple[float, list[int]]]:
    """Weights and producers of nodes from one on.

    Plain lists, as an element of a numpy array costs five times a list's to read; of some nodes,
    as those of all would take more memory than the graph.
    """
    stop = min(first + _AT_ONCE, len(weights))
    start = fanin_start[first : stop + 1]
    producers, own = fanin[start[0] : start[-1]].tolist(), weights[first:stop].tolist()
    bounds = pairwise((start - start[0]).tolist())
    return [(weight, producers[a:b]) for weight, (a, b) in zip(own, bounds, strict=True)]


def longest_from(
    weight: Sequence[float] | Floats, fanin_start: Integers, fanin: NDArray[np.integer]
) -> Floats:
    """Weight of the heaviest path that begins in each node, the node included, shape (n,)."""
    return np.asarray(weight) + longest_after(weight, fanin_start, fanin)


def longest_after(
    weight: Sequence[float] | Floats, fanin_start: Integers, fanin: NDArray[np.integer]
) -> Floats:
    """Weight of the heaviest path that begins in a consumer of each node, shape (n,)."""
    weights = np.asarray(weight)
    after = [0.0] * len(weights)
    for first in reversed(range(0, len(weights), _AT_ONCE)):
        listed = _listed(weights, fanin_start, fanin, first)
        for node, (own, producers) in zip(
            reversed(range(first, first + len(listed))), reversed(listed), strict=True
        ):
            from_here = own + after[node]
            for producer in producers:
                after[producer] = max(after[producer], from_here)
    return np.array(after)
