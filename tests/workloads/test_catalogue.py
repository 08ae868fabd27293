"""Workloads by name: what their parameters may be, and what the parameters do."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace

import pytest

from devices.errors import InputError
from runtime.graph import ALLOC
from runtime.language import record
from workloads.catalogue import WORKLOADS, find_workload
from workloads.published import default_published

BASELINE, RESTRUCTURED = "qwen3-scope3-baseline", "qwen3-scope3-restructured"
SMALL = {"hidden": 1024, "intermediate": 2048}


def message(call, *arguments):
    with pytest.raises(InputError) as raised:
        call(*arguments)
    return str(raised.value)


def refusal(**settings):
    return message(find_workload(BASELINE).parameters, settings)


# Names and values


def test_both_programs_of_the_restructuring_are_there_with_what_was_measured():
    assert set(WORKLOADS) >= {BASELINE, RESTRUCTURED}
    before, after = find_workload(BASELINE), find_workload(RESTRUCTURED)
    assert (before.defaults["hidden"], after.defaults["hidden"]) == (5120, 8192)
    cases = [default_published().of(workload.name)[0].published for workload in (before, after)]
    assert [case["wall_clock_us"] for case in cases] == [63044.26, 3284.44]
    assert [case["avg_latency_us"] for case in cases] == [3.93, 44.58]


def test_an_unknown_workload_is_refused_with_the_nearest_names():
    text = message(find_workload, "qwen3-scope3-basline")
    assert "unknown workload 'qwen3-scope3-basline'" in text
    assert f"did you mean {BASELINE}" in text
    assert RESTRUCTURED in text  # all that are known


def test_an_unknown_parameter_is_refused_with_the_nearest_name():
    text = refusal(hiden=1024)
    assert "'hiden'; did you mean hidden?" in text
    assert BASELINE in text
    assert all(name in text for name in WORKLOADS[BASELINE].defaults)


def test_settings_replace_defaults_and_leave_the_others():
    workload = find_workload(RESTRUCTURED)
    chosen = workload.parameters({"hidden": 1024})
    assert chosen == {**workload.defaults, "hidden": 1024}
    assert workload.parameters({}) == workload.defaults


@pytest.mark.parametrize("value", [0, -128, True, 1024.0, "1024", None])
def test_a_value_is_a_positive_integer(value):
    assert f"hidden is a positive integer, not {value!r}" in refusal(hidden=value)


@pytest.mark.parametrize(
    ("bounds", "allowed", "refused", "kind"),
    [
        ((0, None), (0, 7, 10**9), (-1, 0.0, False, "0"), "an integer from 0 on"),
        ((0, 100), (0, 100), (-1, 101, 50.0), "an integer from 0 to 100"),
        ((1, None), (1, 2), (0,), "a positive integer"),
    ],
)
def test_a_value_keeps_to_the_range_of_its_parameter(bounds, allowed, refused, kind):
    workload = replace(find_workload(BASELINE), defaults={"n": 1}, divides=(), ranges={"n": bounds})
    for value in allowed:
        assert workload.parameters({"n": value}) == {"n": value}
    for value in refused:
        assert message(workload.parameters, {"n": value}) == (
            f"{BASELINE}: n is {kind}, not {value!r}"
        )


def test_ranges_are_of_parameters_and_hold_for_the_defaults():
    for workload in WORKLOADS.values():
        assert workload.ranges.keys() <= workload.defaults.keys()
        assert workload.parameters(workload.defaults) == workload.defaults


@pytest.mark.parametrize(
    ("settings", "problem", "nearest"),
    [
        ({"hidden": 5000}, "hidden 5000 is not a multiple of k_chunk 128", "4992 or 5120"),
        ({"hidden": 96, "k_chunk": 32}, "hidden 96 is not a multiple of out_chunk 64", "64 or 128"),
        # Both chunks have to divide: 5088 is a multiple of 96, but not of 64.
        ({"k_chunk": 96}, "hidden 5120 is not a multiple of k_chunk 96", "4992 or 5184"),
        ({"intermediate": 100}, "intermediate 100 is not a multiple of mlp_chunk 64", "64 or 128"),
        ({"batch": 24}, "batch 24 is not a multiple of 16", "16 or 32"),
        ({"hidden": 64}, "hidden 64 is not a multiple of k_chunk 128", "128"),  # and not 0
    ],
)
def test_what_does_not_divide_is_refused_with_both_and_the_nearest_that_do(
    settings, problem, nearest
):
    text = refusal(**settings)
    assert problem in text
    assert text.endswith(f"the nearest that fit: {nearest}")


# What the parameters do. The number of tasks follows from the loops of the programs, per 16 rows
# of the batch: `outs` = hidden / out_chunk, `downs` = hidden / k_chunk and
# `mlps` = intermediate / mlp_chunk.


def chunked(count):
    """Tasks of a parallel loop with chunks of 8: full ones and, by another kernel, the rest."""
    return [tasks for tasks in (count // 8, int(count % 8 > 0)) if tasks]


def baseline(outs, downs, mlps):
    """Tasks by kernel, and hidden allocs."""
    tasks = [*chunked(outs), outs, outs, 1]  # zero, project, add the residual; norm
    tasks += [mlps, mlps, mlps, mlps * downs, mlps * downs, downs]
    return tasks, 1 + mlps + mlps * downs  # the rows; gate, up and product; every partial sum


def restructured(outs, downs, mlps):
    tasks = [*chunked(outs), outs, outs, 1]
    tasks += [*chunked(mlps), mlps, mlps, mlps, downs, downs]
    return tasks, 1 + outs + mlps + downs


def counted(name, **parameters):
    submits = record(find_workload(name).program(parameters))
    counts = Counter(submits.kernel)
    return [counts[kernel] for kernel in range(len(submits.kernels))], counts[ALLOC]


@pytest.mark.parametrize(("name", "expected"), [(BASELINE, baseline), (RESTRUCTURED, restructured)])
@pytest.mark.parametrize(
    ("hidden", "intermediate", "k_chunk", "out_chunk", "mlp_chunk"),
    [
        (1024, 2048, 128, 64, 64),
        (1024, 2048, 64, 32, 256),
        (640, 1280, 128, 64, 64),  # 10 = 8 + 2 and 20 = 16 + 4: the last chunk is smaller
        (1536, 960, 256, 48, 96),  # no powers of two
        (128, 64, 128, 64, 64),  # less than one chunk of tasks
    ],
)
def test_tasks_and_allocs_follow_from_the_sizes(
    name, expected, hidden, intermediate, k_chunk, out_chunk, mlp_chunk
):
    found = counted(
        name,
        hidden=hidden,
        intermediate=intermediate,
        k_chunk=k_chunk,
        out_chunk=out_chunk,
        mlp_chunk=mlp_chunk,
    )
    assert found == expected(hidden // out_chunk, hidden // k_chunk, intermediate // mlp_chunk)


@pytest.mark.parametrize("name", [BASELINE, RESTRUCTURED])
def test_twice_the_batch_is_twice_the_tasks(name):
    tasks, allocs = counted(name, **SMALL)
    assert counted(name, **SMALL, batch=32) == ([2 * count for count in tasks], 2 * allocs)


def test_a_parameter_follows_another_one_unless_it_is_given():
    workload = find_workload(RESTRUCTURED)
    assert workload.parameters({}) == workload.defaults
    with_k = workload.parameters({"k_chunk": 256, "mlp_chunk": 128})
    assert (with_k["norm_chunk"], with_k["down_chunk"], with_k["down_step"]) == (256, 256, 128)
    given = workload.parameters({"k_chunk": 256, "down_chunk": 512})
    assert (given["norm_chunk"], given["down_chunk"], given["down_step"]) == (256, 512, 64)


def test_what_a_follower_has_must_divide_too():
    workload = find_workload(RESTRUCTURED)
    with pytest.raises(InputError, match="intermediate 25600 is not a multiple of down_step 96"):
        workload.parameters({"down_step": 96})


def test_the_down_projection_is_cut_by_its_own_parameters():
    sizes = {"hidden": 1024, "intermediate": 2048, "down_chunk": 256, "down_step": 32}
    usual, _ = counted(RESTRUCTURED, **SMALL)
    cut, _ = counted(RESTRUCTURED, **sizes, norm_chunk=512, zero_chunk=4)
    assert usual[-2:] == [8, 8]
    assert cut[-2:] == [4, 4]
    assert (usual[0], cut[0]) == (2, 4)  # 16 tiles to fill, 8 or 4 a task
