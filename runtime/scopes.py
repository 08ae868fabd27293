"""Scopes: which submits of a program are held together, and when each scope ends.

The runtime keeps every task of a scope until the scope ends, whoever has used its results. So a
scope decides how long task slots and heap stay taken; it orders nothing.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

__all__ = ["Scopes", "one_scope"]


@dataclass(frozen=True, eq=False)
class Scopes:
    """The scopes of a program that hold submits.

    Attributes
    ----------
    of : int32 array, shape (n,)
        Scope that directly encloses each submit.
    end : int64 array, shape (s,)
        Submits that had been made when each scope ended.
    line : int32 array, shape (s,)
        Line of the program at which each scope begins; 0 where it is not known.
    """

    of: NDArray[np.int32]
    end: NDArray[np.int64]
    line: NDArray[np.int32]

    def held_before(self, count: int) -> NDArray[np.int64]:
        """Submits in the scopes that end just before each of `count` submits, shape (count,)."""
        held = np.bincount(self.of, minlength=len(self.end))
        before = np.zeros(count + 1, dtype=np.int64)
        np.add.at(before, self.end, held)
        return before[:count]

    def regrouped(self, members: Sequence[tuple[int, ...]]) -> Scopes:
        """The scopes where each new submit stands for some of these and lies with the first."""
        of = self.of[[group[0] for group in members]]
        # A scope may end behind its last submit: when those inside it have been made as well.
        latest = np.maximum.accumulate([max(group) for group in members])
        end = np.searchsorted(latest, self.end, side="left")
        np.maximum.at(end, of, np.arange(1, len(of) + 1))
        return Scopes(of, end.astype(np.int64), self.line)


def one_scope(count: int) -> Scopes:
    """One scope that holds `count` submits and ends behind them."""
    return Scopes(
        np.zeros(count, dtype=np.int32),
        np.array([count], dtype=np.int64),
        np.zeros(1, dtype=np.int32),
    )
