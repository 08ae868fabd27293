"""Setups in words: plain values by name, as axes and command lines give them."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import lru_cache
from typing import TypeVar

from msgspec import Struct

from devices.description import settings, with_values
from devices.device import Device, available_devices, load_device
from devices.errors import InputError, unknown_name
from runtime.dependencies import RUNTIME_LIMIT, Dependencies
from runtime.estimates import Estimates
from runtime.language import Lowering
from runtime.version import RuntimeVersion, available_runtimes, load_runtime
from tilesim.ideals import IDEALS, idealized, read_ideals
from tilesim.options import read_choice
from tilesim.policies import forget_policies, policy_names, read_policy
from tilesim.setup import DEFAULT_DEVICE, DEFAULT_RUNTIME, Setup

__all__ = [
    "SETUP_WORDS",
    "Value",
    "Words",
    "forget_files",
    "read_value",
    "setup_names",
    "setup_of",
    "word_values",
]

Value = int | float | str
"""What a word of a setup or a parameter holds; truths are booleans."""

Words = Mapping[str, Value]
"""Words of a setup by name: those of `SETUP_WORDS`, and constants and priorities by prefix."""

_DEVICE, _RUNTIME, _PRIORITY = "device.", "runtime.", "priority."
_YES, _NO = ("yes", "true", "on", "1"), ("no", "false", "off", "0")

_Description = TypeVar("_Description", bound=Struct)


def _integer(text: str) -> int:
    return int(text.replace("_", ""))


def _number(text: str) -> int | float:
    plain = text.replace("_", "")
    try:
        return int(plain)
    except ValueError:
        return float(plain)


def _truth(text: str) -> bool:
    if text.lower() not in (*_YES, *_NO):
        raise ValueError(text)
    return text.lower() in _YES


def _cap(text: str) -> int | str:
    return "none" if text.lower() == "none" else int(text)


_Reader = Callable[[str], Value]

SETUP_WORDS: dict[str, tuple[_Reader, str]] = {
    "policy": (str, "a policy"),
    "dependencies": (str, "tensor or tile"),
    "lookup_cap": (_cap, "a number or none"),
    "lowering": (str, "a date of a compiler"),
    "device": (str, "a device"),
    "runtime": (str, "a runtime"),
    "profiling": (_truth, "yes or no"),
    "ideal": (str, "an ideal or none"),
    "estimate_error": (_number, "a number"),
    "seed": (_integer, "an integer"),
    "repeat": (_integer, "an integer"),
}
"""What each word is read by, and what it takes."""


def read_value(name: str, text: str) -> Value:
    """Read the value of a word, or the integer of a parameter of a workload.

    Raises
    ------
    InputError
        It is of another kind.
    """
    if name in SETUP_WORDS:
        read, kind = SETUP_WORDS[name]
    elif name.startswith((_DEVICE, _RUNTIME)):
        read, kind = _number, "a number"
    else:
        read, kind = _integer, "an integer"
    try:
        return read(text)
    except ValueError:
        raise InputError(f"{name}: {text!r} is not {kind}") from None


def forget_files() -> None:
    """Read files of devices, runtimes and policies anew from now on: they may have changed."""
    _described_device.cache_clear()
    _described_runtime.cache_clear()
    forget_policies()


def word_values(name: str) -> list[str]:
    """The values of a word that has names for them; none for one that takes numbers."""
    offers: dict[str, Callable[[], Sequence[str]]] = {
        "policy": policy_names,
        "dependencies": lambda: list(Dependencies),
        "lowering": lambda: list(Lowering),
        "device": available_devices,
        "runtime": available_runtimes,
        "profiling": lambda: ["yes", "no"],
        "ideal": lambda: ["none", *IDEALS],
    }
    return [*offers[name]()] if name in offers else []


def setup_names(words: Words) -> list[str]:
    """All words with constants of device and runtime, priorities aside.

    Raises
    ------
    InputError
        The device or the runtime of the words does not exist.
    """
    device = _described_device(_device(words), (), ())
    runtime = _described_runtime(_runtime(words), (), ())
    return [
        *SETUP_WORDS,
        *(_RUNTIME + key for key in settings(runtime)),
        *(_DEVICE + key for key in settings(device)),
    ]


def setup_of(words: Words) -> Setup:
    """The setup that words describe, by default that of `Setup`.

    Parameters
    ----------
    words : mapping
        ``policy``, ``device`` and ``runtime`` by name or file; ``dependencies``, ``lowering``;
        ``lookup_cap``, a number or none; ``profiling``; ``ideal``, names with + between them, or
        none; ``estimate_error``, ``seed``; ``device.KEY`` and ``runtime.KEY``, constants by the
        key of the TOML file; ``priority.KERNEL``. What ``repeat`` says is for the run alone.

    Raises
    ------
    InputError
        A name, file or value does not exist or fit.
    """
    _check_names(words)
    ideals = read_ideals(_ideals(words))
    device = _described_device(_device(words), ideals, _constants(words, _DEVICE))
    runtime = _described_runtime(_runtime(words), ideals, _constants(words, _RUNTIME))
    priorities = {key: int(value) for key, value in _under(words, _PRIORITY).items()}
    return Setup(
        device=device,
        runtime=runtime,
        dependencies=read_choice(
            str(words.get("dependencies", Dependencies.TENSOR)), Dependencies, "dependencies"
        ),
        lookup_cap=_lookup_cap(words),
        profiling=bool(words.get("profiling", True)),
        policy=read_policy(str(words.get("policy", "runtime"))),
        estimates=Estimates(
            float(words.get("estimate_error", 0.0)), int(words.get("seed", 0)), priorities
        ),
        lowering=read_choice(str(words.get("lowering", Lowering.APRIL)), Lowering, "lowering"),
        ideals=ideals,
    )


def _check_names(words: Words) -> None:
    for name in words:
        if name not in SETUP_WORDS and not name.startswith((_DEVICE, _RUNTIME, _PRIORITY)):
            raise unknown_name("word of a setup", name, SETUP_WORDS)


def _ideals(words: Words) -> str | None:
    text = str(words.get("ideal", "none"))
    return None if text == "none" else text.replace("+", ",")


def _lookup_cap(words: Words) -> int | None:
    cap = words.get("lookup_cap", RUNTIME_LIMIT)
    return None if cap == "none" else int(cap)


def _under(words: Words, prefix: str) -> dict[str, float]:
    return {
        name.removeprefix(prefix): float(value) if isinstance(value, str) else value
        for name, value in words.items()
        if name.startswith(prefix)
    }


_Constants = tuple[tuple[str, float], ...]


def _constants(words: Words, prefix: str) -> _Constants:
    return tuple(_under(words, prefix).items())


# Names are read and constants are set once for thousands of points that have the same.
@lru_cache(maxsize=64)
def _described_device(name: str, ideals: tuple[str, ...], constants: _Constants) -> Device:
    return _with_constants(load_device(name), ideals, constants, _DEVICE)


@lru_cache(maxsize=64)
def _described_runtime(name: str, ideals: tuple[str, ...], constants: _Constants) -> RuntimeVersion:
    return _with_constants(load_runtime(name), ideals, constants, _RUNTIME)


def _with_constants(
    description: _Description, ideals: tuple[str, ...], constants: _Constants, prefix: str
) -> _Description:
    """A description with what is ideal of it and what words set."""
    ideal = idealized(description, ideals) if ideals else description
    try:
        return with_values(ideal, dict(constants)) if constants else ideal
    except InputError as error:
        raise InputError(f"{prefix.removesuffix('.')}: {error}") from error


def _device(words: Words) -> str:
    return str(words.get("device", DEFAULT_DEVICE))


def _runtime(words: Words) -> str:
    return str(words.get("runtime", DEFAULT_RUNTIME))
