"""What kernels take on chip, as a table and as JSON."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

from rich.console import Console

from devices.capacity import OnChipUse, memory_limits
from devices.dtypes import DType
from devices.kernel import Kernel, walk
from runtime.graph import Buffer
from tilesim.console import new_table
from tilesim.replay import Run

__all__ = ["capacity_records", "print_capacity"]

Uses = Sequence[tuple[Kernel, tuple[OnChipUse, ...]]]


def capacity_records(capacity: Uses) -> list[dict[str, Any]]:
    """Bytes per kernel and memory as plain values."""
    return [
        {
            "kernel": kernel.name,
            "line": kernel.line,
            "core": kernel.core.value,
            "memory": use.memory.name,
            "alive_bytes": use.alive_bytes,
            "allocated_bytes": use.allocated_bytes,
            "limit_bytes": use.limit_bytes,
            "fits": use.fits,
            "fits_as_allocated": use.is_allocatable,
            "occupants": [
                {"what": o.what, "bytes": o.tile.nbytes, "line": o.line} for o in use.occupants
            ],
        }
        for kernel, uses in capacity
        for use in uses
    ]


def print_capacity(console: Console, run: Run, capacity: Uses) -> None:
    """Print bytes per kernel and memory, against the device's limits."""
    device = run.setup.device
    table = new_table(f"On-chip memory of {run.full_name} on {device.name}")
    table.add_column("Kernel", overflow="fold")
    table.add_column("Core", no_wrap=True)
    table.add_column("Memory", no_wrap=True)
    for heading in ("Alive B", "Allocated B", "Limit B", "%"):
        table.add_column(heading, justify="right", no_wrap=True)
    table.add_column("Fits", no_wrap=True)
    for kernel, uses in capacity:
        for place, use in enumerate(uses):
            table.add_row(
                "" if place else kernel.name,
                "" if place else kernel.core.value,
                use.memory.name,
                str(use.alive_bytes),
                str(use.allocated_bytes),
                str(use.limit_bytes),
                f"{100 * use.alive_bytes / use.limit_bytes:.1f}",
                _verdict(use),
            )
    table.caption = (
        "alive: most at one time, however places are shared; allocated: by the compiler of April "
        "2026, which shares places between tiles of one shape and dtype only"
    )
    console.print(table)
    _print_global_tensors(console, run)
    for message in run.overflows:
        console.print(message, style="red", highlight=False, soft_wrap=True)


def _verdict(use: OnChipUse) -> str:
    if not use.fits:
        return "NO"
    return "yes" if use.is_allocatable else "not as allocated"


def _print_global_tensors(console: Console, run: Run) -> None:
    """Say of tensors that are too large for a core how much of them is on one at a time."""
    limit = max(memory_limits(run.setup.device).values())
    pieces = [_largest_pieces(kernel) for kernel in run.graph.kernels]
    largest: dict[Buffer, int] = {}
    for kernel, views in zip(run.case.submits.kernel, run.case.submits.views, strict=True):
        for place, view in enumerate(views if kernel >= 0 else ()):
            buffer = view.buffer
            if buffer.owner >= 0 and _nbytes(buffer.dtype, buffer.shape) >= limit:
                largest[buffer] = max(largest.get(buffer, 0), pieces[kernel].get(place, 0))
    for name, size, piece in sorted(
        {(b.name, _nbytes(b.dtype, b.shape), piece) for b, piece in largest.items()}
    ):
        console.print(
            f"{name} ({size:,} B) is in global memory; the largest piece that a kernel loads or "
            f"stores at once is {piece:,} B",
            highlight=False,
            soft_wrap=True,
        )


def _largest_pieces(kernel: Kernel) -> dict[int, int]:
    """Most bytes of each parameter that one load or store of a kernel moves."""
    largest: dict[int, int] = {}
    for op in walk(kernel.body):
        if op.box is not None:
            place = op.box.parameter
            size = _nbytes(kernel.parameters[place].dtype, op.box.shape)
            largest[place] = max(largest.get(place, 0), size)
    return largest


def _nbytes(dtype: DType, shape: tuple[int, ...]) -> int:
    return dtype.nbytes(math.prod(shape))
