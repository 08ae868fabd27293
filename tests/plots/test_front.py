from __future__ import annotations

import re

import pytest

from devices.errors import InputError
from plots import FrontPoint, draw_front

FRONT = [FrontPoint("k=128", 100.0, 2000.0), FrontPoint("k=64", 25.0, 3457.0)]
OTHERS = [FrontPoint("k=32", 100.0, 2500.0), FrontPoint("k=16", 60.0, 90000.0)]
RACE = [FrontPoint("k=256", 100.0, 1700.0)]
MAGIC = {"png": b"\x89PNG\r\n\x1a\n", "svg": b"<?xml", "pdf": b"%PDF-"}
WORDS = {"title": "scope 3", "subtitle": "4 runs"}


def texts(path):
    return re.findall(r"<!-- (.*?) -->", path.read_text(encoding="utf-8"))


@pytest.mark.parametrize("ending", MAGIC)
def test_a_front_is_written_and_the_same_each_time(tmp_path, ending):
    for name in ("a", "b"):
        path = tmp_path / f"{name}.{ending}"
        draw_front(path, **WORDS, points=OTHERS, front=FRONT, races=RACE, best=FRONT[0])
    content = (tmp_path / f"a.{ending}").read_bytes()
    assert content.startswith(MAGIC[ending])
    assert content == (tmp_path / f"b.{ending}").read_bytes()


def test_the_front_is_told_at_the_side_with_what_is_marked(tmp_path):
    path = tmp_path / "front.svg"
    draw_front(
        path, **WORDS, points=OTHERS, front=FRONT, races=RACE, baseline=FRONT[1], best=FRONT[0]
    )
    said = texts(path)
    assert {"scope 3", "k=128", "k=64"} <= set(said)
    assert "2,000.00 us with 100.0 %, the best" in said
    assert "3,457.00 us with 25.0 %, the baseline" in said
    assert any(text.startswith("other runs; 1 more above") for text in said)
    assert any("not chosen" in text for text in said)


def test_one_point_is_drawn(tmp_path):
    only = FRONT[:1]
    draw_front(tmp_path / "one.svg", **WORDS, points=[], front=only, baseline=only[0], best=only[0])
    said = texts(tmp_path / "one.svg")
    assert "2,000.00 us with 100.0 %, the best, baseline" in said
    assert not any("not chosen" in text for text in said)


def test_a_long_front_is_told_in_part(tmp_path):
    front = [FrontPoint(f"k={n}", 100.0 - n, 1000.0 + n) for n in range(15)]
    draw_front(tmp_path / "long.svg", **WORDS, points=[], front=front)
    said = texts(tmp_path / "long.svg")
    assert "and 5 more" in said
    assert "k=9" in said
    assert "k=10" not in said


@pytest.mark.parametrize(
    ("front", "message"), [([], "no point"), ([FrontPoint("k", float("nan"), 1.0)], "finite")]
)
def test_what_is_no_front_is_refused_and_no_file_made(tmp_path, front, message):
    with pytest.raises(InputError, match=message):
        draw_front(tmp_path / "front.png", **WORDS, points=[], front=front)
    assert list(tmp_path.iterdir()) == []
