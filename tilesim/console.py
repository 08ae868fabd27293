"""Standard output: a console that suits a terminal and a pipe, and the look of tables."""

from __future__ import annotations

from rich import box
from rich.console import Console
from rich.table import Table

__all__ = ["new_table", "output_console", "speed_up"]

_PIPED_WIDTH = 160
"""Columns where the output is no terminal, wide enough to cut no name short."""


def output_console() -> Console:
    """A console on standard output; without colours and cuts where that is no terminal."""
    console = Console(markup=False, emoji=False)  # names mean themselves
    return (
        console if console.is_terminal else Console(width=_PIPED_WIDTH, markup=False, emoji=False)
    )


def new_table(title: str) -> Table:
    """An empty table; without a title if that is empty."""
    return Table(
        title=title or None,
        title_justify="left",
        caption_justify="left",
        box=box.SIMPLE_HEAD,
        padding=(0, 1, 0, 0),
    )


def speed_up(before_us: float, after_us: float) -> str:
    """How many times faster, in words that suit a table."""
    return f"{before_us / after_us:.2f}x" if after_us else "-"
