"""Program files as workloads: a file is executed, and the program in it found."""

from __future__ import annotations

import ast
import inspect
import linecache
import sys
import tempfile
import traceback
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from importlib import import_module
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np

from devices.errors import InputError, unknown_name
from runtime.errors import LanguageError
from runtime.host_memory import InputValue
from runtime.language import Program
from workloads.revisions import extract_revision, split_revision
from workloads.spec_values import integer_values
from workloads.stand_ins import stand_ins
from workloads.workload import Workload

__all__ = ["is_program_file", "load_program_file"]

_MODULE = "tilesim_program"
"""Name of the module that a file is executed as; it is not ``__main__``, so that a file which
compiles and runs its program on a device when it is started does not do so."""

_MOST_BYTES = 8 << 20
"""Largest program file that is read; the largest of the library has 60 KB."""


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
    at_revision = split_revision(text)
    with tempfile.TemporaryDirectory(prefix="tilesim-") as folder:
        path = Path(text)
        if at_revision is not None:
            path = extract_revision(*at_revision, Path(folder))
        module = _ProgramModule(text, path, arguments, given or {})
        with module.executing():
            module.execute()
    build = _builder(module, call)
    return Workload(
        name=text,
        summary=_summary(module.module),
        group=None,
        defaults=_defaults(build),
        build=build,
        inputs=lambda **parameters: module.inputs(parameters),
        given=dict(given or {}),
        noted=lambda: module.notes,
    )


class _ProgramModule:
    """An executed file."""

    def __init__(
        self, name: str, path: Path, arguments: Sequence[str], given: Mapping[str, InputValue]
    ) -> None:
        self.name = name
        self.path = path
        self.source = _read(name, path)
        self.arguments = list(arguments)
        self.given = given
        self.notes: tuple[str, ...] = ()
        self.module = ModuleType(_MODULE)
        self.module.__file__ = str(path)

    @contextmanager
    def executing(self) -> Iterator[Callable[[], int]]:
        """Have Python as the file expects it: its imports, its folder, its arguments.

        Gives a function that tells how many tensors have been drawn without torch.
        """
        folder = str(self.path.resolve().parent)
        before = sys.path, sys.argv, set(sys.modules)
        sys.path, sys.argv = [folder, *sys.path], [self.name, *self.arguments]
        sys.modules[_MODULE] = self.module
        writes_bytecode, sys.dont_write_bytecode = sys.dont_write_bytecode, True
        try:
            with stand_ins() as draws, _told(self.name):
                yield draws
        finally:
            sys.path, sys.argv = before[:2]
            sys.dont_write_bytecode = writes_bytecode
            self._forget_neighbours(before[2], folder)

    @staticmethod
    def _forget_neighbours(known: set[str], folder: str) -> None:
        """Forget what was imported from beside the file: another revision has others."""
        for name in set(sys.modules) - known:
            file = getattr(sys.modules[name], "__file__", None) or ""
            if name == _MODULE or file.startswith(folder):
                del sys.modules[name]

    def execute(self) -> None:
        """Execute the file."""
        # Where sources are looked up again: a file at a revision is nowhere on the disk.
        lines = self.source.splitlines(keepends=True)
        linecache.cache[self.name] = (len(self.source), None, lines, self.name)
        exec(compile(self.source, self.name, "exec"), vars(self.module))  # noqa: S102 - asked for

    def called(self, function: Callable[..., Any], parameters: Mapping[str, int]) -> Any:
        """What a function of the file returns for those of the parameters that it has."""
        known = inspect.signature(function).parameters
        with self.executing():
            return function(**{n: v for n, v in parameters.items() if n in known})

    def inputs(self, parameters: Mapping[str, int]) -> dict[str, InputValue]:
        """Integer tensors as the file's tensor specs have them."""
        makers = [
            value
            for name, value in vars(self.module).items()
            if name.startswith("build") and "specs" in name and callable(value)
        ]
        for make in makers:
            try:
                with self.executing() as draws:
                    if "torch" in self.source:  # the same run draws the same each time
                        import_module("torch").manual_seed(0)
                    known = inspect.signature(make).parameters
                    chosen = {n: v for n, v in parameters.items() if n in known}
                    values = integer_values(make(**chosen))
                    self.note_draws(draws(), values)
                    return values
            except InputError:
                continue  # the specs need what is not installed; what is read has to be given
        return {}

    def note_draws(self, draws: int, values: Mapping[str, InputValue]) -> None:
        """Say that numbers are not those that the file would draw."""
        arrays = [n for n, value in values.items() if np.ndim(value) and n not in self.given]
        drawn = ", ".join(arrays)
        if draws and drawn:
            self.notes = (
                f"torch is not installed, so what the file's tensor specs draw ({drawn}) has their "
                "ranges and other numbers; --input gives the ones that are wanted.",
            )


@contextmanager
def _told(name: str) -> Iterator[None]:
    """Turn what goes wrong in a file into an error that names its line."""
    try:
        yield
    except LanguageError:
        raise
    except InputError as error:
        raise InputError(f"{_place(name, error)}: {error}") from error
    except SyntaxError as error:
        raise InputError(f"{name}:{error.lineno}: {error.msg}") from error
    except SystemExit as error:
        raise InputError(
            f"{name} ended by itself (exit code {error.code}) while it was executed"
        ) from error
    except (Exception, RecursionError) as error:
        raise InputError(f"{_place(name, error)}: {type(error).__name__}: {error}") from error


def _place(name: str, error: BaseException) -> str:
    """The line of a file at which an error was raised, or the file where that is not known."""
    lines = [f.lineno for f in traceback.extract_tb(error.__traceback__) if f.filename == name]
    return f"{name}:{lines[-1]}" if lines else name


def _read(name: str, path: Path) -> str:
    try:
        if path.stat().st_size > _MOST_BYTES:
            raise InputError(f"{name}: a program file has at most {_MOST_BYTES >> 20} MB")
        return path.read_text(encoding="utf-8")
    except OSError as error:
        raise InputError(f"cannot read {name}: {error.strerror}") from error
    except UnicodeDecodeError as error:
        raise InputError(f"{name}: not UTF-8 at byte {error.start}") from error


def _builder(module: _ProgramModule, call: str | None) -> Callable[..., Program]:
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

    build.__signature__ = inspect.signature(made_by)  # type: ignore[attr-defined]  # for defaults
    return build


def _candidates(module: _ProgramModule) -> list[str]:
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


def _defaults(build: Callable[..., Program]) -> dict[str, int]:
    """Parameters of a builder that can be set: those with an integer as default."""
    defaults = {}
    for name, parameter in inspect.signature(build).parameters.items():
        value = parameter.default
        if isinstance(value, int) and not isinstance(value, bool):
            defaults[name] = value
    return defaults


def _summary(module: ModuleType) -> str:
    """First line of a file's docstring."""
    lines = (module.__doc__ or "").strip().splitlines()
    return lines[0] if lines else "A program file"
