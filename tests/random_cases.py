"""Random graphs with kernel times and machines, for properties that hold for all of them."""

import random
from dataclasses import dataclass

from hypothesis import strategies as st
from toys import make_device, make_graph

from devices.description import with_values
from devices.device import Device
from runtime.graph import TaskGraph
from runtime.simulation import simulate
from runtime.times import least_overheads
from runtime.version import RuntimeVersion, available_runtimes, load_runtime
from scheduler.policy import Policy
from scheduler.registry import POLICIES, make_policy

NAMES = sorted(POLICIES)


@dataclass
class RandomCase:
    graph: TaskGraph
    durations: list[float]
    device: Device
    runtime: RuntimeVersion
    policy: Policy
    profiling: bool

    def simulate(self):
        return simulate(
            self.graph,
            self.device,
            self.runtime,
            policy=self.policy,
            profiling=self.profiling,
            durations=self.durations,
        )

    @property
    def least(self):
        return least_overheads(self.runtime, self.policy.decision_us, profiling=self.profiling)


@st.composite
def random_cases(draw, policies=NAMES):
    """Cases of up to 80 submits, allocs among them, with any version, policy and costs."""
    choose = random.Random(draw(st.integers(0, 2**32)))
    count = draw(st.integers(1, 80))
    cores = "c" + "".join(choose.choice("ccvva") for _ in range(count - 1))
    density = choose.choice([0.0, 0.5, 1.5, 4.0])
    producers = []
    for task, core in enumerate(cores):
        wanted = 0 if core == "a" else min(task, int(choose.expovariate(1.0) * density))
        producers.append(sorted(choose.sample(range(task), wanted)))
    longest = choose.choice([0.0, 0.1, 2.0, 30.0])
    times = [choose.uniform(0.0, longest) for _ in range(choose.choice([1, 2, 80]))]
    durations = [0.0 if core == "a" else choose.choice(times) for core in cores]
    runtime = with_values(
        load_runtime(choose.choice(available_runtimes())),
        {
            "scheduler_threads": choose.randint(1, 4),
            "costs.submit_us": choose.choice([0.0, 0.1, 0.8, 5.0]),
            "costs.idle_loop_us": choose.choice([0.0, 0.03, 0.09]),
            "costs.cond_read_us": choose.choice([0.0, 0.1]),
            "costs.dispatch_us": choose.choice([0.0, 0.6]),
            "costs.completion_us": choose.choice([0.0, 0.3]),
            "costs.per_consumer_us": choose.choice([0.0, 0.07, 0.5]),
            "costs.core_to_aicpu_us": choose.choice([0.0, 0.18]),
            "costs.aicpu_to_core_us": choose.choice([0.0, 0.14]),
            "costs.core_prepare_us": choose.choice([0.0, 0.3]),
        },
    )
    policy = make_policy(draw(st.sampled_from(policies)))
    policy.decision_us = choose.choice([0.0, 0.0, 0.4])
    return RandomCase(
        make_graph(cores, producers),
        durations,
        make_device(choose.randint(1, 6)),
        runtime,
        policy,
        choose.random() < 0.5,
    )
