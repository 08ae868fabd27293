"""Floor 4: pictures of runs, and traces for Chrome and Perfetto."""

from plots.accuracy import Accuracy, draw_accuracy
from plots.bars import draw_bars
from plots.bound_lines import BoundLine
from plots.chrome import write_chrome_trace
from plots.comparison import draw_comparison
from plots.endings import PICTURE_ENDINGS, TRACE_ENDINGS
from plots.front import FrontPoint, draw_front
from plots.gantt import draw_gantt
from plots.heat_map import draw_heat_map
from plots.lines import MOST_LINES, Line, draw_lines
from plots.path_steps import PathSteps
from plots.perfetto import write_perfetto_trace
from plots.sweep import SweepRow, draw_sweep
from plots.traces import write_trace
from plots.waterfall import Part, draw_waterfall

__all__ = [
    "MOST_LINES",
    "PICTURE_ENDINGS",
    "TRACE_ENDINGS",
    "Accuracy",
    "BoundLine",
    "FrontPoint",
    "Line",
    "Part",
    "PathSteps",
    "SweepRow",
    "draw_accuracy",
    "draw_bars",
    "draw_comparison",
    "draw_front",
    "draw_gantt",
    "draw_heat_map",
    "draw_lines",
    "draw_sweep",
    "draw_waterfall",
    "write_chrome_trace",
    "write_perfetto_trace",
    "write_trace",
]
