"""The verb whatif as users meet it: what it prints, writes and refuses."""

from __future__ import annotations

import re

import pytest
from outcomes import assert_refused

BASELINE, RESTRUCTURED = "qwen3-scope3-baseline", "qwen3-scope3-restructured"
SMALL = ("--set", "hidden=1024", "intermediate=2048")
"""151 tasks in 250 us; 651 in 1068 us for the baseline."""


DOWN, OUT = "scope3_incore_8", "scope3_incore_9"
"""8 tasks for the cube, and 8 for vector cores that add to what those have made."""
GATE, NORM = "scope3_incore_5", "scope3_incore_2"


def command(*changes, workload=RESTRUCTURED):
    words = [word for change in changes for word in ("--change", change)]
    return ("whatif", workload, *SMALL, *words)


def asked(tilesim, *changes, workload=RESTRUCTURED):
    """A what-if as JSON."""
    return tilesim(*command(*changes, workload=workload), "--json").json


# Single changes


CHANGES = [  # a change, what is done in words, tasks then, and whether the run is faster (1)
    ("drop-false-edges", "dropped 112 false edges", 151, 0),
    (f"drop-false-edges={NORM}:{OUT}", f"dropped 112 false edges from {NORM} to {OUT}", 151, 0),
    (f"fuse={DOWN}:{OUT}:aic", f"fused 8 pairs of {DOWN} and {OUT}", 143, 1),
    (f"split={GATE}:2", f"split 32 tasks of {GATE} into 2 each", 183, -1),
    (f"merge={GATE}:4", f"merged tasks of {GATE}, 4 into one: 8 new tasks", 127, None),
    (f"merge={GATE}:5", f"merged tasks of {GATE}, 5 into one: 7 new tasks", 126, None),
    (f"scale={DOWN}:0.5", f"time of {DOWN} times 0.5", 151, 1),
    ("scale=0.5", "time of all kernels times 0.5", 151, 1),
    ("threads=2", "2 scheduler threads", 151, None),
    ("clusters=2", "2 clusters", 151, -1),
    ("free-submits", "submits take no time", 151, 1),
    ("set=costs.submit_us:5", "costs.submit_us = 5", 151, -1),
    ("set=cube.miss_gbps:10", "cube.miss_gbps = 10", 151, -1),
    ("set=scheduler_threads:2", "scheduler_threads = 2", 151, None),
]


@pytest.mark.parametrize(("change", "words", "tasks", "faster"), CHANGES)
def test_a_change_is_told_in_words_with_the_wall_clock_before_and_after(
    tilesim, change, words, tasks, faster
):
    asked_for, text = asked(tilesim, change), tilesim(*command(change)).text
    before, after = asked_for["before"], asked_for["after"]
    assert asked_for["single"] == []
    (said,) = after["changes"]
    assert said.startswith(words)
    assert (before["tasks"], after["tasks"]) == (151, tasks)
    before_us, after_us = before["wall_clock_us"], after["wall_clock_us"]
    if faster is not None:
        assert (before_us > after_us) - (before_us < after_us) == faster
    assert f"as it is 151 {before_us:.2f} 1.00x" in text
    (bound,) = [bound for bound in after["bounds"] if bound["name"] == after["binding"]]
    binds = f"{bound['name']}, {bound['ratio']:.1%}"
    assert f"{said} {tasks} {after_us:.2f} {before_us / after_us:.2f}x {binds}" in text
    assert bound["us"] == max(bound["us"] for bound in after["bounds"])


def test_the_run_before_is_the_replay(tilesim):
    asked_for = asked(tilesim, "free-submits")
    replayed = tilesim("replay", RESTRUCTURED, *SMALL, "--json").json
    for name in ("wall_clock_us", "tasks", "edges", "bounds", "functions", "policy"):
        assert asked_for["before"][name] == replayed[name]


def test_a_constant_that_is_set_to_what_it_is_changes_nothing(tilesim):
    for change in ("threads=3", "clusters=24", "scale=1"):
        asked_for = asked(tilesim, change)
        assert asked_for["after"]["wall_clock_us"] == asked_for["before"]["wall_clock_us"]


