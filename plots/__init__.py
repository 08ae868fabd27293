"""Floor 4: pictures of runs, and traces for Chrome and Perfetto."""

from plots.accuracy import Accuracy, draw_accuracy
from plots.bound_lines import BoundLine
from plots.chrome import write_chrome_trace
from plots.comparison import draw_comparison
from plots.endings import PICTURE_ENDINGS, TRACE_ENDINGS
from plots.gantt import draw_gantt
from plots.path_steps import PathSteps
from plots.perfetto import write_perfetto_trace
from plots.sweep import SweepRow, draw_sweep
from plots.traces import write_trace
from plots.waterfall import Part, draw_waterfall

__all__ = [
    "PICTURE_ENDINGS",
    "TRACE_ENDINGS",
    "Accuracy",
    "BoundLine",
    "Part",
    "PathSteps",
    "SweepRow",
    "draw_accuracy",
    "draw_comparison",
    "draw_gantt",
    "draw_sweep",
    "draw_waterfall",
    "write_chrome_trace",
    "write_perfetto_trace",
    "write_trace",
]
