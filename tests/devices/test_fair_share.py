import pytest
from hypothesis import given
from hypothesis import strategies as st

from devices.fair_share import fair_level, fair_speeds

wants = st.lists(
    st.tuples(st.floats(0.0, 100.0), st.floats(0.1, 100.0), st.integers(1, 30)),
    min_size=1,
    max_size=8,
)


def test_who_wants_less_than_a_fair_share_gets_it_and_leaves_the_rest():
    assert fair_level([10.0, 60.0], [2, 2], 100.0) == 40.0
    assert fair_level([10.0, 30.0, 60.0], [1, 1, 1], 70.0) == 30.0


def test_where_there_is_enough_nobody_is_limited():
    assert fair_level([10.0, 60.0], [2, 1], 80.0) == float("inf")


def test_one_resource_slows_down_only_those_that_want_more_than_the_level():
    speeds = fair_speeds([(100.0, 1.0), (10.0, 1.0), (0.0, 1.0)], [2, 1, 5], (110.0, 1e9))
    assert speeds == [0.5, 1.0, 1.0]


def test_what_a_stream_leaves_as_it_waits_for_the_other_resource_goes_to_the_rest():
    # 100 x + y = 11 and 100 x + 100 y = 100: both resources are used up.
    speeds = fair_speeds([(100.0, 100.0), (100.0, 1.0)], [1, 1], (100.0, 11.0))
    assert speeds == pytest.approx([10 / 99, 89 / 99], rel=1e-3)


@given(wants, st.floats(1.0, 500.0), st.floats(1.0, 500.0))
def test_speeds_are_feasible_and_somebody_who_is_slowed_has_used_a_resource_up(groups, hbm, l2):
    rates, counts = [(h, t) for h, t, _ in groups], [n for *_, n in groups]
    speeds = fair_speeds(rates, counts, (hbm, l2))
    used = [
        sum(n * s * rate[r] for rate, n, s in zip(rates, counts, speeds, strict=True))
        for r in (0, 1)
    ]
    assert all(0.0 < s <= 1.0 for s in speeds)
    assert used[0] <= hbm * (1 + 1e-9)
    assert used[1] <= l2 * (1 + 1e-9)
    if min(speeds) < 1.0:
        assert used[0] >= hbm * 0.98 or used[1] >= l2 * 0.98
