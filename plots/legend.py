"""The legend beside the lanes: kernels by core type, what the AICPU threads do, the shades."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from matplotlib.patches import Rectangle

from plots.picture import FAINT, INK, Box, blank_axes, shortened
from plots.shade import shade

if TYPE_CHECKING:
    from collections.abc import Sequence

    from matplotlib.axes import Axes
    from matplotlib.figure import Figure
    from matplotlib.typing import ColorType

__all__ = [
    "SHADES_PX",
    "Entry",
    "Mark",
    "Section",
    "draw_legend",
    "draw_marks",
    "draw_shades",
    "draw_swatches",
    "legend_height",
    "marks_height",
]

LINE_PX = 19
LINES_BESIDES = 3
"""What a section takes besides its entries: heading, what was left out, and space below."""

SHADES_PX = 4 * LINE_PX
MARK_PX = 22
FONT_POINTS = 8.5
NAME_LENGTH = 23
COLUMN_PX = 56
DARKEST = 0.3
SHADES = (0.03, 0.1, 0.25, 0.5, 1.0)


@dataclass(frozen=True, slots=True)
class Entry:
    """One line of a legend: a colour, its name and figures for the columns on the right."""

    color: ColorType
    name: str
    figures: tuple[str, ...] = ()
    weight: float = 0.0


@dataclass(frozen=True, slots=True)
class Section:
    """Lines under one heading, with the headings of their columns of figures."""

    heading: str
    columns: tuple[str, ...]
    entries: Sequence[Entry]


@dataclass(frozen=True, slots=True)
class Mark:
    """A line that is drawn over the lanes: how it looks, what it is, and a remark if any."""

    linestyle: str
    name: str
    remark: str = ""


def legend_height(sections: Sequence[Section]) -> int:
    """Pixels that a legend needs to show every entry."""
    shown = [section for section in sections if section.entries]
    return LINE_PX * sum(len(section.entries) + LINES_BESIDES for section in shown)


def draw_legend(figure: Figure, sections: Sequence[Section], box: Box) -> int:
    """Draw sections one below the other; entries of little weight go when there is no room.

    Parameters
    ----------
    figure : Figure
        What to draw on.
    sections : sequence of Section
        Those without entries are left out.
    box : Box
        The room for the legend.

    Returns
    -------
    int
        Pixels of the box's height that were used.
    """
    axes = blank_axes(figure, box)
    shown = [section for section in sections if section.entries]
    room = box.height // LINE_PX - LINES_BESIDES * len(shown)
    keep = _heaviest([entry for section in shown for entry in section.entries], max(room, 0))
    y = LINE_PX // 2
    for section in shown:
        y = _draw_section(axes, section, keep, box.width, y) + LINE_PX // 2
    return y


def draw_swatches(figure: Figure, entries: Sequence[Entry], box: Box) -> None:
    """Draw entries beside each other, without figures."""
    axes = blank_axes(figure, box)
    for index, entry in enumerate(entries):
        x = index * box.width / len(entries)
        axes.add_patch(Rectangle((x, 2), 10, 10, facecolor=entry.color, edgecolor="none"))
        axes.text(x + 14, 7, entry.name, fontsize=FONT_POINTS - 0.5, va="center")


def draw_shades(figure: Figure, left: int, top: int, width: int) -> None:
    """Explain shades: how strong a colour is for which share of a pixel's time."""
    axes = blank_axes(figure, Box(left, top, width, SHADES_PX))
    axes.text(
        0,
        LINE_PX / 2,
        "shade: share of time busy",
        fontsize=FONT_POINTS,
        weight="bold",
        va="center",
    )
    step = width / len(SHADES)
    for index, share in enumerate(SHADES):
        grey = tuple(shade(np.full(3, DARKEST), np.array(share)))
        axes.add_patch(Rectangle((index * step, LINE_PX * 1.2), step - 4, 12, color=grey))
        axes.text(
            (index + 0.5) * step - 2,
            LINE_PX * 2.4,
            f"{share:.0%}",
            fontsize=FONT_POINTS - 1,
            color=FAINT,
            ha="center",
            va="center",
        )


def marks_height(marks: Sequence[Mark]) -> int:
    """Pixels that the meaning of marks takes."""
    return LINE_PX * sum(2 if mark.remark else 1 for mark in marks)


def draw_marks(figure: Figure, marks: Sequence[Mark], left: int, top: int, width: int) -> None:
    """Explain the lines over the lanes."""
    axes = blank_axes(figure, Box(left, top, width, marks_height(marks)))
    style: dict[str, Any] = {"fontsize": FONT_POINTS, "va": "center"}
    y = LINE_PX / 2
    for mark in marks:
        axes.plot([0, MARK_PX], [y, y], color=INK, linewidth=1.3, linestyle=mark.linestyle)
        axes.text(MARK_PX + 8, y, mark.name, **style)
        if mark.remark:
            y += LINE_PX
            axes.text(MARK_PX + 8, y - 2, mark.remark, color=FAINT, **style)
        y += LINE_PX


def _heaviest(entries: Sequence[Entry], room: int) -> set[int]:
    """Ids of the entries that fit into `room` lines."""
    ranked = sorted(entries, key=lambda entry: -entry.weight)
    return {id(entry) for entry in ranked[:room]}


def _draw_section(axes: Axes, section: Section, keep: set[int], width: int, y: int) -> int:
    """Draw one section from `y` downwards; where it ends."""
    _draw_line(axes, section.heading, section.columns, width, y, heading=True)
    kept = [entry for entry in section.entries if id(entry) in keep]
    for entry in kept:
        y += LINE_PX
        axes.add_patch(Rectangle((0, y - 6), 12, 12, facecolor=entry.color, edgecolor="none"))
        _draw_line(axes, entry.name, entry.figures, width, y, heading=False)
    left_out = len(section.entries) - len(kept)
    if left_out:
        y += LINE_PX
        axes.text(18, y, f"and {left_out} more", fontsize=FONT_POINTS, color=FAINT, va="center")
    return y + LINE_PX


def _draw_line(
    axes: Axes, name: str, figures: Sequence[str], width: int, y: int, *, heading: bool
) -> None:
    """Write a name at the left and figures in columns at the right."""
    style: dict[str, Any] = {"fontsize": FONT_POINTS, "va": "center"}
    indent = 0 if heading else 18
    weight = "bold" if heading else "normal"
    axes.text(indent, y, shortened(name, NAME_LENGTH), weight=weight, **style)
    for column, figure in enumerate(reversed(figures)):
        color = FAINT if heading else INK
        axes.text(width - column * COLUMN_PX, y, figure, ha="right", color=color, **style)
