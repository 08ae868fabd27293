"""Which published figures cannot be met together: their errors while one constant goes its range.

Run with ``python -m benchmarks.trade_off``. All other constants stay as they are.
"""

from __future__ import annotations

import numpy as np

from devices.description import Quantity, settings, with_values
from devices.device import load_device
from tilesim.experiment import Experiment
from workloads.published import FIGURES, default_published

STEPS = 5
CONFLICTS = {
    "cube.row_issue_us": (
        ("out projection, K 512", "exec_us"),
        ("14B down projection, N 128", "exec_us"),
        ("Q projection, N 256, K 512", "exec_us"),
        ("scope 3, restructured", "wall_clock_us"),
    ),
    "cube.miss_gbps": (
        ("Q projection, transposed", "exec_us"),
        ("QK, 256 keys", "exec_us"),
        ("14B down projection, N 256", "exec_us"),
        ("scope 3, restructured", "wall_clock_us"),
    ),
    "kernel.load_latency_us": (
        ("hc_pre, K 128", "exec_us"),
        ("batch attention, 256 requests", "avg_exec_us"),
        ("batch attention, QK", "exec_us"),
        ("scope 3, restructured", "wall_clock_us"),
    ),
    "kernel.start_us": (
        ("empty task", "exec_us"),
        ("scope 3, baseline", "wall_clock_us"),
        ("scope 3, baseline", "avg_latency_us"),
        ("batch attention, 1 request", "elapsed_us"),
    ),
}
"""For each constant, rows that pull it in different directions."""


def main() -> None:
    """Print a table in Markdown for each constant."""
    device = load_device("a2a3")
    named = {name for rows in CONFLICTS.values() for name, _ in rows}
    experiments = {
        case.name: Experiment.of(case, device)
        for case in default_published().cases
        if case.name in named
    }
    for key, rows in CONFLICTS.items():
        quantity = settings(device)[key]
        if not isinstance(quantity, Quantity):
            raise TypeError(f"{key} is no constant with a range")
        print(
            f"| {key} | " + " | ".join(f"{name}: {FIGURES[figure]}" for name, figure in rows) + " |"
        )
        print("|---" * (1 + len(rows)) + "|")
        values = sorted([*np.linspace(*quantity.range, STEPS).tolist(), quantity.value])
        for value in dict.fromkeys(values):
            changed = with_values(device, {key: value})
            errors = []
            for name, figure in rows:
                experiment = experiments[name]
                simulated_us = experiment.figures(changed, noises=experiment.noises)[figure]
                errors.append(f"{simulated_us / experiment.case.published[figure] - 1.0:+.1%}")
            mark = " (fitted)" if value == quantity.value else ""
            print(f"| {value:.4g}{mark} | " + " | ".join(errors) + " |")
        print()


if __name__ == "__main__":
    main()
