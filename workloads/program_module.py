"""A program file while it is executed: what Python has in store for it, and what it leaves."""

from __future__ import annotations

import inspect
import io
import linecache
import os
import random
import stat
import sys
import sysconfig
import tempfile
import tokenize
import traceback
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, redirect_stdout
from importlib import import_module
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np

from devices.errors import InputError
from runtime.errors import LanguageError
from runtime.host_memory import InputValue
from workloads.revisions import extract_revision, split_revision
from workloads.spec_values import integer_values
from workloads.stand_ins import stand_ins
from workloads.torch_stand_in import MissingPackageError

__all__ = ["ProgramModule"]

_MODULE = "tilesim_program"
"""Name of the module that a file is executed as; it is not ``__main__``, so that a file which
compiles and runs its program on a device when it is started does not do so."""

_MOST_BYTES = 8 << 20
"""Largest program file that is read; the largest of the library has 60 KB."""

_INSTALLED = tuple(
    os.path.join(path, "")  # noqa: PTH118 - a prefix, which a Path has no trailing slash for
    for path in {os.path.realpath(p) for p in sysconfig.get_paths().values()}
)
_HOUSE = str(Path(__file__).resolve().parent.parent)


class ProgramModule:
    """A program file, executed.

    Parameters
    ----------
    name : str
        Path of the file, or ``revision:path``.
    arguments : sequence of str
        What it finds in ``sys.argv`` behind its name.
    given : mapping
        What the user gives of what the program reads.

    Attributes
    ----------
    name : str
        How messages call it.
    source : str
        Its text.
    module : module
        What executing it has made.
    notes : tuple of str
        What a reader of results has to know.

    Raises
    ------
    InputError
        The file cannot be read or executed.
    """

    def __init__(
        self, name: str, arguments: Sequence[str], given: Mapping[str, InputValue]
    ) -> None:
        self.name = name
        self.given = given
        self.notes: tuple[str, ...] = ()
        self._arguments = list(arguments)
        self._path = Path(name)
        self._inputs: dict[tuple[tuple[str, int], ...], dict[str, InputValue]] = {}
        at_revision = split_revision(name)
        if at_revision is not None:
            # It lives as long as the module: builders may import and read files later.
            self._folder = tempfile.TemporaryDirectory(prefix="tilesim-")
            self._path = extract_revision(*at_revision, Path(self._folder.name))
        self.source = _read(name, self._path)
        self.module = ModuleType(_MODULE)
        self.module.__file__ = str(self._path)
        with self.executing():
            self._execute()

    @contextmanager
    def executing(self) -> Iterator[Callable[[], int]]:
        """Have Python as the file expects it: its imports, its folder, its arguments.

        What it prints goes to standard error, for standard output is that of the command. Gives a
        function that tells how many tensors have been drawn without torch.
        """
        known, place = set(sys.modules), Path.cwd()
        before = sys.path, sys.argv, sys.dont_write_bytecode
        sys.path = [str(self._path.resolve().parent), *sys.path]
        sys.argv, sys.dont_write_bytecode = [self.name, *self._arguments], True
        sys.modules[_MODULE] = self.module
        try:
            with stand_ins() as draws, redirect_stdout(_Aside()), _told(self.name):
                yield draws
        finally:
            sys.path, sys.argv, sys.dont_write_bytecode = before
            os.chdir(place)
            _forget(set(sys.modules) - known)

    def _execute(self) -> None:
        # Where sources are looked up again: a file at a revision is nowhere on the disk.
        lines = self.source.splitlines(keepends=True)
        linecache.cache[self.name] = (len(self.source), None, lines, self.name)
        code = compile(self.source, self.name, "exec", dont_inherit=True)
        exec(code, vars(self.module))  # noqa: S102 - asked for

    def called(self, function: Callable[..., Any], parameters: Mapping[str, int]) -> Any:
        """What a function of the file returns for those of the parameters that it has."""
        known = inspect.signature(function).parameters
        with self.executing():
            return function(**{n: v for n, v in parameters.items() if n in known})

    def inputs(self, parameters: Mapping[str, int]) -> dict[str, InputValue]:
        """Integer tensors as the file's tensor specs have them; the same each time.

        Raises
        ------
        InputError
            The specs cannot be made, for another reason than that a package is not installed.
        """
        key = tuple(sorted(parameters.items()))
        if key not in self._inputs:
            self._inputs[key] = self._made_inputs(parameters)
        return self._inputs[key]

    def _made_inputs(self, parameters: Mapping[str, int]) -> dict[str, InputValue]:
        for name, make in vars(self.module).items():
            if not (name.startswith("build") and "specs" in name and callable(make)):
                continue
            try:
                with self.executing() as draws, _seeded(self.source):
                    known = inspect.signature(make).parameters
                    chosen = {n: v for n, v in parameters.items() if n in known}
                    values = integer_values(make(**chosen))
            except MissingPackageError:
                continue  # what is read has to be given
            arrays = [n for n, value in values.items() if np.ndim(value) and n not in self.given]
            if draws() and arrays:
                self.notes = (
                    "torch is not installed, so what the file's tensor specs draw "
                    f"({', '.join(arrays)}) has their ranges and other numbers; --input gives the "
                    "ones that are wanted.",
                )
            return values
        return {}


