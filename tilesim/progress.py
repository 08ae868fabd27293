"""What is being done, on a terminal, while it takes long."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager

from rich.console import Console

__all__ = ["counted_progress", "progress"]


@contextmanager
def progress() -> Iterator[Callable[[str], None]]:
    """Show steps on standard error, with a clock; nothing where that is no terminal.

    Yields
    ------
    callable
        To be called with the name of each step that begins.
    """
    console = Console(stderr=True)
    if not console.is_terminal:
        yield lambda _: None
        return
    # Imported here: without a terminal nobody waits for it.
    from rich.progress import Progress, SpinnerColumn, TextColumn, TimeElapsedColumn  # noqa: PLC0415

    columns = SpinnerColumn(), TimeElapsedColumn(), TextColumn("{task.description}")
    with Progress(*columns, console=console, transient=True) as display:
        shown = display.add_task("starting", total=None)
        yield lambda step: display.update(shown, description=step)


@contextmanager
def counted_progress(total: int) -> Iterator[Callable[[str], None]]:
    """Show how many of some things are done, and the time left; nothing where `progress` does not.

    Parameters
    ----------
    total : int
        How many there are.

    Yields
    ------
    callable
        To be called when one more is done, with what else there is to say.
    """
    console = Console(stderr=True)
    if not console.is_terminal:
        yield lambda _: None
        return
    from rich import progress as parts  # noqa: PLC0415 - as above

    columns = (
        parts.BarColumn(),
        parts.MofNCompleteColumn(),
        parts.TimeElapsedColumn(),
        parts.TextColumn("left"),
        parts.TimeRemainingColumn(),
        parts.TextColumn("{task.description}"),
    )
    with parts.Progress(*columns, console=console, transient=True) as display:
        shown = display.add_task("", total=total)
        yield lambda said: display.update(shown, advance=1, description=said)
