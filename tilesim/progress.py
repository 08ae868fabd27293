"""What is being done, on a terminal, while it takes long."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from rich.console import Console

__all__ = ["Counter", "counted_progress", "progress"]


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


@dataclass(frozen=True)
class Counter:
    """Tells a terminal how far something is.

    Attributes
    ----------
    skip : callable
        ``skip(count, said)``: so many were done before this began, which say nothing of how long
        one takes.
    advance : callable
        ``advance(said)``: one more is done, with what else there is to say.
    """

    skip: Callable[[int, str], None]
    advance: Callable[[str], None]


@contextmanager
def counted_progress(total: int) -> Iterator[Counter]:
    """Show how many of some things are done, and the time left; nothing where `progress` does not.

    Parameters
    ----------
    total : int
        How many there are.

    Yields
    ------
    Counter
        To be told of what is done.
    """
    console = Console(stderr=True)
    if not console.is_terminal:
        yield Counter(lambda *_: None, lambda _: None)
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
        yield Counter(
            lambda count, said: display.reset(shown, completed=count, description=said),
            lambda said: display.update(shown, advance=1, description=said),
        )
