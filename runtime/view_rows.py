"""Views in columns: of a million tasks, what each names is looked at by compiled code."""

from __future__ import annotations

from collections.abc import Sequence

from librt.vecs import append, vec
from mypy_extensions import i32, i64

from devices.dtypes import DType
from runtime.graph import Buffer, View

__all__ = ["ViewRows", "distinct_views"]


class ViewRows:
    """Buffers and rectangles of some views.

    Parameters
    ----------
    views : sequence of View
        A row for each.

    Attributes
    ----------
    buffers : list of Buffer
        The buffers that they are in, each once, in the order in which it comes first.
    names : list of str
        Their names.
    dtypes : list of DType
        Those of the buffers, each object once.
    dtype, axes, owner : int32 column
        Which of the dtypes each buffer has, how many axes, and its owner.
    buffer_shape : int64 column
        Sizes of all buffers, one buffer's after the other's.
    buffer : int32 column
        Where the buffer of each view is among them.
    shape, offset : int64 column
        Sizes and offsets of all views, one view's after the other's.

    Raises
    ------
    ValueError
        A view has not as many axes as its buffer.
    """

    def __init__(self, views: Sequence[View]) -> None:
        numbers: dict[Buffer, int] = {}
        self.buffers: list[Buffer] = []
        self.names: list[str] = []
        self.dtypes: list[DType] = []
        self.dtype, self.axes, self.owner = vec[i32](), vec[i32](), vec[i32]()
        self.buffer_shape = vec[i64]()
        self._dtypes: dict[int, int] = {}
        self.buffer = vec[i32]([0] * len(views))
        shapes, offsets = vec[i64](), vec[i64]()
        for row, view in enumerate(views):
            buffer = view.buffer
            if not len(view.shape) == len(view.offset) == len(buffer.shape):
                raise ValueError(f"{view} has not as many axes as its buffer")
            number = numbers.get(buffer, -1)
            if number < 0:
                number = numbers[buffer] = len(self.buffers)
                self._add(buffer)
            self.buffer[row] = number
            for size in view.shape:
                shapes = append(shapes, size)
            for start in view.offset:
                offsets = append(offsets, start)
        self.shape, self.offset = shapes, offsets

    def _add(self, buffer: Buffer) -> None:
        """Add a buffer while it is at hand: of millions, each look at one costs."""
        self.buffers.append(buffer)
        self.names.append(buffer.name)
        key = id(buffer.dtype)  # to hash one takes long
        dtype = self._dtypes.get(key, -1)
        if dtype < 0:
            dtype = self._dtypes[key] = len(self.dtypes)
            self.dtypes.append(buffer.dtype)
        self.dtype = append(self.dtype, dtype)
        self.axes = append(self.axes, len(buffer.shape))
        self.owner = append(self.owner, buffer.owner)
        for size in buffer.shape:
            self.buffer_shape = append(self.buffer_shape, size)


def distinct_views(views: Sequence[View]) -> tuple[list[View], vec[i32]]:
    """Views, each object once in the order of their first places, and which is at each place."""
    numbers: dict[int, int] = {}
    found: list[View] = []
    at = vec[i32]([0] * len(views))
    for place, view in enumerate(views):
        key = id(view)
        number = numbers.get(key, -1)
        if number < 0:
            number = numbers[key] = len(found)
            found.append(view)
        at[place] = number
    return found, at
