"""Reading ``--input``: what a program's orchestration reads."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from devices.errors import InputError
from runtime.host_memory import InputValue

__all__ = ["read_inputs"]

_MOST_BYTES = 1 << 30
"""Largest array that is read."""

_LARGEST = 2.0**63
"""Integers of tensors have at most 64 bits."""


def read_inputs(texts: Sequence[str]) -> dict[str, InputValue]:
    """Parse ``name=number`` and ``name=file.npy`` texts.

    Raises
    ------
    InputError
        A text is not of that form, a name appears twice, or a file cannot be read.
    """
    inputs: dict[str, InputValue] = {}
    for text in texts:
        name, equals, value = text.partition("=")
        name, value = name.strip(), value.strip()
        if not equals or not name or not value:
            raise InputError(f"--input takes name=number or name=file.npy, not {text!r}")
        if name in inputs:
            raise InputError(f"--input gives {name} twice")
        inputs[name] = _array(name, value) if value.endswith(".npy") else _number(name, value)
    return inputs


def _number(name: str, text: str) -> int | float:
    plain = text.replace("_", "")
    for read in (int, float):
        try:
            number = read(plain)
        except ValueError:
            continue
        if abs(number) < _LARGEST:  # false for NaN, too
            return number
    raise InputError(f"--input {name}: {text!r} is neither a number of 64 bits nor a file.npy")


def _array(name: str, text: str) -> NDArray[Any]:
    path = Path(text)
    try:
        if not path.is_file():
            raise InputError(f"--input {name}: there is no file {text}")
        if path.stat().st_size > _MOST_BYTES:
            raise InputError(f"--input {name}: {text} has more than {_MOST_BYTES >> 30} GB")
        values = np.load(path, mmap_mode="r", allow_pickle=False)
    except OSError as error:
        raise InputError(f"--input {name}: cannot read {text}: {error.strerror}") from error
    except InputError:
        raise
    except (ValueError, EOFError, MemoryError, OverflowError) as error:
        raise InputError(f"--input {name}: {text} is no array that numpy saved: {error}") from error
    if not isinstance(values, np.ndarray) or values.dtype.kind not in "biuf":
        raise InputError(f"--input {name}: {text} holds no numbers")
    return values
