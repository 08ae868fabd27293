"""Functions as the device tools count them: a MIX task executes one on each core."""

import numpy as np
import pytest
from toys import make_device, make_graph

from runtime.functions import function_columns, functions_of, row_kernels, sides_by_place
from runtime.launch import Launch
from runtime.simulation import simulate
from runtime.statistics import summarize
from runtime.version import load_runtime


@pytest.fixture(scope="module")
def mixed():
    """A cube task, a vector task, a MIX task of two blocks on whole clusters, and half a MIX."""
    graph = make_graph("cvmh", launches={2: Launch(blocks=2)})
    return simulate(
        graph, make_device(3), load_runtime("tmr-2026-04"), durations=[4.0, 2.0, 6.0, 3.0]
    )


def test_sides_of_mix_kernels_are_functions_and_count_with_tasks_of_the_same_function(mixed):
    assert [(f.name, f.core.value) for f in functions_of(mixed.graph)] == [
        ("cube", "aic"),
        ("vector", "aiv"),
    ]
    figures = summarize(mixed)
    # 1 + 2 blocks + half, and 1 + 2 blocks of two + half.
    assert [(f.name, f.count) for f in figures.functions] == [("cube", 4), ("vector", 6)]
    assert figures.tasks == len(mixed) == 10


def test_the_side_of_a_row_follows_from_its_place_in_the_cluster(mixed):
    side = sides_by_place(mixed)
    aic, aiv = mixed.core < 3, mixed.core >= 3
    assert (side[aic] == 0).all()
    assert np.array_equal(side[aiv], 1 + (mixed.core[aiv] - 3) % 2)
    assert function_columns(mixed).tolist() == np.where(aic, 0, 1).tolist()


def test_rows_are_called_by_their_kernels_and_those_of_mix_kernels_by_their_functions(mixed):
    kernels, number = row_kernels(mixed)
    # Both functions are kernels of the graph as well, so that none is added.
    assert kernels == tuple(mixed.graph.kernels)
    called = [kernels[n].name for n in number.tolist()]
    assert called == ["cube" if core < 3 else "vector" for core in mixed.core.tolist()]


def test_sides_that_a_trace_names_count_more_than_places(mixed):
    named = np.zeros(len(mixed), dtype=np.int8)  # all as if they were cube cores
    object.__setattr__(mixed, "side", named)
    kernels = mixed.graph.kernels
    columns = function_columns(mixed)
    object.__setattr__(mixed, "side", None)
    for kernel, function in zip(mixed.kernel.tolist(), columns.tolist(), strict=True):
        assert function == (1 if kernels[kernel].name == "vector" else 0)
