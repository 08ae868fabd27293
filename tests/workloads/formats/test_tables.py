"""Tables of traces in files: what is read back is what the columns have."""

from __future__ import annotations

import csv
import gzip
import sys
import types

import numpy as np
import pytest
from toys import make_device, make_graph, make_runtime

from devices.errors import InputError
from runtime.simulation import simulate
from workloads.formats.tables import TABLE_ENDINGS, write_table


@pytest.fixture(scope="module")
def trace():
    random = np.random.default_rng(1)
    graph = make_graph("cv" * 40, [[], *([n] for n in range(79))])
    times = random.uniform(0.1, 9.0, 80)
    runtime = make_runtime(2, submit_us=0.1, dispatch_us=1 / 3, completion_us=0.07)
    return simulate(graph, make_device(2), runtime, durations=times.tolist())


def read(text):
    rows = list(csv.reader(text.splitlines()))
    return dict(zip(rows[0], zip(*rows[1:], strict=True), strict=True))


@pytest.mark.parametrize("ending", [".csv", ".csv.gz"])
def test_numbers_are_read_back_as_the_same(trace, tmp_path, ending):
    write_table(trace, tmp_path / f"t{ending}")
    content = (tmp_path / f"t{ending}").read_bytes()
    text = (gzip.decompress(content) if ending == ".csv.gz" else content).decode()
    columns = trace.columns()
    found = read(text)
    assert list(found) == list(columns)
    for name, column in columns.items():
        kind = type(column.tolist()[0])
        assert [kind(value) for value in found[name]] == column.tolist(), name


def test_a_packed_table_is_the_same_each_time(trace, tmp_path):
    for name in ("a", "b"):
        write_table(trace, tmp_path / f"{name}.csv.gz")
    assert (tmp_path / "a.csv.gz").read_bytes() == (tmp_path / "b.csv.gz").read_bytes()


def test_more_rows_than_are_written_at_once(trace, tmp_path, monkeypatch):
    write_table(trace, tmp_path / "whole.csv")
    monkeypatch.setattr("workloads.formats.tables._ROWS_AT_ONCE", 7)
    write_table(trace, tmp_path / "pieces.csv")
    assert (tmp_path / "pieces.csv").read_text() == (tmp_path / "whole.csv").read_text()


def test_parquet_is_written_by_pyarrow(trace, tmp_path, monkeypatch):
    arrow, parquet = types.ModuleType("pyarrow"), types.ModuleType("pyarrow.parquet")
    arrow.table = dict
    parquet.write_table = lambda table, path: path.write_text(repr(sorted(table)))
    monkeypatch.setitem(sys.modules, "pyarrow", arrow)
    monkeypatch.setitem(sys.modules, "pyarrow.parquet", parquet)
    write_table(trace, tmp_path / "t.parquet")
    assert (tmp_path / "t.parquet").read_text() == repr(sorted(trace.columns()))


def test_parquet_is_written_by_polars_where_pyarrow_is_missing(trace, tmp_path, monkeypatch):
    class Frame(dict):
        def write_parquet(self, path):
            path.write_text(repr(self["core_type"][:2]))

    polars = types.ModuleType("polars")
    polars.DataFrame = Frame
    monkeypatch.setitem(sys.modules, "pyarrow", None)
    monkeypatch.setitem(sys.modules, "pyarrow.parquet", None)
    monkeypatch.setitem(sys.modules, "polars", polars)
    write_table(trace, tmp_path / "t.parquet")
    assert (tmp_path / "t.parquet").read_text() == "['AIC', 'AIV']"


def test_parquet_without_a_library_and_other_endings_are_refused(trace, tmp_path, monkeypatch):
    for name in ("pyarrow", "pyarrow.parquet", "polars"):
        monkeypatch.setitem(sys.modules, name, None)
    with pytest.raises(InputError, match=r"needs pyarrow or polars, .* pip install pyarrow"):
        write_table(trace, tmp_path / "t.parquet")
    with pytest.raises(InputError, match=r"\.csv, \.csv\.gz, \.parquet"):
        write_table(trace, tmp_path / "t.xlsx")
    assert list(tmp_path.iterdir()) == []
    assert TABLE_ENDINGS == (".csv", ".csv.gz", ".parquet")
