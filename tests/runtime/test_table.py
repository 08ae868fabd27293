"""A trace as columns and as a data frame."""

from __future__ import annotations

import sys
import types

import numpy as np
import pytest
from toys import make_device, make_graph, make_runtime

from devices.errors import InputError
from runtime.simulation import simulate


@pytest.fixture(scope="module")
def trace():
    graph = make_graph("acvd", [[], [0], [1], [2]])
    return simulate(graph, make_device(2), make_runtime(submit_us=0.5), durations=[0, 2.5, 1.5, 0])


def test_columns_are_those_of_the_trace(trace):
    columns = trace.columns()
    assert {len(column) for column in columns.values()} == {len(trace)} == {2}
    assert columns["task"].tolist() == [1, 2]
    assert columns["kernel"].tolist() == ["cube", "vector"]
    assert columns["core_type"].tolist() == ["AIC", "AIV"]
    assert columns["ring"].tolist() == [1, 1]
    for name in ("submit_us", "ready_us", "dispatch_us", "observe_us", "done_us", "latency_us"):
        assert columns[name].tolist() == getattr(trace, name).tolist()
    total = columns["head_us"] + columns["exec_us"] + columns["tail_us"]
    assert np.allclose(total, columns["latency_us"])
    assert columns["exec_us"].tolist() == (trace.end_us - trace.start_us).tolist()


class Frame(dict):
    """Stands for a data frame."""


def library(monkeypatch, name):
    module = types.ModuleType(name)
    module.DataFrame = Frame
    monkeypatch.setitem(sys.modules, name, module)


def missing(monkeypatch, *names):
    for name in names:
        monkeypatch.setitem(sys.modules, name, None)  # its import fails as if it were not there


def test_a_library_that_is_installed_makes_the_frame(monkeypatch, trace):
    missing(monkeypatch, "pandas")
    library(monkeypatch, "polars")
    for chosen in (None, "polars"):
        frame = trace.to_dataframe(chosen)
        assert isinstance(frame, Frame)
        assert list(frame) == list(trace.columns())
        assert frame["kernel"] == ["cube", "vector"]
        assert frame["start_us"].tolist() == trace.start_us.tolist()


def test_without_a_library_it_is_said_what_to_install(monkeypatch, trace):
    missing(monkeypatch, "pandas", "polars")
    with pytest.raises(InputError, match=r"needs pandas or polars, .* pip install pandas"):
        trace.to_dataframe()
    with pytest.raises(InputError, match=r"needs polars, .* pip install polars"):
        trace.to_dataframe("polars")
    with pytest.raises(InputError, match="unknown library of data frames 'panda'; did you mean"):
        trace.to_dataframe("panda")
