"""What is optimised: a figure of a run, to be small or large."""

from __future__ import annotations

from dataclasses import dataclass

from devices.errors import InputError, unknown_name
from tilesim.points import FIGURES, Row

__all__ = ["NUMERIC_FIGURES", "Objective", "read_objective"]

NUMERIC_FIGURES = tuple(name for name in FIGURES if name != "binding")
"""Figures of a row that are numbers."""


@dataclass(frozen=True)
class Objective:
    """A figure, and whether more of it is better.

    Attributes
    ----------
    figure : str
        One of `NUMERIC_FIGURES`.
    is_maximised : bool
        Whether the largest is the best, and not the smallest.
    """

    figure: str
    is_maximised: bool = False

    def __str__(self) -> str:
        return f"{'largest' if self.is_maximised else 'least'} {self.figure}"

    def of(self, row: Row) -> float:
        """The figure of a row that has not failed."""
        return float(row.figures[self.figure])

    def cost(self, row: Row) -> float:
        """What is to be as small as can be."""
        return -self.of(row) if self.is_maximised else self.of(row)


def read_objective(text: str) -> Objective:
    """Parse ``FIGURE``, ``FIGURE:min``, ``FIGURE:max`` or ``-FIGURE``.

    Raises
    ------
    InputError
        There is no such figure, or it is not of that form.
    """
    name, colon, way = text.strip().partition(":")
    is_negative = name.startswith("-")
    figure = name.removeprefix("-").strip()
    if colon and (is_negative or way not in ("min", "max")):
        raise InputError(f"--objective takes FIGURE, FIGURE:max or -FIGURE, not {text!r}")
    if figure not in NUMERIC_FIGURES:
        raise unknown_name("figure of a run", figure, NUMERIC_FIGURES)
    return Objective(figure, is_negative or way == "max")
