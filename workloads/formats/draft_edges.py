"""Edges between the nodes of a file: columns of numbers, checked together."""

from __future__ import annotations

import heapq
from array import array
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

__all__ = ["NamedEdges", "Producers"]

Ints = NDArray[np.int64]


class NamedEdges:
    """Edges between names, in the order of the file; a name is kept once, as a number."""

    def __init__(self) -> None:
        self._number: dict[str, int] = {}
        self._source, self._target, self._place = array("q"), array("q"), array("q")

    def __len__(self) -> int:
        return len(self._source)

    def __iter__(self) -> Iterator[tuple[str, str, int]]:
        """Names of producer and consumer of each edge, and its place."""
        names = list(self._number)
        for source, target, place in zip(self._source, self._target, self._place, strict=True):
            yield names[source], names[target], place

    def number(self, name: str) -> int:
        """Number of a name; they count from 0 in the order in which names are seen."""
        return self._number.setdefault(name, len(self._number))

    @property
    def name_count(self) -> int:
        """How many names have a number."""
        return len(self._number)

    def name(self, number: int) -> str:
        """The name that a number stands for."""
        return list(self._number)[number]

    def add(self, source: str, target: str, place: int) -> None:
        """Note an edge and its place."""
        self._source.append(self.number(source))
        self._target.append(self.number(target))
        self._place.append(place)

    def columns(self) -> tuple[Ints, Ints, Ints]:
        """Numbers of producer and consumer, and place of each edge, shape (e,).

        They are the columns themselves: no edge can be added as long as they are held.
        """
        return np.asarray(self._source), np.asarray(self._target), np.asarray(self._place)

    def keep_first(self) -> None:
        """Leave out edges that are there again."""
        columns = self.columns()
        order = np.lexsort(columns[1::-1])
        source, target = (column[order] for column in columns[:2])
        again = np.zeros(len(order), dtype=np.bool_)
        again[order[1:]] = (source[1:] == source[:-1]) & (target[1:] == target[:-1])
        self._source, self._target, self._place = (
            array("q", column[~again].tobytes()) for column in columns
        )


@dataclass(frozen=True)
class Producers:
    """Producers of `n` nodes, in the order of the edges.

    Attributes
    ----------
    start : int64 array, shape (n + 1,)
        Where those of each node begin in `producer` (CSR).
    producer : int64 array, shape (e,)
        Numbers of nodes.
    """

    start: Ints
    producer: Ints

    def __len__(self) -> int:
        return len(self.start) - 1

    @property
    def consumer(self) -> Ints:
        """Consumer of each edge, shape (e,)."""
        return np.repeat(np.arange(len(self)), np.diff(self.start))

    def of(self, node: int) -> list[int]:
        """Producers of a node."""
        found: list[int] = self.producer[self.start[node] : self.start[node + 1]].tolist()
        return found

    def twice(self) -> int | None:
        """The first node that has a producer twice."""
        consumer = self.consumer
        order = np.lexsort((self.producer, consumer))
        producer, consumer = self.producer[order], consumer[order]
        same = (producer[1:] == producer[:-1]) & (consumer[1:] == consumer[:-1])
        return int(consumer[1:][same][0]) if same.any() else None

    def order(self) -> tuple[Ints, Sequence[int]]:
        """The nodes, producers first, and apart from that as they are numbered.

        Returns
        -------
        int64 array, shape (n,)
            The order; shorter if edges lead in a circle.
        sequence of int
            Then, of each node, how many producers are missing in it.
        """
        consumer = self.consumer
        if (self.producer < consumer).all():
            return np.arange(len(self)), ()
        by_producer = np.argsort(self.producer, kind="stable")
        begin = np.searchsorted(self.producer[by_producer], np.arange(len(self) + 1)).tolist()
        consumers = consumer[by_producer].tolist()
        waits: list[int] = np.diff(self.start).tolist()
        ready = [node for node, count in enumerate(waits) if not count]
        order = array("q")
        while ready:
            node = heapq.heappop(ready)
            order.append(node)
            for follower in consumers[begin[node] : begin[node + 1]]:
                waits[follower] -= 1
                if not waits[follower]:
                    heapq.heappush(ready, follower)
        return np.array(order, dtype=np.int64), waits

    def reordered(self, order: Ints) -> Producers:
        """The same for the nodes in another order, by their numbers in it."""
        place = np.empty(len(order), dtype=np.int64)
        place[order] = np.arange(len(order))
        count = np.diff(self.start)[order]
        start = np.concatenate([[0], np.cumsum(count)])
        edge = np.repeat(self.start[order] - start[:-1], count) + np.arange(len(self.producer))
        return Producers(start, place[self.producer[edge]])
