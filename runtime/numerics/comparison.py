"""Comparing what a program computed with what it should have computed."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from devices.errors import InputError
from runtime.numerics.elements import Array

__all__ = ["Match", "match"]


@dataclass(frozen=True, slots=True)
class Match:
    """How an output compares with its golden values.

    Attributes
    ----------
    name : str
        The output's name.
    matched, total : int
        Elements that are close enough, and all.
    max_abs : float
        Largest absolute difference of finite elements.
    max_rel : float
        Largest difference relative to the golden value, of finite elements where that is not 0.
    worst : tuple of int
        Where the absolute difference is largest.
    not_finite : int
        Elements that are NaN or infinite, in the output or in the golden values.
    first_not_finite : tuple of int or None
        The first of them.
    """

    name: str
    matched: int
    total: int
    max_abs: float
    max_rel: float
    worst: tuple[int, ...]
    not_finite: int
    first_not_finite: tuple[int, ...] | None

    @property
    def is_match(self) -> bool:
        """Whether every element is close enough."""
        return self.matched == self.total


def match(name: str, values: Array, golden: Array, *, rtol: float, atol: float) -> Match:
    """Compare an output with its golden values, element by element.

    An element matches if both are finite and ``|value - golden| <= atol + rtol * |golden|``. NaN
    and infinity never match anything.

    Raises
    ------
    InputError
        The shapes differ.
    """
    if values.shape != golden.shape:
        raise InputError(
            f"output {name!r} has shape {list(values.shape)}, its golden values "
            f"{list(golden.shape)}"
        )
    ours, theirs = values.astype(np.float64), golden.astype(np.float64)
    finite = np.isfinite(ours) & np.isfinite(theirs)
    difference = np.abs(np.subtract(ours, theirs, where=finite, out=np.zeros_like(ours)))
    scale = np.abs(np.where(finite, theirs, 0.0))
    close = finite & (difference <= atol + rtol * scale)
    relative = np.divide(difference, scale, where=scale > 0, out=np.zeros_like(scale))
    strange = np.flatnonzero(~finite)
    return Match(
        name=name,
        matched=int(close.sum()),
        total=close.size,
        max_abs=float(difference.max(initial=0.0)),
        max_rel=float(relative.max(initial=0.0)),
        worst=_index(int(difference.argmax()), ours.shape),
        not_finite=len(strange),
        first_not_finite=_index(int(strange[0]), ours.shape) if len(strange) else None,
    )


def _index(flat: int, shape: tuple[int, ...]) -> tuple[int, ...]:
    return tuple(int(i) for i in np.unravel_index(flat, shape))
