"""What tasks touch, found for many at once: always what each one touches by itself."""

import numpy as np
import pytest

from runtime.patterns import find_patterns
from workloads.catalogue import WORKLOADS

SIZES = {
    "qwen3-scope3-baseline": {"hidden": 512, "intermediate": 512},
    "qwen3-scope3-restructured": {"hidden": 1024, "intermediate": 2048},
    "qwen3-scope1": {"hidden": 1024},
    "qwen3-decode": {"layers": 1, "num_heads": 8, "num_kv_heads": 1, "max_seq": 128},
    "qwen3-decode-layer": {"num_heads": 16, "num_kv_heads": 2, "max_seq": 256},
    "paged-attention": {"batch": 2, "context": 512},
    "layered-random": {"layers": 3, "width": 8},
    "moe-layer": {"hidden": 512},
}
MOST_TASKS = 24
"""Of one kernel, spread over all: the last ones often touch less."""


def places(kernel, scalars):
    """Rectangles of each task, by argument and way, and the bytes that it loads of it."""
    found = [{} for _ in scalars]
    for patterns in find_patterns(kernel, scalars):
        key = patterns.parameter, patterns.is_store
        for row, nbytes in enumerate(patterns.loaded.tolist()):
            found[row][key] = nbytes, []
        columns = patterns.rows.tolist(), patterns.number.tolist(), patterns.origins.tolist()
        for row, number, origin in zip(*columns, strict=True):
            found[row][key][1].extend(
                (tuple(np.add(origin, offset).tolist()), shape)
                for offset, shape in patterns.rectangles[number]
            )
    return found


@pytest.mark.parametrize("name", sorted(WORKLOADS))
def test_tasks_together_touch_what_each_touches_alone(name):
    workload = WORKLOADS[name]
    submits = workload.submits(workload.parameters(SIZES.get(name, {})))
    kernels = np.array(submits.kernel)
    for number, kernel in enumerate(submits.kernels):
        tasks = np.flatnonzero(kernels == number)
        chosen = tasks[np.unique(np.linspace(0, len(tasks) - 1, MOST_TASKS).astype(int))]
        scalars = submits.scalars.table(chosen, len(kernel.scalars))
        alone = [places(kernel, scalars[row : row + 1])[0] for row in range(len(scalars))]
        assert places(kernel, scalars) == alone
