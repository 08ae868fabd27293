"""What the shell offers for a workload."""

from types import SimpleNamespace

from tilesim.completion import complete_axis, complete_source


def test_names_files_and_folders_are_offered(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "bgemm-run").mkdir()
    for name in ("kernel.py", "graph.dot.gz", "notes.txt", ".hidden.py"):
        (tmp_path / name).touch()
    (tmp_path / "bgemm-run" / "chip_swimlane_records.json").touch()
    assert complete_source("bgemm") == ["bgemm", "bgemm-run/"]
    assert complete_source("bgemm-run/") == ["bgemm-run/chip_swimlane_records.json"]
    assert complete_source("k") == ["kernel.py"]
    assert "graph.dot.gz" in complete_source("")
    assert not {"notes.txt", ".hidden.py"} & set(complete_source(""))
    assert complete_source(".h") == [".hidden.py"]
    assert complete_source("nowhere/x") == []


def test_axes_are_offered_for_the_workload_on_the_line():
    context = SimpleNamespace(params={"workload": ["bgemm"]})
    assert complete_axis(context, "st") == ["steps="]
    assert "policy=" in complete_axis(context, "")
    assert complete_axis(context, "runtime.sched") == ["runtime.scheduler_threads="]
    assert complete_axis(context, "policy=runtime,lif") == ["policy=runtime,lifo"]
    assert complete_axis(context, "steps=") == []
    assert "steps=" not in complete_axis(SimpleNamespace(params={"workload": None}), "")
