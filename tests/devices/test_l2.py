import pytest

from devices.l2 import L2, Touch, Use

KB = 1024


def read(cell, nbytes=KB, share=1.0):
    return Use((Touch((cell,), share, nbytes),), (), nbytes)


def write(cell, nbytes=KB):
    return Use((), (Touch((cell,), 0.0, nbytes),), nbytes)


def test_the_first_reader_misses_and_a_later_one_hits():
    l2 = L2(10 * KB, [KB])
    assert l2.run(read(0), 0.0, 10.0, 0.4) == (10.0, KB)
    assert l2.run(read(0), 10.0, 10.0, 0.4) == (6.0, 0.0)


def test_what_a_task_has_written_hits():
    l2 = L2(10 * KB, [KB])
    assert l2.run(write(0), 0.0, 1.0, 0.0) == (1.0, 0.0)
    assert l2.run(read(0), 0.5, 10.0, 0.4) == (6.0, 0.0)


def test_only_the_part_that_is_not_there_costs_more():
    l2 = L2(10 * KB, [KB, KB])
    l2.run(read(0), 0.0, 1.0, 0.0)
    both = Use((Touch((0,), 0.25, KB), Touch((1,), 0.75, KB)), (), 2 * KB)
    assert l2.run(both, 5.0, 10.0, 0.4) == (pytest.approx(10.0 * (1.0 - 0.4 * 0.25)), KB)


def test_what_was_touched_longest_ago_makes_room():
    l2 = L2(2 * KB, [KB] * 3)
    for cell in (0, 1):
        l2.run(read(cell), 0.0, 1.0, 0.0)
    l2.run(read(0), 2.0, 1.0, 0.0)
    l2.run(read(2), 3.0, 1.0, 0.0)  # in place of 1
    assert l2.run(read(0), 9.0, 1.0, 0.5)[1] == 0.0
    assert l2.run(read(1), 9.0, 1.0, 0.5)[1] == KB


def test_changed_lines_go_back_to_hbm_when_they_are_replaced():
    l2 = L2(KB, [KB, KB])
    l2.run(write(0), 0.0, 1.0, 0.0)
    assert l2.run(read(1), 1.0, 1.0, 0.0)[1] == 2 * KB  # it comes, and the other one goes
    assert l2.run(write(0), 2.0, 1.0, 0.0)[1] == 0.0  # read only, so nothing goes


def test_who_begins_with_the_fetch_waits_for_all_of_it_and_hbm_moves_it_once():
    l2 = L2(10 * KB, [KB])
    l2.run(read(0), 0.0, 10.0, 0.4)
    assert l2.run(read(0), 0.0, 10.0, 0.4) == (10.0, 0.0)


@pytest.mark.parametrize(("begin_us", "missed"), [(1.0, 0.75), (2.0, 0.5), (4.0, 0.0), (8.0, 0.0)])
def test_who_begins_later_catches_up_with_the_fetch(begin_us, missed):
    # At 0.6 of its time for what is there, a part x takes 6 x us, and the fetch 10 x us.
    l2 = L2(10 * KB, [KB])
    l2.run(read(0), 0.0, 10.0, 0.4)
    time_us, hbm_bytes = l2.run(read(0), begin_us, 10.0, 0.4)
    assert time_us == pytest.approx(10.0 * (1.0 - 0.4 * (1.0 - missed)))
    assert hbm_bytes == 0.0


def test_a_task_that_touches_a_cell_twice_misses_once():
    l2 = L2(10 * KB, [KB])
    twice = Use((Touch((0,), 0.5, KB), Touch((0,), 0.5, KB)), (), 2 * KB)
    assert l2.run(twice, 0.0, 10.0, 0.4) == (8.0, KB)


def test_who_begins_before_the_fetch_misses_that_part_and_no_more():
    # A second task of a busy core is known early and begins late.
    l2 = L2(10 * KB, [KB, KB])
    l2.run(read(1), 0.0, 1.0, 0.4)
    l2.run(read(0), 20.0, 10.0, 0.4)
    both = Use((Touch((0,), 0.5, KB), Touch((1,), 0.5, KB)), (), 2 * KB)
    assert l2.run(both, 5.0, 10.0, 0.4) == (pytest.approx(10.0 * (1.0 - 0.4 * 0.5)), 0.0)
