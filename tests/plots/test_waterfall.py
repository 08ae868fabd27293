from __future__ import annotations

import re

import pytest

from devices.errors import InputError
from plots import Part, draw_waterfall

START, END = ("baseline", 60_000.0), ("restructured", 3_500.0)
PARTS = [
    Part("false serial chains", -48_000.0, -52_000.0, -9_000.0),
    Part("number of tasks (submit, dispatch)", -9_000.0, -44_000.0, 200.0),
    Part("kernel time", -12.5, -12.5, -12.5),
    Part("problem size", 512.5, 10.0, 2_100.0),
    Part("nothing", 0.0, 0.0, 0.0),
]
MAGIC = {"png": b"\x89PNG\r\n\x1a\n", "svg": b"<?xml", "pdf": b"%PDF-"}
MINUS = "\N{MINUS SIGN}"


def texts(path):
    return re.findall(r"<!-- (.*?) -->", path.read_text(encoding="utf-8"))


@pytest.mark.parametrize("ending", MAGIC)
def test_a_waterfall_is_written_and_the_same_each_time(tmp_path, ending):
    for name in ("a", "b"):
        draw_waterfall("title", START, PARTS, END, tmp_path / f"{name}.{ending}")
    content = (tmp_path / f"a.{ending}").read_bytes()
    assert content.startswith(MAGIC[ending])
    assert content == (tmp_path / f"b.{ending}").read_bytes()


def test_labels_values_shares_and_spreads_can_be_read(tmp_path):
    draw_waterfall("from here to there", START, PARTS, END, tmp_path / "parts.svg")
    said = texts(tmp_path / "parts.svg")
    assert {"from here to there", "baseline", "restructured", "faster", "slower"} <= set(said)
    assert {part.label for part in PARTS} <= set(said)
    assert {"60,000.00", "100.00%", "3,500.00", "5.83%"} <= set(said)
    assert {f"{MINUS}48,000.00", f"{MINUS}80.00%", "+512.50", "+0.85%"} <= set(said)
    assert f"{MINUS}52,000.00 .. {MINUS}9,000.00" in said
    # A part that no order changes has one value, not a spread.
    assert said.count(f"{MINUS}12.50") == 2
    assert f"{MINUS}56,500.00 us ({MINUS}94.17%)" in " ".join(said)


def test_a_part_that_rounds_to_nothing_has_no_sign(tmp_path):
    parts = [Part("dust", -0.001, -0.001, 0.0)]
    draw_waterfall("title", ("a", 10.0), parts, ("b", 10.0), tmp_path / "parts.svg")
    assert f"{MINUS}0.00" not in texts(tmp_path / "parts.svg")


def test_no_parts_between_equal_totals_are_drawn(tmp_path):
    draw_waterfall("title", ("a", 10.0), [], ("b", 10.0), tmp_path / "parts.png")
    assert (tmp_path / "parts.png").exists()


def test_parts_may_miss_the_difference_by_a_hundredth(tmp_path):
    parts = [Part("all", -4.995, -5.0, -4.0)]
    draw_waterfall("title", ("a", 10.0), parts, ("b", 5.0), tmp_path / "parts.png")
    assert (tmp_path / "parts.png").exists()


@pytest.mark.parametrize(
    ("start_us", "part", "end_us", "message"),
    [
        (10.0, (-4.0, -4.0, -4.0), 5.0, r"sum to -4\.000 us, but 'b' - 'a' is -5\.000 us"),
        (10.0, (-5.0, -4.0, -3.0), 5.0, "outside its spread"),
        (10.0, (-5.0, -5.0, float("nan")), 5.0, "part 'all' is not finite"),
        (float("inf"), (-5.0, -5.0, -5.0), 5.0, "total 'a' is inf us"),
        (1.0, (-2.0, -2.0, -2.0), -1.0, "total 'b' is -1 us"),
        (0.0, (5.0, 5.0, 5.0), 5.0, "start from a longer run"),
    ],
)
def test_what_does_not_add_up_is_refused_and_no_file_made(
    tmp_path, start_us, part, end_us, message
):
    parts = [Part("all", *part)]
    with pytest.raises(InputError, match=message):
        draw_waterfall("title", ("a", start_us), parts, ("b", end_us), tmp_path / "parts.png")
    assert list(tmp_path.iterdir()) == []


def test_another_ending_is_refused(tmp_path):
    with pytest.raises(InputError, match=r"\.png, \.svg, \.pdf"):
        draw_waterfall("title", START, PARTS, END, tmp_path / "parts.json")
    assert list(tmp_path.iterdir()) == []