def test_threads_and_clusters_are_constants_by_another_name(tilesim):
    for change, constant in (
        ("threads=1", "set=scheduler_threads:1"),
        ("clusters=3", "set=cores.clusters:3"),
    ):
        after, same = (asked(tilesim, words)["after"] for words in (change, constant))
        assert after["wall_clock_us"] == same["wall_clock_us"]


def test_dropped_edges_do_what_explain_says(tilesim):
    false = tilesim("explain", BASELINE, *SMALL, "--json").json["false_dependences"]
    for edges in (false[0], false[-1]):
        pair = f"={edges['producer']}:{edges['consumer']}" if edges["producer"] else ""
        asked_for = asked(tilesim, f"drop-false-edges{pair}", workload=BASELINE)
        after = asked_for["after"]
        assert after["wall_clock_us"] == pytest.approx(edges["wall_clock_us"], abs=0.01)
        assert f"dropped {edges['count']} false edges" in after["changes"][0]


def test_kernels_that_take_no_time_leave_the_costs_of_the_runtime(tilesim):
    asked_for = asked(tilesim, "scale=0")
    after = asked_for["after"]
    assert after["wall_clock_us"] > 0.0
    assert after["binding"] == "orchestrator"
    path = {bound["name"]: bound["kernel_us"] for bound in after["bounds"]}["critical path"]
    assert path == 0.0


# Several changes


def test_several_changes_are_made_one_by_one_and_together(tilesim):
    changes = ("threads=2", f"fuse={DOWN}:{OUT}:aic", "drop-false-edges")
    asked_for, text = asked(tilesim, *changes), tilesim(*command(*changes)).text
    said = [outcome["changes"] for outcome in asked_for["single"]]
    assert [words for (words,) in said] == [
        "2 scheduler threads",
        f"fused 8 pairs of {DOWN} and {OUT}",
        "dropped 112 false edges",
    ]
    # Edges change first, then tasks and the machine.
    assert asked_for["after"]["changes"] == [words for (words,) in reversed(said)]
    for change, outcome in zip(changes, asked_for["single"], strict=True):
        alone = asked(tilesim, change)
        assert alone["after"] == outcome
    assert [outcome["tasks"] for outcome in asked_for["single"]] == [151, 143, 151]
    assert asked_for["after"]["tasks"] == 143
    before_us = asked_for["before"]["wall_clock_us"]
    for outcome in asked_for["single"]:
        us = outcome["wall_clock_us"]
        (words,) = outcome["changes"]
        assert f"{words} {outcome['tasks']} {us:.2f} {before_us / us:.2f}x" in text
    after_us = asked_for["after"]["wall_clock_us"]
    assert f" 143 {after_us:.2f} {before_us / after_us:.2f}x" in text


def test_the_same_kernel_can_be_scaled_twice(tilesim):
    asked_for = asked(tilesim, f"scale={DOWN}:0.5", f"scale={DOWN}:0.5")
    quarter = asked(tilesim, f"scale={DOWN}:0.25")
    assert asked_for["after"]["wall_clock_us"] == quarter["after"]["wall_clock_us"]


# Sweeps


def test_a_sweep_scales_every_kernel(tilesim):
    swept = tilesim("whatif", RESTRUCTURED, *SMALL, "--sweep", "kernel-time", "--json").json
    replayed = tilesim("replay", RESTRUCTURED, *SMALL, "--json").json
    assert swept["wall_clock_us"] == replayed["wall_clock_us"]
    assert swept["factors"] == [0.9, 0.75, 0.5]
    kernels = swept["kernels"]
    assert {kernel["kernel"]: kernel["core"] for kernel in kernels} == {
        function["name"]: function["core"] for function in replayed["functions"]
    }
    assert sum(kernel["share"] for kernel in kernels) == pytest.approx(1.0)
    halved_us = [kernel["wall_clock_us"][-1] for kernel in kernels]
    assert halved_us == sorted(halved_us)  # the one that gains most is first
    assert kernels[0]["kernel"] == DOWN
    for place, factor in enumerate(swept["factors"]):
        asked_for = asked(tilesim, f"scale={DOWN}:{factor}")
        assert asked_for["after"]["wall_clock_us"] == kernels[0]["wall_clock_us"][place]


