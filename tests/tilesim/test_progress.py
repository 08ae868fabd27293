import pytest
from rich import progress as parts

from tilesim.progress import counted_progress


@pytest.fixture
def displays(monkeypatch):
    """The displays that are begun, on what looks like a terminal."""
    made = []

    class Progress(parts.Progress):
        def __init__(self, *columns, **options):
            super().__init__(*columns, **options)
            made.append(self)

    monkeypatch.setattr(parts, "Progress", Progress)
    monkeypatch.setenv("FORCE_COLOR", "1")
    return made


def test_what_was_done_before_says_nothing_of_the_time_left(displays):
    with counted_progress(100) as counter:
        counter.skip(90, "1 failed")
        counter.advance("2 failed")
        (task,) = displays[0].tasks
        assert (task.completed, task.description) == (91, "2 failed")
        assert task.speed is None


def test_nothing_is_shown_where_nobody_looks(displays, monkeypatch):
    monkeypatch.delenv("FORCE_COLOR")
    with counted_progress(2) as counter:
        counter.skip(1, "")
        counter.advance("")
    assert displays == []
