"""Random workloads on random machines, each from a number: the same number, the same case."""

import random
from dataclasses import dataclass, replace

import numpy as np
from toy_kernels import Scale, Square
from toys import make_graph

from devices.description import with_values
from devices.device import load_device
from devices.dtypes import BY_NAME
from runtime.case import Case
from runtime.dependencies import RUNTIME_LIMIT, Dependencies, find_graph
from runtime.estimates import Estimates
from runtime.handwritten import Orchestration, kernel_of, mix_kernel
from runtime.language import Lowering
from runtime.launch import Launch
from runtime.noise import Noise
from runtime.version import available_runtimes, load_runtime
from scheduler.registry import POLICIES, make_policy
from workloads.catalogue import find_workload
from workloads.formats.held import held

FP32 = BY_NAME["FP32"]
ROWS, COLUMNS = 16, 64

CATALOGUE = {
    "qwen3-scope3-baseline": {"hidden": [512, 1024], "intermediate": [512, 1024]},
    "qwen3-scope3-restructured": {"hidden": [512, 1024], "intermediate": [512, 2048]},
    "qwen3-scope1": {"hidden": [512, 1024], "num_kv_heads": [1, 2]},
    "qwen3-scope2": {"batch": [1, 3], "max_seq": [128, 256], "num_heads": [8], "num_kv_heads": [1]},
    "hello-world": {"rows": [256, 1024], "row_chunk": [32, 128]},
    "gemm": {"m": [128, 256], "n": [128, 256], "k": [64, 256]},
    "layer-norm": {"rows": [64, 512]},
    "rms-norm": {"rows": [64, 512]},
    "softmax": {"rows": [64, 512]},
    "alternating-matmul-add": {"batch": [3, 20]},
    "bgemm": {"groups": [3, 40]},
    "paged-attention": {"batch": [1, 4], "context": [128, 600]},
    "batch-paged-attention": {"batch": [2, 16], "context": [128, 600]},
    "moe-layer": {"tokens": [16], "hidden": [512], "active": [1, 2], "seed": [0, 1]},
    "layered-random": {"layers": [1, 6], "width": [3, 24], "seed": [0, 1, 2, 3]},
    "chains": {"chains": [1, 30], "length": [1, 12]},
    "fork-join": {"stages": [1, 5], "width": [1, 30]},
    "stencil": {"dimensions": [1, 2], "tiles": [2, 5], "steps": [1, 4]},
    "cholesky": {"tiles": [1, 5]},
    "ragged-attention": {"requests": [1, 6], "heads": [1, 3], "most": [1, 5], "seed": [0, 1]},
}
"""Small sizes of workloads; their kernel times and what they move are those of the device."""


@dataclass(frozen=True)
class SoakCase:
    """A case, and what is asked of it.

    Attributes
    ----------
    words : str
        What it is, for the one who looks for what is wrong.
    """

    case: Case
    words: str


def soak_case(seed):
    """The case of a number.

    Raises
    ------
    InputError
        It is one that cannot run, and says why.
    """
    choose = random.Random(seed)
    name, kind, policy = axes(seed)
    runtime = with_values(load_runtime(name), sizes(choose, name))
    several = runtime.rules.mix_and_blocks
    clusters = choose.choice([1, 2, 3, 5, 24])
    # Small enough that lines are replaced, or larger than 32 bits count.
    l2_bytes = choose.choice([192 << 20, 1 << 20, 64 << 10, 3 << 30])
    values = {"cores.clusters": clusters, "l2.capacity_bytes": l2_bytes}
    device = with_values(load_device("a2a3"), values)
    case, what = kind(choose, device, runtime, several)
    case = replace(
        case,
        policy=make_policy(policy_words(choose, policy)),
        profiling=choose.random() < 0.5,
        estimates=Estimates(choose.choice([0.0, 0.0, 0.3]), seed=choose.randint(0, 9)),
        noise=choose.choice([None, Noise(seed=choose.randint(0, 99), repeat=choose.randint(0, 3))]),
        uses=choose.choice([case.uses, case.uses, None]),
    )
    words = f"{what}; {name}, {runtime.scheduler_threads} threads, {clusters} clusters, {policy}"
    return SoakCase(case, words)


