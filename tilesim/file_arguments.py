"""Arguments behind ``--`` on the command line: they are for the program file."""

from __future__ import annotations

from contextvars import ContextVar
from typing import Any

from typer.core import TyperCommand

__all__ = ["FileCommand", "file_arguments"]

_ARGUMENTS: ContextVar[tuple[str, ...]] = ContextVar("file_arguments", default=())


class FileCommand(TyperCommand):
    """A verb that leaves what follows ``--`` to the program file that it executes."""

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        """Parse what stands before ``--``."""
        place = args.index("--") if "--" in args else len(args)
        _ARGUMENTS.set(tuple(args[place + 1 :]))
        return super().parse_args(ctx, args[:place])


def file_arguments() -> tuple[str, ...]:
    """What the verb that runs was given behind ``--``."""
    return _ARGUMENTS.get()
