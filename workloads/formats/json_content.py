"""JSON that files hold: decoded into structs, with errors that name file and field."""

from __future__ import annotations

from typing import TypeVar

import msgspec

from devices.errors import InputError

__all__ = ["from_json"]

_Decoded = TypeVar("_Decoded")


def from_json(content: bytes, kind: type[_Decoded], file: str) -> _Decoded:
    """Decode JSON.

    Parameters
    ----------
    content : bytes
        The file.
    kind : type
        What it has to hold.
    file : str
        Its name, for messages.

    Raises
    ------
    InputError
        It is no JSON, or holds something else; names the field.
    """
    try:
        return msgspec.json.decode(content, type=kind)
    except msgspec.ValidationError as error:
        what = str(error).replace(" - at `$.", "; it is the field `").replace("`$", "`the file")
        raise InputError(f"{file}: {what}") from error
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise InputError(f"{file}: is no JSON: {error}") from error
    except RecursionError as error:
        raise InputError(f"{file}: values are nested too deep in it") from error
