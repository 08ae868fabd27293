"""Floor 4: pictures of runs, and traces for Chrome and Perfetto."""

from plots.chrome import write_chrome_trace
from plots.comparison import draw_comparison
from plots.gantt import draw_gantt
from plots.output import PICTURE_ENDINGS, TRACE_ENDINGS, check_writable

__all__ = [
    "PICTURE_ENDINGS",
    "TRACE_ENDINGS",
    "check_writable",
    "draw_comparison",
    "draw_gantt",
    "write_chrome_trace",
]
