"""What all pictures share: size in pixels, colours, fonts and how a figure becomes a file."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, NamedTuple

import matplotlib
import matplotlib.style
import numpy as np
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.colors import to_rgb
from matplotlib.figure import Figure
from matplotlib.font_manager import FontProperties
from matplotlib.path import Path as Outline
from matplotlib.patheffects import withStroke
from matplotlib.textpath import text_to_path
from matplotlib.ticker import MaxNLocator, StrMethodFormatter

from plots.endings import PICTURE_ENDINGS
from workloads.files import file_ending, write_file

if TYPE_CHECKING:
    import os
    from collections.abc import Iterator
    from pathlib import Path

    from matplotlib.axes import Axes
    from matplotlib.patheffects import AbstractPathEffect
    from numpy.typing import NDArray

__all__ = [
    "FAINT",
    "FASTER",
    "GRID",
    "INK",
    "POINTS_PER_PIXEL",
    "SLOWER",
    "TOTAL",
    "Box",
    "blank_axes",
    "draw_heading",
    "kernel_colors",
    "kind_colors",
    "margin_text",
    "new_figure",
    "pixel_axes",
    "rectangles",
    "shortened",
    "signed",
    "text_width",
    "time_axis",
    "white_casing",
]

DOTS_PER_INCH = 100
POINTS_PER_PIXEL = 72 / DOTS_PER_INCH
TITLE_LENGTH = 105

INK, FAINT, GRID = "#222222", "#606060", "#d8d8d8"

FONT = "DejaVu Sans"

# Laid over matplotlib's own defaults, so that the user's configuration does not matter.
STYLE = {
    "font.family": FONT,
    "font.size": 10,
    "text.color": INK,
    "axes.labelcolor": INK,
    "axes.edgecolor": GRID,
    "xtick.color": INK,
    "ytick.color": INK,
    # A dollar sign in a name is a dollar sign.
    "text.parse_math": False,
    # Without it the ids in an SVG are random.
    "svg.hashsalt": "tilesim",
}

# Six of Okabe and Ito's colours, then those that stay farthest from them and from each other for
# normal, red-blind and green-blind eyes (CIE Lab distance of at least 18 between any two).
PALETTE = (
    "#0072B2",
    "#E69F00",
    "#009E73",
    "#CC79A7",
    "#56B4E9",
    "#D55E00",
    "#AADD88",
    "#553300",
    "#2233AA",
    "#661166",
    "#886633",
    "#0088FF",
)
FASTER, SLOWER, TOTAL = PALETTE[0], PALETTE[5], "#9a9a9a"
"""Colours of changes for the better and for the worse, and of what they lead from and to."""

# (towards, share): what the second and third round of the palette are mixed with.
ROUNDS = ((0.0, 0.0), (1.0, 0.45), (0.0, 0.4))

# What the AICPU threads do, in the order of CONTROL_KINDS: greys, since colours belong to kernels.
CONTROL_COLORS = ("#37474f", "#90a4ae", "#5d4e4a", "#b5a69e")


class Box(NamedTuple):
    """A rectangle in pixels from the figure's upper left corner."""

    left: int
    top: int
    width: int
    height: int


def kernel_colors(count: int) -> NDArray[np.float64]:
    """Colours of a graph's kernels; a kernel's colour depends on its index alone.

    Returns
    -------
    float64 array, shape (count, 3)
        Red, green and blue in 0..1. The first 12 are plainly different, 36 are different.
    """
    base = np.array([to_rgb(color) for color in PALETTE])
    rounds = [base + (towards - base) * share for towards, share in ROUNDS]
    index = np.arange(count)
    return np.asarray(np.concatenate(rounds)[index % (len(PALETTE) * len(ROUNDS))])


def kind_colors(kernels: int) -> NDArray[np.float64]:
    """Colours of all kinds of intervals: the kernels', then those of `CONTROL_KINDS`.

    Returns
    -------
    float64 array, shape (kernels + 4, 3)
        Red, green and blue in 0..1.
    """
    control = np.array([to_rgb(color) for color in CONTROL_COLORS])
    return np.concatenate([kernel_colors(kernels), control])


def shortened(name: str, length: int) -> str:
    """`name` in a line of at most `length` characters; the middle goes, as numbers stand last."""
    name = " ".join(name.split())
    if len(name) <= length:
        return name
    tail = (length - 1) // 2
    return f"{name[: length - 1 - tail]}\N{HORIZONTAL ELLIPSIS}{name[len(name) - tail :]}"


def signed(value: float) -> str:
    """Write a change with its sign and two decimals; what rounds to 0 has no sign."""
    text = f"{value:+,.2f}"
    return "0.00" if float(text.replace(",", "")) == 0 else text.replace("-", "\N{MINUS SIGN}")


def text_width(text: str, points: float, *, bold: bool = False) -> float:
    """Pixels that a line of text takes, before there is a figure to measure it on."""
    font = FontProperties(family=FONT, size=points, weight="bold" if bold else "normal")
    width_points, _, _ = text_to_path.get_text_width_height_descent(text, font, ismath=False)
    return float(width_points) / POINTS_PER_PIXEL


