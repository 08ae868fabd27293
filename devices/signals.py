"""What compiled code cannot do by itself."""

from __future__ import annotations

__all__ = ["heed_signals"]


def heed_signals() -> None:
    """Let Python act on a signal that has come, Ctrl-C above all.

    It does so whenever it enters a function that is not compiled, as this one: it is in no module
    that `setup.py` names.
    """
