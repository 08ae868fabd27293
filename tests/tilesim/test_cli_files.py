"""Program files on the command line: run, the other verbs, comparisons for pull requests."""

import json
import os

import numpy as np
import pytest

PROGRAM = """
import sys
import pypto.language as pl

STEPS = int(sys.argv[1]) if len(sys.argv) > 1 else 1


def build_program(rows: int = 64):
    @pl.program
    class Rows:
        @pl.function
        def main(
            self,
            n: pl.Tensor[[2], pl.INT32],
            x: pl.Tensor[[rows, 64], pl.FP32],
            y: pl.Out[pl.Tensor[[rows, 64], pl.FP32]],
        ):
            k = n[0]
            for i in pl.range(0, k, STEPS):
                with pl.incore():
                    y = pl.assemble(y, pl.add(pl.slice(x, [1, 64], [i, 0]), 1.0), [i, 0])
            return y

    return Rows
"""


@pytest.fixture
def file(tmp_path):
    path = tmp_path / "rows.py"
    path.write_text(PROGRAM)
    return "rows.py"


def test_run_executes_a_file_and_replays_its_program(tilesim, file):
    ran = tilesim("run", file, "-i", "n=10", "--json")
    assert ran.code == 0
    record = json.loads(ran.out)
    assert (record["workload"], record["tasks"]) == ("rows.py", 10)
    replayed = json.loads(tilesim("replay", file, "-i", "n=10", "--json").out)
    assert replayed["wall_clock_us"] == record["wall_clock_us"]


def test_run_says_that_it_executes_the_file(tilesim):
    assert "Execute a program file" in tilesim("run", "--help").out


def test_what_follows_two_dashes_is_for_the_file(tilesim, file):
    assert json.loads(tilesim("run", file, "-i", "n=10", "-j", "--", "5").out)["tasks"] == 2
    assert json.loads(tilesim("run", file, "-i", "n=10", "-j").out)["tasks"] == 10


def test_inputs_come_from_files_of_numpy(tilesim, file, tmp_path):
    np.save(tmp_path / "n.npy", np.array([7, 0], dtype=np.int32))
    assert json.loads(tilesim("run", file, "--input", "n=n.npy", "-j").out)["tasks"] == 7


@pytest.mark.parametrize(
    ("words", "heading"),
    [
        (("--as", "explain"), "Wall-clock by reason"),
        (("--path", "2"), "Wall-clock by reason"),
        (("-c", "threads=2"), "What if"),
        (("--sweep", "kernel-time"), "main_incore_0"),
    ],
)
def test_run_takes_the_options_of_other_verbs(tilesim, file, words, heading):
    ran = tilesim("run", file, "-i", "n=10", *words)
    assert ran.code == 0, ran.err
    assert heading in ran.out


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (("run", "hello-world"), "run takes a program file"),
        (("run", "rows.py", "-c", "threads=2", "--path", "2"), "options of explain and of whatif"),
        (("run", "rows.py", "--as", "walk"), "--as takes replay, check, explain, whatif"),
        (("run", "rows.py"), "--input n=NUMBER"),
        (("run", "rows.py", "-i", "n"), "--input takes name=number or name=file.npy"),
        (("run", "rows.py", "-i", "n=x"), "neither a number of 64 bits nor a file.npy"),
        (("run", "rows.py", "-i", "n=1", "-i", "n=2"), "--input gives n twice"),
        (("run", "rows.py", "-i", "n=no.npy"), "there is no file no.npy"),
        (("run", "rows.py", "-i", "n=rows.npy"), "no array that numpy saved"),
        (("run", "rows.py", "-i", "m=1"), "the program has no parameter 'm'"),
        (("run", "missing.py"), "cannot read missing.py"),
        (("replay", "hello-world", "--call", "main"), "--call names a program in a FILE.py"),
        (("replay", "notes.txt"), "not that of any known format"),
    ],
)
def test_what_cannot_be_run_is_refused_without_a_traceback(tilesim, file, tmp_path, words, message):
    assert file
    (tmp_path / "rows.npy").write_text("no numbers")
    (tmp_path / "notes.txt").write_text("x")
    ended = tilesim(*words)
    assert ended.code == 2
    assert message in ended.err
    assert "Traceback" not in ended.err


