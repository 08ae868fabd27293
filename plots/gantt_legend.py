"""The legend of a Gantt chart: who did what how often, the shades, the lines over the lanes."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from devices.kernel import CoreType
from plots.lanes import CONTROL_KINDS, Intervals
from plots.legend import (
    SHADES_PX,
    Entry,
    Mark,
    Section,
    draw_legend,
    draw_marks,
    draw_shades,
    legend_height,
    marks_height,
)
from plots.picture import Box, kind_colors
from runtime.functions import row_kernels

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from runtime.trace import Trace

__all__ = ["Legend", "draw_gantt_legend", "kind_sections", "line_marks"]


@dataclass(frozen=True, slots=True)
class Legend:
    """What stands beside the lanes: kinds of intervals, kinds of lines, the shades if any."""

    sections: list[Section]
    marks: list[Mark]
    has_shades: bool

    @property
    def below_px(self) -> int:
        """Pixels of what stands below the sections."""
        return (SHADES_PX if self.has_shades else 0) + marks_height(self.marks)

    @property
    def height(self) -> int:
        """Pixels that it needs to show every entry."""
        return legend_height(self.sections) + self.below_px


def draw_gantt_legend(figure: Figure, legend: Legend, box: Box) -> None:
    """Draw the parts of a legend below each other; entries go when there is no room."""
    room = box._replace(height=box.height - legend.below_px)
    top = box.top + draw_legend(figure, legend.sections, room)
    if legend.has_shades:
        draw_shades(figure, box.left, top, box.width)
        top += SHADES_PX
    if legend.marks:
        draw_marks(figure, legend.marks, box.left, top, box.width)


def line_marks(bounds: int, steps: int, is_coarse: bool) -> list[Mark]:
    """List the kinds of lines over the lanes, given how many bounds and steps are drawn."""
    marks = [Mark("--", "lower bound of the wall-clock")] if bounds else []
    if steps:
        remark = "many steps: a narrow window shows each" if is_coarse else ""
        marks.append(Mark("-", f"path of the wall-clock, {steps:,} tasks", remark))
    return marks


def kind_sections(trace: Trace, visible: Intervals) -> list[Section]:
    """List the kinds of intervals that are visible, by who does them."""
    kernels, _ = row_kernels(trace)
    names = [kernel.name for kernel in kernels] + list(CONTROL_KINDS)
    doers = [f"{kernel.core.name} kernels" for kernel in kernels] + ["AICPU"] * len(CONTROL_KINDS)
    colors = kind_colors(len(kernels))
    count = np.bincount(visible.kind, minlength=len(names))
    total_us = np.bincount(visible.kind, visible.end_us - visible.begin_us, len(names))
    entries: dict[str, list[Entry]] = {f"{core.name} kernels": [] for core in CoreType}
    entries["AICPU"] = []
    for kind in np.flatnonzero(count).tolist():
        figures = (f"{count[kind]:,}", f"{total_us[kind] / count[kind]:,.2f}")
        # The AICPU's few lines always stay; kernels that take little time go first.
        weight = float(total_us[kind]) if kind < len(kernels) else np.inf
        entries[doers[kind]].append(Entry(colors[kind], names[kind], figures, weight))
    return [Section(doer, ("count", "avg us"), lines) for doer, lines in entries.items()]