def test_a_sweep_prints_what_each_kernel_would_save(tilesim):
    words = ("whatif", RESTRUCTURED, *SMALL, "--sweep", "kernel-time")
    swept, outcome = tilesim(*words, "--json").json, tilesim(*words)
    assert f"{swept['wall_clock_us']:.2f} us" in outcome.text
    rows = [line.split() for line in outcome.out.splitlines()]
    listed = [row for row in rows if row and row[0].startswith("scope3_incore_")]
    assert [row[0] for row in listed] == [kernel["kernel"] for kernel in swept["kernels"]]
    for row, kernel in zip(listed, swept["kernels"], strict=True):
        assert row[1:3] == [kernel["core"], f"{kernel['share']:.1%}"]
        for cell, us in zip(row[3:], kernel["wall_clock_us"], strict=True):
            saved = 100 * (1 - us / swept["wall_clock_us"])
            assert float(cell.rstrip("%")) == pytest.approx(saved, abs=0.0501)
            assert not re.fullmatch(r"-0\.0+%", cell)


def test_changes_are_made_before_a_sweep(tilesim):
    words = ("--change", "free-submits", "--change", "threads=2", "--sweep", "kernel-time")
    swept = tilesim("whatif", RESTRUCTURED, *SMALL, *words, "--json").json
    asked_for = asked(tilesim, "free-submits", "threads=2")
    assert swept["wall_clock_us"] == asked_for["after"]["wall_clock_us"]


def test_a_sweep_is_drawn(tilesim, tmp_path):
    words = ("whatif", RESTRUCTURED, *SMALL, "--sweep", "kernel-time", "--plot", "sweep.svg")
    assert tilesim(*words).code == 0
    assert [path.name for path in tmp_path.iterdir()] == ["sweep.svg"]
    drawn = (tmp_path / "sweep.svg").read_text(encoding="utf-8")
    assert RESTRUCTURED in drawn
    for number in range(10):
        assert f"<!-- scope3_incore_{number} -->" in drawn


# Bad input


MALFORMED = [  # a change, and how it is written
    ("drop-false-edges=a", "drop-false-edges=KERNEL:KERNEL"),
    ("drop-false-edges=a:b:c", "drop-false-edges=KERNEL:KERNEL"),
    ("fuse", "fuse=KERNEL:KERNEL"),
    ("fuse=a", "fuse=KERNEL:KERNEL"),
    ("fuse=a:b:gpu", "fuse=KERNEL:KERNEL:aic"),
    ("fuse=a:b:aic:c", "fuse=KERNEL:KERNEL:aic"),
    ("split", "split=KERNEL:N"),
    ("split=a", "split=KERNEL:N"),
    ("split=a:x", "split=KERNEL:N"),
    ("split=a:1.5", "split=KERNEL:N"),
    ("merge=a", "merge=KERNEL:N"),
    ("merge=a:2:3", "merge=KERNEL:N"),
    ("scale", "scale=KERNEL:FACTOR"),
    ("scale=", "scale=FACTOR"),
    ("scale=a", "scale=FACTOR"),
    ("scale=a:x", "scale=KERNEL:FACTOR"),
    ("threads", "threads=N"),
    ("threads=many", "threads=N"),
    ("threads=1.5", "threads=N"),
    ("clusters=", "clusters=N"),
    ("clusters=1:2", "clusters=N"),
    ("free-submits=1", "free-submits"),
    ("set=costs.submit_us", "set=CONSTANT:VALUE"),
    ("set=costs.submit_us:x", "set=CONSTANT:VALUE"),
]


@pytest.mark.parametrize(("change", "form"), MALFORMED)
def test_a_malformed_change_is_refused_with_how_to_write_it(tilesim, tmp_path, change, form):
    outcome = tilesim("whatif", RESTRUCTURED, "--change", "free-submits", "--change", change)
    assert_refused(outcome, f"--change {change!r}", "write", form)
    assert list(tmp_path.iterdir()) == []