def test_what_is_drawn_without_torch_is_told(tilesim, tmp_path):
    specs = """
from pypto.runtime import TensorSpec


def build_tensor_specs(rows: int = 64):
    import torch

    lengths = torch.randint(4, 9, (2,), dtype=torch.int32)
    return [TensorSpec("n", [2], torch.int32, init_value=lengths)]
"""
    (tmp_path / "drawn.py").write_text(PROGRAM + specs)
    record = json.loads(tilesim("run", "drawn.py", "--json").out)
    assert 4 <= record["tasks"] <= 8
    assert "draw (n) has their ranges" in record["notes"][0]
    assert json.loads(tilesim("run", "drawn.py", "--json").out)["tasks"] == record["tasks"]
    assert json.loads(tilesim("run", "drawn.py", "-i", "n=5", "--json").out)["notes"] == []


def test_numbers_that_say_nothing_fail_the_check(tilesim, tmp_path):
    unwritten = PROGRAM.replace("pl.add(pl.slice(x, [1, 64], [i, 0]), 1.0)", "pl.mul(t, 0.0)")
    unwritten = unwritten.replace(
        "with pl.incore():",
        "with pl.incore():\n                    t = pl.create_tensor([1, 64], dtype=pl.FP32)",
    )
    (tmp_path / "rows.py").write_text(unwritten)
    ended = tilesim("check", "rows.py", "-i", "n=64")
    assert ended.code == 1
    assert "y is NaN or infinite everywhere" in ended.out


def test_files_and_workloads_are_compared_and_explained(tilesim, file, tmp_path):
    (tmp_path / "twice.py").write_text(PROGRAM.replace("0, k, STEPS", "0, k, 2"))
    compared = tilesim("compare", file, "twice.py", "-i", "n=20", "--json")
    tasks = [run["tasks"] for run in json.loads(compared.out)["runs"]]
    assert tasks == [20, 10]
    explained = tilesim("explain", file, "--against", "twice.py", "-i", "n=20")
    assert explained.code == 0, explained.err


def test_what_a_file_prints_is_no_result(tilesim, tmp_path):
    (tmp_path / "loud.py").write_text("print('loaded')\n" + PROGRAM)
    for words in (("run",), ("explain",), ("capacity",), ("check",), ("compare",)):
        ran = tilesim(*words, "loud.py", "-i", "n=4", "--json")
        json.loads(ran.out)
        assert "loaded" in ran.err
    assert tilesim("compare", "loud.py", "-i", "n=4", "-m").out.startswith("### Simulated")


def test_options_that_do_nothing_are_refused(tilesim, file):
    for words, message in (
        (("-c", "threads=2", "--gantt", "g.png"), "whatif does not take --gantt"),
        (("--order", "random", "--repeat", "3"), "check does not take --repeats"),
        (("--as", "replay", "-c", "threads=2"), "replay does not take --change"),
    ):
        ended = tilesim("run", file, "-i", "n=4", *words)
        assert ended.code == 2
        assert message in ended.err


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("n=64.7", "no whole number"),
        ("n=99999999999", "from -2147483648 to 2147483647"),
        ("n=100000000000000000000000", "neither a number of 64 bits"),
        ("n=65", "check the loop bounds"),
    ],
)
def test_lengths_that_cannot_be_are_refused(tilesim, file, text, message):
    ended = tilesim("run", file, "-i", text)
    assert ended.code == 2
    assert message in ended.err


def test_what_is_no_regular_file_is_refused(tilesim, tmp_path):
    os.mkfifo(tmp_path / "pipe.py")
    os.mkfifo(tmp_path / "pipe.json")
    (tmp_path / "zero.py").symlink_to("/dev/zero")
    for name in ("pipe.py", "pipe.json", "zero.py"):
        ended = tilesim("replay", name)
        assert ended.code == 2
        assert "no regular file" in ended.err
    ended = tilesim("replay", "x" * 300)
    assert ended.code == 2
    assert "unknown workload" in ended.err


def test_arguments_and_assumptions_are_for_files(tilesim):
    for words, message in (
        (("hello-world", "--", "x"), "what follows -- is for a program"),
        (("hello-world", "--assume", "core=aic"), "--assume is for recordings"),
    ):
        ended = tilesim("replay", *words)
        assert ended.code == 2
        assert message in ended.err


