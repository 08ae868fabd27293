"""Errors that are the program's own."""

from __future__ import annotations

from devices.errors import InputError

__all__ = ["LanguageError"]


class LanguageError(InputError):
    """Misuse of the language, at a file and line of the user's program."""