IMPOSSIBLE = [  # a change, and what the message has
    ("drp-false-edges", "'drp-false-edges'", "did you mean drop-false-edges?"),
    ("", "change", "drop-false-edges"),
    ("drop-false-edges=scope3_incore_88:scope3_incore_9", "'scope3_incore_88'", DOWN),
    (f"fuse={DOWN}:scope3_incore_99:aic", "'scope3_incore_99'", OUT),
    ("split=scope3_incore_88:2", "'scope3_incore_88'", f"did you mean {DOWN}"),
    ("merge=scope3_incore_88:2", "'scope3_incore_88'", f"did you mean {DOWN}"),
    ("scale=scope3_incore_88:2", "'scope3_incore_88'", f"did you mean {DOWN}"),
    (f"fuse={DOWN}:{OUT}", DOWN, "aic", OUT, "aiv", "on which"),
    (f"fuse={GATE}:{DOWN}", "nothing to fuse"),
    (f"drop-false-edges={DOWN}:{OUT}", "no false dependences", DOWN, OUT),
    (f"split={DOWN}:1", "2", "not 1"),
    (f"split={DOWN}:-1", "2", "not -1"),
    (f"merge={DOWN}:0", "2", "not 0"),
    ("scale=-1", "from 0", "-1"),
    ("scale=nan", "from 0", "nan"),
    ("scale=inf", "from 0", "inf"),
    ("threads=0", "scheduler_threads", "1"),
    ("threads=-1", "scheduler_threads", "-1"),
    ("clusters=0", "clusters", "1"),
    ("set=costs.submt_us:1", "'costs.submt_us'", "did you mean costs.submit_us"),
    ("set=costs.submit_us:-1", "costs.submit_us", "-1"),
    ("set=costs.submit_us:nan", "costs.submit_us", "nan"),
    ("set=scheduler_threads:2.5", "scheduler_threads", "2.5"),
    ("set=name:3", "'name'"),
]


@pytest.mark.parametrize(("change", "named"), [(change, named) for change, *named in IMPOSSIBLE])
def test_an_impossible_change_is_refused_with_why(tilesim, tmp_path, change, named):
    assert_refused(tilesim("whatif", RESTRUCTURED, *SMALL, "--change", change), *named)
    assert list(tmp_path.iterdir()) == []


def test_an_impossible_change_is_refused_before_a_sweep_too(tilesim, tmp_path):
    words = ("--sweep", "kernel-time", "--plot", "a.png", "--change", "split=scope3_incore_88:2")
    assert_refused(tilesim("whatif", RESTRUCTURED, *SMALL, *words), "'scope3_incore_88'")
    assert list(tmp_path.iterdir()) == []


WHATIF = f"whatif {RESTRUCTURED} {' '.join(SMALL)}"
BAD_INPUT = [  # a command, and what its message has
    (WHATIF, "--change", "drop-false-edges", "fuse", "--sweep kernel-time"),
    (f"{WHATIF} --plot a.png", "--change", "--sweep kernel-time"),
    (f"{WHATIF} --plot a.png --change threads=2", "--plot", "--sweep kernel-time"),
    (f"{WHATIF} --sweep kernels", "--sweep takes kernel-time", "'kernels'"),
    (f"{WHATIF} --sweep kernels --change threads=2 --plot a.png", "--sweep takes", "'kernels'"),
    (f"{WHATIF} --sweep kernel-time --plot a.bmp", "'a.bmp'", ".png, .svg, .pdf"),
    (f"{WHATIF} --sweep kernel-time --plot absent/a.png", "'absent' does not exist"),
    (f"{WHATIF} --change threads=2 --policy fifo,lifo", "one policy", "compare"),
    (f"{WHATIF} --change threads=2 --dependencies tensor,tile", "one kind", "compare"),
    (f"{WHATIF} --change threads=2 --set hiden=1", "'hiden'", "did you mean hidden"),
    (f"{WHATIF} {BASELINE} --change threads=2", "one workload, not 2"),
    ("whatif hidden=1024 --change threads=2", "one workload, not 0"),
    ("whatif qwen3-scope3-basline --change threads=2", "did you mean", BASELINE),
]


@pytest.mark.parametrize(("command", "named"), [(command, named) for command, *named in BAD_INPUT])
def test_bad_input_is_refused_with_one_message_and_nothing_written(
    tilesim, tmp_path, command, named
):
    assert_refused(tilesim(*command.split()), *named)
    assert list(tmp_path.iterdir()) == []
