"""Attributing a difference to factors, averaged over all orders in which they can be changed."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cache
from itertools import permutations

__all__ = ["Part", "attribute"]


@dataclass(frozen=True, slots=True)
class Part:
    """What one factor adds.

    Attributes
    ----------
    factor : str
        Its name.
    us : float
        Its Shapley value: the mean, over all orders, of what changing it adds.
    low_us, high_us : float
        The least and the most that it adds in any order.
    """

    factor: str
    us: float
    low_us: float
    high_us: float


def attribute(factors: Sequence[str], value: Callable[[frozenset[str]], float]) -> tuple[Part, ...]:
    """Split the difference between all factors changed and none.

    Parameters
    ----------
    factors : sequence of str
        Names of the factors, few: all subsets are evaluated, once each.
    value : callable
        ``value(changed)`` in us, with the factors of a set changed and the others not.

    Returns
    -------
    tuple of Part
        In the order of `factors`; they sum to ``value(all) - value(none)``.

    References
    ----------
    Shapley: A value for n-person games. Contributions to the Theory of Games II (1953).
    """
    once = cache(value)
    added: dict[str, list[float]] = {factor: [] for factor in factors}
    for order in permutations(factors):
        changed: frozenset[str] = frozenset()
        for factor in order:
            before_us = once(changed)
            changed |= {factor}
            added[factor].append(once(changed) - before_us)
    return tuple(
        Part(factor, sum(gains) / len(gains), min(gains), max(gains))
        for factor, gains in added.items()
    )
