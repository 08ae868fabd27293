from pathlib import Path

import pytest

import runtime
from devices.description import settings, with_values
from devices.device import load_device
from devices.errors import InputError
from runtime.version import RuntimeVersion, available_runtimes, load_runtime
from tilesim.calibration_problem import FREE

FILE = Path(runtime.__file__).parent / "versions" / "tmr-2026-04.toml"


@pytest.fixture
def version() -> RuntimeVersion:
    return load_runtime("tmr-2026-04")


def test_versions_are_found_by_name_or_path(version):
    assert available_runtimes() == [
        "aicpu-build-graph",
        "host-build-graph",
        "tmr-2026-02",
        "tmr-2026-04",
        "tmr-2026-08",
    ]
    assert load_runtime(FILE) == version
    with pytest.raises(
        InputError, match=r"unknown runtime 'tmr-2026'; did you mean tmr-2026-08 or tmr"
    ):
        load_runtime("tmr-2026")


def test_the_facts_are_those_of_april_2026(version):
    assert version.name == "tmr-2026-04"
    assert version.scheduler_threads == 3
    assert version.local_capacity == 64
    assert version.lookup_limit == 16


@pytest.mark.parametrize(
    ("cost", "low", "high"),
    [
        ("submit_us", 0.3, 1.0),
        ("argument_us", 0.03, 0.05),
        ("insert_us", 0.08, 0.155),
        ("push_us", 0.0, 0.26),
        ("scope_end_us", 0.02, 0.03),
        ("entry_us", 30.0, 55.0),
        ("core_cold_us", 0.0, 5.2),
        ("alloc_us", 0.3, 0.6),
        ("chain_entry_us", 0.02, 0.03),
        ("cond_read_us", 0.095, 0.105),
        ("idle_loop_us", 0.07, 0.115),
        ("completion_us", 0.2, 0.6),
        ("per_consumer_us", 0.05, 0.1),
        ("dispatch_us", 0.46, 0.78),
        ("aicpu_to_core_us", 0.14, 0.14),
        ("core_to_aicpu_us", 0.18, 0.3),
        ("core_prepare_us", 0.28, 0.35),
    ],
)
def test_the_costs_are_in_the_published_ranges(version, cost, low, high):
    quantity = getattr(version.costs, cost)
    assert quantity.range == (low, high)
    assert low <= quantity.value <= high


@pytest.mark.parametrize("described", [load_device("a2a3"), load_runtime("tmr-2026-04")])
def test_fitted_constants_are_those_of_their_record(described):
    constants, known = described.calibration.constants, settings(described)
    assert set(constants) == {key for key in FREE if key in known}
    for key, record in constants.items():
        assert known[key].value == record.fitted
        assert known[key].range == (record.low, record.high)


def test_profiling_adds_records(version):
    profiling = version.profiling
    assert 0.4 <= profiling.record_write_us.value <= 0.5
    assert (profiling.records_per_submit, profiling.records_per_alloc) == (6, 4)
    per_submit = profiling.records_per_submit * profiling.phase_record_us.value
    assert 0.2 <= per_submit <= 0.5


def test_rings_follow_the_scope_depth_up_to_the_last(version):
    assert [version.ring(depth) for depth in range(6)] == [0, 1, 2, 3, 3, 3]


def test_threads_serve_the_shapes_by_parity(version):
    assert version.shape_order(0) == version.shape_order(2) == ("mix", "aic", "aiv")
    assert version.shape_order(1) == ("mix", "aiv", "aic")


def test_a_cap_of_zero_is_no_limit(version):
    assert with_values(version, {"lookup_cap": 0}).lookup_limit is None
    assert with_values(version, {"lookup_cap": 64}).lookup_limit == 64


def test_costs_can_be_set_outside_their_range(version):
    assert with_values(version, {"costs.submit_us": 0}).costs.submit_us.value == 0.0
    with pytest.raises(InputError, match=r"did you mean costs\.submit_us"):
        with_values(version, {"costs.submit": 1})


@pytest.mark.parametrize(
    ("good", "bad", "message"),
    [
        ('odd = ["mix", "aiv", "aic"]', 'odd = ["mix", "aic", "aic"]', "names a shape twice"),
        ('odd = ["mix", "aiv", "aic"]', 'odd = ["mix", "aiv"]', "dispatch_order.odd: Expected"),
        ('odd = ["mix", "aiv", "aic"]', 'odd = ["mix", "aiv", "x"]', "Invalid enum value 'x'"),
        ("lookup_cap = 16", "lookup_cap = -1", "lookup_cap: Expected `int` >= 0"),
        ("rings = 4", "rings = 0", "rings: Expected `int` >= 1"),
        ("rings = 4", "ring = 4", "unknown key 'ring'; did you mean rings"),
        ("[costs.submit_us]", "[costs.submit]", "unknown key in costs 'submit'"),
    ],
)
def test_a_bad_version_is_refused(tmp_path, good, bad, message):
    text = FILE.read_text()
    assert good in text
    path = tmp_path / "mine.toml"
    path.write_text(text.replace(good, bad, 1))
    with pytest.raises(InputError) as caught:
        load_runtime(path)
    assert str(caught.value).startswith(f"{path}: ")
    assert message in str(caught.value)
