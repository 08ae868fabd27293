"""A trace as a table: a named column for each property of the rows, for notebooks and files."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from devices.errors import InputError, unknown_name

if TYPE_CHECKING:
    from runtime.trace import Trace

__all__ = ["LIBRARIES", "columns_of", "dataframe_of", "installed"]

LIBRARIES = ("pandas", "polars")
"""Libraries of data frames, the preferred one first."""

_STAMPS = (
    "submit_us",
    "ready_us",
    "dispatch_us",
    "start_us",
    "end_us",
    "observe_us",
    "finish_us",
    "done_us",
    "exec_us",
    "head_us",
    "tail_us",
    "latency_us",
    "alone_us",
    "hbm_bytes",
    "gm_bytes",
)


def columns_of(trace: Trace) -> dict[str, NDArray[Any]]:
    """The rows of a trace in columns, shape (t,) each; see `Trace.columns`."""
    names = np.array([kernel.name for kernel in trace.graph.kernels], dtype=object)
    types = np.array(["AIC", "AIV"], dtype=object)
    return {
        "task": trace.task,
        "kernel": names[trace.kernel],
        "core": trace.core,
        "core_type": types[(trace.core >= trace.aic_count).astype(np.int64)],
        "thread": trace.thread,
        "ring": trace.graph.ring[trace.task],
        **{name: getattr(trace, name) for name in _STAMPS},
        "released_by": trace.released_by,
        "named_core": trace.named_core,
    }


def dataframe_of(trace: Trace, library: str | None = None) -> Any:
    """The rows of a trace as a data frame; see `Trace.to_dataframe`."""
    if library is not None and library not in LIBRARIES:
        raise unknown_name("library of data frames", library, LIBRARIES)
    wanted = LIBRARIES if library is None else (library,)
    module = installed(wanted)
    if module is None:
        raise InputError(
            f"a data frame needs {' or '.join(wanted)}, which is not installed; "
            f"run: pip install {wanted[0]}"
        )
    # Lists of texts, because polars takes an array of objects for things it does not know.
    columns = {
        name: column.tolist() if column.dtype == object else column
        for name, column in columns_of(trace).items()
    }
    return module.DataFrame(columns)


def installed(libraries: tuple[str, ...]) -> Any:
    """The first of some modules that is installed, or None."""
    for library in libraries:
        try:
            return import_module(library)
        except ModuleNotFoundError as error:
            if error.name is None or error.name.split(".")[0] != library.split(".")[0]:
                raise  # it is there, but something that it needs is not
    return None
