"""Who waits for whom: the edges of a graph as rows of integers, in both directions."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from librt.vecs import vec
from mypy_extensions import i32
from numpy.typing import NDArray

from devices.columns import integers

__all__ = ["Links"]


@dataclass(frozen=True)
class Links:
    """Edges between submits (CSR), the consumers of one in program order.

    Attributes
    ----------
    producer_start, producer : column of int, lengths n + 1 and e
        Where the producers of each submit begin in `producer`.
    consumer_start, consumer : column of int, lengths n + 1 and e
        Where the consumers of each submit begin in `consumer`.
    """

    producer_start: vec[i32]
    producer: vec[i32]
    consumer_start: vec[i32]
    consumer: vec[i32]

    @staticmethod
    def of(
        fanin_start: NDArray[np.int64], fanin: NDArray[np.int32], waits: NDArray[np.bool_]
    ) -> Links:
        """The links of a graph.

        Parameters
        ----------
        fanin_start, fanin : array, shapes (n + 1,) and (e,)
            Producers of each submit (CSR).
        waits : bool array, shape (n,)
            Whether each submit ever waits; edges to others are left out.
        """
        count = len(waits)
        consumer = np.repeat(np.arange(count, dtype=np.int32), np.diff(fanin_start))
        if not waits.all():
            kept = waits[consumer]
            consumer, fanin = consumer[kept], fanin[kept]
        fanout = np.bincount(fanin, minlength=count)
        in_order = consumer[np.argsort(fanin, kind="stable")]
        return Links(
            integers(_starts(np.bincount(consumer, minlength=count))),
            integers(fanin),
            integers(_starts(fanout)),
            integers(in_order),
        )


def _starts(lengths: NDArray[np.intp]) -> NDArray[np.intp]:
    return np.concatenate((np.zeros(1, dtype=np.intp), np.cumsum(lengths)))
