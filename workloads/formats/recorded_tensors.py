"""Tensors of a recorded run: from strided views in buffers to rectangles in tensors."""

from __future__ import annotations

import math
from bisect import bisect_left
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

from devices.dtypes import BY_NAME
from devices.errors import InputError
from devices.kernel import Direction
from runtime.graph import Buffer, View
from workloads.formats.deps import Argument, Dependences
from workloads.formats.recorded_tasks import RecordedTasks

__all__ = ["RecordedTensors", "find_tensors"]

_NOBODY = -1

_UNSEEN = (1,)
"""Shape of a tensor that is allocated and never named again, so that no record says its shape."""


@dataclass(frozen=True)
class RecordedTensors:
    """The tensors of a run.

    Attributes
    ----------
    views : list of tuple of View
        Arguments of each submit; the tensors made, for an alloc.
    directions : list of tuple of Direction
        Of the arguments; empty for allocs.
    arguments : tuple of View
        The tensors that no task made, whole.
    notes : tuple of str
        What had to be widened or guessed.
    """

    views: list[tuple[View, ...]]
    directions: list[tuple[Direction, ...]]
    arguments: tuple[View, ...]
    notes: tuple[str, ...]


def find_tensors(dependences: Dependences, tasks: RecordedTasks) -> RecordedTensors:
    """Lay out the tensors that tasks name.

    A tensor whose views all have the same strides, those of whole rows, becomes a tensor of as
    many dimensions; any other becomes one long row, and views the parts of it that they lie in.

    Raises
    ------
    InputError
        A view leaves its buffer.
    """
    layout = _Layout(dependences, tasks)
    return layout.tensors()


