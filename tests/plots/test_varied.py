"""Pictures of what was varied: lines, heat maps and bars."""

from __future__ import annotations

import re
from math import nan

import numpy as np
import pytest

from devices.errors import InputError
from plots import MOST_LINES, Line, draw_bars, draw_heat_map, draw_lines

MAGIC = {"png": b"\x89PNG\r\n\x1a\n", "svg": b"<?xml", "pdf": b"%PDF-"}


def texts(path):
    return re.findall(r"<!-- (.*?) -->", path.read_text(encoding="utf-8"))


def lines(path, ys, x=(1.0, 2.0, 3.0)):
    drawn = [Line(f"line_{number}", x, y) for number, y in enumerate(ys)]
    draw_lines(drawn, path, title="title", subtitle="sub", x_label="threads", y_label="us")


def heat_map(path, values):
    rows, columns = ([f"{kind}{n}" for n in range(values.shape["rc".index(kind)])] for kind in "rc")
    draw_heat_map(
        values, columns, rows, path,
        title="title", subtitle="sub", x_label="across", y_label="up", label="us",
    )  # fmt: skip


def bars(path, values):
    names = [f"name_{n}" for n in range(len(values))]
    draw_bars(names, values, path, title="title", subtitle="sub", label="us")


DRAWN = [
    (lines, [(1.0, nan, 3.0), (3.0, 2.0, 1.0)]),
    (heat_map, np.array([[1.0, nan, 3.0], [4000.0, 5.0, 0.5]])),
    (bars, [3.0, nan, 1.0]),
]


@pytest.mark.parametrize(("draw", "values"), DRAWN)
@pytest.mark.parametrize("ending", MAGIC)
def test_a_picture_is_the_same_each_time(tmp_path, draw, values, ending):
    for name in ("a", "b"):
        draw(tmp_path / f"{name}.{ending}", values)
    content = (tmp_path / f"a.{ending}").read_bytes()
    assert content.startswith(MAGIC[ending])
    assert content == (tmp_path / f"b.{ending}").read_bytes()


def test_names_values_and_failures_are_written(tmp_path):
    lines(tmp_path / "l.svg", DRAWN[0][1])
    assert {"title", "sub", "threads", "us", "line_0", "line_1"} <= set(texts(tmp_path / "l.svg"))
    heat_map(tmp_path / "h.svg", DRAWN[1][1])
    assert {"r0", "c2", "across", "up", "4,000", "0.5", "failed"} <= set(texts(tmp_path / "h.svg"))
    bars(tmp_path / "b.svg", DRAWN[2][1])
    assert {"name_0", "name_1", "3.00", "failed"} <= set(texts(tmp_path / "b.svg"))


def test_the_scale_is_logarithmic_where_numbers_grow_by_factors(tmp_path):
    for name, x in (("factors", (64.0, 128.0, 512.0)), ("steps", (64.0, 128.0, 192.0))):
        lines(tmp_path / f"{name}.svg", [(1.0, 2.0, 3.0)], x)
    places = {
        name: [float(p) for p in re.findall(r'id="xtick_\d+">.*?d="M ([\d.]+) ', text, re.DOTALL)]
        for name in ("factors", "steps")
        if (text := (tmp_path / f"{name}.svg").read_text())
    }
    first, second, third = places["factors"][:3]
    assert (third - second) == pytest.approx(2 * (second - first), rel=0.01)
    first, second, third = places["steps"][:3]
    assert (third - second) == pytest.approx(second - first, rel=0.01)


def test_one_point_and_many_cells_are_drawn(tmp_path):
    lines(tmp_path / "one.svg", [(5.0,)], (1.0,))
    lines(tmp_path / "alike.svg", [(5.0, 5.0, 5.0)] * MOST_LINES)
    heat_map(tmp_path / "one_cell.svg", np.array([[5.0]]))
    heat_map(tmp_path / "many.svg", np.arange(14_400.0).reshape(120, 120))
    said = set(texts(tmp_path / "many.svg"))
    assert {"r0", "c0"} <= said
    assert "7" not in said  # cells are too small for numbers
    bars(tmp_path / "zero.svg", [0.0, 0.0])


@pytest.mark.parametrize(
    ("draw", "values", "told"),
    [
        (lines, [(nan, nan, nan)], "every point has failed"),
        (lines, [(1.0, 2.0, 3.0)] * 13, "at most 12 lines"),
        (heat_map, np.full((2, 2), nan), "every point has failed"),
        (heat_map, np.zeros((1, 401)), "at most 400"),
        (bars, [nan], "every point has failed"),
        (bars, [1.0] * 101, "at most 100 bars"),
    ],
)
def test_what_cannot_be_drawn_is_refused(tmp_path, draw, values, told):
    with pytest.raises(InputError, match=told):
        draw(tmp_path / "p.svg", values)
    assert list(tmp_path.iterdir()) == []
