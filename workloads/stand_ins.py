"""Stand-ins for the modules that program files import, in the way while such a file is read.

A program file is written for ``pypto.language`` and a device. Here its language is this project's,
and what compiles, runs and compares on a device does nothing: the program is what is wanted of the
file. Names are those of the compiler of April 2026.
"""

from __future__ import annotations

import importlib.util
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from enum import Enum
from types import ModuleType
from typing import Any

from devices.errors import InputError
from runtime import language
from workloads.torch_stand_in import torch_modules

__all__ = ["TensorSpec", "stand_ins"]

_REPLACED = ("pypto", "torch")
"""Packages that have stand-ins; torch only where it is not installed."""


@dataclass
class TensorSpec:
    """A tensor that a program is given, or gives back.

    Attributes
    ----------
    name : str
        Of the program's parameter.
    shape : sequence of int
        Elements in every dimension.
    dtype : object
        As torch has it.
    init_value : number, sequence, callable or None
        What it holds at first; None for zeros.
    is_output : bool
        Whether the program writes it.
    """

    name: str
    shape: Sequence[int]
    dtype: Any
    init_value: Any = None
    is_output: bool = False


class RunConfig:
    """How a program would be compiled and run on a device; accepted and not used."""

    def __init__(self, **options: Any) -> None:
        vars(self).update(options)


@dataclass
class RunResult:
    """What a run on a device would have given."""

    passed: bool = True
    test_name: str = ""
    error: str | None = None
    execution_time: float | None = None
    profile: Any = None


def _run(program: Any = None, *_: object, **__: object) -> RunResult:
    """Do nothing in place of a run on a device."""
    return RunResult(test_name=getattr(program, "name", ""))


def _compiled(program: Any = None, *_: object, **__: object) -> Any:
    """Give the program back in place of what a compiler makes of it."""
    return program


class BackendType(Enum):
    """The chips that the compiler knows."""

    Ascend910B = "Ascend910B"
    Ascend950 = "Ascend950"
    CCE = "CCE"


class OptimizationStrategy(Enum):
    """The compiler's choices of passes."""

    Default = "default"
    DebugTileOptimization = "debug"


class _UnsupportedError(AttributeError, InputError):
    """A name that a stand-in has not, as Python and as a user see it."""


def _module(name: str, members: Mapping[str, object], *, is_package: bool = False) -> ModuleType:
    module = ModuleType(name, "Stand-in while a program file is read.")
    vars(module).update(members)
    if is_package:
        module.__path__ = []
    return module


def _refuse(name: str, known: str) -> Callable[[str], object]:
    def missing(attribute: str) -> object:
        if attribute.startswith("__"):
            raise AttributeError(attribute)
        raise _UnsupportedError(f"{name}.{attribute} is not supported (there is: {known})")

    return missing


def _modules() -> dict[str, ModuleType]:
    """All stand-ins, by the names under which they are imported."""
    runtime = {
        "run": _run,
        "RunConfig": RunConfig,
        "RunResult": RunResult,
        "TensorSpec": TensorSpec,
        "compile_program": _compiled,
    }
    backend = {"BackendType": BackendType, "set_backend_type": lambda *_: None}
    manager = {"OptimizationStrategy": OptimizationStrategy}
    made = {
        "pypto.language": language,
        "pypto.runtime": _module("pypto.runtime", runtime, is_package=True),
        "pypto.backend": _module("pypto.backend", backend),
        "pypto.ir.pass_manager": _module("pypto.ir.pass_manager", manager),
    }
    of_ir = {"compile": _compiled, **manager, "pass_manager": made["pypto.ir.pass_manager"]}
    made["pypto.ir"] = _module("pypto.ir", of_ir, is_package=True)
    for name, members in (
        ("pypto.runtime", runtime),
        ("pypto.backend", backend),
        ("pypto.ir.pass_manager", manager),
        ("pypto.ir", of_ir),
    ):
        vars(made[name])["__getattr__"] = _refuse(name, ", ".join(members))
    parts = {name.removeprefix("pypto."): m for name, m in made.items() if name.count(".") == 1}
    made["pypto"] = _module("pypto", parts, is_package=True)
    return made


def _has_torch() -> bool:
    try:
        return importlib.util.find_spec("torch") is not None
    except ValueError:  # a stand-in is in the way: a file runs another file
        return False


def _no_draws() -> int:
    """With torch itself, all that is drawn is the file's own."""
    return 0


@contextmanager
def stand_ins() -> Iterator[Callable[[], int]]:
    """Have the stand-ins in the way of what is imported inside the ``with``.

    Gives a function that tells how many tensors have been drawn without torch.
    """

    def replaced() -> list[str]:
        return [name for name in sys.modules if name.partition(".")[0] in packages]

    made, draws = _modules(), _no_draws
    if not _has_torch():
        torch, draws = torch_modules()
        made |= torch
    packages = {name for name in _REPLACED if name in made}
    before = {name: sys.modules.pop(name) for name in replaced()}
    sys.modules.update(made)
    try:
        yield draws
    finally:
        for name in replaced():
            del sys.modules[name]
        sys.modules.update(before)