def axes(seed):
    """Runtime, kind and policy of a number: the first 180 numbers have every combination."""
    versions, kinds = available_runtimes(), (graph_case, program_case, catalogue_case)
    seed, version = divmod(seed, len(versions))
    seed, kind = divmod(seed, len(kinds))
    return versions[version], kinds[kind], [*POLICIES][seed % len(POLICIES)]


def sizes(choose, name):
    """Threads, costs and rings of a runtime, which are small in one case of three."""
    values = {"scheduler_threads": choose.randint(1, 4)}
    for cost, some in (
        ("submit_us", [0.0, 0.1, 0.8, 5.0]),
        ("dispatch_us", [0.0, 0.6]),
        ("completion_us", [0.0, 0.3]),
        ("per_consumer_us", [0.0, 0.07]),
        ("idle_loop_us", [0.0, 0.03, 0.09]),
        ("core_to_aicpu_us", [0.0, 0.18]),
    ):
        if choose.random() < 0.3:
            values[f"costs.{cost}"] = choose.choice(some)
    if choose.random() < 0.33:
        values["task_window"] = choose.choice([4, 16, 64, 256])
        values["heap_bytes"] = choose.choice([1 << 14, 1 << 18, 1 << 22])
        values["dep_pool_entries"] = choose.choice([2, 16, 256])
        values["tensormap_entries"] = choose.choice([8, 64, 1024])
    if name == "tmr-2026-04":
        values["local_capacity"] = choose.choice([0, 1, 64])
    return values


def policy_words(choose, name):
    """A policy with some of its parameters."""
    parameters = []
    if choose.random() < 0.3:
        parameters.append(f"decision_us={choose.choice([0.05, 0.4])}")
    if name == "random":
        parameters.append(f"seed={choose.randint(0, 99)}")
    return f"{name}[{','.join(parameters)}]" if parameters else name


# Graphs of all kinds of tasks


def graph_case(choose, device, runtime, several):
    """A graph whose edges, scopes, launches and times are drawn."""
    count = choose.randint(1, 120)
    letters = "ccvvvmhda" if several else "ccvvvda"
    cores = choose.choice("cv") + "".join(choose.choice(letters) for _ in range(count - 1))
    density = choose.choice([0.0, 0.5, 1.5, 4.0])
    producers = []
    for task, core in enumerate(cores):
        wanted = 0 if core == "a" else min(task, int(choose.expovariate(1.0) * density))
        producers.append(sorted(choose.sample(range(task), wanted)))
    nbytes = [choose.choice([0, 64, 5000]) if core == "a" else 0 for core in cores]
    launches = launches_of(choose, cores, device, several)
    graph = make_graph(cores, producers, scope_ends(choose, count), nbytes, launches)
    rings = np.sort(np.array([choose.randint(0, runtime.rings - 1) for _ in cores], dtype=np.int8))
    longest_us = choose.choice([0.0, 0.1, 3.0, 40.0])
    times_us = [0.0 if core in "ad" else choose.uniform(0.0, longest_us) for core in cores]
    own = held(replace(graph, ring=rings), times_us)
    case = Case(own.submits, own.graph, own.durations_us, device, runtime)
    return case, f"a graph of {count} submits: {cores[:40]}"


def scope_ends(choose, count):
    """Where the scope of each submit ends: one for all, one for each, or of drawn lengths."""
    kind = choose.choice(["one", "each", "drawn"])
    if kind == "one":
        return [count] * count
    if kind == "each":
        return list(range(1, count + 1))
    ends = []
    while len(ends) < count:
        length = choose.randint(1, 8)
        ends += [min(len(ends) + length, count)] * length
    return ends[:count]


