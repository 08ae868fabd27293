from __future__ import annotations

import pytest
from matplotlib.image import imread

from devices.errors import InputError
from plots import draw_comparison


@pytest.fixture(scope="module")
def runs(make_run):
    return [("before", make_run(2000, chain=True)), ("after", make_run(300, kernels=4))]


@pytest.mark.parametrize(
    ("ending", "magic"), [("png", b"\x89PNG\r\n"), ("svg", b"<?xml"), ("pdf", b"%PDF-")]
)
def test_a_comparison_is_written_and_the_same_each_time(runs, tmp_path, ending, magic):
    for name in ("a", "b"):
        draw_comparison(runs, tmp_path / f"{name}.{ending}")
    content = (tmp_path / f"a.{ending}").read_bytes()
    assert content.startswith(magic)
    assert content == (tmp_path / f"b.{ending}").read_bytes()
    assert len(content) < 2e6


def test_runs_of_very_different_length_are_drawn(runs, small, tmp_path):
    draw_comparison([*runs, ("tiny", small)], tmp_path / "runs.png")
    draw_comparison(runs, tmp_path / "two.png")
    three, two = imread(tmp_path / "runs.png"), imread(tmp_path / "two.png")
    assert three.shape[1] == two.shape[1] == 1600
    assert three.shape[0] > two.shape[0]


@pytest.mark.parametrize("count", [0, 1])
def test_fewer_than_two_runs_are_refused(runs, tmp_path, count):
    with pytest.raises(InputError, match="needs two runs or more"):
        draw_comparison(runs[:count], tmp_path / "runs.png")
    assert list(tmp_path.iterdir()) == []


def test_another_ending_is_refused(runs, tmp_path):
    with pytest.raises(InputError, match=r"\.png, \.svg, \.pdf"):
        draw_comparison(runs, tmp_path / "runs.json")
