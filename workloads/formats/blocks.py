"""Files that others wrote, plain or packed, read in blocks within limits of size."""

from __future__ import annotations

import gzip
import stat
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO, Protocol

from devices.errors import InputError

__all__ = ["DEFAULT_LIMITS", "FileLimits", "read_blocks"]

_GZIP_MAGIC = b"\x1f\x8b"


@dataclass(frozen=True, slots=True)
class FileLimits:
    """How much of a file is read before it is refused; each guards the memory of the reader.

    Attributes
    ----------
    content_bytes : int
        The whole content, unpacked.
    ratio : int
        Unpacked bytes per packed byte. Swimlanes pack to a twentieth, idle phases to a fiftieth;
        nothing can exceed 1032, the most that deflate packs.
    value_bytes : int
        One record, or one value of the outermost object.
    depth : int
        How deep brackets may nest.
    records : int
        Records of one kind, such as tasks or phases.
    block_bytes : int
        What is read at once.
    """

    content_bytes: int = 8 << 30
    ratio: int = 500
    value_bytes: int = 4 << 20
    depth: int = 32
    records: int = 20_000_000
    block_bytes: int = 1 << 20


DEFAULT_LIMITS = FileLimits()


class _Readable(Protocol):
    """What can be read in blocks."""

    def read(self, size: int, /) -> bytes:
        """The next bytes; none at the end."""


def read_blocks(path: Path, limits: FileLimits = DEFAULT_LIMITS) -> Iterator[bytes]:
    """The content of a file in blocks; one that begins as gzip files do is unpacked.

    Raises
    ------
    InputError
        The file cannot be read, is no whole gzip file, or is larger than the limits allow.
    """
    try:
        if not stat.S_ISREG(path.stat().st_mode):
            raise InputError(f"{path}: cannot be read: it is no regular file")
        with path.open("rb") as raw:
            packed = raw.read(len(_GZIP_MAGIC)) == _GZIP_MAGIC
            raw.seek(0)
            if packed:
                with gzip.GzipFile(fileobj=raw) as unpacked:
                    yield from _limited(path, unpacked, raw, limits)
            else:
                yield from _limited(path, raw, None, limits)
    except (EOFError, zlib.error, gzip.BadGzipFile) as error:
        raise InputError(
            f"{path}: is packed with gzip and damaged ({error}); copy it again"
        ) from error
    except OSError as error:
        why = (error.strerror or str(error)).lower()
        raise InputError(f"{path}: cannot be read: {why}") from error


def _limited(
    path: Path, content: _Readable, packed: BinaryIO | None, limits: FileLimits
) -> Iterator[bytes]:
    total = 0
    while block := content.read(limits.block_bytes):
        total += len(block)
        if total > limits.content_bytes:
            raise InputError(
                f"{path}: has more than {limits.content_bytes:,} bytes"
                f"{' unpacked' if packed else ''}, which is the most that is read; record a "
                "shorter run"
            )
        # What was read ahead makes the ratio of the first blocks look smaller, never larger.
        if packed is not None and total > limits.ratio * packed.tell():
            raise InputError(
                f"{path}: unpacks to more than {limits.ratio} times its size, as no trace does; "
                "unpack it yourself if you trust it"
            )
        yield block
