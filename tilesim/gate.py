"""A gate for continuous integration: is the new program slower than the old one."""

from __future__ import annotations

from dataclasses import dataclass

from devices.errors import InputError
from tilesim.comparison import Comparison, differing_parameters
from tilesim.replay import Run

__all__ = ["Slower", "find_slower", "read_percent"]


def read_percent(text: str) -> float:
    """Parse ``--fail-if-slower``: ``5%`` or ``5``, in percent.

    Raises
    ------
    InputError
        It is no number from 0 on.
    """
    try:
        percent = float(text.strip().removesuffix("%"))
    except ValueError:
        percent = -1.0
    if not 0.0 <= percent < float("inf"):
        raise InputError(f"--fail-if-slower takes a percentage such as 5%, not {text!r}")
    return percent


@dataclass(frozen=True, slots=True)
class Slower:
    """A run that takes longer than the first one of its size.

    Attributes
    ----------
    run, first : Run
        The two.
    percent : float
        How much longer it takes.
    """

    run: Run
    first: Run
    percent: float


def find_slower(comparison: Comparison, percent: float) -> list[Slower]:
    """The runs that are more than `percent` slower than the first one, at equal sizes.

    Raises
    ------
    InputError
        There is nothing to compare with, or the sizes differ and nothing ran at equal ones.
    """
    if len(comparison.runs) < 2:
        raise InputError("--fail-if-slower compares with the first workload; name two")
    groups = comparison.like_for_like
    if not groups:
        if differing_parameters(comparison.runs):
            raise InputError(
                "--fail-if-slower compares runs of one size, and these differ: "
                f"{', '.join(differing_parameters(comparison.runs))}; compare two programs that "
                "have these parameters, with --like-for-like on"
            )
        groups = (comparison.runs,)
    return [
        Slower(run, group[0], 100.0 * (ratio - 1.0))
        for group in groups
        for run in group[1:]
        if (ratio := run.trace.wall_clock_us / group[0].trace.wall_clock_us) > 1 + percent / 100
    ]
