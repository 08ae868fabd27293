from __future__ import annotations

import re

import pytest
from matplotlib.image import imread

from devices.errors import InputError
from plots import SweepRow, draw_sweep

FACTORS = (0.9, 0.75, 0.5)
ROWS = [
    SweepRow("rms_norm", "AIV", FACTORS, (0.1, -0.04, 0.2)),
    SweepRow("down_proj", "AIC", FACTORS, (3.1, 7.9, 15.8)),
    SweepRow("gate_proj", "AIC", FACTORS, (1.0, 2.2, 4.4)),
]
MAGIC = {"png": b"\x89PNG\r\n\x1a\n", "svg": b"<?xml", "pdf": b"%PDF-"}


def many(count):
    return [SweepRow(f"kernel_{n}", "AIC", (0.5,), (n / 100,)) for n in range(count)]


def texts(path):
    return re.findall(r"<!-- (.*?) -->", path.read_text(encoding="utf-8"))


@pytest.mark.parametrize("ending", MAGIC)
def test_a_sweep_is_written_and_the_same_each_time(tmp_path, ending):
    for name in ("a", "b"):
        draw_sweep("title", ROWS, tmp_path / f"{name}.{ending}")
    content = (tmp_path / f"a.{ending}").read_bytes()
    assert content.startswith(MAGIC[ending])
    assert content == (tmp_path / f"b.{ending}").read_bytes()


def test_kernels_stand_in_order_of_their_largest_gain_with_help_to_read(tmp_path):
    draw_sweep("what if", ROWS, tmp_path / "sweep.svg")
    said = texts(tmp_path / "sweep.svg")
    names = [text for text in said if text in {row.kernel for row in ROWS}]
    assert names == ["down_proj", "gate_proj", "rms_norm"]
    assert {"what if", "AIC", "AIV", "+15.80%", "\N{MINUS SIGN}0.04%"} <= set(said)
    assert [f"\N{MULTIPLICATION SIGN} {factor}" in said for factor in FACTORS] == [True] * 3
    assert "wall-clock saved when only this kernel gets faster" in " ".join(said)


def test_forty_kernels_are_drawn_and_the_least_of_more_are_left_out(tmp_path):
    draw_sweep("title", many(40), tmp_path / "40.svg")
    draw_sweep("title", many(57), tmp_path / "57.svg")
    assert "more kernels" not in " ".join(texts(tmp_path / "40.svg"))
    said = texts(tmp_path / "57.svg")
    assert "17 more kernels, each +0.16% or less" in " ".join(said)
    assert "kernel_17" in said
    assert "kernel_16" not in said


def test_the_picture_is_as_high_as_it_has_kernels(tmp_path):
    for count in (1, 40, 80):
        draw_sweep("title", many(count), tmp_path / f"{count}.png")
    one, forty, eighty = (imread(tmp_path / f"{count}.png").shape for count in (1, 40, 80))
    assert one[1] == forty[1] == 1600
    assert one[0] < forty[0] == eighty[0] < 1100


def test_a_kernel_without_one_of_the_factors_has_a_gap(tmp_path):
    rows = [*ROWS, SweepRow("rope", "AIV", (0.5, 0.1), (0.3, 0.5))]
    draw_sweep("title", rows, tmp_path / "sweep.svg")
    assert texts(tmp_path / "sweep.svg").count("-") == 2 + 3


def test_kernels_that_gain_nothing_are_drawn(tmp_path):
    draw_sweep("title", [SweepRow("rope", "AIV", (0.5,), (0.0,))], tmp_path / "sweep.svg")
    assert "0.00%" in texts(tmp_path / "sweep.svg")


@pytest.mark.parametrize(
    ("rows", "message"),
    [
        ([], "without kernels"),
        ([SweepRow("rope", "AIV", (0.5, 0.9), (1.0,))], "2 factors and 1 gains"),
        ([SweepRow("rope", "AIV", (), ())], "give one gain for each factor"),
        ([SweepRow("rope", "AIV", (0.0,), (1.0,))], "give numbers above 0"),
        ([SweepRow("rope", "AIV", (0.5,), (float("nan"),))], "give finite percents"),
        ([SweepRow("rope", "AIV", tuple(range(1, 10)), (0.0,) * 9)], "choose at most 8"),
    ],
)
def test_what_is_no_sweep_is_refused_and_no_file_made(tmp_path, rows, message):
    with pytest.raises(InputError, match=message):
        draw_sweep("title", rows, tmp_path / "sweep.png")
    assert list(tmp_path.iterdir()) == []


def test_another_ending_is_refused(tmp_path):
    with pytest.raises(InputError, match=r"\.png, \.svg, \.pdf"):
        draw_sweep("title", ROWS, tmp_path / "sweep.txt")
    assert list(tmp_path.iterdir()) == []
