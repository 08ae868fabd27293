"""Axes of a sweep: what may be written, and what is refused before anything runs."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from devices.errors import InputError
from tilesim.axes import make_axes, read_axis
from tilesim.points import Origin
from tilesim.setup_words import setup_of

RESTRUCTURED = "qwen3-scope3-restructured"


def axes(*texts, source=RESTRUCTURED, words=None):
    return make_axes(texts, Origin(source).find(), words or {}, "--vary")


@pytest.mark.parametrize(
    ("text", "values"),
    [
        ("hidden=1024,2048", (1024, 2048)),
        ("hidden=1:4", (1, 2, 3, 4)),
        ("hidden=1:9:2", (1, 3, 5, 7, 9)),
        ("hidden=1:8:3,100", (1, 4, 7, 100)),
        ("hidden=8:2:-3", (8, 5, 2)),
        ("hidden=1_024", (1024,)),
        ("policy=fifo,random[seed=3,decision_us=1]", ("fifo", "random[seed=3,decision_us=1]")),
        ("runtime.costs.submit_us=0.5,1", (0.5, 1)),
        ("lookup-cap=16,none", (16, "none")),
        ("profiling=yes,no", (True, False)),
        ("ideal=none,memory+compute", ("none", "memory+compute")),
        ("priority.scope3_incore_8=0,1", (0, 1)),
    ],
)  # fmt: skip
def test_an_axis_has_the_values_that_are_written(text, values):
    (axis,) = axes(text)
    assert axis.values == values
    assert axis.is_parameter == text.startswith("hidden")


@given(first=st.integers(-50, 50), count=st.integers(1, 20), step=st.integers(1, 9))
def test_a_range_has_both_ends(first, count, step):
    numbers = range(first, first + count * step, step)
    assert read_axis(f"n={numbers[0]}:{numbers[-1]}:{step}") == ("n", [str(n) for n in numbers])


@pytest.mark.parametrize(
    ("texts", "told"),
    [
        (["polic=runtime"], "did you mean policy"),
        (["runtime.scheduler_thread=1"], "did you mean runtime.scheduler_threads"),
        (["hiden=1"], "did you mean hidden"),
        (["hidden=1024,1024"], "1024 twice"),
        (["hidden=1024", "hidden=2048"], "given twice"),
        (["hidden="], "a value is missing"),
        (["hidden=1,,2"], "a value is missing"),
        (["hidden"], "takes NAME=VALUES"),
        (["=1"], "takes NAME=VALUES"),
        (["hidden=1.5"], "not an integer"),
        (["hidden=5:1"], "has no value"),
        (["hidden=1:5:0"], "has no value"),
        (["hidden=1:10000000"], "at most 100,000"),
        (["policy=lifo,nosuch"], "unknown policy 'nosuch'"),
        (["profiling=perhaps"], "not yes or no"),
        (["lookup_cap=0"], "from 1 on"),
        (["device=a2a4"], "did you mean a2a3"),
        (["dependencies=tensors"], "tensor, tile"),
        (["repeat=-1"], "from 0 on"),
        (["device.cores.clusters=0"], "cores.clusters"),
        (["runtime.costs.submit_us=nan"], "finite"),
    ],
)
def test_what_is_wrong_with_an_axis_is_told(texts, told):
    with pytest.raises(InputError) as refused:
        axes(*texts)
    assert told in str(refused.value)


def test_a_parameter_hides_a_word_of_the_setup():
    own, word = axes("seed=1,2", "setup.seed=1:3", source="layered-random")
    assert (own.name, own.is_parameter) == ("seed", True)
    assert (word.name, word.is_parameter) == ("setup.seed", False)


def test_words_say_what_the_options_say():
    setup = setup_of(
        {"runtime.scheduler_threads": 2, "device.cores.clusters": 20, "ideal": "memory"}
    )
    assert setup.runtime.scheduler_threads == 2
    assert setup.device.cores.clusters == 20
    assert setup.ideals == ("memory",)
    with pytest.raises(InputError, match="did you mean policy"):
        setup_of({"polic": "runtime"})
