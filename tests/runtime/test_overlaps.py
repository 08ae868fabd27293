"""Finding overlapping rectangles: always what comparing each with every other finds."""

from hypothesis import given
from hypothesis import strategies as st

from runtime.overlaps import Overlaps, overlap

places = st.integers(0, 40)
rectangles = st.tuples(st.tuples(places, places), st.tuples(st.integers(1, 40), st.integers(1, 9)))
steps = st.lists(st.tuples(st.sampled_from(["keep", "keep", "look", "remove"]), rectangles))


@given(steps)
def test_every_lookup_finds_what_overlaps_the_highest_first(steps):
    overlaps = Overlaps()
    kept = {}
    for number, (what, rectangle) in enumerate(steps):
        if what == "keep":
            overlaps.keep(*rectangle, number)
            kept[number] = rectangle
        elif what == "remove" and kept:
            gone = min(kept)
            overlaps.remove(*kept.pop(gone), gone)
        found = overlaps.overlapping(*rectangle)
        expected = [n for n, other in kept.items() if overlap(*rectangle, *other)]
        assert found == expected[::-1]


def test_tiles_that_touch_share_nothing():
    overlaps = Overlaps()
    for number in range(100):
        overlaps.keep((64 * number, 0), (64, 64), number)
    assert overlaps.overlapping((64 * 3, 0), (64, 64)) == [3]
    assert overlaps.overlapping((64 * 3 + 1, 0), (64, 64)) == [4, 3]
    assert overlaps.overlapping((64 * 10, 8), (128, 8)) == [11, 10]
    assert overlaps.overlapping((0, 64), (6400, 8)) == []
