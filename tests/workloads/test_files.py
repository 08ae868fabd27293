from __future__ import annotations

import os
from pathlib import Path

import pytest

from devices.errors import InputError
from plots import PICTURE_ENDINGS, TRACE_ENDINGS
from workloads.files import check_writable, file_ending, write_file, write_folder


def test_a_good_path_leaves_no_trace_of_the_check(tmp_path):
    check_writable(tmp_path / "run.png", PICTURE_ENDINGS)
    check_writable(str(tmp_path / "run.json.gz"), TRACE_ENDINGS)
    assert list(tmp_path.iterdir()) == []


def test_the_ending_may_be_in_capitals():
    assert file_ending("RUN.PNG", PICTURE_ENDINGS) == ".png"
    assert file_ending("run.JSON.gz", TRACE_ENDINGS) == ".json.gz"


@pytest.mark.parametrize("name", ["run.jpg", "run", "png", "run.png.txt"])
def test_another_ending_is_refused_with_the_ones_that_work(tmp_path, name):
    with pytest.raises(InputError, match=r"\.png, \.svg, \.pdf"):
        check_writable(tmp_path / name, PICTURE_ENDINGS)


def write_hello(path: Path) -> None:
    path.write_text("hello")


@pytest.fixture(params=["early", "late"])
def attempt(request):
    """The check before a run and the writing after it refuse the same paths."""
    if request.param == "early":
        return lambda path: check_writable(path, PICTURE_ENDINGS)
    return lambda path: write_file(path, write_hello)


def test_a_missing_folder_is_named(attempt, tmp_path):
    with pytest.raises(InputError, match=r"folder '.*nowhere' does not exist; make it first"):
        attempt(tmp_path / "nowhere" / "run.png")


def test_a_folder_is_not_a_file(attempt, tmp_path):
    (tmp_path / "run.png").mkdir()
    with pytest.raises(InputError, match="it is a folder"):
        attempt(tmp_path / "run.png")


def test_a_path_below_a_file_is_refused(attempt, tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(InputError, match="not a directory"):
        attempt(tmp_path / "file" / "run.png")


def test_a_pipe_is_not_replaced(attempt, tmp_path):
    os.mkfifo(tmp_path / "run.png")
    with pytest.raises(InputError, match="device or a pipe"):
        attempt(tmp_path / "run.png")
    assert (tmp_path / "run.png").is_fifo()


@pytest.mark.skipif(not Path("/proc/self").exists(), reason="needs a folder nobody can write to")
def test_an_unwritable_folder_is_refused_even_to_root(attempt):
    with pytest.raises(InputError, match="choose a folder that you can write to"):
        attempt(Path("/proc/run.png"))


def test_a_name_that_is_too_long_is_refused(attempt, tmp_path):
    with pytest.raises(InputError, match="too long"):
        attempt(tmp_path / ("x" * 300 + ".png"))


def test_a_file_is_made_with_the_usual_permissions(tmp_path):
    write_file(tmp_path / "run.png", write_hello)
    write_hello(tmp_path / "other")
    assert (tmp_path / "run.png").read_text() == "hello"
    assert (tmp_path / "run.png").stat().st_mode == (tmp_path / "other").stat().st_mode


@pytest.mark.parametrize("failure", [ValueError, KeyboardInterrupt])
def test_nothing_is_half_written_when_the_writer_fails(tmp_path, failure):
    old = tmp_path / "run.png"
    old.write_text("old")

    def write(path: Path) -> None:
        path.write_text("half")
        raise failure

    with pytest.raises(failure):
        write_file(old, write)
    assert old.read_text() == "old"
    assert list(tmp_path.iterdir()) == [old]


def test_a_full_disk_is_an_input_error_and_leaves_nothing(tmp_path):
    def write(path: Path) -> None:
        path.write_text("half")
        raise OSError(28, "No space left on device")

    with pytest.raises(InputError, match="no space left on device"):
        write_file(tmp_path / "run.png", write)
    assert list(tmp_path.iterdir()) == []


def test_a_link_keeps_pointing_to_the_file_that_is_replaced(tmp_path):
    (tmp_path / "folder").mkdir()
    target = tmp_path / "folder" / "real.png"
    target.write_text("old")
    (tmp_path / "run.png").symlink_to(target)
    write_file(tmp_path / "run.png", write_hello)
    assert target.read_text() == "hello"
    assert (tmp_path / "run.png").is_symlink()


# Folders


def test_a_folder_is_made_whole_or_not_at_all(tmp_path):
    def write(folder):
        (folder / "one").write_text("1", encoding="utf-8")
        raise InputError("no more")

    with pytest.raises(InputError, match="no more"):
        write_folder(tmp_path / "out", write)
    assert list(tmp_path.iterdir()) == []
    write_folder(tmp_path / "out", lambda folder: (folder / "one").write_text("1"))
    assert [path.name for path in (tmp_path / "out").iterdir()] == ["one"]


def test_an_empty_folder_is_filled_and_anything_else_is_left_alone(tmp_path):
    (tmp_path / "empty").mkdir()
    write_folder(tmp_path / "empty", lambda folder: (folder / "one").write_text("1"))
    (tmp_path / "file").write_text("kept", encoding="utf-8")
    for name in ("empty", "file"):
        with pytest.raises(InputError, match="is there already"):
            write_folder(tmp_path / name, lambda folder: (folder / "two").write_text("2"))
    with pytest.raises(InputError, match="does not exist"):
        write_folder(tmp_path / "no" / "folder", lambda _: None)
    assert sorted(path.name for path in tmp_path.rglob("*")) == ["empty", "file", "one"]
