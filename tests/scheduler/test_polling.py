"""Scheduler threads against the literal loop, which reads one register per event."""

import random

import numpy as np
import pytest
from polling_oracle import simulate_literally
from toys import make_device, make_graph, make_runtime

from runtime.simulation import simulate


def random_case(seed):
    """A random machine and graph; random reals make ties between threads impossible."""
    choose = random.Random(seed)
    count = choose.randint(1, 60)
    density = choose.choice([0.0, 0.5, 1.5, 4.0])
    tasks = []
    for number in range(count):
        wanted = min(number, int(choose.expovariate(1.0) * density))
        producers = sorted(choose.sample(range(number), wanted))
        duration_us = choose.choice([0.05, 0.7, 3.0, 20.0]) * choose.uniform(0.5, 1.5)
        tasks.append((choose.choice("cv"), producers, duration_us, choose.uniform(0.05, 1.0)))
    costs = {
        "cond_read_us": choose.uniform(0.02, 0.2),
        "idle_loop_us": choose.uniform(0.02, 0.2),
        "completion_us": choose.uniform(0.0, 0.6),
        "per_consumer_us": choose.uniform(0.0, 0.2),
        "dispatch_us": choose.uniform(0.05, 0.8),
        "aicpu_to_core_us": choose.uniform(0.0, 0.2),
        "core_to_aicpu_us": choose.uniform(0.0, 0.4),
        "core_prepare_us": choose.uniform(0.0, 0.4),
    }
    shape = {
        "clusters": choose.randint(1, 6),
        "threads": choose.randint(1, 4),
        "local_capacity": choose.choice([1, 2, 64]),
    }
    scope_ends = []
    while len(scope_ends) < count:
        held = choose.choice([1, 1, 2, 5])
        scope_ends += [min(len(scope_ends) + held, count)] * held
    most = max(len(producers) for _, producers, _, _ in tasks)
    rings = {
        "window": choose.choice([7, 8, 12, 100]),
        "pool": choose.choice([1, 2, 6, 1000]) + 5 * most,
        "deferred_limit": choose.choice([1, 3, 256]),
        "scope_ends": scope_ends[:count],
    }
    return tasks, costs, shape, rings


@pytest.mark.parametrize("seed", range(200))
def test_stamps_equal_those_of_the_literal_loop(seed, monkeypatch):
    tasks, costs, shape, rings = random_case(seed)
    graph = make_graph("".join(t[0] for t in tasks), [t[1] for t in tasks], rings["scope_ends"])
    runtime = make_runtime(
        shape["threads"],
        shape["local_capacity"],
        **costs,
        task_window=rings["window"],
        dep_pool_entries=rings["pool"],
        deferred_releases=rings["deferred_limit"],
    )
    monkeypatch.setattr(
        "runtime.simulation.submit_costs_us",
        lambda *_args, **_options: np.array([t[3] for t in tasks]),
    )
    trace = simulate(
        graph,
        make_device(shape["clusters"]),
        runtime,
        profiling=False,
        durations=[t[2] for t in tasks],
    )
    machine = {
        **shape,
        **rings,
        "orders": ["cv" if own % 2 == 0 else "vc" for own in range(shape["threads"])],
        "read_us": costs["cond_read_us"],
        "loop_us": costs["idle_loop_us"],
        "completion_us": costs["completion_us"],
        "per_consumer_us": costs["per_consumer_us"],
        "dispatch_us": costs["dispatch_us"],
        "before_us": costs["aicpu_to_core_us"] + costs["core_prepare_us"],
        "after_us": costs["core_to_aicpu_us"],
    }
    literal = simulate_literally(machine, tasks)
    assert trace.core.tolist() == literal["core"]
    for name in ("submit", "ready", "dispatch", "start", "end", "observe", "finish"):
        assert getattr(trace, f"{name}_us") == pytest.approx(literal[name], abs=1e-9), name