def white_casing(linewidth: float) -> list[AbstractPathEffect]:
    """Path effects that set a dark line off from dark bars below it."""
    return [withStroke(linewidth=linewidth, foreground="white")]


@contextmanager
def new_figure(path: str | os.PathLike[str], width_px: int, height_px: int) -> Iterator[Figure]:
    """Give a figure to draw on, which is written to `path` when the block ends without an error.

    Raises
    ------
    InputError
        When the file's ending is not supported or the file cannot be written.
    """
    file_ending(path, PICTURE_ENDINGS)
    with matplotlib.style.context(["default", STYLE]):
        figure = Figure(
            figsize=(width_px / DOTS_PER_INCH, height_px / DOTS_PER_INCH), dpi=DOTS_PER_INCH
        )
        FigureCanvasAgg(figure)
        yield figure
        _save(figure, path)


def _save(figure: Figure, path: str | os.PathLike[str]) -> None:
    """Write a figure; without dates in the file, the same figure gives the same bytes."""
    ending = file_ending(path, PICTURE_ENDINGS)
    dates = {".png": "Software", ".svg": "Date", ".pdf": "CreationDate"}

    def write(temporary: Path) -> None:
        figure.savefig(
            temporary, format=ending[1:], dpi=DOTS_PER_INCH, metadata={dates[ending]: None}
        )

    write_file(path, write)


def pixel_axes(figure: Figure, box: Box) -> Axes:
    """Make axes that fill a box."""
    width, height = figure.get_size_inches() * DOTS_PER_INCH
    bottom = height - box.top - box.height
    return figure.add_axes(
        (box.left / width, bottom / height, box.width / width, box.height / height)
    )


def blank_axes(figure: Figure, box: Box) -> Axes:
    """Make axes without axis lines, whose data are pixels from the box's upper left corner."""
    axes = pixel_axes(figure, box)
    axes.set_axis_off()
    axes.set_xlim(0, box.width)
    axes.set_ylim(box.height, 0)
    return axes


def rectangles(
    left: NDArray[np.float64],
    right: NDArray[np.float64],
    top: NDArray[np.int64],
    height: NDArray[np.int64],
) -> Outline:
    """Outline of m rectangles as one path: artists of their own would take minutes.

    Parameters
    ----------
    left, right : float64 array, shape (m,)
        In units of the x axis.
    top, height : int64 array, shape (m,)
        In units of a y axis that runs downwards.
    """
    bottom = top + height
    corners = np.stack([left, top, right, top, right, bottom, left, bottom, left, top], axis=1)
    codes = [Outline.MOVETO, Outline.LINETO, Outline.LINETO, Outline.LINETO, Outline.CLOSEPOLY]
    return Outline(corners.reshape(-1, 2), codes * len(left))


def time_axis(
    axes: Axes, window: tuple[float, float], scale: tuple[float, float], label: str = ""
) -> None:
    """Give axes a time axis below them and no other frame.

    Parameters
    ----------
    axes : Axes
        What to change.
    window : tuple of float
        Begin and end in us.
    scale : tuple of float
        Begin and end of the time for which the distance of ticks is chosen; axes that are a part
        of a longer time scale have the ticks of the whole.
    label : str
        Written below.
    """
    ticks = MaxNLocator(10, steps=[1, 2, 2.5, 5, 10]).tick_values(*scale)
    axes.set_axis_on()
    axes.set_xlim(*window)
    axes.set_yticks([])
    axes.set_xticks([tick for tick in ticks if window[0] <= tick <= window[1]])
    axes.xaxis.set_major_formatter(StrMethodFormatter("{x:,.7g}"))
    axes.set_xlabel(label)
    axes.spines[["left", "right", "top"]].set_visible(False)
    axes.spines["bottom"].set_position(("outward", 2))
    axes.grid(axis="x", color=GRID, linewidth=0.6)
    axes.set_axisbelow(True)


def draw_heading(figure: Figure, title: str, subtitle: str, left: float) -> None:
    """Title and subtitle at the top, `left` pixels from the left edge."""
    width, height = figure.get_size_inches() * DOTS_PER_INCH
    title = shortened(title, TITLE_LENGTH)
    figure.text(left / width, 1 - 14 / height, title, fontsize=15, weight="bold", va="top")
    figure.text(left / width, 1 - 42 / height, subtitle, fontsize=10.5, color=FAINT, va="top")


def margin_text(axes: Axes, text: str, y: float, left_px: float, **style: Any) -> None:
    """Text that ends `left_px` pixels to the left of the axes, at height `y` of their data."""
    axes.annotate(
        text,
        xy=(0, y),
        xycoords=("axes fraction", "data"),
        xytext=(-left_px * 72 / DOTS_PER_INCH, 0),
        textcoords="offset points",
        ha="right",
        va="center",
        annotation_clip=False,
        **style,
    )
