"""Memory that runs need, as far as it can be told before they take it."""

from __future__ import annotations

from contextlib import suppress
from pathlib import Path

import psutil

from devices.errors import InputError

__all__ = [
    "LEAST_SUBMIT_BYTES",
    "PROCESS_BYTES",
    "USUAL_SUBMIT_BYTES",
    "available_bytes",
    "check_room",
    "needed_bytes",
]

# Measured by benchmarks/memory_of_runs.py: the most that a process has had, less what it has after
# its imports, over the submits. Where tasks share few lines of L2, footprints are small.
LEAST_SUBMIT_BYTES = 650
"""What a submit takes at the least, from recording it to the bounds of its run."""

USUAL_SUBMIT_BYTES = 2_300
"""What it takes in graphs of some 10 000 submits; in larger ones it is less."""

PROCESS_BYTES = 60_000_000
"""What a process has after its imports."""

_LIMITS = (
    (Path("/sys/fs/cgroup/memory.max"), Path("/sys/fs/cgroup/memory.current")),
    (
        Path("/sys/fs/cgroup/memory/memory.limit_in_bytes"),
        Path("/sys/fs/cgroup/memory/memory.usage_in_bytes"),
    ),
)
"""Where Linux tells what a container may have, and has; version 2 and version 1."""


def available_bytes() -> int:
    """Memory that can be taken without swapping, within the limit of a container if any."""
    available = int(psutil.virtual_memory().available)
    for most, used in _LIMITS:
        with suppress(OSError, ValueError):  # no such file, or "max" in it
            available = min(available, int(most.read_text()) - int(used.read_text()))
    return max(0, available)


def needed_bytes(submits: int) -> int:
    """What running a program of so many submits usually takes, besides the process itself."""
    return submits * USUAL_SUBMIT_BYTES


def check_room(name: str, submits: int) -> None:
    """Refuse a run that cannot fit into memory, before it is tried.

    Parameters
    ----------
    name : str
        What would run.
    submits : int
        Submits of its program, tasks and allocs.

    Raises
    ------
    InputError
        Even at the least that submits take, memory is too small; the message has the figures.
    """
    least, room = submits * LEAST_SUBMIT_BYTES, available_bytes()
    if least > room:
        raise InputError(
            f"{name}: {submits:,} submits need {least / 1e9:.1f} GB at the least, and "
            f"{room / 1e9:.1f} GB are free; give smaller sizes, or a machine with more memory"
        )
