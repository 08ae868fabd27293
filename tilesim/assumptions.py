"""Reading ``--assume``: what the file of a recording does not say."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from devices.errors import InputError, unknown_name
from devices.kernel import CoreType
from workloads.formats.assumed import Assumed

__all__ = ["Assumptions", "read_assumptions"]

_KEYS = ("core", "core.PREFIX", "time", "unit_us", "names", "deps")


@dataclass(frozen=True)
class Assumptions:
    """What is assumed of a recording.

    Attributes
    ----------
    graph : Assumed
        Of a graph: cores of kernels, where times stand, their unit.
    names, deps : str or None
        Of a swimlane: the files of its name map and of its dependences, where they do not lie
        beside it.
    """

    graph: Assumed = field(default_factory=Assumed)
    names: str | None = None
    deps: str | None = None


def read_assumptions(texts: Sequence[str]) -> Assumptions:
    """Parse ``key=value`` texts.

    Raises
    ------
    InputError
        A key is unknown or appears twice, or a value does not fit it.
    """
    values: dict[str, str] = {}
    for text in texts:
        key, equals, value = text.partition("=")
        key, value = key.strip(), value.strip()
        if not equals or not value:
            raise InputError(f"--assume takes key=value, such as core.GEMM=aic, not {text!r}")
        if key not in _KEYS and not key.startswith("core."):
            raise unknown_name("--assume", key, _KEYS)
        if key in values:
            raise InputError(f"--assume gives {key} twice")
        values[key] = value
    cores = {
        key.removeprefix("core."): _core(key, value)
        for key, value in values.items()
        if key.startswith("core.")
    }
    graph = Assumed(
        core=_core("core", values.get("core", CoreType.AIV.value)),
        cores=cores,
        time_attribute=values.get("time", Assumed.time_attribute),
        unit_us=_unit(values["unit_us"]) if "unit_us" in values else None,
    )
    return Assumptions(graph, values.get("names"), values.get("deps"))


def _core(key: str, text: str) -> CoreType:
    try:
        return CoreType(text.lower())
    except ValueError:
        known = ", ".join(core.value for core in CoreType)
        raise InputError(f"--assume {key} is one of {known}, not {text!r}") from None


def _unit(text: str) -> float:
    try:
        return float(text)
    except ValueError:
        raise InputError(f"--assume unit_us is a number of us, not {text!r}") from None
