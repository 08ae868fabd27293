"""The one exception that stands for bad input."""

from __future__ import annotations

from collections.abc import Iterable
from difflib import get_close_matches

__all__ = ["InputError", "unknown_name"]


class InputError(ValueError):
    """Input that cannot be used.

    The message says what is wrong, where (file, line, field) and what to do about it; it is
    meant to be shown to the user as it is, without a traceback.
    """


def unknown_name(what: str, name: str, known: Iterable[str]) -> InputError:
    """Build the error for a name that nothing has, with the names nearest to it.

    Examples
    --------
    >>> str(unknown_name("device", "a2a4", ["a2a3"]))
    "unknown device 'a2a4'; did you mean a2a3? (known: a2a3)"
    """
    names = sorted(known)
    near = get_close_matches(name, names, n=3, cutoff=0.5)
    guess = f"; did you mean {' or '.join(near)}?" if near else ""
    return InputError(f"unknown {what} {name!r}{guess} (known: {', '.join(names)})")
