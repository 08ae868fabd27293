"""Names of functions by their ids, as the runtime writes them beside a swimlane."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

from msgspec import Meta

from devices.errors import InputError
from workloads.formats.blocks import DEFAULT_LIMITS, FileLimits
from workloads.formats.json_pieces import json_pieces
from workloads.formats.records import decode_value

__all__ = ["NAMES_KEY", "decode_names", "read_names"]

NAMES_KEY = "callable_id_to_name"

_Names = dict[Annotated[str, Meta(max_length=20)], Annotated[str, Meta(max_length=4096)]]


def read_names(path: Path, limits: FileLimits = DEFAULT_LIMITS) -> dict[int, str]:
    """Read a name map, plain or packed.

    Raises
    ------
    InputError
        It is none, or an id is no number.
    """
    for piece in json_pieces(path, {}, limits):
        if piece.key == NAMES_KEY:
            return decode_names(path, piece.content)
    raise InputError(f"{path}: {NAMES_KEY}: is missing; it is no name map")


def decode_names(path: Path, content: bytes) -> dict[int, str]:
    """Names from their JSON; raises as `read_names`."""
    names = decode_value(path, NAMES_KEY, content, _Names)
    for key in names:
        if not (key.isascii() and key.isdecimal()):
            raise InputError(f"{path}: {NAMES_KEY}: {key!r} is no number of a function")
    return {int(key): name for key, name in names.items()}
