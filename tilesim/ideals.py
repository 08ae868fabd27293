"""One cost at a time set to zero: what improving it could bring at the most."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import TypeVar

from msgspec import Struct

from devices.description import settings, with_values
from devices.errors import unknown_name
from runtime.times import SUBMIT_COSTS

__all__ = ["IDEALS", "idealized", "read_ideals"]

_AT_ONCE = 1e15
"""A rate at which nothing takes time."""

IDEALS: dict[str, tuple[str, Mapping[str, float]]] = {
    "memory": (
        "loads, stores and drains take no time, and nobody waits for the memory",
        {
            "kernel.load_latency_us": 0.0,
            "kernel.pipelined_latency_us": 0.0,
            "cube.row_issue_us": 0.0,
            "cube.row_miss_us": 0.0,
            "cube.miss_gbps": _AT_ONCE,
            "cube.hit_gbps": _AT_ONCE,
            "cube.drain_fixed_cycles": 0.0,
            "cube.drain_row_cycles": 0.0,
            "cube.drain_odd_cycles": 0.0,
            "cube.drain_bytes_per_cycle": _AT_ONCE,
            "vector.load_gbps": _AT_ONCE,
            "vector.store_gbps": _AT_ONCE,
            "memory.achieved_gbps": _AT_ONCE,
            "l2.achieved_gbps": _AT_ONCE,
        },
    ),
    "compute": (
        "moves, multiplications and vector operations take no time",
        {"cores.clock_mhz": _AT_ONCE, "vector.sync_us": 0.0},
    ),
    "cores": (
        "there is a core for every task, and none is cold: 1024 clusters",
        {"cores.clusters": 1024, "costs.core_cold_us": 0.0},
    ),
    "dispatch": (
        "from the decision to the start of a kernel no time passes",
        dict.fromkeys(
            (
                "costs.dispatch_us",
                "costs.aicpu_to_core_us",
                "costs.core_prepare_us",
                "costs.core_cold_us",
            ),
            0.0,
        ),
    ),
    "completion": (
        "ends are seen and completed at once",
        dict.fromkeys(
            (
                "costs.core_to_aicpu_us",
                "costs.cond_read_us",
                "costs.idle_loop_us",
                "costs.completion_us",
                "costs.per_consumer_us",
            ),
            0.0,
        ),
    ),
    "orchestrator": (
        "submits take no time",
        dict.fromkeys((*SUBMIT_COSTS, "costs.entry_us"), 0.0),
    ),
}
"""What may be ideal: in words, and the constants that say so."""

_Description = TypeVar("_Description", bound=Struct)


def read_ideals(text: str | None) -> tuple[str, ...]:
    """Parse ``--ideal``: names separated by commas.

    Raises
    ------
    InputError
        A name is not known.
    """
    names = tuple(dict.fromkeys(part.strip() for part in text.split(","))) if text else ()
    for name in names:
        if name not in IDEALS:
            raise unknown_name("ideal", name, IDEALS)
    return names


def idealized(description: _Description, ideals: Iterable[str]) -> _Description:
    """A device or a runtime with what is ideal of it."""
    known = settings(description)
    values = {key: v for name in ideals for key, v in IDEALS[name][1].items() if key in known}
    return with_values(description, values) if values else description
