"""Rectangles, and how to join them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

__all__ = ["Rectangle", "merged"]

Rectangle = tuple[tuple[int, ...], tuple[int, ...]]
"""Offset and shape, in elements."""


def merged(rectangles: Sequence[Rectangle]) -> list[Rectangle]:
    """Join rectangles that touch or overlap along one dimension and agree in all others.

    The union stays exactly the same; rectangles that make no larger rectangle stay apart.

    Examples
    --------
    >>> merged([((0, 0), (4, 2)), ((0, 2), (4, 2)), ((0, 8), (4, 2))])
    [((0, 0), (4, 4)), ((0, 8), (4, 2))]
    """
    current = sorted(set(rectangles))
    changed = True
    while changed and len(current) > 1:
        changed = False
        for axis in reversed(range(len(current[0][0]))):
            joined = _joined_along(current, axis)
            changed = changed or len(joined) < len(current)
            current = joined
    return sorted(current)


def _joined_along(rectangles: Sequence[Rectangle], axis: int) -> list[Rectangle]:
    lines: dict[Any, list[tuple[int, int]]] = {}
    for offset, shape in rectangles:
        others = (offset[:axis], offset[axis + 1 :], shape[:axis], shape[axis + 1 :])
        lines.setdefault(others, []).append((offset[axis], offset[axis] + shape[axis]))
    joined: list[Rectangle] = []
    for (before, after, wide, deep), spans in lines.items():
        spans.sort()
        first, last = spans[0]
        for start, stop in [*spans[1:], (spans[-1][1] + 1, 0)]:
            if start <= last and stop:
                last = max(last, stop)
                continue
            joined.append(((*before, first, *after), (*wide, last - first, *deep)))
            first, last = start, stop
    return joined
