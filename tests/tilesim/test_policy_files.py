"""Policies of the user's own: from a file, or from a package that offers them."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

import pytest
from outcomes import assert_refused

import devices.device
import tilesim as ts

RESTRUCTURED = "qwen3-scope3-restructured"
SMALL = ("--set", "hidden=1024", "intermediate=2048")
"""151 tasks in 250 us."""


POLICY = """
from dataclasses import dataclass
from typing import ClassVar

import tilesim as ts


@dataclass
class Widest(ts.ListPolicy):
    name: ClassVar[str] = "widest-first"
    least_us: float = 0.1

    def rank(self, task):
        return -self.tasks.successor_count[task] / max(self.tasks.estimate_us[task], self.least_us)


class Nameless(ts.ListPolicy):
    pass


class OnOneCore(ts.ListPolicy):
    def core(self, task):
        return self.machine.cores[self.tasks.shape[task]][0]


number = 3


class Unrelated:
    pass
"""


@pytest.fixture
def policy(tmp_path):
    """Writes a policy class with this body, and returns how the command line names it."""

    def written(*lines, file="mine.py"):
        body = "\n".join(f"    {line}" for line in lines)
        (tmp_path / file).write_text(f"import tilesim as ts\nclass Mine(ts.ListPolicy):\n{body}\n")
        return f"{file}:Mine"

    return written


@pytest.fixture
def widest(tmp_path):
    (tmp_path / "widest.py").write_text(POLICY)


def run(tilesim, policy, *words):
    return tilesim("replay", RESTRUCTURED, *SMALL, "--policy", policy, *words, "--json").json


# Policies that work


@pytest.mark.usefixtures("widest")
def test_a_policy_from_a_file_runs_beside_the_known_ones(tilesim):
    words = (
        "compare",
        RESTRUCTURED,
        *SMALL,
        "--policy",
        "runtime,./widest.py:Widest[least_us=1.5]",
    )
    runs = tilesim(*words, "--json").json["runs"]
    assert [run["policy"] for run in runs] == ["runtime", "widest-first[least_us=1.5]"]
    assert {run["tasks"] for run in runs} == {151}
    assert "widest-first[least_us=1.5]" in tilesim(*words).text


@pytest.mark.usefixtures("widest")
def test_parameters_of_a_policy_from_a_file_are_its_fields(tilesim):
    assert run(tilesim, "widest.py:Widest")["policy"] == "widest-first"
    assert run(tilesim, "widest.py:Widest[least_us=0.1]")["policy"] == "widest-first"
    named = run(tilesim, "widest.py:Widest[least_us=2.5,decision_us=0.5]")
    assert named["decision_us"] == 0.5
    assert named["decisions_us"] == pytest.approx(0.5 * 151)
    assert "least_us=2.5" in named["policy"]


@pytest.mark.usefixtures("widest")
def test_a_policy_without_a_name_has_that_of_its_class(tilesim):
    assert run(tilesim, "widest.py:Nameless")["policy"] == "Nameless"


@pytest.mark.usefixtures("widest")
def test_a_policy_may_lie_in_another_folder(tilesim, tmp_path):
    (tmp_path / "sub").mkdir()
    (tmp_path / "widest.py").rename(tmp_path / "sub" / "widest.py")
    for file in ("sub/widest.py", tmp_path / "sub" / "widest.py"):
        assert run(tilesim, f"{file}:Widest")["policy"] == "widest-first"


@pytest.mark.usefixtures("widest")
def test_a_policy_may_send_tasks_to_one_core(tilesim):
    everywhere, on_one = run(tilesim, "fifo"), run(tilesim, "widest.py:OnOneCore")
    assert on_one["wall_clock_us"] > 2 * everywhere["wall_clock_us"]
    # AIC and AIV cores idle but for one each, of 24 and 48.
    assert on_one["core_busy"]["aic"] <= 1 / 24
    assert on_one["core_busy"]["aiv"] <= 1 / 48


@pytest.mark.usefixtures("widest")
@pytest.mark.parametrize(
    "words", [("explain",), ("whatif", "--change", "drop-false-edges"), ("replay",)]
)
def test_every_verb_takes_a_policy_from_a_file(tilesim, words):
    verb, *more = words
    outcome = tilesim(verb, RESTRUCTURED, *SMALL, *more, "--policy", "widest.py:Widest")
    assert "widest-first" in outcome.text


def test_a_rank_decides_which_task_runs_first(tilesim, policy, tmp_path):
    text = (Path(devices.device.__file__).parent / "a2a3.toml").read_text()
    (tmp_path / "one.toml").write_text(text.replace("\nclusters = 24", "\nclusters = 1"))

    def order(rank, file):
        name = policy("def rank(self, task):", f"    return {rank}", file=file)
        words = ("--policy", name, "--device", "one.toml", "--trace", "run.json")
        assert tilesim("replay", RESTRUCTURED, *SMALL, *words).code == 0
        events = json.loads((tmp_path / "run.json").read_text())["traceEvents"]
        kernel_us = {}
        for event in events:
            if event["ph"] == "X" and event["name"].startswith("scope3_incore_5("):
                # Its kernel is the last that happens to a task.
                kernel_us[event["name"]] = max(event["ts"], kernel_us.get(event["name"], 0.0))
        assert len(kernel_us) == 32
        by_number = sorted(kernel_us, key=lambda name: int(name.rpartition("t")[2].rstrip(")")))
        return [kernel_us[name] for name in by_number]

    forward, backward = order("task", "forward.py"), order("-task", "backward.py")
    assert forward == sorted(forward)
    assert backward[:20] == sorted(backward[:20], reverse=True)


@pytest.mark.usefixtures("widest")
def test_a_file_may_have_several_policies(tilesim):
    words = ("--policy", "widest.py:Widest,widest.py:Nameless,widest.py:Widest[least_us=7.5]")
    runs = tilesim("compare", RESTRUCTURED, *SMALL, *words, "--json").json["runs"]
    assert [run["policy"] for run in runs] == [
        "widest-first",
        "Nameless",
        "widest-first[least_us=7.5]",
    ]
    outcome = tilesim("compare", RESTRUCTURED, "--policy", "widest.py:Widest,./widest.py:Widest")
    assert_refused(outcome, "twice")


# Entry points


@pytest.fixture
def offered(monkeypatch):
    """Entry points that an installed package would have."""

    class Offer:
        def __init__(self, name, kind):
            self.name, self.kind, self.value = name, kind, f"package:{name}"

        def load(self):
            if isinstance(self.kind, Exception):
                raise self.kind
            return self.kind

    def offer(**kinds):
        offers = [Offer(name, kind) for name, kind in kinds.items()]
        monkeypatch.setattr(
            "tilesim.policies.entry_points",
            lambda group: offers if group == "tilesim.policies" else [],
        )

    return offer


def test_a_policy_that_a_package_offers_is_listed_and_runs(tilesim, offered):
    @dataclass
    class Theirs(ts.ListPolicy):
        name: ClassVar[str] = "theirs"
        factor: float = 1.0

        def rank(self, task):
            return self.factor * self.tasks.estimate_us[task]

    offered(theirs=Theirs)
    assert "theirs" in [entry["name"] for entry in tilesim("policies", "--json").json]
    assert " theirs " in tilesim("policies").text
    assert run(tilesim, "theirs")["policy"] == "theirs"
    assert run(tilesim, "theirs[factor=2.5]")["policy"] == "theirs[factor=2.5]"
    outcome = tilesim("replay", RESTRUCTURED, *SMALL, "--policy", "theirs[fctor=2.5]")
    assert_refused(outcome, "'fctor'", "did you mean factor?")
    assert_refused(tilesim("replay", RESTRUCTURED, "--policy", "thiers"), "did you mean theirs")


def test_an_offer_that_is_no_policy_is_refused(tilesim, offered):
    offered(odd=dict, thing=3)
    assert_refused(tilesim("replay", RESTRUCTURED, "--policy", "odd"), "odd", "no policy")
    assert_refused(tilesim("replay", RESTRUCTURED, "--policy", "thing"), "thing", "no class")


def test_an_offer_that_cannot_be_loaded_is_refused_and_the_others_work(tilesim, offered):
    offered(broken=ImportError("no module named 'absent'"))
    assert_refused(tilesim("replay", RESTRUCTURED, "--policy", "broken"), "broken", "absent")
    assert run(tilesim, "fifo")["policy"] == "fifo"
    assert tilesim("policies").code == 0


# Files and classes that are refused


@pytest.mark.usefixtures("widest")
@pytest.mark.parametrize(
    ("name", "named"),
    [
        ("widest.py:Wdest", ["widest.py", "Wdest"]),
        ("widest.py:number", ["widest.py", "number", "no class"]),
        ("widest.py:Unrelated", ["widest.py", "Unrelated", "no policy", "tilesim.ListPolicy"]),
        ("widest.py", ["widest.py", ":CLASS"]),
        ("widest.py:", ["widest.py"]),
        ("widest.py:Widest[least_us=1", ["widest.py:Widest"]),
        ("widest.py:Widest[lest_us=1]", ["'lest_us'", "did you mean least_us"]),
        ("widest.py:Widest[least_us=x]", ["least_us", "float", "'x'"]),
        ("widest.py:Widest[decision_us=-1]", ["decision_us", "-1"]),
        ("absent.py:Widest", ["absent.py", "cannot be read"]),
        ("absent/widest.py:Widest", ["absent/widest.py"]),
        ("widest.toml:Widest", ["widest.toml"]),
    ],
)
def test_what_is_no_policy_in_a_file_is_refused(tilesim, tmp_path, name, named):
    if name.startswith("absent.py"):
        named = ["absent.py"]
    outcome = tilesim("compare", RESTRUCTURED, *SMALL, "--policy", f"runtime,{name}", "-g", "a.png")
    assert_refused(outcome, *named)
    assert [path.name for path in tmp_path.iterdir() if path.name != "__pycache__"] == ["widest.py"]


@pytest.mark.parametrize(
    ("text", "named"),
    [
        ("import nothing_of_that_name", ["ModuleNotFoundError", "nothing_of_that_name"]),
        ("def rank(:", ["SyntaxError", "line 1"]),
        ("1 / 0", ["ZeroDivisionError"]),
        ("raise SystemExit(3)", ["SystemExit"]),
        ("raise ValueError('first\\nsecond')", ["ValueError", "first"]),
    ],
)
def test_a_file_that_fails_when_it_is_run_is_refused(tilesim, tmp_path, text, named):
    (tmp_path / "bad.py").write_text(text)
    outcome = tilesim("replay", RESTRUCTURED, "--policy", "bad.py:Mine", "--gantt", "a.png")
    assert_refused(outcome, "bad.py", *named)
    assert not (tmp_path / "a.png").exists()


def test_a_folder_is_no_file_of_policies(tilesim, tmp_path):
    (tmp_path / "folder.py").mkdir()
    assert_refused(tilesim("replay", RESTRUCTURED, "--policy", "folder.py:Mine"), "folder.py")


# Policies that fail while they are asked


@pytest.mark.parametrize(
    ("lines", "named"),
    [
        (["def rank(self, task):", "    return 1 / 0"], ["mine.py:4", "in rank", "ZeroDivision"]),
        (["def rank(self, task):", "    return self.absent"], ["mine.py:4", "in rank", "'absent'"]),
        (["def core(self, task):", "    return 1 / 0"], ["mine.py:4", "in core", "ZeroDivision"]),
        (
            ["def prepare(self, tasks, machine):", "    return tasks.absent"],
            ["mine.py:4", "in prepare", "AttributeError"],
        ),
        (
            ["def rank(self, task):", "    raise ValueError('first\\nsecond')"],
            ["mine.py:4", "in rank", "ValueError", "first"],
        ),
        (["def rank(self):", "    return 0"], ["mine.py", "TypeError", "rank"]),
        (["def rank(self, task):", "    return 1j * task"], ["mine.py", "TypeError"]),
        (["def rank(self, task):", "    return float('nan')"], ["rank", "nan"]),
    ],
)
def test_a_policy_that_fails_is_refused_with_file_and_line(tilesim, policy, tmp_path, lines, named):
    outcome = tilesim("replay", RESTRUCTURED, *SMALL, "--policy", policy(*lines), "-g", "a.png")
    assert_refused(outcome, *named)
    assert not (tmp_path / "a.png").exists()


@pytest.mark.parametrize("verb", ["compare", "explain", "whatif"])
def test_a_policy_that_fails_is_refused_by_every_verb(tilesim, policy, verb):
    more = ("--change", "threads=2") if verb == "whatif" else ()
    name = policy("def rank(self, task):", "    return 1 / 0")
    outcome = tilesim(verb, RESTRUCTURED, *SMALL, *more, "--policy", name)
    assert_refused(outcome, "mine.py:4", "in rank", "ZeroDivisionError")


@pytest.mark.parametrize("core", ["999", "72", "-2", "None", "'AIC 0'"])
def test_a_policy_that_names_an_impossible_core_is_refused(tilesim, policy, core):
    name = policy("def core(self, task):", f"    return {core}")
    outcome = tilesim("replay", RESTRUCTURED, *SMALL, "--policy", name)
    assert_refused(outcome, "Mine", f"core {core.strip(chr(39))}", "24 to 71")


def test_a_policy_that_names_a_core_of_the_other_type_is_refused(tilesim, policy):
    name = policy("def core(self, task):", "    return 0")
    outcome = tilesim("replay", RESTRUCTURED, *SMALL, "--policy", name)
    assert_refused(outcome, "core 0", "scope3_incore_0", "AIV")
