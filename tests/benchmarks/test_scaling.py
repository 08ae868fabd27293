"""The figures of growth, on graphs that take no time."""

from __future__ import annotations

import pytest

from benchmarks.markdown import markdown_table
from benchmarks.scaling import exponent, figures


@pytest.mark.parametrize("power", [0.5, 1.0, 2.0])
def test_the_exponent_is_the_power_of_size(power):
    sizes = [10.0, 100.0, 1000.0]
    assert exponent(sizes, [3.0 * size**power for size in sizes]) == pytest.approx(power)


def test_a_size_has_a_figure_for_each_step():
    found = figures("layered-random", {"layers": 10, "width": 100})
    steps = {"record_s", "graph_s", "times_s", "uses_s", "simulate_s", "save_s", "load_s"}
    assert set(found) == {*steps, "tasks", "peak_bytes", "file_bytes"}
    assert min(found.values()) > 0
    assert found["tasks"] == 1000


def test_tables_are_aligned():
    assert markdown_table(["a", "b"], [["x", "10"], ["long", "1"]]).splitlines() == [
        "| a    |  b |",
        "| ---- | -: |",
        "| x    | 10 |",
        "| long |  1 |",
    ]
