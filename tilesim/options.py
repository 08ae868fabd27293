"""Reading what the command line says: settings, windows, limits."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from enum import StrEnum
from math import inf
from typing import TypeVar

from devices.errors import InputError
from runtime.dependencies import RUNTIME_LIMIT, Dependencies

__all__ = [
    "read_choice",
    "read_constants",
    "read_dependencies",
    "read_lookup_cap",
    "read_names",
    "read_priorities",
    "read_settings",
    "read_window",
    "split_settings",
]

_Number = TypeVar("_Number", int, float)
_Choice = TypeVar("_Choice", bound=StrEnum)


def split_settings(words: Sequence[str], options: Sequence[str]) -> tuple[list[str], list[str]]:
    """Tell names from settings, so that ``--set a=1 b=2`` works as it reads.

    Parameters
    ----------
    words : sequence of str
        Positional arguments; those with an equals sign are settings, but for program files.
    options : sequence of str
        Values of ``--set``.
    """
    names = [word for word in words if "=" not in word or word.endswith(".py")]
    return names, [*options, *(word for word in words if word not in names)]


def read_settings(texts: Sequence[str]) -> dict[str, int]:
    """Parse ``name=integer`` settings; one text may hold several, separated by commas.

    Raises
    ------
    InputError
        A text is not of that form, or a name appears twice.
    """
    return _read_integers(texts, "--set", "hidden=8192")


def read_constants(texts: Sequence[str], option: str, example: str) -> dict[str, float]:
    """Parse ``key=number`` settings of a device or a runtime, keys as in its TOML file.

    Raises
    ------
    InputError
        A text is not of that form, or a key appears twice.
    """
    return _read_numbers(texts, option, example, float, "a number")


def _read_integers(texts: Sequence[str], option: str, example: str) -> dict[str, int]:
    return _read_numbers(texts, option, example, int, "an integer")


def _read_numbers(
    texts: Sequence[str], option: str, example: str, read: Callable[[str], _Number], kind: str
) -> dict[str, _Number]:
    settings: dict[str, _Number] = {}
    for text in (part for joined in texts for part in joined.split(",")):
        name, equals, value = text.partition("=")
        name = name.strip()
        if not equals or not name:
            raise InputError(f"{option} takes name=value, such as {example}, not {text!r}")
        if name in settings:
            raise InputError(f"{option} gives {name} twice")
        try:
            settings[name] = read(value.replace("_", ""))
        except ValueError:
            raise InputError(f"{option} {name}: {value!r} is not {kind}") from None
    return settings


def read_lookup_cap(text: str | None) -> int | None:
    """Parse ``--lookup-cap``: a number from 1 on, or none; the runtime's where it is not given."""
    if text is None:
        return RUNTIME_LIMIT
    if text.lower() == "none":
        return None
    if text.isdecimal() and int(text) > 0:
        return int(text)
    raise InputError(f"--lookup-cap takes a number from 1 on or none, not {text!r}")


def read_dependencies(text: str) -> list[Dependencies]:
    """Parse ``--dependencies``: kinds separated by commas."""
    try:
        kinds = [Dependencies(part.strip()) for part in text.split(",")]
    except ValueError:
        known = ", ".join(kind.value for kind in Dependencies)
        raise InputError(f"--dependencies takes {known}, not {text!r}") from None
    if len(set(kinds)) < len(kinds):
        raise InputError(f"--dependencies names a kind twice: {text!r}")
    return kinds


def read_names(text: str) -> list[str]:
    """Parse names separated by commas.

    Raises
    ------
    InputError
        A name is missing, or appears twice.
    """
    names = [name.strip() for name in text.split(",")]
    if not all(names) or len(set(names)) < len(names):
        raise InputError(f"names are separated by commas, each once, not {text!r}")
    return names


def read_choice(text: str, kind: type[_Choice], option: str) -> _Choice:
    """Parse an option that takes one of a few words; raises an `InputError` for any other."""
    try:
        return kind(text)
    except ValueError:
        raise InputError(f"{option} takes {', '.join(kind)}, not {text!r}") from None


def read_window(text: str | None) -> tuple[float, float] | None:
    """Parse ``--window``: ``begin:end`` in us from the first dispatch."""
    if text is None:
        return None
    begin, colon, end = text.partition(":")
    try:
        window = float(begin or 0.0), float(end)
    except ValueError:
        window = 0.0, 0.0
    if not colon or not window[0] < window[1] < inf:
        raise InputError(f"--window takes begin:end in us, such as 0:500, not {text!r}")
    return window


def read_priorities(texts: Sequence[str]) -> dict[str, int]:
    """Parse ``--priority``: ``kernel=integer``; one text may hold several, with commas.

    Raises
    ------
    InputError
        A text is not of that form, or a kernel appears twice.
    """
    return _read_integers(texts, "--priority", "scope3_incore_8=1")
