"""What kernels take on chip, as a table and as JSON."""

from __future__ import annotations

from typing import Any

from rich.console import Console

from devices.capacity import OnChipUse
from tilesim.capacity import Capacity
from tilesim.console import new_table

__all__ = ["capacity_records", "print_capacity"]


def capacity_records(capacity: Capacity) -> list[dict[str, Any]]:
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
        for kernel, uses in capacity.kernels
        for use in uses
    ]


def print_capacity(console: Console, name: str, capacity: Capacity) -> None:
    """Print bytes per kernel and memory of the program called `name`, against the limits."""
    table = new_table(f"On-chip memory of {name} on {capacity.device.name}")
    table.add_column("Kernel", overflow="fold")
    table.add_column("Core", no_wrap=True)
    table.add_column("Memory", no_wrap=True)
    for heading in ("Alive B", "Allocated B", "Limit B", "%"):
        table.add_column(heading, justify="right", no_wrap=True)
    table.add_column("Fits", no_wrap=True)
    for kernel, uses in capacity.kernels:
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
        "alive: most at one time; allocated: by the compiler of April 2026, which shares places "
        "between tiles of one shape and dtype only"
    )
    console.print(table)
    for tensor in capacity.large_tensors:
        console.print(
            f"{tensor.name} ({tensor.size_bytes:,} B) is in global memory; the largest piece that "
            f"a kernel loads or stores at once is {tensor.piece_bytes:,} B",
            highlight=False,
            soft_wrap=True,
        )


def _verdict(use: OnChipUse) -> str:
    if not use.fits:
        return "NO"
    return "yes" if use.is_allocatable else "not as allocated"
