"""The picture of a sweep: lines or a heat map, by what was varied."""

from __future__ import annotations

import math
from itertools import product
from pathlib import Path

import numpy as np

from devices.errors import InputError
from tilesim.axes import Axis
from tilesim.outputs import plots
from tilesim.setup_words import Value
from tilesim.sweep_plan import Plan
from tilesim.sweep_report import described, shown_value
from tilesim.sweep_table import SweepTable

__all__ = ["check_picture", "draw_table"]


def check_picture(plan: Plan) -> None:
    """Refuse a sweep that no picture shows.

    Raises
    ------
    InputError
        It has too many axes, or too many lines.
    """
    varied = _varied(plan)
    across = _across(varied)
    if len(varied) <= 2 and across is None:  # bars, or a heat map
        return
    if across is None:
        raise InputError(
            "--plot draws an axis of numbers, with a line for each of the values on other axes, or "
            f"a heat map of two axes; these are {', '.join(axis.name for axis in varied)}: fix "
            "some with --set and other options, or plot the file of --out"
        )
    count = math.prod(len(axis.values) for axis in varied if axis is not across)
    most = plots().MOST_LINES
    if count > most:
        raise InputError(f"--plot draws at most {most} lines, and there are {count}; fix some axes")


def draw_table(table: SweepTable, plan: Plan, figure: str, path: Path) -> None:
    """Draw a figure of a sweep.

    Raises
    ------
    InputError
        As `check_picture`; or every point has failed, or the file cannot be written.
    """
    check_picture(plan)
    varied = _varied(plan)
    across = _across(varied)
    fixed = {**plan.settings, **plan.setup}
    fixed |= {axis.name: axis.values[0] for axis in plan.axes if axis not in varied}
    words = described(fixed)
    title = f"{plan.name}: {_label(figure)}"
    if across is not None:
        _draw_lines(table, varied, across, figure, path, (title, words))
    elif len(varied) == 2:
        _draw_heat_map(table, varied, figure, path, (title, words))
    else:
        _draw_bars(table, varied[0], figure, path, (title, words))


def _varied(plan: Plan) -> list[Axis]:
    """Axes of more than one value; the first one where there is none."""
    return [axis for axis in plan.axes if len(axis.values) > 1] or [plan.axes[0]]


def _across(varied: list[Axis]) -> Axis | None:
    """The axis that lines go along: of several of numbers, the one with the most.

    None for what is drawn in another way: two axes alike, or none of numbers.
    """
    numeric = [axis for axis in varied if axis.is_numeric]
    if not numeric or (len(varied) == len(numeric) == 2):
        return None
    return max(numeric, key=lambda axis: len(axis.values))


def _label(figure: str) -> str:
    """A figure in words, with its unit."""
    figure = figure.replace("wall_clock", "wall-clock")
    for unit in ("us", "gbps"):
        if figure.endswith(f"_{unit}"):
            return f"{figure.removesuffix(f'_{unit}').replace('_', ' ')} ({unit})"
    return figure.replace("_", " ")


def _draw_lines(
    table: SweepTable,
    axes: list[Axis],
    across: Axis,
    figure: str,
    path: Path,
    heading: tuple[str, str],
) -> None:
    others = [axis for axis in axes if axis is not across]
    found = {
        tuple(row.values[axis.name] for axis in (*others, across)): row.figures.get(figure, np.nan)
        for row in table.rows
    }
    x = sorted(float(value) for value in across.values)
    lines = [
        plots().Line(
            " ".join(_named(axis, value) for axis, value in zip(others, values, strict=True)),
            tuple(x),
            tuple(float(found.get((*values, at), np.nan)) for at in x),
        )
        for values in product(*map(_in_order, others))
    ]
    lines_of = f"a line for each {' and '.join(axis.name for axis in others)}" if others else ""
    subtitle = _joined("ring: the least", lines_of, heading[1])
    plots().draw_lines(
        lines,
        path,
        title=heading[0],
        subtitle=subtitle,
        x_label=across.name,
        y_label=_label(figure),
    )


def _named(axis: Axis, value: Value) -> str:
    """A value at the end of a line; of a number, also of what."""
    return f"{axis.name}={shown_value(value)}" if axis.is_numeric else shown_value(value)


def _draw_bars(
    table: SweepTable, axis: Axis, figure: str, path: Path, heading: tuple[str, str]
) -> None:
    found = {row.values[axis.name]: row.figures.get(figure, np.nan) for row in table.rows}
    plots().draw_bars(
        [shown_value(value) for value in axis.values],
        [float(found.get(value, np.nan)) for value in axis.values],
        path,
        title=heading[0],
        subtitle=_joined(f"by {axis.name}", heading[1]),
        label=_label(figure),
    )


def _joined(*parts: str) -> str:
    """Parts of a subtitle that say something."""
    return "   \N{MIDDLE DOT}   ".join(filter(None, parts))


def _draw_heat_map(
    table: SweepTable, axes: list[Axis], figure: str, path: Path, heading: tuple[str, str]
) -> None:
    across, up = axes
    places = [{v: n for n, v in enumerate(_in_order(axis))} for axis in (up, across)]
    values = np.full((len(up.values), len(across.values)), np.nan)
    for row in table.rows:
        place = tuple(
            where[row.values[axis.name]] for axis, where in zip((up, across), places, strict=True)
        )
        values[place] = row.figures.get(figure, np.nan)
    plots().draw_heat_map(
        values,
        [shown_value(value) for value in _in_order(across)],
        [shown_value(value) for value in _in_order(up)],
        path,
        title=heading[0],
        subtitle=_joined("frame: the least", heading[1]),
        x_label=across.name,
        y_label=up.name,
        label=_label(figure),
    )


def _in_order(axis: Axis) -> list[Value]:
    """Numbers in rising order, names as they were given."""
    return sorted(axis.values, key=float) if axis.is_numeric else list(axis.values)
