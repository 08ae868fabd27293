"""Descriptions of devices and runtimes: TOML files with a source and a range per constant."""

import math
import tomllib
from collections.abc import Iterator, Mapping
from inspect import isclass
from pathlib import Path
from typing import Annotated, Any, TypeVar, get_args, get_origin

import msgspec
from msgspec import Meta, Struct

from devices.errors import InputError, unknown_name

__all__ = [
    "Count",
    "Quantity",
    "Rate",
    "Text",
    "differing_keys",
    "load",
    "load_named",
    "names",
    "settings",
    "with_values",
]

NonNegative = Annotated[float, Meta(ge=0)]
Positive = Annotated[float, Meta(gt=0)]
Count = Annotated[int, Meta(ge=1)]
"""A number of things that there is at least one of."""
Text = Annotated[str, Meta(min_length=1)]
"""A string that says something."""

_Description = TypeVar("_Description", bound=Struct)


class Quantity(Struct, frozen=True, forbid_unknown_fields=True):
    """A constant of a model, with the evidence for it.

    Attributes
    ----------
    value : float
        What the model uses, in the unit that ends the constant's name.
    range : tuple of float
        Lowest and highest value that the evidence allows, same unit.
    source : str
        The public origin of value and range; says "assumption" where there is none.
    """

    value: NonNegative
    range: tuple[NonNegative, NonNegative]
    source: Text


class NonZero(Quantity, frozen=True, forbid_unknown_fields=True):
    """A constant that is never zero."""

    value: Positive
    range: tuple[Positive, Positive]


class Rate(NonZero, frozen=True, forbid_unknown_fields=True):
    """A constant that times are divided by."""


def names(folder: Path) -> list[str]:
    """Names of the descriptions in `folder`: its TOML files without their ending."""
    return sorted(path.stem for path in folder.glob("*.toml"))


def load_named(what: str, name: str | Path, folder: Path, kind: type[_Description]) -> _Description:
    """Read the description that `name` stands for.

    Parameters
    ----------
    what : str
        What is described, such as ``"device"``; for error messages.
    name : str or Path
        The name of a file in `folder`, without its ending, or the path of any ``.toml`` file.
    folder : Path
        Where the descriptions that come with tilesim are.
    kind : type
        The struct to fill.

    Raises
    ------
    InputError
        Nothing has that name, or the file cannot be used (see `load`).
    """
    if Path(name).suffix == ".toml":
        return load(Path(name), kind, folder)
    known = names(folder)
    if name not in known:
        raise unknown_name(what, str(name), known)
    return load(folder / f"{name}.toml", kind, folder)


def load(path: Path, kind: type[_Description], folder: Path | None = None) -> _Description:
    """Read a description from a TOML file.

    A file may name another description as its ``base``, by its name in `folder` or as the path of
    a TOML file beside it, and then says only what differs. A number in place of a constant
    changes its value alone.

    Raises
    ------
    InputError
        The file cannot be read or is not TOML; a key is missing, unknown, of another type than
        `kind` says, negative or not finite; a value is outside its range. The message names
        file, key (with dots) and what is allowed.
    """
    table = _read(path, folder, ())
    _check(kind, table, str(path), "")
    try:
        return msgspec.convert(table, kind)
    except msgspec.ValidationError as error:
        raise InputError(f"{path}: {error}") from error


def differing_keys(path: Path) -> set[str]:
    """Dotted keys that a file with a base says itself; raises as `load`."""
    return set(_leaves(_table(path), ""))


def _read(path: Path, folder: Path | None, above: tuple[Path, ...]) -> dict[str, Any]:
    """The table of a file, laid over that of its base."""
    if path in above:
        raise InputError(f"{path}: base: {' is the base of '.join(map(str, (path, *above)))}")
    table = _table(path)
    base = table.pop("base", None)
    if base is None:
        return table
    if not isinstance(base, str):
        raise InputError(f"{path}: base: is {base!r}; expected the name of a description")
    if Path(base).suffix == ".toml":
        under = path.parent / base
    else:
        under = (folder or path.parent) / f"{base}.toml"
        if base not in names(under.parent):
            raise InputError(f"{path}: {unknown_name('base', base, names(under.parent))}")
    return _laid_over(_read(under, folder, (path, *above)), table, path)


def _table(path: Path) -> dict[str, Any]:
    try:
        return tomllib.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise InputError(f"{path}: cannot be read: {error.strerror}") from error
    except ValueError as error:
        raise InputError(f"{path}: is not TOML: {error}") from error


def _laid_over(below: dict[str, Any], above: dict[str, Any], path: Path) -> dict[str, Any]:
    merged = dict(below)
    for key, value in above.items():
        under = below.get(key)
        if isinstance(under, dict) and isinstance(value, dict) and "value" not in value:
            merged[key] = _laid_over(under, value, path)
        elif isinstance(under, dict) and "range" in under and isinstance(value, int | float):
            low, high = under["range"]
            source = f"set in {path.name}"
            merged[key] = {
                "value": value,
                "range": [min(low, value), max(high, value)],
                "source": source,
            }
        else:
            merged[key] = value
    return merged


