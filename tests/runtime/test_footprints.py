from itertools import product

import numpy as np
import pytest

from devices.device import load_device
from devices.kernel import Direction
from runtime import language as pl
from runtime.accesses import touched_accesses
from runtime.dependencies import find_graph
from runtime.footprints import find_footprints
from runtime.handwritten import submits_of
from runtime.language import record
from runtime.simulation import simulate
from runtime.version import load_runtime
from workloads.catalogue import find_workload

DEVICE, RUNTIME = load_device("a2a3"), load_runtime("tmr-2026-04")


def graph_of(name, **settings):
    return find_graph(record(find_workload(name).program(settings)), RUNTIME)


def line_bytes_of(touches):
    return sum(touch.nbytes * len(touch.cells) for touch in touches)


def cells_of(touches):
    return [cell for touch in touches for cell in touch.cells]


def projection(**settings):
    # A step of 256 along k loads whole lines of the activations.
    sizes = {"k": 1024, "n": 512, "n_tile": 64, "k_step": 256, "stages": 1, **settings}
    return graph_of("projection", **sizes)


def test_column_tiles_of_one_line_share_cells():
    # 64 columns of BF16 are 128 B: four tasks share the lines of each row.
    uses = find_footprints(projection(), 512).uses
    weights = [set(cells_of(use.loads[1:])) for use in uses]
    assert weights[0] == weights[1] == weights[2] == weights[3]
    assert weights[4] == weights[7]
    assert weights[0].isdisjoint(weights[4])


def test_a_task_moves_what_it_names_and_hbm_whole_lines():
    use = find_footprints(projection(), 512).uses[0]
    activations, weight = 16 * 1024 * 2, 1024 * 64 * 2
    assert use.nbytes == activations + weight + 16 * 64 * 4
    assert line_bytes_of(use.loads) == activations + 4 * weight
    assert line_bytes_of(use.stores) == 16 * 512  # 256 B of a line


def test_shares_are_of_what_a_task_loads():
    use = find_footprints(projection(), 512).uses[0]
    activations, weight = 16 * 1024 * 2, 1024 * 64 * 2
    shares = [touch.share * len(touch.cells) for touch in use.loads]
    assert shares == pytest.approx(
        [activations / (activations + weight), weight / (activations + weight)]
    )


def test_tiles_of_one_task_fetch_their_lines_for_each_other():
    # Eight tiles in one task: of each line, only the first of four misses.
    use = find_footprints(projection(tiles=8), 512).uses[0]
    shares = [touch.share * len(touch.cells) for touch in use.loads]
    activations, weight = 16 * 1024 * 2, 1024 * 64 * 2
    loaded = 8 * (activations + weight)
    assert shares == pytest.approx([activations / loaded, 2 * weight / loaded])


def test_a_consumer_finds_what_its_producer_has_written():
    graph = graph_of("qwen3-scope3-restructured", hidden=1024, intermediate=2048)
    trace = simulate(graph, DEVICE, RUNTIME)
    fed_by_tasks = [
        all(view.buffer.owner >= 0 for view in graph.views[task]) for task in trace.task.tolist()
    ]
    assert any(fed_by_tasks)
    assert trace.hbm_bytes[fed_by_tasks].sum() == 0.0
    weights = 2 * (1024 * 1024 + 3 * 1024 * 2048)
    inputs = 2 * (2 * 16 * 1024) + 4 * 1024
    assert trace.hbm_bytes.sum() == pytest.approx(weights + inputs)


@pl.program
class Branches:
    """A load whose trips and branch depend on the task."""

    @pl.function
    def branches(
        self,
        x: pl.Tensor[[64, 256], pl.FP32],
        y: pl.Out[pl.Tensor[[64, 256], pl.FP32]],
    ):
        for i in pl.range(0, 4):
            with pl.incore():
                for j in pl.range(0, i):
                    tile = pl.slice(x, [16, 128], [i * 16, (j % 2) * 128])
                    y = pl.assemble(y, pl.add(tile, 1.0), [i * 16, (j % 2) * 128])


def test_tasks_of_one_kernel_may_touch_different_patterns():
    graph = find_graph(record(Branches), RUNTIME)
    uses = find_footprints(graph, 512).uses
    tile = 16 * 128 * 4
    assert [use.nbytes for use in uses] == [0, 2 * tile, 2 * 2 * tile, 3 * tile + 2 * tile]
    assert [line_bytes_of(use.loads) for use in uses] == [0, tile, 2 * tile, 2 * tile]


