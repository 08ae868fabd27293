"""Files of numpy arrays (npz), which anybody may have made: checked before they are unpacked."""

from __future__ import annotations

import io
import struct
import tokenize
import zipfile
import zlib
from typing import BinaryIO

import numpy as np
from numpy.typing import NDArray

from devices.errors import InputError

__all__ = ["NPZ_MAGIC", "npz_arrays", "write_npz"]

NPZ_MAGIC = b"PK\x03\x04"
"""Begin of an npz, which is a zip."""

_NPY = ".npy"
_KINDS = "biuf"
"""Whole numbers, real ones and truths: objects, texts and records are never made."""
_PACKINGS = (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED)
_ENCRYPTED = 1
_BROKEN = (
    zipfile.BadZipFile,
    zlib.error,
    struct.error,
    EOFError,
    NotImplementedError,
    ValueError,
    OSError,
    OverflowError,
)
_NO_HEADER = (
    ValueError,
    TypeError,
    SyntaxError,
    RecursionError,
    MemoryError,
    EOFError,
    tokenize.TokenError,
)
"""What numpy raises for headers: it parses them as Python's literals, which may be anything."""

Array = NDArray[np.generic]


def write_npz(arrays: dict[str, Array], stream: BinaryIO) -> None:
    """Write arrays to a file that can be sought in; the same arrays give the same bytes."""
    np.savez(stream, **arrays)  # type: ignore[arg-type]  # it takes its own options by name as well


def npz_arrays(content: bytes, file: str, most_bytes: int) -> dict[str, Array]:
    """The arrays of a file, all of one axis.

    Parameters
    ----------
    content : bytes
        The file; its arrays may be compressed.
    file : str
        Its name, for messages.
    most_bytes : int
        Most bytes that all arrays may have together.

    Raises
    ------
    InputError
        It is no whole npz, holds more, has an array twice, or one that is no column of numbers.
    """
    try:
        with zipfile.ZipFile(io.BytesIO(content)) as packed:
            members = packed.infolist()
            _check(members, file, most_bytes)
            return {
                member.filename.removesuffix(_NPY): _array(packed.read(member), member, file)
                for member in members
            }
    except InputError:
        raise
    except _BROKEN as error:
        raise InputError(f"{file}: is not a whole npz file: {error}; copy it again") from error


def _check(members: list[zipfile.ZipInfo], file: str, most_bytes: int) -> None:
    if sum(member.file_size for member in members) > most_bytes:
        raise InputError(
            f"{file}: its arrays hold more than {most_bytes:,} bytes, the most that is read; take "
            "a smaller part of the graph"
        )
    seen: set[str] = set()
    for member in members:
        name = member.filename
        if name in seen:
            raise InputError(f"{file}: {name!r} is there twice; remove one")
        seen.add(name)
        if not name.endswith(_NPY):
            raise InputError(f"{file}: {name!r} is no array; write the file with numpy.savez")
        if member.flag_bits & _ENCRYPTED or member.compress_type not in _PACKINGS:
            raise InputError(
                f"{file}: {name!r} is encrypted or packed in an unusual way; write the file with "
                "numpy.savez"
            )


def _array(content: bytes, member: zipfile.ZipInfo, file: str) -> Array:
    where = f"{file}: {member.filename}"
    stream = io.BytesIO(content)
    try:
        version = np.lib.format.read_magic(stream)
        reads = {
            (1, 0): np.lib.format.read_array_header_1_0,
            (2, 0): np.lib.format.read_array_header_2_0,
        }
        shape, _, dtype = reads[version](stream)
    except KeyError as error:
        raise InputError(f"{where}: is of an unknown version of npy; save it again") from error
    except _NO_HEADER as error:
        raise InputError(f"{where}: is no array of numpy: {error}") from error
    if dtype.hasobject or dtype.kind not in _KINDS or dtype.shape:
        raise InputError(f"{where}: has the dtype {dtype}; only numbers are read")
    if len(shape) != 1:
        raise InputError(f"{where}: has {len(shape)} axes; a column has one")
    # A header may promise any length: the bytes that are there decide.
    if shape[0] * dtype.itemsize != len(content) - stream.tell():
        raise InputError(
            f"{where}: says it has {shape[0]:,} elements of {dtype}, which is not what follows"
        )
    return np.frombuffer(content, dtype, offset=stream.tell())
