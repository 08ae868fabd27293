"""Max-min fair shares: who gets how much of something that is too little for all."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

__all__ = ["fair_level", "fair_speeds"]

_ROUNDS: Final = 2
"""What one resource leaves to the other changes little after the first round."""


def fair_level(rates: Sequence[float], counts: Sequence[int], total: float) -> float:
    """The rate that nobody exceeds, so that all together take `total` at the most.

    Those who want less than the level get what they want; what they leave goes to the others in
    equal parts (water filling).

    Parameters
    ----------
    rates : sequence of float
        What one member of each group wants.
    counts : sequence of int
        Members of each group.
    total : float
        What there is.

    Returns
    -------
    float
        Infinite if there is enough for all.

    Examples
    --------
    >>> fair_level([10.0, 60.0], [2, 2], 100.0)
    40.0
    """
    members = sum(counts)
    for rate, count in sorted(zip(rates, counts, strict=True)):
        level = total / members
        if rate > level:
            return level
        total -= rate * count
        members -= count
        if not members:
            break
    return float("inf")


def fair_speeds(
    wants: Sequence[tuple[float, float]], counts: Sequence[int], totals: tuple[float, float]
) -> list[float]:
    """How fast the members of each group run, of 1, if they share two resources.

    A member runs no faster than its share of either allows; what it leaves of one because it waits
    for the other goes to the rest.

    Parameters
    ----------
    wants : sequence of (float, float)
        What one member of each group takes of both at full speed.
    counts : sequence of int
        Members of each group.
    totals : (float, float)
        What there is of both.
    """
    limits = ([1.0] * len(wants), [1.0] * len(wants))  # by each resource
    for _ in range(_ROUNDS):
        # The first one last: what it allows is then never too much.
        for resource in (1, 0):
            other, own = limits[1 - resource], limits[resource]
            rates = [min(1.0, o) * w[resource] for w, o in zip(wants, other, strict=True)]
            level = fair_level(rates, counts, totals[resource])
            for group, want in enumerate(wants):
                own[group] = level / want[resource] if want[resource] > level else 1.0
    return [min(1.0, hbm, l2) for hbm, l2 in zip(*limits, strict=True)]
