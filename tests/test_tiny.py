"""What must always work: a program, its graph, a simulated run, its figures, a picture."""

import itertools

import tilesim as ts
from plots import draw_gantt
from tilesim import language as pl


@pl.program
class TwoProducts:
    """out = 2 (a @ b) + 2 (a @ c): two cube tasks and two vector tasks."""

    @pl.function
    def main(
        self,
        a: pl.Tensor[[16, 128], pl.BF16],
        b: pl.Tensor[[128, 64], pl.BF16],
        c: pl.Tensor[[128, 64], pl.BF16],
        out: pl.Out[pl.Tensor[[16, 64], pl.FP32]],
    ):
        with pl.incore():
            left = pl.matmul(a, b, out_dtype=pl.FP32)
        with pl.incore():
            doubled = pl.mul(left, 2.0)
        with pl.incore():
            right = pl.matmul(a, c, out_dtype=pl.FP32)
        with pl.incore():
            out = pl.assemble(out, pl.add(doubled, pl.mul(right, 2.0)), [0, 0])
        return out  # noqa: RET504 - a program names what it returns


def test_a_program_becomes_a_graph_a_run_its_figures_and_a_picture(tmp_path):
    device, runtime = ts.load_device("a2a3"), ts.load_runtime("tmr-2026-04")
    graph = ts.find_graph(ts.record(TwoProducts), runtime)
    # Submit 0 is the hidden alloc of left, doubled and right; then the regions in order.
    fanin = [sorted(graph.producers(submit).tolist()) for submit in range(len(graph))]
    assert fanin == [[], [0], [0, 1], [0], [0, 2, 3]]
    assert (graph.task_count, graph.alloc_count, graph.depth) == (4, 1, 3)

    trace = ts.simulate(graph, device, runtime)
    stamps = ("submit", "ready", "dispatch", "start", "end", "observe", "finish")
    for earlier, later in itertools.pairwise(getattr(trace, f"{name}_us") for name in stamps):
        assert (earlier <= later).all()
    assert trace.end_us[0] < trace.start_us[1]  # the doubling waits for its product

    figures = ts.summarize(trace)
    assert figures.wall_clock_us == trace.finish_us[3] - trace.dispatch_us[0] > 0
    assert [f.core for f in figures.functions] == ["aic", "aiv", "aic", "aiv"]

    draw_gantt(trace, tmp_path / "run.png")
    assert (tmp_path / "run.png").read_bytes().startswith(b"\x89PNG")
