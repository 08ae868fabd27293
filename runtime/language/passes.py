"""What the compiler does with a lowered function as a whole: pipe buffers, argument directions."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import replace

from devices.dtypes import BY_NAME
from devices.kernel import CoreType, Direction, Kernel, Parameter, passed_by, walk
from runtime.language.orchestration import (
    Block,
    Choose,
    Create,
    CreateSite,
    Handle,
    MakeView,
    Node,
    OrchestrationTracer,
    Rebind,
    Repeat,
    SubmitTask,
)

__all__ = ["add_pipe_buffer", "promote_outputs"]

_SLOTS = 8
"""Tiles that a pipe between the sides of a MIX kernel holds, both directions together (language
reference 6.4: 8 one way, 4 and 4 both ways)."""

_PIPE = "gm_pipe_buffer"


def add_pipe_buffer(
    tracer: OrchestrationTracer, kernels: list[Kernel], without: Collection[int]
) -> None:
    """Give all MIX kernels of a function the one tensor through which their sides pass tiles.

    It is made by the first alloc of the function, and no dependence is tracked on it. The kernels
    numbered in `without` get none, as the compiler has it for those of a cluster block.
    """
    mixed = {
        number
        for number, kernel in enumerate(kernels)
        if kernel.core is CoreType.MIX and number not in without
    }
    slot_bytes = max((_slot_bytes(kernels[number]) for number in mixed), default=0)
    if not slot_bytes:
        return
    dtype = BY_NAME["FP32"]
    shape = (_SLOTS * slot_bytes // dtype.nbytes(1),)
    pipe = tracer.handle(shape, dtype, CreateSite(_PIPE, shape, dtype, tracer.block))
    tracer.block.nodes.insert(0, Create(pipe))
    parameter = Parameter(f"__{_PIPE}", shape, dtype, Direction.NO_DEP)
    for number in mixed:
        kernel = kernels[number]
        kernels[number] = replace(kernel, parameters=(*kernel.parameters, parameter))
    for block in _blocks(tracer.block):
        block.nodes[:] = [
            replace(node, tensors=(*node.tensors, pipe))
            if isinstance(node, SubmitTask) and node.kernel in mixed
            else node
            for node in block.nodes
        ]


def _slot_bytes(kernel: Kernel) -> int:
    """Bytes of the largest tile that passes from one side of a MIX kernel to the other."""
    sizes = [op.operands[0].nbytes for op in walk(kernel.body) if passed_by(op) is not None]
    return max(sizes, default=0)


def _blocks(block: Block) -> Iterator[Block]:
    yield block
    for node in block.nodes:
        if isinstance(node, Repeat):
            yield from _blocks(node.body)
        elif isinstance(node, Choose):
            yield from _blocks(node.then)
            yield from _blocks(node.orelse)


def promote_outputs(block: Block, kernels: list[Kernel], inouts: Sequence[Handle]) -> None:
    """Give arguments that a task only writes the directions of the compiler of August 2026.

    Such an argument is INOUT, and so waits for earlier writers, if the task is submitted in a
    sequential loop, if something submitted before in its block or around it writes the same
    tensor, or if the tensor is an INOUT parameter of the program.

    References
    ----------
    pypto, DeriveCallDirections, commit e2d0f78ae (2026-08-21).
    """
    _Promotion(kernels, inouts).block(block, {}, set(), sequential=False)


class _Promotion:
    def __init__(self, kernels: list[Kernel], inouts: Sequence[Handle]) -> None:
        self.kernels = kernels
        self.inouts = {handle.variable for handle in inouts}
        self.original = list(kernels)
        self.variants: dict[int, dict[tuple[Parameter, ...], int]] = {}

    def block(
        self, block: Block, roots: Mapping[str, str], written: set[str], *, sequential: bool
    ) -> None:
        """Look at a block; `written` are the tensors written so far, by their variables."""
        known = dict(roots)
        block.nodes[:] = [
            self.node(node, known, written, sequential=sequential) for node in block.nodes
        ]

    def node(
        self, node: Node, roots: dict[str, str], written: set[str], *, sequential: bool
    ) -> Node:
        """Look at one node; returns what takes its place."""
        match node:
            case MakeView(result=view, base=base):
                roots[view.variable] = roots.get(base.variable, base.variable)
            case Rebind(target=target, source=source):
                roots[target.variable] = roots.get(source.variable, source.variable)
            case Repeat(body=body, sequential=own):
                self.block(body, roots, written, sequential=sequential or own)
            case Choose(then=then, orelse=orelse):
                for side in (then, orelse):
                    self.block(side, roots, written, sequential=sequential)
            case SubmitTask():
                return self.submit(node, roots, written, sequential=sequential)
        return node

    def submit(
        self, node: SubmitTask, roots: Mapping[str, str], written: set[str], *, sequential: bool
    ) -> SubmitTask:
        """Change the directions of a kernel, for this place that submits it."""
        kernel = self.original[node.kernel]
        parameters = []
        writes = set()
        for parameter, tensor in zip(kernel.parameters, node.tensors, strict=True):
            root = roots.get(tensor.variable, tensor.variable)
            direction = parameter.direction
            if direction is Direction.OUT_EXISTING and (
                sequential or root in written or root in self.inouts
            ):
                direction = Direction.INOUT
            if direction in (Direction.OUT_EXISTING, Direction.INOUT):
                writes.add(root)
            parameters.append(replace(parameter, direction=direction))
        written |= writes
        return replace(node, kernel=self.variant(node.kernel, tuple(parameters)))

    def variant(self, number: int, parameters: tuple[Parameter, ...]) -> int:
        """The kernel with such parameters: a kernel called from two places may need two."""
        first = self.variants.setdefault(number, {parameters: number})
        if parameters not in first:
            first[parameters] = len(self.kernels)
            self.kernels.append(self.kernels[number])
        place = first[parameters]
        self.kernels[place] = replace(self.kernels[place], parameters=parameters)
        return place