class _Aside(io.TextIOBase):
    """Standard output of a file: what it prints is shown, and is not the command's result."""

    def write(self, text: str) -> int:
        """Show a text."""
        return sys.stderr.write(text)

    def close(self) -> None:
        """Stay open: standard error is not the file's."""


@contextmanager
def _seeded(source: str) -> Iterator[None]:
    """Have what a file draws be the same each time."""
    state, numbers = random.getstate(), np.random.get_state()  # noqa: NPY002 - the file's own choice
    random.seed(0)
    np.random.seed(0)  # noqa: NPY002 - likewise
    if "torch" in source:
        import_module("torch").manual_seed(0)
    try:
        yield
    finally:
        random.setstate(state)
        np.random.set_state(numbers)  # noqa: NPY002 - likewise


def _forget(names: set[str]) -> None:
    """Forget what a file has imported from beside itself: another revision has others."""
    for name in names:
        module = sys.modules[name]
        file = getattr(module, "__file__", None)
        # A folder without an __init__.py is a package without a file.
        places = [str(file)] if file else list(getattr(module, "__path__", ()))
        if name == _MODULE or not all(_is_installed(name, place) for place in places):
            del sys.modules[name]


def _is_installed(name: str, place: str) -> bool:
    """Whether a module is a package's, or this project's own, and stays."""
    own = os.path.join(_HOUSE, name.partition(".")[0], "")  # noqa: PTH118 - a prefix
    return os.path.join(os.path.realpath(place), "").startswith((*_INSTALLED, own))  # noqa: PTH118


@contextmanager
def _told(name: str) -> Iterator[None]:
    """Turn what goes wrong in a file into an error that names its line."""
    try:
        yield
    except (LanguageError, KeyboardInterrupt, GeneratorExit):
        raise
    except MissingPackageError as error:
        raise MissingPackageError(f"{_place(name, error)}: {error}") from error
    except InputError as error:
        raise InputError(f"{_place(name, error)}: {error}") from error
    except SyntaxError as error:
        where = name if error.lineno is None else f"{name}:{error.lineno}"
        raise InputError(f"{where}: {error.msg}") from error
    except SystemExit as error:
        raise InputError(
            f"{name} ended by itself (exit code {error.code}) while it was executed"
        ) from error
    except BaseException as error:
        raise InputError(f"{_place(name, error)}: {type(error).__name__}: {error}") from error


def _place(name: str, error: BaseException) -> str:
    """The line of a file at which an error was raised, or the file where that is not known."""
    lines = [f.lineno for f in traceback.extract_tb(error.__traceback__) if f.filename == name]
    return f"{name}:{lines[-1]}" if lines else name


def _read(name: str, path: Path) -> str:
    """Text of a file, in the encoding that it declares."""
    try:
        if not stat.S_ISREG(path.stat().st_mode):
            raise InputError(f"cannot read {name}: it is no regular file")
        with path.open("rb") as file:
            content = file.read(_MOST_BYTES + 1)
    except OSError as error:
        raise InputError(f"cannot read {name}: {error.strerror}") from error
    if len(content) > _MOST_BYTES:
        raise InputError(f"{name}: a program file has at most {_MOST_BYTES >> 20} MB")
    try:
        encoding, _ = tokenize.detect_encoding(io.BytesIO(content).readline)
        return content.decode(encoding)
    except (SyntaxError, UnicodeDecodeError) as error:
        at = f" at byte {error.start}" if isinstance(error, UnicodeDecodeError) else ""
        raise InputError(f"{name}: not UTF-8{at}, and no other encoding is declared") from error
