from __future__ import annotations

import re

import pytest

from devices.errors import InputError
from plots import Accuracy, draw_accuracy

POINTS = [Accuracy("wall-clock", 63044.26, 59000.0), Accuracy("kernel exec", 0.52, 0.55)]
MAGIC = {"png": b"\x89PNG\r\n\x1a\n", "svg": b"<?xml", "pdf": b"%PDF-"}


@pytest.mark.parametrize("ending", MAGIC)
def test_accuracy_is_drawn_and_the_same_each_time(tmp_path, ending):
    for name in ("a", "b"):
        draw_accuracy(POINTS, tmp_path / f"{name}.{ending}")
    content = (tmp_path / f"a.{ending}").read_bytes()
    assert content.startswith(MAGIC[ending])
    assert content == (tmp_path / f"b.{ending}").read_bytes()


def test_kinds_and_bands_are_explained(tmp_path):
    draw_accuracy(POINTS, tmp_path / "a.svg")
    said = re.findall(r"<!-- (.*?) -->", (tmp_path / "a.svg").read_text(encoding="utf-8"))
    assert {"wall-clock", "kernel exec", "2 figures; lines at 10% and 25%"} <= set(said)
    assert {"1", "10", "100", "1000"} <= set(said)  # of the axes


@pytest.mark.parametrize("points", [[], [Accuracy("elapsed", 0.0, 1.0)]])
def test_what_has_no_logarithm_is_refused_and_no_file_made(tmp_path, points):
    with pytest.raises(InputError):
        draw_accuracy(points, tmp_path / "a.png")
    assert list(tmp_path.iterdir()) == []
