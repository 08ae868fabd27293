"""Files that are written: refused early when they cannot be, and never half written."""

from __future__ import annotations

import os
import secrets
import shutil
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING

from devices.errors import InputError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

__all__ = ["check_new_folder", "check_writable", "file_ending", "write_file", "write_folder"]


def file_ending(path: str | os.PathLike[str], endings: Sequence[str]) -> str:
    """Which of the supported endings a path has.

    Parameters
    ----------
    path : path
        A file, which need not exist.
    endings : sequence of str
        What is supported, with the dot, in lower case.

    Returns
    -------
    str
        The ending, in lower case however the path spells it.

    Raises
    ------
    InputError
        When the path has none of the endings.
    """
    name = Path(path).name.lower()
    # The longest first, so that an ending of two parts is not taken for its last part.
    for ending in sorted(endings, key=len, reverse=True):
        if name.endswith(ending):
            return ending
    supported = ", ".join(endings)
    raise InputError(
        f"cannot write {os.fspath(path)!r}: its ending names no supported format; "
        f"end the file name in one of {supported}"
    )


def check_writable(path: str | os.PathLike[str], endings: Sequence[str]) -> None:
    """Find out whether a file could be written, before the work that makes its content.

    Parameters
    ----------
    path : path
        The file to write later.
    endings : sequence of str
        Supported endings, with the dot, in lower case.

    Raises
    ------
    InputError
        When the ending is not supported, the folder is missing or cannot be written to, or the
        path is a folder or a device.
    """
    file_ending(path, endings)
    target = Path(path)
    _check_target(target)
    temporary = _beside(target)
    # Only creating a file tells: permission bits mean nothing to root or on a special file system.
    with _as_input_error(target):
        temporary.touch(exist_ok=False)
        temporary.unlink()


def write_file(path: str | os.PathLike[str], write: Callable[[Path], None]) -> None:
    """Write a file as a whole or not at all.

    Parameters
    ----------
    path : path
        The file to make or replace.
    write : callable
        Writes the content to the path that it is given, which lies in the same folder.

    Raises
    ------
    InputError
        When the file cannot be written. What `write` raises by itself passes through, and an
        older file at `path` stays as it was.
    """
    target = Path(path)
    _check_target(target)
    temporary = _beside(target)
    try:
        with _as_input_error(target):
            write(temporary)
            temporary.replace(target.resolve())
    finally:
        with suppress(OSError):
            temporary.unlink(missing_ok=True)


def write_folder(path: str | os.PathLike[str], write: Callable[[Path], None]) -> None:
    """Make a folder with all its files or not at all.

    Parameters
    ----------
    path : path
        The folder to make. One that is there has to be empty: nothing is overwritten.
    write : callable
        Writes the files to the folder that it is given, which lies beside.

    Raises
    ------
    InputError
        When the folder cannot be made or holds something. What `write` raises by itself passes
        through.
    """
    target = Path(path)
    check_new_folder(target)
    temporary = _beside(target)
    try:
        with _as_input_error(target):
            temporary.mkdir()
            write(temporary)
            temporary.rename(target.resolve())  # also onto a folder that is empty
    finally:
        shutil.rmtree(temporary, ignore_errors=True)


def check_new_folder(path: str | os.PathLike[str]) -> None:
    """Refuse a folder that `write_folder` could not make.

    Raises
    ------
    InputError
        It is there and holds something, is a file, or lies in no folder.
    """
    target = Path(path)
    with _as_input_error(target):
        if target.exists() and (not target.is_dir() or any(target.iterdir())):
            raise InputError(
                f"cannot write {str(target)!r}: it is there already; name a new folder"
            )
        if not target.parent.exists():
            raise InputError(
                f"cannot write {str(target)!r}: the folder {str(target.parent)!r} does not exist; "
                f"make it first or choose another"
            )


def _beside(target: Path) -> Path:
    """Make up a name in the file's own folder: a rename is atomic within a file system only."""
    return target.resolve().with_name(f".tilesim-{secrets.token_hex(8)}")


def _check_target(target: Path) -> None:
    """Refuse what a rename would replace wrongly or could not replace."""
    with _as_input_error(target):
        if target.is_dir():
            raise InputError(f"cannot write {str(target)!r}: it is a folder; name a file in it")
        if target.exists() and not target.is_file():
            raise InputError(
                f"cannot write {str(target)!r}: it is a device or a pipe; name a regular file"
            )
        if not target.parent.exists():
            raise InputError(
                f"cannot write {str(target)!r}: the folder {str(target.parent)!r} does not exist; "
                f"make it first or choose another"
            )


@contextmanager
def _as_input_error(target: Path) -> Iterator[None]:
    """Turn an error of the operating system into one that is shown to the user."""
    try:
        yield
    except OSError as error:
        why = (error.strerror or str(error)).lower()
        raise InputError(
            f"cannot write {str(target)!r}: {why}; choose a folder that you can write to"
        ) from error
