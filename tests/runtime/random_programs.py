"""Random programs that compute: every task adds up parts of shared tensors and stores the sum."""

from dataclasses import dataclass

from hypothesis import strategies as st

from devices.dtypes import BY_NAME
from devices.kernel import Box, CoreType, Direction, Kernel, Memory, Parameter, Tile, TileOp
from runtime.graph import Buffer, View
from runtime.submits import AllocGroup, Submits, TensorSpec

FP32 = BY_NAME["FP32"]
LENGTH = 5


@dataclass
class Access:
    """What a task does with one of its arguments: spans that it loads, and spans that it stores."""

    loads: list[tuple[int, int]]
    stores: list[tuple[int, int]]

    @property
    def direction(self):
        if not self.stores:
            return Direction.IN
        return Direction.INOUT if self.loads else Direction.OUT_EXISTING


@st.composite
def spans(draw, size, most):
    found = []
    for _ in range(draw(st.integers(0, most))):
        start = draw(st.integers(0, size - 1))
        found.append((start, draw(st.integers(1, size - start))))
    return found


@st.composite
def computing_programs(draw, most_tasks=8):
    """Up to `most_tasks` tasks on the arguments x and y and a tensor that is allocated."""
    arguments = tuple(
        View(Buffer(name, (LENGTH,), FP32, -1), (LENGTH,), (0,)) for name in ("x", "y")
    )
    made = AllocGroup((TensorSpec("t", (LENGTH,), FP32),), depth=1)
    kernels = []
    submits = Submits("random", "random.py", arguments, kernels, [made])
    tensors = [*arguments, *submits.alloc(0)]
    for number in range(draw(st.integers(1, most_tasks))):
        chosen = draw(st.lists(st.sampled_from(range(3)), min_size=1, max_size=2, unique=True))
        views, accesses = [], []
        for tensor in chosen:
            first = draw(st.integers(0, 2))
            size = draw(st.integers(1, LENGTH - first))
            views.append(submits.view(tensors[tensor], (size,), (first,)))
            access = Access(draw(spans(size, 2)), draw(spans(size, 2)))
            if not access.loads and not access.stores:
                access.stores.append((0, size))
            accesses.append(access)
        parameters = tuple(
            Parameter(f"p{place}", view.shape, FP32, access.direction)
            for place, (view, access) in enumerate(zip(views, accesses, strict=True))
        )
        body = tuple(_body(number, accesses))
        kernels.append(Kernel(f"k{number}", CoreType.AIV, parameters, (), body, number))
        submits.submit(number, tuple(views), (), 1)
    return submits


def _body(number, accesses):
    """Sum of the first elements of all loads, plus the task's number, into every store."""
    total = Tile((1,), FP32, Memory.UB)
    yield TileOp("tile.full", total, (), number, attributes={"value": number + 1.0})
    for place, access in enumerate(accesses):
        for start, length in access.loads:
            part = Tile((length,), FP32, Memory.UB)
            yield TileOp("tile.load", part, (), number, Box(place, (length,), (start,)))
            scratch, reduced = Tile((length,), FP32, Memory.UB), Tile((1,), FP32, Memory.UB)
            yield TileOp("tile.create", scratch, (), number)
            yield TileOp("tile.row_sum", reduced, (part, scratch), number)
            longer = Tile((1,), FP32, Memory.UB)
            yield TileOp("tile.add", longer, (total, reduced), number)
            total = longer
    for place, access in enumerate(accesses):
        for start, length in access.stores:
            wide = Tile((length,), FP32, Memory.UB)
            filled = Tile((length,), FP32, Memory.UB)
            yield TileOp("tile.create", wide, (), number)
            yield TileOp("tile.col_expand", filled, (wide, total), number)
            yield TileOp("tile.store", None, (filled,), number, Box(place, (length,), (start,)))
