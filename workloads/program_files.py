"""Program files as workloads: a file is executed, and the program in it found."""

from __future__ import annotations

import ast
import inspect
from collections.abc import Callable, Mapping, Sequence
from types import ModuleType
from typing import Any

from devices.errors import InputError, unknown_name
from runtime.host_memory import InputValue
from runtime.language import Program
from workloads.program_module import ProgramModule
from workloads.workload import Workload

__all__ = ["is_program_file", "load_program_file"]

_LEAST = -(1 << 63)
"""Builders may take any integer."""


def is_program_file(text: str) -> bool:
    """Whether a text names a Python file, or one at a git revision."""
    return text.endswith(".py")


def load_program_file(
    text: str,
    call: str | None = None,
    arguments: Sequence[str] = (),
    given: Mapping[str, InputValue] | None = None,
) -> Workload:
    """Execute a program file and make a workload of the program in it.

    Parameters
    ----------
    text : str
        Path of the file, or ``revision:path`` for one of the current git repository.
    call : str, optional
        Name of the program, or of the function that builds it, where the file has several.
    arguments : sequence of str
        What the file finds in ``sys.argv`` behind its name.
    given : mapping, optional
        What the orchestration reads, by tensor, in place of what the file's specs say.

    Raises
    ------
    InputError
        The file cannot be read or executed, or has no program, or several.
    """
    module = ProgramModule(text, arguments, given or {})
    build = _builder(module, call)
    defaults, required = _parameters(build)
    return Workload(
        name=text,
        summary=_summary(module.module),
        group=None,
        defaults=defaults,
        build=build,
        ranges=dict.fromkeys([*defaults, *required], (_LEAST, None)),
        inputs=lambda **parameters: module.inputs(parameters),
        given=dict(given or {}),
        noted=lambda: module.notes,
        required=required,
    )


def _builder(module: ProgramModule, call: str | None) -> Callable[..., Program]:
    """A function that makes the program of parameters."""
    found = _candidates(module)
    if call is None:
        if len(found) != 1:
            names = ", ".join(found) or "none"
            raise InputError(
                f"{module.name} has {'several programs' if found else 'no program'}: a class "
                "decorated with pl.program, or a function build_..._program that returns one "
                f"(it has: {names}); choose with --call NAME"
            )
        (call,) = found
    value = vars(module.module).get(call)
    if isinstance(value, Program):
        return lambda: value
    if not callable(value):
        raise unknown_name(f"program of {module.name}", call, found)
    made_by: Callable[..., Any] = value

    def build(**parameters: int) -> Program:
        made = module.called(made_by, parameters)
        if not isinstance(made, Program):
            raise InputError(f"{module.name}: {call} returns {made!r}, which is no pl.program")
        return made

    try:
        build.__signature__ = inspect.signature(made_by)  # type: ignore[attr-defined]  # for defaults
    except ValueError as error:
        raise InputError(f"{module.name}: {call} is no function of the file") from error
    return build


def _candidates(module: ProgramModule) -> list[str]:
    """Names of the programs in a file, or of the functions that build them.

    Programs themselves come first; then what is called ``build_..._program``; then any function
    that has a program in it.
    """
    members = vars(module.module)
    programs = [name for name, value in members.items() if isinstance(value, Program)]
    tree = ast.parse(module.source)
    functions = [node for node in tree.body if isinstance(node, ast.FunctionDef)]
    named = [f.name for f in functions if f.name.startswith("build") and "program" in f.name]
    holding = [f.name for f in functions if any(map(_is_program, ast.walk(f)))]
    return programs or named or holding


def _is_program(node: ast.AST) -> bool:
    """Whether a node is a class decorated with ``pl.program``."""
    if not isinstance(node, ast.ClassDef):
        return False
    decorators = [d.func if isinstance(d, ast.Call) else d for d in node.decorator_list]
    return any(getattr(d, "attr", getattr(d, "id", "")) == "program" for d in decorators)


def _parameters(build: Callable[..., Program]) -> tuple[dict[str, int], tuple[str, ...]]:
    """Parameters of a builder that can be set: with an integer as default, and with none."""
    defaults: dict[str, int] = {}
    required = []
    for name, parameter in inspect.signature(build).parameters.items():
        value = parameter.default
        if isinstance(value, int) and not isinstance(value, bool):
            defaults[name] = value
        elif value is parameter.empty and parameter.kind is parameter.POSITIONAL_OR_KEYWORD:
            required.append(name)
    return defaults, tuple(required)


def _summary(module: ModuleType) -> str:
    """First line of a file's docstring."""
    lines = str(module.__doc__ or "").strip().splitlines()
    return lines[0] if lines else "A program file"
