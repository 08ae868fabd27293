"""Reading what the command line says: settings, windows, limits."""

from __future__ import annotations

from collections.abc import Sequence
from math import inf

from devices.device import load_device
from devices.errors import InputError
from runtime.dependencies import RUNTIME_LIMIT, Dependencies
from runtime.version import load_runtime
from tilesim.replay import Setup

__all__ = [
    "read_dependencies",
    "read_lookup_cap",
    "read_settings",
    "read_setups",
    "read_window",
    "split_settings",
]


def split_settings(words: Sequence[str], options: Sequence[str]) -> tuple[list[str], list[str]]:
    """Tell names from settings, so that ``--set a=1 b=2`` works as it reads.

    Parameters
    ----------
    words : sequence of str
        Positional arguments; those with an equals sign are settings.
    options : sequence of str
        Values of ``--set``.
    """
    names = [word for word in words if "=" not in word]
    return names, [*options, *(word for word in words if "=" in word)]


def read_settings(texts: Sequence[str]) -> dict[str, int]:
    """Parse ``name=integer`` settings; one text may hold several, separated by commas.

    Raises
    ------
    InputError
        A text is not of that form, or a name appears twice.
    """
    settings: dict[str, int] = {}
    for text in (part for joined in texts for part in joined.split(",")):
        name, equals, value = text.partition("=")
        name = name.strip()
        if not equals or not name:
            raise InputError(f"--set takes name=value, such as hidden=8192, not {text!r}")
        if name in settings:
            raise InputError(f"--set gives {name} twice")
        try:
            settings[name] = int(value.replace("_", ""))
        except ValueError:
            raise InputError(f"--set {name}: {value!r} is not an integer") from None
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


def read_setups(
    device: str,
    runtime: str,
    dependencies: str,
    lookup_cap: str | None,
    *,
    profiling: bool,
) -> list[Setup]:
    """What to run on, once for each kind of dependences.

    Raises
    ------
    InputError
        A name, file or value that does not exist or fit.
    """
    on = load_device(device)
    with_runtime = load_runtime(runtime)
    cap = read_lookup_cap(lookup_cap)
    return [
        Setup(on, with_runtime, kind, cap, profiling) for kind in read_dependencies(dependencies)
    ]
