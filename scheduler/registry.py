"""Policies by name, with parameters in brackets: ``critical-path``, ``random[seed=3]``."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import fields, is_dataclass
from typing import Any

from devices.errors import InputError, unknown_name
from scheduler.policies import (
    CriticalPath,
    Fifo,
    Lifo,
    Locality,
    LongestFirst,
    MostSuccessors,
    RandomOrder,
    ShortestFirst,
    WorkStealing,
)
from scheduler.policy import Policy, RuntimePolicy
from scheduler.static_policies import Heft, Peft

__all__ = ["POLICIES", "build_policy", "make_policy", "split_policies"]

POLICIES: dict[str, Callable[..., Policy]] = {
    kind.name: kind
    for kind in (
        RuntimePolicy,
        Fifo,
        Lifo,
        CriticalPath,
        LongestFirst,
        ShortestFirst,
        MostSuccessors,
        Heft,
        Peft,
        Locality,
        WorkStealing,
        RandomOrder,
    )
}
"""The policies that come with tilesim."""

MOST_DECISION_US = 1e6
"""A second for each decision; beyond, times lose their digits."""

_FORM = re.compile(r"(?P<name>[^\[\]]+)(?:\[(?P<parameters>[^\[\]]*)\])?")


def split_policies(text: str) -> list[str]:
    """Split names at commas that stand outside brackets."""
    return [part.strip() for part in re.split(r",(?![^\[]*\])", text)]


def make_policy(text: str, known: Mapping[str, Callable[..., Policy]] = POLICIES) -> Policy:
    """Make the policy that a string names.

    Parameters
    ----------
    text : str
        A name, with parameters in brackets if any: ``random[seed=3,decision_us=0.2]``.
    known : mapping, optional
        What makes the policy of each name.

    Raises
    ------
    InputError
        It is not of that form; no policy or no parameter has that name; a value is of the wrong
        type.
    """
    form = _FORM.fullmatch(text.strip())
    if form is None:
        raise InputError(f"a policy is named as in random[seed=3], not {text!r}")
    name, parameters = form["name"].strip(), form["parameters"] or ""
    if name not in known:
        raise unknown_name("policy", name, known)
    return build_policy(known[name], name, parameters)


def build_policy(kind: Callable[..., Policy], name: str, parameters: str) -> Policy:
    """Call `kind` with parameters that are written as ``seed=3,decision_us=0.2``.

    Raises
    ------
    InputError
        A parameter is unknown or its value does not fit.
    """
    defaults: dict[str, Any] = {}
    if is_dataclass(kind):
        defaults = {parameter.name: parameter.default for parameter in fields(kind)}
    values: dict[str, Any] = {}
    for part in filter(None, (p.strip() for p in parameters.split(","))):
        parameter, equals, text = (word.strip() for word in part.partition("="))
        if not equals:
            raise InputError(f"policy {name}: a parameter is written as name=value, not {part!r}")
        if parameter in values:
            raise InputError(f"policy {name}: {parameter} is given twice")
        if parameter not in defaults:
            raise unknown_name(f"parameter of policy {name}", parameter, defaults)
        values[parameter] = _value(name, parameter, text, defaults[parameter])
    if not 0.0 <= values.get("decision_us", 0.0) <= MOST_DECISION_US:
        raise InputError(
            f"policy {name}: decision_us is from 0 to {MOST_DECISION_US:g}, "
            f"not {values['decision_us']}"
        )
    try:
        return kind(**values)
    except TypeError as error:  # a field without default, for instance
        raise InputError(f"policy {name} cannot be made: {error}") from error


def _value(name: str, parameter: str, text: str, default: Any) -> Any:
    """Read a value of the type that the default has."""
    kind = type(default)
    try:
        if kind is bool:
            return {"true": True, "false": False}[text.lower()]
        if kind is float and not float(text) < float("inf"):
            raise ValueError
        return kind(text)
    except (KeyError, ValueError, TypeError):
        raise InputError(
            f"policy {name}: {parameter} is of type {kind.__name__} (default {default}), "
            f"not {text!r}"
        ) from None
