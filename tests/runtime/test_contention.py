"""Runs whose kernels share the memory, against runs that know all kernel times beforehand."""

import random

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from random_cases import random_cases
from toys import make_device, make_graph, make_runtime

from devices.description import with_values
from devices.footprints import Footprints, Touch, Use, Uses
from runtime.bounds import find_bounds
from runtime.explanation import Reason, explain
from runtime.simulation import simulate

COSTS = (
    "submit_us",
    "cond_read_us",
    "dispatch_us",
    "completion_us",
    "per_consumer_us",
    "core_to_aicpu_us",
    "aicpu_to_core_us",
    "core_prepare_us",
)
UNINFORMED = ["runtime", "fifo", "lifo", "locality", "random"]
"""Policies that do not ask for kernel times, which differ from run to run here."""


def uses(*moved, gain=0.0):
    """What submits do that load so many bytes each, none that another one loads."""
    return Uses(
        Footprints.of_uses(
            [Use((Touch((n,), 1.0, nbytes),), (), nbytes) for n, nbytes in enumerate(moved)],
            [1] * len(moved),
        ),
        [gain] * len(moved),
    )


def fast_runtime():
    return make_runtime(idle_loop_us=0.0)


def device(clusters, hbm_gbps):
    return with_values(make_device(clusters), {"memory.achieved_gbps": hbm_gbps})


def wall_clock_us(cores, times_us, moved, hbm_gbps, producers=None):
    trace = simulate(
        make_graph(cores, producers),
        device(4, hbm_gbps),
        fast_runtime(),
        profiling=False,
        durations=times_us,
        uses=uses(*moved),
    )
    return trace.wall_clock_us


def test_kernels_that_want_too_much_take_longer():
    # Four kernels of 100 GB/s each on a memory of 200: half as fast.
    assert wall_clock_us("cccc", [10.0] * 4, [1e6] * 4, 200.0) == pytest.approx(20.0)
    assert wall_clock_us("cccc", [10.0] * 4, [1e6] * 4, 400.0) == 10.0


def test_a_kernel_that_wants_its_fair_share_at_the_most_is_not_slowed():
    # One of 20 GB/s beside one of 200, on a memory of 100, of which the latter gets 80, then all.
    graph = make_graph("cc")
    trace = simulate(
        graph,
        device(2, 100.0),
        fast_runtime(),
        profiling=False,
        durations=[10.0, 10.0],
        uses=uses(2e5, 2e6),
    )
    assert trace.end_us - trace.start_us == pytest.approx([10.0, 22.0])
    assert trace.alone_us.tolist() == [10.0, 10.0]


def test_a_consumer_starts_when_its_slowed_producer_has_ended():
    wall_us = wall_clock_us("ccc", [10.0] * 3, [1e6] * 3, 100.0, [[], [], [0]])
    assert wall_us == pytest.approx(30.0)  # two at half speed, then one


def test_a_wall_clock_that_others_memory_traffic_makes_longer_says_so():
    graph, machine = make_graph("cc"), device(2, 100.0)
    trace = simulate(
        graph,
        machine,
        fast_runtime(),
        profiling=False,
        durations=[10.0, 10.0],
        uses=uses(1e6, 1e6),
    )
    reasons = explain(trace).by_reason_us
    assert reasons[Reason.MEMORY] == pytest.approx(10.0)
    assert reasons[Reason.KERNEL] == pytest.approx(10.0)
    assert sum(reasons.values()) == pytest.approx(trace.wall_clock_us)


@settings(max_examples=300, deadline=None)
@given(random_cases(UNINFORMED), st.integers(0, 2**32))
def test_threads_see_ends_that_move_as_if_they_had_been_known(case, seed):
    choose = random.Random(seed)
    kinds = [
        (choose.uniform(0.0, 5e5), choose.uniform(1e3, 1e6))
        for _ in range(choose.choice([1, 2, 5, 80]))
    ]
    count = len(case.durations)
    of, gains = [], []
    for number in range(count):
        # All times differ: where two things happen at once, chance would decide which is first.
        hbm, l2 = (x * choose.uniform(0.9, 1.1) for x in choose.choice(kinds))
        loads = (Touch((number,), 1.0, hbm),) if choose.random() < 0.9 else ()
        of.append(Use(loads, (), l2 if loads else 0.0))
        gains.append(choose.choice([0.0, 0.3]))
    machine = with_values(
        case.device,
        {
            "memory.achieved_gbps": choose.choice([1.0, 10.0, 100.0, 1000.0]),
            "l2.achieved_gbps": choose.choice([10.0, 100.0, 5000.0]),
        },
    )
    costs = {
        f"costs.{name}": getattr(case.runtime.costs, name).value * choose.uniform(0.9, 1.1)
        for name in COSTS
    }
    runtime = with_values(case.runtime, {**costs, "costs.idle_loop_us": choose.uniform(0.02, 0.1)})
    times_us = [time_us * choose.uniform(0.9, 1.1) for time_us in case.durations]
    shared = simulate(
        case.graph,
        machine,
        runtime,
        policy=case.policy,
        profiling=case.profiling,
        durations=times_us,
        uses=Uses(Footprints.of_uses(of, [1] * count), gains),
    )
    exec_us = np.zeros(count)
    exec_us[shared.task] = shared.exec_us
    known = simulate(
        case.graph,
        machine,
        runtime,
        policy=case.policy,
        profiling=case.profiling,
        durations=exec_us.tolist(),
    )
    for column in ("dispatch_us", "start_us", "end_us", "observe_us", "finish_us", "core"):
        np.testing.assert_allclose(getattr(shared, column), getattr(known, column), atol=1e-6)
    assert (shared.exec_us >= shared.alone_us - 1e-9).all()
    assert sum(explain(shared).by_reason_us.values()) == pytest.approx(shared.wall_clock_us)
    for bound in find_bounds(shared, machine, case.least).all:
        if bound.name == "memory":
            assert bound.us <= shared.wall_clock_us * (1 + 1e-9) + 1e-9
