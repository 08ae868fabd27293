"""Traces for viewers, in the format that the ending of the file names."""

from __future__ import annotations

from typing import TYPE_CHECKING

from plots.chrome import write_chrome_trace
from plots.endings import CHROME_ENDINGS, TRACE_ENDINGS
from plots.perfetto import write_perfetto_trace
from workloads.files import file_ending

if TYPE_CHECKING:
    import os

    from runtime.trace import Trace

__all__ = ["write_trace"]


def write_trace(trace: Trace, path: str | os.PathLike[str]) -> None:
    """Write a run for a trace viewer.

    Parameters
    ----------
    trace : Trace
        The run.
    path : path
        File to write, ending in one of `TRACE_ENDINGS`: ``.json`` is for Chrome and Perfetto,
        ``.pftrace`` for Perfetto alone, and much smaller; each with ``.gz`` behind it is packed.

    Raises
    ------
    InputError
        When the ending is another or the file cannot be written.
    """
    if file_ending(path, TRACE_ENDINGS) in CHROME_ENDINGS:
        write_chrome_trace(trace, path)
    else:
        write_perfetto_trace(trace, path)