class _Layout:
    def __init__(self, dependences: Dependences, tasks: RecordedTasks) -> None:
        self._dependences = dependences
        self._ids = tasks.id.tolist()
        position = {task: place for place, task in enumerate(self._ids)}
        self._owners: dict[int, list[int]] = {}
        for tensor, task in sorted({*dependences.creators}):
            self._owners.setdefault(tensor, []).append(position[task])
        for owners in self._owners.values():
            owners.sort()
        self._uses: dict[tuple[int, int], dict[Argument, None]] = {}
        for place, task in enumerate(self._ids):
            for argument in self._arguments(task):
                if argument.tensor is not None:
                    key = argument.tensor, self._owner(argument.tensor, place)
                    self._uses.setdefault(key, {})[argument] = None
        self._widened = 0
        self._unseen = 0
        self._made: dict[int, list[Buffer]] = {}
        self._views: dict[tuple[int, int], dict[Argument, View]] = {}
        for key in sorted(self._uses, key=self._address):
            self._lay_out(*key)

    def _arguments(self, task: int) -> tuple[Argument, ...]:
        known = self._dependences.tasks.get(task)
        return () if known is None else known.arguments

    def _owner(self, tensor: int, place: int) -> int:
        """The last submit before `place` that made a tensor."""
        owners = self._owners.get(tensor, [])
        before = bisect_left(owners, place)
        return owners[before - 1] if before else _NOBODY

    def _address(self, key: tuple[int, int]) -> tuple[int, int, int]:
        return self._dependences.tensors.get(key[0], (0, 0))[0], *key

    def _lay_out(self, tensor: int, owner: int) -> None:
        uses = list(self._uses[tensor, owner])
        last = max(_last(use) for use in uses)
        elements = self._dependences.tensors.get(tensor, (0, last + 1))[1]
        if last >= elements:
            users = (t for t in self._ids if any(a in uses for a in self._arguments(t)))
            raise InputError(
                f"{self._dependences.path}: task {next(users)} names a view of tensor {tensor} "
                f"that ends at element {last}; its buffer has {elements}"
            )
        shape, rectangles = _in_rows(uses, elements) or _in_one_row(uses, elements)
        self._widened += sum(
            math.prod(size) != math.prod(use.shape)
            for use, (size, _) in zip(uses, rectangles, strict=True)
        )
        dtype = uses[0].dtype
        if dtype is None:
            raise AssertionError("the reader asks for the dtype of every tensor")
        name = f"tensor_{tensor}" if owner == _NOBODY else f"made_{owner}_{tensor}"
        buffer = Buffer(name, shape, dtype, owner)
        if owner != _NOBODY:
            self._made.setdefault(owner, []).append(buffer)
        self._views[tensor, owner] = {
            use: View(buffer, size, offset)
            for use, (size, offset) in zip(uses, rectangles, strict=True)
        }

    def tensors(self) -> RecordedTensors:
        """Views of all submits."""
        views: list[tuple[View, ...]] = []
        directions: list[tuple[Direction, ...]] = []
        for place, task in enumerate(self._ids):
            made = self._made.get(place, [])
            if task in self._dependences.tasks:
                views.append(self._named(place, made))
                directions.append(tuple([a.direction for a in self._arguments(task)]))
            else:
                views.append(tuple([_whole(buffer) for buffer in made]))
                directions.append(())
        given = [
            _whole(next(iter(known.values())).buffer)
            for (_, owner), known in self._views.items()
            if owner == _NOBODY
        ]
        return RecordedTensors(views, directions, tuple(given), self._notes())

    def _named(self, place: int, made: Sequence[Buffer]) -> tuple[View, ...]:
        """Arguments of a task; what it makes is in the order of addresses, as it is allocated."""
        arguments = self._arguments(self._ids[place])
        fresh = iter(made)
        views = []
        for number, argument in enumerate(arguments):
            if argument.tensor is not None:
                key = argument.tensor, self._owner(argument.tensor, place)
                views.append(self._views[key][argument])
                continue
            buffer = next(fresh, None)
            if buffer is None:
                self._unseen += 1
                buffer = Buffer(f"made_{place}_{number}", _UNSEEN, BY_NAME["INT8"], place)
            views.append(_whole(buffer))
        return tuple(views)

    def _notes(self) -> tuple[str, ...]:
        found = []
        if self._widened:
            found.append(
                f"{self._widened} views are no rectangles; the smallest range of elements around "
                "each stands for it, so hazards may be found that are none."
            )
        if self._unseen:
            found.append(
                f"Of {self._unseen} tensors that tasks make nothing says which they are: deps.json "
                "has an edge to the maker of the first tensor only. Tensors without a known maker "
                "count as given to the program, and take no heap."
            )
        return tuple(found)


_Rectangles = tuple[tuple[int, ...], list[tuple[tuple[int, ...], tuple[int, ...]]]]
"""Shape of a tensor, and shape and offset of each view."""


def _in_rows(uses: Sequence[Argument], elements: int) -> _Rectangles | None:
    """Views as rectangles of a tensor of several dimensions, if they are all that."""
    strides = uses[0].strides
    if not strides or strides[-1] != 1 or 0 in strides:
        return None
    if any(use.strides != strides for use in uses):
        return None
    if any(outer % inner for outer, inner in pairwise(strides)):
        return None
    extents = [outer // inner for outer, inner in pairwise(strides)]
    shape = (-(-elements // strides[0]), *extents)
    rectangles = []
    for use in uses:
        rest, offset = use.start, []
        for stride in strides:
            place, rest = divmod(rest, stride)
            offset.append(place)
        ends = [o + s for o, s in zip(offset, use.shape, strict=True)]
        if any(end > size for end, size in zip(ends, shape, strict=True)):
            return None
        rectangles.append((use.shape, tuple(offset)))
    return shape, rectangles


def _in_one_row(uses: Sequence[Argument], elements: int) -> _Rectangles:
    """Views as ranges of elements."""
    return (elements,), [((_last(use) + 1 - use.start,), (use.start,)) for use in uses]


def _last(use: Argument) -> int:
    """The last element that a view touches."""
    return use.start + sum((n - 1) * s for n, s in zip(use.shape, use.strides, strict=True))


def _whole(buffer: Buffer) -> View:
    return View(buffer, buffer.shape, (0,) * len(buffer.shape))
