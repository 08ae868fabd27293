"""Whether cube kernels have shapes for which the model of their time was validated."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

from devices.kernel import Branch, CoreType, Kernel, Loop, Statement, walk

__all__ = ["is_pipelined", "outside_validated"]

VALIDATED = {
    "rows of a product": (8, 64),
    "K step": (64, 512),
    "bytes of a loaded row": (64, 1024),
}
"""Least and largest of the cube kernels whose times were measured (docs/model.md, How far to trust
it)."""


def outside_validated(kernels: Iterable[Kernel]) -> tuple[str, ...]:
    """What lies outside the shapes that were validated, a line for each kernel and figure."""
    lines = []
    for kernel in kernels:
        if kernel.core is not CoreType.AIC:
            continue
        for figure in sorted(set(_figures(kernel))):
            what, value = figure
            low, high = VALIDATED[what]
            if not low <= value <= high:
                lines.append(f"{kernel.name}: {what} {value}, validated from {low} to {high}")
    return tuple(lines)


def _figures(kernel: Kernel) -> Iterator[tuple[str, int]]:
    for op in walk(kernel.body):
        if op.name.startswith("tile.matmul"):
            rows, step = op.operands[-2].shape[-2:]
            yield "rows of a product", rows
            yield "K step", step
        if op.name == "tile.load" and op.box is not None:
            dtype = kernel.parameters[op.box.parameter].dtype
            yield "bytes of a loaded row", dtype.nbytes(op.box.shape[-1])


def is_pipelined(kernel: Kernel) -> bool:
    """Whether a loop of a kernel overlaps its iterations."""
    return _has_pipeline(kernel.body)


def _has_pipeline(body: Sequence[Statement]) -> bool:
    for statement in body:
        if isinstance(statement, Loop) and (statement.stages > 1 or _has_pipeline(statement.body)):
            return True
        if isinstance(statement, Branch) and _has_pipeline((*statement.then, *statement.orelse)):
            return True
    return False
