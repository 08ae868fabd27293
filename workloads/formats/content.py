"""What a file holds: read whole, unpacked if it is compressed, and never more than a limit."""

from __future__ import annotations

import gzip
import os
import zlib
from pathlib import Path
from typing import BinaryIO

from devices.errors import InputError

__all__ = ["decoded", "read_content", "shown", "stem", "too_large"]

_GZIP = b"\x1f\x8b"
_BLOCK_BYTES = 1 << 20


def read_content(path: str | os.PathLike[str], most_bytes: int) -> bytes:
    """Read a file, and unpack it if it begins as gzip does, whatever its name is.

    Parameters
    ----------
    path : path
        A regular file.
    most_bytes : int
        Most bytes that it may have, unpacked.

    Raises
    ------
    InputError
        The file cannot be read, is no regular file, is not whole, or holds more.
    """
    source = Path(path)
    if source.exists() and not source.is_file():
        raise InputError(f"cannot read {str(source)!r}: it is no regular file; name a file")
    try:
        with source.open("rb") as packed:
            is_packed = packed.read(len(_GZIP)) == _GZIP
            packed.seek(0)
            if not is_packed:
                if os.fstat(packed.fileno()).st_size > most_bytes:
                    raise too_large(source, most_bytes)
                return _bounded(packed, source, most_bytes)
            with gzip.GzipFile(fileobj=packed) as unpacked:
                return _bounded(unpacked, source, most_bytes)
    except (EOFError, zlib.error, gzip.BadGzipFile) as error:
        raise InputError(f"{source}: is not whole gzip data: {error}; copy it again") from error
    except OSError as error:
        why = (error.strerror or str(error)).lower()
        raise InputError(f"cannot read {str(source)!r}: {why}; check its name") from error


def _bounded(stream: BinaryIO | gzip.GzipFile, source: Path, most_bytes: int) -> bytes:
    blocks, total = [], 0  # asked for all at once, memory for the most there may be is taken
    while block := stream.read(_BLOCK_BYTES):
        blocks.append(block)
        total += len(block)
        if total > most_bytes:
            raise too_large(source, most_bytes)
    return b"".join(blocks)


def too_large(file: str | os.PathLike[str], most_bytes: int) -> InputError:
    """The error of a file that holds more bytes, unpacked, than are read."""
    return InputError(
        f"{os.fspath(file)}: holds more than {most_bytes:,} bytes, the most that is read of such a "
        "file; take a smaller part of the graph, or leave out what tilesim does not read"
    )


def decoded(content: bytes, file: str) -> str:
    """Text of a file in UTF-8.

    Raises
    ------
    InputError
        It is not.
    """
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise InputError(
            f"{file}: byte {error.start} is no UTF-8 ({error.reason}); save the file as UTF-8"
        ) from error


def stem(path: str | os.PathLike[str], endings: tuple[str, ...]) -> str:
    """Name of a file without its folder and its ending, of which ``.gz`` may be the last part."""
    name = Path(path).name
    for ending in (".gz", *endings):
        if name.lower().endswith(ending) and len(name) > len(ending):
            name = name[: -len(ending)]
    return name


def shown(text: str, most: int = 60) -> str:
    """A text of a file as a message shows it: quoted, and cut where it is long."""
    quoted = repr(text[: most + 1])
    return quoted if len(quoted) <= most + 2 else f"{quoted[:most]}..."
