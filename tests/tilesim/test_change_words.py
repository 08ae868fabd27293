"""Changes as the command line writes them."""

from __future__ import annotations

import pytest

from devices.errors import InputError
from devices.kernel import CoreType
from runtime.changes import (
    Clusters,
    DropFalseEdges,
    FreeSubmits,
    Fuse,
    Merge,
    ScaleKernel,
    SchedulerThreads,
    SetConstant,
    Split,
)
from runtime.machine_changes import DummyBefore, EarlyDispatch, SecondSlot
from tilesim.change_words import CHANGES, read_changes


@pytest.mark.parametrize(
    ("text", "change"),
    [
        ("drop-false-edges", DropFalseEdges()),
        ("drop-false-edges=a:b", DropFalseEdges("a", "b")),
        ("fuse=a:b", Fuse("a", "b")),
        ("fuse=a:b:aic", Fuse("a", "b", CoreType.AIC)),
        ("fuse=a:b:aiv", Fuse("a", "b", CoreType.AIV)),
        ("split=a:4", Split("a", 4)),
        ("merge=a:4", Merge("a", 4)),
        ("scale=a:0.5", ScaleKernel("a", 0.5)),
        ("scale=2", ScaleKernel(None, 2.0)),
        ("scale=1e-3", ScaleKernel(None, 0.001)),
        ("threads=2", SchedulerThreads(2)),
        ("clusters=12", Clusters(12)),
        ("free-submits", FreeSubmits()),
        ("second-slot", SecondSlot()),
        ("early-dispatch=a", EarlyDispatch("a")),
        ("dummy=a", DummyBefore("a")),
        ("set=costs.submit_us:0.5", SetConstant("costs.submit_us", 0.5)),
        ("set=cube.cycles_per_fractal.BF16:2", SetConstant("cube.cycles_per_fractal.BF16", 2.0)),
    ],
)
def test_every_form_of_a_change_is_read(text, change):
    assert read_changes([text]) == [change]
    assert read_changes([f"  {text} "]) == [change]


def test_blanks_around_the_words_of_a_change_do_not_count():
    assert read_changes(["fuse= a : b : aic "]) == [Fuse("a", "b", CoreType.AIC)]
    assert read_changes(["split=a: 4"]) == [Split("a", 4)]


def test_changes_stay_in_the_order_in_which_they_are_written():
    texts = ["threads=2", "scale=2", "drop-false-edges", "scale=2"]
    changes = [SchedulerThreads(2), ScaleKernel(None, 2.0), DropFalseEdges()]
    assert read_changes(texts) == [*changes, ScaleKernel(None, 2.0)]
    assert read_changes([]) == []


def test_the_forms_that_are_told_can_be_written():
    examples = {"KERNEL": "a", "FACTOR": "0.5", "N": "2", "CONSTANT": "b.c", "VALUE": "3"}
    for name, forms in CHANGES.items():
        for form in forms.replace("aic|aiv", "aic").split(" or "):
            head, equals, rest = form.partition("=")
            assert head == name
            text = ":".join(examples.get(word, word) for word in rest.split(":"))
            assert len(read_changes([head + equals + text])) == 1


@pytest.mark.parametrize(
    "text",
    [
        "drop-false-edges=a",
        "drop-false-edges=a:b:c",
        "fuse",
        "fuse=a",
        "fuse=a:b:AIX",
        "fuse=a:b:",
        "fuse=a:b:aic:aiv",
        "split=a",
        "split=4",
        "split=a:four",
        "split=a:4.0",
        "merge=a:",
        "merge=a:4:4",
        "scale",
        "scale=",
        "scale=a",
        "scale=a:b",
        "scale=a:1:2",
        "threads",
        "threads=",
        "threads=two",
        "threads=2:2",
        "clusters=2.5",
        "free-submits=yes",
        "free-submits=",
        "set",
        "set=a",
        "set=a:b",
        "set=a:1:2",
    ],
)
def test_what_is_not_of_its_form_is_refused_with_the_form(text):
    with pytest.raises(InputError) as refused:
        read_changes(["free-submits", text])
    message = str(refused.value)
    assert message == f"--change {text!r}: write {CHANGES[text.partition('=')[0]]}"


@pytest.mark.parametrize(
    ("text", "nearest"),
    [
        ("drop-false-edge", "drop-false-edges"),
        ("splt=a:2", "split"),
        ("thread=2", "threads"),
        ("free-submit", "free-submits"),
        ("Fuse=a:b", "fuse"),
    ],
)
def test_an_unknown_change_is_refused_with_the_nearest(text, nearest):
    name = text.partition("=")[0]
    with pytest.raises(InputError, match=f"unknown change '{name}'; did you mean {nearest}"):
        read_changes([text])


@pytest.mark.parametrize("text", ["", "=", "=2", ":", "no such thing"])
def test_what_is_no_change_is_refused_with_all_that_are(text):
    with pytest.raises(InputError, match="unknown change") as refused:
        read_changes([text])
    for name in CHANGES:
        assert name in str(refused.value)