def launches_of(choose, cores, device, several):
    """How tasks are launched; blocks that start together are no more than fit."""
    found = {}
    for number, core in enumerate(cores):
        if not several or core not in "cvmh" or choose.random() < 0.7:
            continue
        blocks = choose.choice([1, 1, 2, 3, 7])
        fits = blocks <= (device.aiv_count if core == "v" else device.aic_count)
        launch = Launch(blocks, fits and choose.random() < 0.4, choose.random() < 0.5)
        if launch != Launch():
            found[number] = launch
    return found


# Programs that the runtime finds the edges of


def program_case(choose, device, runtime, several):
    """Tasks on overlapping parts of a few tensors, in scopes, some of which are manual."""
    scale, square = kernel_of(Scale, "scale"), kernel_of(Square, "square")
    fresh, both = kernel_of(Scale, "fresh", fresh=["y"]), mix_kernel("both", square, scale)
    o = Orchestration("drawn")
    wide = [o.tensor(f"x{n}", (4 * ROWS, COLUMNS), FP32) for n in range(choose.randint(1, 3))]
    tiles = [o.tensor(f"a{n}", (16, 16), FP32) for n in range(2)]
    whole, tasks = [], []

    def part():
        if whole and choose.random() < 0.4:
            return choose.choice(whole)
        base = choose.choice(wide)
        first = choose.randrange(3 * ROWS + 1)
        return replace(base, shape=(ROWS, COLUMNS), offset=(first, 0))

    def step():
        after = choose.sample(tasks, min(len(tasks), choose.choice([0, 0, 0, 1, 2])))
        kind = choose.choice(["scale", "scale", "fresh", "square", "alloc", "dummy", "both"])
        if kind == "alloc":
            whole.extend(o.alloc((f"m{len(whole)}", (ROWS, COLUMNS), FP32)))
        elif kind == "dummy" and tasks:
            tasks.append(o.dummy(choose.sample(tasks, min(len(tasks), 2))))
        elif kind == "fresh":
            tasks.append(o.submit(fresh, part(), after=after))
            whole.extend(tasks[-1].outputs)
        elif kind == "square":
            tasks.append(o.submit(square, *choose.sample(tiles, 2), after=after))
        elif kind == "both" and several:
            tasks.append(o.submit(both, *choose.sample(tiles, 2), part(), part(), after=after))
        else:
            blocks = choose.choice([1, 1, 1, 2]) if several else 1
            tasks.append(o.submit(scale, part(), part(), after=after, launch=Launch(blocks)))

    for _ in range(choose.randint(1, 12)):
        with o.scope(manual=choose.random() < 0.1):
            for _ in range(choose.randint(1, 8)):
                step()
    o.submit(scale, part(), part())
    submits = o.submits()
    return found_case(choose, submits, device, runtime), f"a program of {len(submits)} submits"


def found_case(choose, submits, device, runtime):
    """The case of a program, whose dependences are tracked in one of the ways that there are."""
    graph = find_graph(
        submits,
        runtime,
        dependencies=choose.choice(list(Dependencies)),
        lookup_cap=choose.choice([RUNTIME_LIMIT, RUNTIME_LIMIT, None, 1]),
    )
    return Case.of(submits, graph, device, runtime)


def catalogue_case(choose, device, runtime, several):
    """A workload of the catalogue at a small size."""
    del several  # it has what it has
    name = choose.choice(sorted(CATALOGUE))
    workload = find_workload(name)
    settings = {key: choose.choice(values) for key, values in CATALOGUE[name].items()}
    parameters = workload.parameters(settings)
    lowering = choose.choice(list(Lowering))
    submits = workload.submits(parameters, lowering)
    shown = " ".join(f"{key}={value}" for key, value in settings.items())
    return found_case(choose, submits, device, runtime), f"{name} {shown} ({lowering})"
