import pytest
from hypothesis import given
from hypothesis import strategies as st

from devices.device import load_device
from runtime.attribution import Factor, attribute_gap
from runtime.case import Case
from runtime.dependencies import find_graph
from runtime.language import record
from runtime.shapley import attribute
from runtime.version import load_runtime
from workloads.catalogue import find_workload

SMALL, LARGER = {"hidden": 1024, "intermediate": 2048}, {"hidden": 2048, "intermediate": 2048}


def case(workload, sizes):
    submits = record(find_workload(workload).program(sizes))
    runtime = load_runtime("tmr-2026-04")
    return Case.of(submits, find_graph(submits, runtime), load_device("a2a3"), runtime)


def cases(first, second, *sizes):
    return {
        (place, size): case(name, chosen)
        for place, name in enumerate((first, second))
        for size, chosen in enumerate(sizes)
    }


@given(st.dictionaries(st.frozensets(st.sampled_from("abc")), st.floats(-1e6, 1e6)))
def test_parts_sum_to_the_whole_and_lie_in_their_spread(values):
    parts = attribute("abc", lambda changed: values.get(changed, 0.0))
    whole = values.get(frozenset("abc"), 0.0) - values.get(frozenset(), 0.0)
    assert sum(part.us for part in parts) == pytest.approx(whole, abs=1e-6)
    for part in parts:
        assert part.low_us - 1e-6 <= part.us <= part.high_us + 1e-6


def test_independent_factors_have_no_spread():
    weights = {"a": 3.0, "b": -1.0}
    parts = attribute("ab", lambda changed: sum(weights[factor] for factor in changed))
    assert [(p.us, p.low_us, p.high_us) for p in parts] == [(3.0, 3.0, 3.0), (-1.0, -1.0, -1.0)]


def test_what_either_of_two_factors_removes_is_shared_by_both():
    parts = attribute("ab", lambda changed: 0.0 if changed else 10.0)
    assert [(p.us, p.low_us, p.high_us) for p in parts] == [(-5.0, -10.0, 0.0)] * 2


def test_the_gap_between_the_scope3_programs_is_split_without_remainder():
    made = cases("qwen3-scope3-baseline", "qwen3-scope3-restructured", SMALL, LARGER)
    gap = attribute_gap(made)
    assert gap.first_us == made[0, 0].simulate().wall_clock_us
    assert gap.second_us == made[1, 1].simulate().wall_clock_us
    whole = gap.second_us - gap.first_us
    assert sum(part.us for part in gap.parts) == pytest.approx(whole, abs=0.01)
    by_factor = {part.factor: part.us for part in gap.parts}
    assert by_factor[Factor.TASKS] < 0.0 < by_factor[Factor.SIZE]
    assert min(by_factor, key=by_factor.get) == Factor.TASKS


def test_the_gap_back_is_the_same_with_the_other_sign():
    names = "qwen3-scope3-baseline", "qwen3-scope3-restructured"
    there = attribute_gap(cases(*names, SMALL, LARGER))
    back = attribute_gap(cases(*reversed(names), LARGER, SMALL))
    for one, other in zip(there.parts, back.parts, strict=True):
        assert one.us == pytest.approx(-other.us, abs=0.01), one.factor


def test_programs_of_one_size_have_no_part_for_it():
    gap = attribute_gap(cases("qwen3-scope3-baseline", "qwen3-scope3-restructured", SMALL))
    assert Factor.SIZE not in {part.factor for part in gap.parts}


def test_a_program_against_itself_at_another_size_is_all_size():
    name = "qwen3-scope3-restructured"
    gap = attribute_gap(cases(name, name, SMALL, LARGER))
    by_factor = {part.factor: part.us for part in gap.parts}
    size_us = by_factor.pop(Factor.SIZE)
    assert size_us == pytest.approx(gap.second_us - gap.first_us, abs=0.01)
    assert all(us == pytest.approx(0.0, abs=0.01) for us in by_factor.values())


def test_every_run_is_reported():
    told = []
    attribute_gap(cases("qwen3-scope3-baseline", "qwen3-scope3-restructured", SMALL), told.append)
    assert len(told) == 16
    assert "16 of 16" in told[-1]