def test_a_tensor_that_many_tasks_touch_finely_keeps_few_cells():
    graph = graph_of("hello-world", rows=4096, cols=512, row_chunk=1)
    footprints = find_footprints(graph, 512)
    assert len(footprints.cell_bytes) <= 2 * (1 << 16)
    assert sum(footprints.cell_bytes) >= 2 * 4096 * 512 * 4


def test_blocks_of_a_long_cache_come_from_hbm_one_by_one():
    # 65 blocks of 128 keys of 256 B each, and likewise values, for each of 8 requests.
    submits = submits_of(find_workload("paged-attention").program({"batch": 8}))
    trace = simulate(find_graph(submits, RUNTIME), DEVICE, RUNTIME)
    cache = 2 * 8 * 65 * 128 * 256
    assert trace.hbm_bytes.sum() == pytest.approx(cache, rel=0.02)


def test_kernels_are_slower_where_neighbours_do_not_run_beside_them():
    # The first task of four that share lines fetches for the others, which begin later.
    graph = projection(k=8192)
    trace = simulate(graph, DEVICE, RUNTIME)
    assert trace.hbm_bytes[:4].tolist() == [trace.hbm_bytes[0], 0.0, 0.0, 0.0]
    assert (np.diff(trace.alone_us[:4]) <= 0.0).all()


@pl.program
class OneRow:
    """A tensor of one dimension."""

    @pl.function
    def one_row(
        self,
        x: pl.Tensor[[1024], pl.FP32],
        y: pl.Out[pl.Tensor[[1024], pl.FP32]],
    ):
        for i in pl.range(0, 4):
            with pl.incore():
                tile = pl.slice(x, [256], [i * 256])
                y = pl.assemble(y, pl.add(tile, 1.0), [i * 256])


def test_a_tensor_of_one_dimension_is_one_row():
    uses = find_footprints(find_graph(record(OneRow), RUNTIME), 512).uses
    assert [line_bytes_of(use.loads) for use in uses] == [1024] * 4
    assert len({cell for use in uses for cell in cells_of(use.loads)}) == 4


def lines_of(views_and_ways, wanted, line_bytes):
    """Lines that rectangles have, one by one."""
    found = set()
    for view, direction in views_and_ways:
        if direction not in wanted:
            continue
        rows = view.buffer.shape[:-1]
        spans = zip(view.offset[:-1], view.shape[:-1], strict=True)
        for row in product(*(range(begin, begin + size) for begin, size in spans)):
            begin = view.offset[-1] * view.buffer.dtype.nbytes(1)
            end = begin + view.buffer.dtype.nbytes(view.shape[-1])
            number = int(np.ravel_multi_index(row, rows)) if rows else 0
            for line in range(begin // line_bytes, -(-end // line_bytes)):
                found.add((view.buffer, number, line))
    return found


@pytest.mark.parametrize(
    ("name", "settings"),
    [
        ("projection", {"k": 512, "n": 1024, "n_tile": 128, "k_step": 128, "tiles": 4}),
        ("projection", {"k": 512, "n": 1024, "tiles": 2, "tile_stride": 8}),
        ("projection-transposed", {"k": 512, "n": 512, "k_step": 64}),
        ("scores", {"tasks": 3, "keys": 256}),
        ("softmax", {}),
        ("rms-norm", {}),
        ("bgemm", {"groups": 4}),
        ("qwen3-scope3-baseline", {"hidden": 512, "intermediate": 512}),
    ],
)
def test_lines_are_those_of_the_rectangles_that_tasks_touch(name, settings):
    submits = submits_of(find_workload(name).program(settings))
    uses = find_footprints(find_graph(submits, RUNTIME), 512).uses
    reads, writes = {Direction.IN, Direction.INOUT}, {Direction.OUT_EXISTING, Direction.INOUT}
    for use, touched in zip(uses, touched_accesses(submits), strict=True):
        for touches, wanted in ((use.loads, reads), (use.stores, writes)):
            lines = lines_of(touched, wanted, 512)
            nbytes = sum(min(512, buffer.dtype.nbytes(buffer.shape[-1])) for buffer, _, _ in lines)
            assert line_bytes_of(touches) == pytest.approx(nbytes)
