import pytest

from devices.dtypes import BY_NAME
from runtime.graph import Buffer, View, whole_view
from runtime.view_rows import ViewRows, distinct_views

FP32 = BY_NAME["FP32"]
X, LIKE_X = (Buffer("x", (4, 8), FP32, -1) for _ in range(2))
LINE = Buffer("line", (5,), FP32, 3)


def test_rows_of_views_stand_one_after_the_other():
    rows = ViewRows([View(X, (2, 8), (2, 0)), whole_view(LINE), View(X, (1, 1), (0, 7))])
    assert rows.buffers == [X, LINE]
    assert rows.names == ["x", "line"]
    assert rows.dtypes == [FP32]
    assert list(rows.dtype) == [0, 0]
    assert list(rows.axes) == [2, 1]
    assert list(rows.owner) == [-1, 3]
    assert list(rows.buffer_shape) == [4, 8, 5]
    assert list(rows.buffer) == [0, 1, 0]
    assert list(rows.shape) == [2, 8, 5, 1, 1]
    assert list(rows.offset) == [2, 0, 0, 0, 7]


def test_buffers_that_look_alike_are_different_ones():
    assert ViewRows([whole_view(LIKE_X), whole_view(X)]).buffers == [LIKE_X, X]


def test_a_view_is_an_object_and_not_what_it_looks_like():
    first, alike = whole_view(X), whole_view(X)
    found, at = distinct_views([alike, first, alike])
    assert [view is expected for view, expected in zip(found, (alike, first), strict=True)] == [
        True,
        True,
    ]
    assert list(at) == [0, 1, 0]


@pytest.mark.parametrize("wrong", [View(X, (32,), (0,)), View(X, (4, 8), (0,))])
def test_a_view_has_the_axes_of_its_buffer(wrong):
    with pytest.raises(ValueError, match="axes"):
        ViewRows([whole_view(LINE), wrong])
