"""Axes of a sweep: what is varied, and through which values."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from devices.errors import InputError, unknown_name
from scheduler.registry import split_policies
from tilesim.setup_words import Value, Words, read_value, setup_names, setup_of
from tilesim.sources import Subject
from workloads.recorded_workload import RecordedWorkload

__all__ = ["MOST_VALUES", "Axis", "make_axes", "parameter_names", "read_axis"]

MOST_VALUES = 100_000
"""Values of one axis, at the most."""

SETUP = "setup."
"""Before a word of the setup that a parameter of the workload hides."""

_RANGE = re.compile(r"(-?\d[\d_]*):(-?\d[\d_]*)(?::(-?\d[\d_]*))?")
_EXAMPLE = "such as policy=runtime,heft or hidden=1024:8192:1024"


@dataclass(frozen=True)
class Axis:
    """Something that is varied.

    Attributes
    ----------
    name : str
        What: a parameter of the workload, or a word of the setup (`tilesim.setup_words`), with
        ``setup.`` before it if a parameter hides it.
    values : tuple of int, float or str
        The values that it takes, each once.
    is_parameter : bool
        Whether it is a parameter of the workload.
    """

    name: str
    values: tuple[Value, ...]
    is_parameter: bool

    @property
    def word(self) -> str:
        """What it is called among the words of a setup or the parameters."""
        return self.name if self.is_parameter else self.name.removeprefix(SETUP)

    @property
    def is_numeric(self) -> bool:
        """Whether all values are numbers, so that it can be an axis of a picture."""
        return all(isinstance(v, int | float) and not isinstance(v, bool) for v in self.values)


def parameter_names(subject: Subject) -> list[str]:
    """The parameters that a workload has; none for a recording."""
    if isinstance(subject, RecordedWorkload):
        return []
    return [*subject.defaults, *subject.required]


def read_axis(text: str, option: str = "--vary") -> tuple[str, list[str]]:
    """Parse ``NAME=a,b,c``, where integers may be ranges: ``first:last`` or ``first:last:step``.

    Returns
    -------
    str, list of str
        The name, and the values as they were written, ranges unfolded.

    Raises
    ------
    InputError
        The text is not of that form, or a range has no value or too many.
    """
    name, equals, rest = text.partition("=")
    name = name.strip()
    if not equals or not name:
        raise InputError(f"{option} takes NAME=VALUES, {_EXAMPLE}, not {text!r}")
    values: list[str] = []
    for part in split_policies(rest):
        if not part:
            raise InputError(f"{option} {name}: a value is missing in {text!r}; {_EXAMPLE}")
        values += _unfolded(part, f"{option} {name}")
        _check_count(len(values), f"{option} {name}")
    return name, values


def _unfolded(part: str, where: str) -> list[str]:
    """The integers of a range, both ends included, or the value itself."""
    form = _RANGE.fullmatch(part)
    if form is None:
        return [part]
    first, last, step = (int((text or "1").replace("_", "")) for text in form.groups())
    if step == 0 or (last - first) * step < 0:
        raise InputError(f"{where}: {part} has no value; ranges are FIRST:LAST or FIRST:LAST:STEP")
    numbers = range(first, last + (1 if step > 0 else -1), step)
    _check_count(len(numbers), where)
    return [str(number) for number in numbers]


def _check_count(count: int, where: str) -> None:
    if count > MOST_VALUES:
        raise InputError(f"{where}: {count:,} values; an axis has at most {MOST_VALUES:,}")


def make_axes(
    wanted: Mapping[str, Iterable[Value] | str] | Sequence[str],
    subject: Subject,
    words: Words,
    option: str = "axis",
) -> tuple[Axis, ...]:
    """The axes that texts or a mapping describe, checked before anything runs.

    Parameters
    ----------
    wanted : mapping or sequence of str
        Values by name, or texts for `read_axis`.
    subject : Workload or RecordedWorkload
        Whose parameters can be varied.
    words : mapping
        The setup as it is otherwise.
    option : str
        What to call an axis in messages.

    Raises
    ------
    InputError
        A name is unknown, an axis is named twice or has no value or one twice, or a value does not
        fit.
    """
    if isinstance(wanted, Mapping):
        given = [_listed(name, values, option) for name, values in wanted.items()]
    else:
        given = [_read(text, option) for text in wanted]
    axes: list[Axis] = []
    for name, values in given:
        axis = _make_axis(name, values, subject, words, option)
        if axis.name in (other.name for other in axes):
            raise InputError(f"{option} {axis.name} is given twice; write all its values in one")
        axes.append(axis)
    return tuple(axes)


def _read(text: str, option: str) -> tuple[str, list[Value]]:
    name, values = read_axis(text, option)
    return name, [*values]


def _listed(name: str, values: Iterable[Value] | str, option: str) -> tuple[str, list[Value]]:
    if isinstance(values, str):
        return _read(f"{name}={values}", option)
    listed = [_plain(value) for value in values]
    _check_count(len(listed), f"{option} {name}")
    return name, listed


def _plain(value: Value) -> Value:
    """A value without the type that numpy or an enumeration gave it."""
    if isinstance(value, str):
        return str(value)
    plain: Value = value.item() if hasattr(value, "item") else value
    return plain


def _make_axis(
    name: str, values: Sequence[Value], subject: Subject, words: Words, option: str
) -> Axis:
    parameters = parameter_names(subject)
    is_parameter = name in parameters
    own = name if is_parameter else name.removeprefix(SETUP)
    if not is_parameter and own not in setup_names(words):
        own = own.replace("-", "_") if not own.startswith("priority.") else own
        known = setup_names(words)
        if own not in known and not own.startswith("priority."):
            raise unknown_axis(name, [*parameters, *known], subject, option)
    read = tuple(read_value(own, v) if isinstance(v, str) else v for v in values)
    if not read:
        raise InputError(f"{option} {own} has no value; {_EXAMPLE}")
    seen: set[Value] = set()
    for value in read:
        if value in seen:
            raise InputError(f"{option} {own} has the value {value} twice")
        seen.add(value)
        if not is_parameter:
            _check_word(own, value, words, option)
        elif not isinstance(value, int) or isinstance(value, bool):
            raise InputError(f"{option} {own}: {value!r} is not an integer")
    hidden = not is_parameter and own in parameters
    return Axis(SETUP + own if hidden else own, read, is_parameter)


def _check_word(name: str, value: Value, words: Words, option: str) -> None:
    try:
        setup_of({**words, name: value})
    except InputError as error:
        raise InputError(f"{option} {name}: {error}") from error
    if name == "repeat" and int(value) < 0:
        raise InputError(f"{option} repeat: runs are numbered from 0 on, not {value}")


def unknown_axis(name: str, known: Sequence[str], subject: Subject, option: str) -> InputError:
    """The error for a name that cannot be varied."""
    short = [word for word in known if "." not in word]
    error = str(unknown_name(f"{option} of {subject.name}", name, known))
    # Constants are a hundred: what is near is worth a line, all of them are not.
    return InputError(
        f"{error.split(' (known:', 1)[0]} (known: {', '.join(short)}, runtime.KEY, device.KEY and "
        "priority.KERNEL)"
    )
