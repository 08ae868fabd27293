"""Digests of traces; with ``--pure`` of what the source of the compiled modules gives.

Run with ``python tests/trace_digests.py [--pure]`` in the project's folder.
"""

from __future__ import annotations

import hashlib
import re
import sys
from contextlib import suppress
from dataclasses import fields, replace
from importlib.util import spec_from_file_location
from itertools import chain
from pathlib import Path

HOUSE = Path(__file__).parent.parent
COMPILED = re.findall(r'^    "([a-z]+/\w+)\.py",$', (HOUSE / "setup.py").read_text(), re.MULTILINE)
RUNS = [
    ("qwen3-scope3-restructured", {"hidden": 1024, "intermediate": 2048}, "tmr-2026-04", "runtime"),
    ("qwen3-scope3-baseline", {"hidden": 512, "intermediate": 1024}, "tmr-2026-02", "runtime"),
    ("qwen3-decode-layer", {"num_heads": 8, "num_kv_heads": 1}, "tmr-2026-08", "heft"),
    ("paged-attention", {"batch": 4, "context": 513}, "tmr-2026-08", "critical-path"),
    ("layered-random", {"layers": 8}, "tmr-2026-08", "work-stealing"),
]
SEEDS = range(72)
"""Random cases with rings that fill, tasks on several cores, and lines that L2 replaces."""


class SourceFinder:
    """Finds the source of compiled modules before anything finds the compiled ones."""

    @staticmethod
    def find_spec(name, _path=None, _target=None):
        place = name.replace(".", "/")
        return spec_from_file_location(name, HOUSE / f"{place}.py") if place in COMPILED else None


def digests():
    """Name of each run, how its event loop was imported, and the digest of its trace."""
    import scheduler.thread  # noqa: PLC0415 - after the finder is in place

    kind = "source" if scheduler.thread.__file__.endswith(".py") else "compiled"
    for name, trace in chain(catalogue_traces(), random_traces()):
        digest = hashlib.sha256()
        for field in fields(trace):
            column = getattr(trace, field.name)
            if hasattr(column, "tobytes"):
                digest.update(column.tobytes())
        yield name, kind, digest.hexdigest()


def catalogue_traces():
    """Runs of programs, with and without noise."""
    from runtime.noise import Noise  # noqa: PLC0415 - likewise
    from runtime.version import load_runtime  # noqa: PLC0415
    from tilesim.policies import read_policy  # noqa: PLC0415
    from tilesim.replay import build_case  # noqa: PLC0415
    from tilesim.setup import Setup  # noqa: PLC0415
    from workloads.catalogue import find_workload  # noqa: PLC0415

    for name, settings, runtime, policy in RUNS:
        workload = find_workload(name)
        setup = Setup(runtime=load_runtime(runtime), policy=read_policy(policy))
        case = build_case(workload, workload.parameters(settings), setup, lambda _: None)
        for noise in (None, Noise(seed=1)):
            yield name, replace(case, noise=noise).simulate()


def random_traces():
    """Runs of random cases; those that end in a deadlock, or are refused, have none."""
    from soak_cases import soak_case  # noqa: PLC0415 - likewise

    from devices.errors import InputError  # noqa: PLC0415

    for seed in SEEDS:
        with suppress(InputError):
            yield f"seed-{seed}", soak_case(seed).case.simulate()


if __name__ == "__main__":
    sys.path.insert(0, str(HOUSE))
    if "--pure" in sys.argv:
        sys.meta_path.insert(0, SourceFinder)
    for words in digests():
        sys.stdout.write(" ".join(words) + "\n")