def _leaves(table: dict[str, Any], key: str) -> Iterator[str]:
    for name, value in table.items():
        if isinstance(value, dict) and "value" not in value:
            yield from _leaves(value, _join(key, name))
        elif name != "base":
            yield _join(key, name)


def settings(description: Struct) -> dict[str, Quantity | int]:
    """Everything in `description` that `with_values` can set, by its dotted key."""
    found: dict[str, Quantity | int] = {}
    _collect(description, "", found)
    return found


def with_values(description: _Description, values: Mapping[str, float]) -> _Description:
    """Copy a description with other values, as given by settings on a command line.

    A value may lie outside its range, because a what-if may leave the evidence; it may not be
    negative. Range and source of the constant stay as they were.

    Parameters
    ----------
    description : Struct
        What `load` returned.
    values : mapping
        New value by dotted key, such as ``{"kernel.start_us": 0.3}``; whole numbers for counts.

    Raises
    ------
    InputError
        No setting has that key (the message names the nearest), or the value is not a number
        that the key allows.
    """
    leaves = settings(description)
    tree = msgspec.to_builtins(description)
    for key, value in values.items():
        if key not in leaves:
            raise unknown_name("setting", key, leaves)
        _check_setting(key, leaves[key], value)
        *parents, last = key.split(".")
        table = tree
        for parent in parents:
            table = table[parent]
        if isinstance(leaves[key], Quantity):
            table[last]["value"] = value
        else:
            table[last] = int(value)
    try:
        return msgspec.convert(tree, type(description))
    except msgspec.ValidationError as error:
        raise InputError(f"setting {', '.join(values)}: {error}") from error


def _check(kind: Any, value: Any, origin: str, key: str) -> None:
    """Refuse what msgspec would not convert to `kind`, with the dotted key in the message."""
    if isclass(kind) and issubclass(kind, Struct):
        _check_struct(kind, value, origin, key)
    elif get_origin(kind) is dict:
        _expect_table(value, origin, key, "a table")
        for name, item in value.items():
            _check(get_args(kind)[1], item, origin, _join(key, name))
    else:
        try:
            msgspec.convert(value, kind)
        except msgspec.ValidationError as error:
            raise InputError(f"{origin}: {key}: {error}") from error


def _check_struct(kind: type[Struct], value: Any, origin: str, key: str) -> None:
    fields = {field.name: field for field in msgspec.structs.fields(kind)}
    _expect_table(value, origin, key, f"a table with the keys {', '.join(fields)}")
    for name in value:
        if name not in fields:
            where = f" in {key}" if key else ""
            raise InputError(f"{origin}: {unknown_name(f'key{where}', name, fields)}")
    for name, field in fields.items():
        if name in value:
            _check(field.type, value[name], origin, _join(key, name))
        elif field.required:
            raise InputError(f"{origin}: {_join(key, name)}: is missing")
    if issubclass(kind, Quantity):
        _check_range(value["value"], value["range"], origin, key)


def _expect_table(value: Any, origin: str, key: str, allowed: str) -> None:
    if not isinstance(value, dict):
        raise InputError(f"{origin}: {key}: is {value!r}; expected {allowed}")


def _check_range(value: float, bounds: list[float], origin: str, key: str) -> None:
    low, high = bounds
    for number, name in ((value, "value"), (low, "range"), (high, "range")):
        if not math.isfinite(number):
            raise InputError(f"{origin}: {key}.{name}: is {number}; expected a finite number")
    if low > high:
        raise InputError(f"{origin}: {key}.range: is {bounds}; expected [lowest, highest]")
    if not low <= value <= high:
        raise InputError(
            f"{origin}: {key}.value: is {value}; its range allows {low} to {high} "
            "(widen the range if there is evidence for it)"
        )


def _check_setting(key: str, leaf: Quantity | int, value: object) -> None:
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise InputError(f"setting {key}: is {value!r}; expected a number")
    if not (math.isfinite(value) and value >= 0):
        raise InputError(f"setting {key}: is {value}; expected a finite number, 0 or more")
    if isinstance(leaf, NonZero) and not value:
        raise InputError(f"setting {key}: is {value}; expected more than 0")
    if isinstance(leaf, int) and value != int(value):
        raise InputError(f"setting {key}: is {value}; expected a whole number")


def _collect(node: object, key: str, found: dict[str, Quantity | int]) -> None:
    if isinstance(node, Quantity | int):
        found[key] = node
    elif isinstance(node, Struct):
        for name in node.__struct_fields__:  # its types, which `fields` finds, take long
            _collect(getattr(node, name), _join(key, name), found)
    elif isinstance(node, dict):
        for name, item in node.items():
            _collect(item, _join(key, name), found)


def _join(key: str, name: str) -> str:
    return f"{key}.{name}" if key else name
