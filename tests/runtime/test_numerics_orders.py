"""Orders in which tasks run in numbers: all tasks, each after its producers."""

import numpy as np
import pytest
from hypothesis import given
from random_cases import random_cases
from toys import make_device, make_graph, make_runtime

from runtime.graph import ALLOC
from runtime.numerics.orders import (
    adversarial_order,
    program_order,
    random_order,
    simulated_order,
)
from runtime.simulation import simulate

#        0    1      2       3      4
FORK = [[], [0], [0], [1], []]


def test_the_program_order_leaves_allocs_out():
    assert program_order(make_graph("avcav", [[], [0], [0], [], [1]])) == [1, 2, 4]


def test_the_adversarial_order_takes_what_became_ready_last():
    # 4 and 0 are ready at first, the newest first; 0 makes 1 and 2 ready, and 2 was found last.
    assert adversarial_order(make_graph("vvvvv", FORK)) == [4, 0, 2, 1, 3]


def test_allocs_make_nobody_wait():
    assert adversarial_order(make_graph("avv", [[], [0], [0]])) == [2, 1]


def test_a_random_order_is_a_function_of_its_seed():
    graph = make_graph("v" * 30)
    orders = {seed: random_order(graph, seed) for seed in range(5)}
    assert all(random_order(graph, seed) == order for seed, order in orders.items())
    assert len({tuple(order) for order in orders.values()}) == 5


def test_the_simulated_order_is_that_of_the_ends():
    graph = make_graph("vvv")
    trace = simulate(graph, make_device(2), make_runtime(), durations=[9.0, 1.0, 4.0])
    assert simulated_order(trace) == [1, 2, 0]


@pytest.mark.parametrize(
    "order",
    [
        lambda case: program_order(case.graph),
        lambda case: random_order(case.graph, 3),
        lambda case: adversarial_order(case.graph),
        lambda case: simulated_order(case.simulate()),
    ],
)
@given(case=random_cases(policies=["runtime"]))
def test_every_task_runs_once_after_its_producers(order, case):
    graph = case.graph
    place = {task: number for number, task in enumerate(order(case))}
    assert sorted(place) == np.flatnonzero(graph.kernel != ALLOC).tolist()
    for task, number in place.items():
        for producer in graph.producers(task).tolist():
            assert place.get(producer, -1) < number


def test_a_consumer_that_finishes_while_its_producer_walks_still_comes_later():
    # 0 is complete at 1; its thread walks six consumers until 4 and gives 7, which comes meanwhile
    # and finds its producer complete, to nobody: another thread runs it.
    graph = make_graph("v" * 8, [[], *[[0]] * 6, [0]])
    runtime = make_runtime(threads=2, submit_us=0.25, per_consumer_us=1.0)
    trace = simulate(graph, make_device(2), runtime, durations=[2.0, *[1.0] * 6, 0.25])
    assert trace.finish_us[7] < trace.finish_us[0]
    assert simulated_order(trace).index(0) < simulated_order(trace).index(7)