def test_markdown_holds_what_belongs_in_a_pull_request(tilesim, file, tmp_path):
    (tmp_path / "twice.py").write_text(PROGRAM.replace("0, k, STEPS", "0, k, 2"))
    ran = tilesim("compare", file, "twice.py", "-i", "n=20", "--markdown")
    rows = [line.split("|") for line in ran.out.splitlines() if line.startswith("| `")]
    assert [row[1].strip() for row in rows] == ["`rows.py`", "`twice.py`"]
    assert [row[2].strip() for row in rows] == ["20", "10"]
    assert rows[0][4].strip() == "1.00x"
    assert float(rows[1][4].strip().removesuffix("x")) > 1
    assert "orchestrator" in rows[0][6]
    assert rows[0][7].strip() == "no hazards, fits on chip"


def test_markdown_says_whether_numbers_match(tilesim, file):
    ran = tilesim(
        "compare", file, "hello-world", "-i", "n=4", "-m", "--numbers", "--no-like-for-like"
    )
    assert ran.code == 2  # a workload without that input
    ran = tilesim("compare", file, file, "-i", "n=4", "-m", "--numbers")
    assert ran.out.count("no hazards, fits on chip, numbers match program order") == 2
    ran = tilesim("compare", "gemm", "-m", "--numbers")
    assert "numbers match golden results" in ran.out
    wrong = tilesim("compare", "projection", "-m", "--numbers", "-s", "k=512,n=512,tiles=3")
    assert wrong.code == 1
    assert "check failed: 2048 of 8192 numbers do not match golden results" in wrong.err


MIX = """
import pypto.language as pl


@pl.program
class Mix:
    @pl.function
    def main(
        self,
        a: pl.Tensor[[16, 128], pl.BF16],
        b: pl.Tensor[[128, 512], pl.BF16],
        y: pl.Out[pl.Tensor[[16, 512], pl.FP32]],
    ):
        with pl.auto_incore(split=pl.SplitMode.UP_DOWN):
            for i in pl.parallel(0, 8, 1, chunk=4):
                c = pl.matmul(a, pl.slice(b, [128, 64], [0, i * 64]), out_dtype=pl.FP32)
                y = pl.assemble(y, pl.add(c, 1.0), [0, i * 64])
        return y
"""


def test_a_mix_task_is_one_task_wherever_tasks_are_counted(tilesim, tmp_path):
    (tmp_path / "mix.py").write_text(MIX)
    assert json.loads(tilesim("run", "mix.py", "--json").out)["tasks"] == 2
    (row,) = [r for r in tilesim("compare", "mix.py").out.splitlines() if r.startswith(" mix.py")]
    assert row.split()[1] == "2"
    said = tilesim("compare", "mix.py", "--markdown").out
    assert "| `mix.py` | 2 |" in said
    changed = json.loads(tilesim("whatif", "mix.py", "-c", "threads=2", "--json").out)
    assert changed["after"]["tasks"] == 2


def test_markdown_names_hazards_and_equal_sizes(tilesim):
    sizes = ("--set", "intermediate=2048")
    ran = tilesim("compare", "qwen3-scope3-baseline", "qwen3-scope3-restructured", "-m", *sizes)
    assert "(other size)" in ran.out
    assert "At equal size (hidden 5120):" in ran.out
    assert "At equal size (hidden 8192):" in ran.out
    assert "raw hazards" in ran.out


@pytest.mark.parametrize(("limit", "code"), [("5%", 1), ("400", 0)])
def test_a_slower_program_fails_the_gate(tilesim, file, tmp_path, limit, code):
    (tmp_path / "twice.py").write_text(PROGRAM.replace("0, k, STEPS", "0, k, 2"))
    ended = tilesim("compare", "twice.py", file, "-i", "n=40", "-m", "--fail-if-slower", limit)
    assert ended.code == code
    assert ("**Slower by" in ended.out) == bool(code)
    assert ("slower than twice.py" in ended.err) == bool(code)
    faster = tilesim("compare", file, "twice.py", "-i", "n=40", "--fail-if-slower", limit)
    assert faster.code == 0


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (("hello-world", "--fail-if-slower", "5%"), "name two"),
        (("hello-world", "softmax", "--fail-if-slower", "x"), "takes a percentage"),
        (
            ("hello-world", "softmax", "--fail-if-slower", "5", "--no-like-for-like"),
            "compares runs of one size",
        ),
        (("hello-world", "--markdown", "--json"), "--markdown prints no JSON"),
        (("hello-world", "--numbers"), "--numbers is for --markdown"),
    ],
)
def test_gates_that_mean_nothing_are_refused(tilesim, words, message):
    ended = tilesim("compare", *words)
    assert ended.code == 2
    assert message in ended.err
