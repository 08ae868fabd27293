"""Comparing what a program computed with what it should have computed."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from devices.errors import InputError
from runtime.numerics.elements import Array

__all__ = ["Match", "match"]

_BLOCK = 1 << 20
"""Elements that are compared at once, in float64, so that no second whole output is in memory."""


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


def match(
    name: str,
    values: Array,
    golden: Array,
    *,
    rtol: float,
    atol: float,
    strange_matches: bool = False,
) -> Match:
    """Compare an output with its golden values, element by element.

    An element matches if both are finite and ``|value - golden| <= atol + rtol * |golden|``. NaN
    and infinity never match anything, unless `strange_matches`: then they match their like, as two
    runs of one program may have them.

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
    flat_values, flat_golden = values.reshape(-1), golden.reshape(-1)
    matched = not_finite = 0
    max_abs, max_rel, worst, first_strange = 0.0, 0.0, 0, -1
    for start in range(0, flat_values.size, _BLOCK):
        block = slice(start, start + _BLOCK)
        ours, theirs = (a[block].astype(np.float64) for a in (flat_values, flat_golden))
        finite = np.isfinite(ours) & np.isfinite(theirs)
        difference = np.abs(np.subtract(ours, theirs, where=finite, out=np.zeros_like(ours)))
        scale = np.abs(np.where(finite, theirs, 0.0))
        matched += int((finite & (difference <= atol + rtol * scale)).sum())
        if difference.max() > max_abs:
            max_abs, worst = float(difference.max()), start + int(difference.argmax())
        relative = np.divide(difference, scale, where=scale > 0, out=np.zeros_like(scale))
        max_rel = max(max_rel, float(relative.max()))
        if strange_matches:
            alike = (ours == theirs) | (np.isnan(ours) & np.isnan(theirs))
            matched += int((~finite & alike).sum())
        strange = np.flatnonzero(~finite)
        if len(strange) and not not_finite:
            first_strange = start + int(strange[0])
        not_finite += len(strange)
    return Match(
        name=name,
        matched=matched,
        total=values.size,
        max_abs=max_abs,
        max_rel=max_rel,
        worst=_index(worst, values.shape),
        not_finite=not_finite,
        first_not_finite=_index(first_strange, values.shape) if not_finite else None,
    )


def _index(flat: int, shape: tuple[int, ...]) -> tuple[int, ...]:
    return tuple(int(i) for i in np.unravel_index(flat, shape))
