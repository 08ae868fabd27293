"""Fitting constants: to figures whose constants are known, and what the command writes."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from outcomes import assert_refused

from devices.description import with_values
from devices.device import load_device
from devices.errors import InputError
from runtime.version import load_runtime
from tilesim.calibration import calibrate
from tilesim.calibration_problem import FREE
from tilesim.experiment import Experiment
from workloads.published import Pair, Published, PublishedCase

DEVICE, RUNTIME = load_device("a2a3"), load_runtime("tmr-2026-04")
SIZES = {"k": 2048, "n": 1024}
ROWS = {
    "empty": ("empty", {"tasks": 4}, "empty"),
    "narrow": ("projection", {**SIZES, "n_tile": 64, "k_step": 128}, "projection_incore_0"),
    "deep": ("projection", {**SIZES, "n_tile": 64, "k_step": 512}, "projection_incore_0"),
    "wide": ("projection", {**SIZES, "n_tile": 256, "k_step": 128}, "projection_incore_0"),
    "sums": ("rescale", {"tasks": 4}, "rescale_incore_0"),
}
DATA = """\
[[case]]
name = "trivial"
source = "a report"
workload = "empty"
kernel = "empty"
settings = { tasks = 4 }
published = { exec_us = 0.6 }
"""


def published(device):
    """Figures as they would be measured on a device that has other constants."""
    cases = []
    for name, (workload, settings, kernel) in ROWS.items():
        case = PublishedCase(name, "simulated", workload, {"exec_us": 1.0}, settings, kernel=kernel)
        (exec_us,) = Experiment.of(case, device).figures(device).values()
        cases.append(
            PublishedCase(
                name, "simulated", workload, {"exec_us": exec_us}, settings, kernel=kernel
            )
        )
    return Published(tuple(cases), (Pair("deeper", "narrow", "deep"),))


@pytest.fixture(scope="module")
def truth():
    return {"kernel.start_us": 0.6, "cube.miss_gbps": 75.0, "cube.row_issue_us": 0.0026}


@pytest.fixture(scope="module")
def fitted(truth):
    return calibrate(published(with_values(DEVICE, truth)), DEVICE, RUNTIME)


def test_figures_of_a_known_device_are_met(fitted):
    before = np.abs(fitted.errors(lambda row: row.start_us))
    after = np.abs(fitted.errors(lambda row: row.fitted_us))
    assert before.max() > 0.1
    assert after.max() < 0.02


def test_constants_stay_in_their_ranges_and_move_towards_the_truth(fitted, truth):
    assert tuple(p.key for p in fitted.parameters) == FREE
    for p in fitted.parameters:
        assert p.low <= p.fitted <= p.high
        assert -1.0 <= p.correlation <= 1.0
        assert p.partner != p.key
    rows = {p.key: p for p in fitted.parameters}
    for key in ("cube.miss_gbps", "kernel.start_us"):
        p = rows[key]
        assert abs(p.fitted - truth[key]) < abs(p.start - truth[key])


def test_what_no_row_depends_on_stays_where_it_was(fitted):
    pool = next(p for p in fitted.parameters if p.key == "costs.chain_entry_us")
    assert pool.sensitivity == 0.0  # no submit of the rows walks an entry
    assert pool.fitted == pytest.approx(pool.start, rel=1e-3)


def test_a_row_that_is_left_out_is_predicted_less_well(fitted):
    left_out = np.abs(fitted.errors(lambda row: row.left_out_us))
    assert np.median(left_out) >= np.median(np.abs(fitted.errors(lambda row: row.fitted_us)))


def test_a_start_outside_the_ranges_is_refused():
    with pytest.raises(InputError, match=r"outside: kernel\.start_us"):
        calibrate(published(DEVICE), with_values(DEVICE, {"kernel.start_us": 0.9}), RUNTIME)


@pytest.fixture
def data(tmp_path):
    path = tmp_path / "mine.toml"
    path.write_text(DATA, encoding="utf-8")
    return path


def test_the_command_writes_files_that_can_be_used(tilesim, data):
    words = ("--out", "chip.toml", "--runtime-out", "software.toml")
    found = tilesim("calibrate", "--data", data, *words, "--json").json
    assert [row["case"] for row in found["rows"]] == ["trivial"]
    start = next(p for p in found["parameters"] if p["key"] == "kernel.start_us")
    device, version = load_device(Path("chip.toml")), load_runtime(Path("software.toml"))
    assert device.kernel.start_us.value == pytest.approx(start["fitted"], rel=1e-3)
    assert device.kernel.start_us.range == DEVICE.kernel.start_us.range
    assert device.calibration.rows == ["trivial: exec_us"]
    record = device.calibration.constants["kernel.start_us"]
    assert (record.low, record.high, record.start) == (0.2, 0.8, DEVICE.kernel.start_us.value)
    assert version.calibration.date == device.calibration.date
    used = tilesim("replay", "empty", "-d", "chip.toml", "-r", "software.toml", "--json").json
    assert used["avg_exec_us"] == pytest.approx(found["rows"][0]["fitted_us"], rel=0.02)


def test_the_command_prints_constants_and_errors(tilesim, data):
    text = tilesim("calibrate", "--data", data).text
    for part in ("kernel.start_us", "trivial", "Median error", "left out"):
        assert part in text


def test_bad_files_are_refused_before_anything_runs(tilesim, data):
    assert_refused(tilesim("calibrate", "--data", "none.toml"), "none.toml", "cannot be read")
    assert_refused(tilesim("calibrate", "--data", data, "--out", "chip.txt"), "chip.txt", ".toml")
    data.write_text(DATA.replace("0.6", "-0.6"), encoding="utf-8")
    assert_refused(tilesim("calibrate", "--data", data), "mine.toml", "case 1 ('trivial')")
