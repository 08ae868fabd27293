"""How full the rings were, as a table and as plain values."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from rich.console import Console

from runtime.ring_usage import RingUsage
from tilesim.console import new_table

__all__ = ["print_rings", "rings_record"]


def print_rings(console: Console, rings: Sequence[RingUsage]) -> None:
    """Print what was taken of each ring that was used, and how long was waited for it."""
    if not rings:
        return
    table = new_table("Ring space")
    table.add_column("Resource")
    for heading in ("size", "most used", "%", "waits", "waited us"):
        table.add_column(heading, justify="right", no_wrap=True)
    for usage in rings:
        if not usage.high_water:
            continue
        table.add_row(
            usage.name,
            f"{usage.size}" if usage.size else "no limit",
            f"{usage.high_water}",
            f"{100 * usage.high_water / usage.size:.1f}" if usage.size else "",
            f"{usage.waits}",
            f"{usage.waited_us:.2f}",
        )
    console.print(table)


def rings_record(rings: Sequence[RingUsage]) -> list[dict[str, Any]]:
    """The rings as JSON objects; ``ring`` is null for the TensorMap, ``size`` for no limit."""
    return [
        {
            "resource": usage.resource.key,
            "ring": usage.ring if usage.ring >= 0 else None,
            "size": usage.size or None,
            "high_water": usage.high_water,
            "waits": usage.waits,
            "waited_us": usage.waited_us,
        }
        for usage in rings
    ]
