import pytest

from devices.footprints import Footprints, Touch, Use
from devices.l2 import L2

KB = 1024


def read(cell, nbytes=KB, share=1.0):
    return Use((Touch((cell,), share, nbytes),), (), nbytes)


def write(cell, nbytes=KB):
    return Use((), (Touch((cell,), 0.0, nbytes),), nbytes)


class Tasks:
    """Tasks that run one after the other, on an L2 that holds so many bytes."""

    def __init__(self, capacity_bytes, cell_bytes, *uses):
        self.l2 = L2(capacity_bytes, Footprints.of_uses(uses, cell_bytes))
        self.count = 0

    def run(self, *times):
        self.count += 1
        return self.l2.run(self.count - 1, *times)


def test_the_first_reader_misses_and_a_later_one_hits():
    tasks = Tasks(10 * KB, [KB], read(0), read(0))
    assert tasks.run(0.0, 10.0, 0.4) == (10.0, KB)
    assert tasks.run(10.0, 10.0, 0.4) == (6.0, 0.0)


def test_what_a_task_has_written_hits():
    tasks = Tasks(10 * KB, [KB], write(0), read(0))
    assert tasks.run(0.0, 1.0, 0.0) == (1.0, 0.0)
    assert tasks.run(0.5, 10.0, 0.4) == (6.0, 0.0)


def test_only_the_part_that_is_not_there_costs_more():
    both = Use((Touch((0,), 0.25, KB), Touch((1,), 0.75, KB)), (), 2 * KB)
    tasks = Tasks(10 * KB, [KB, KB], read(0), both)
    tasks.run(0.0, 1.0, 0.0)
    assert tasks.run(5.0, 10.0, 0.4) == (pytest.approx(10.0 * (1.0 - 0.4 * 0.25)), KB)


def test_what_was_touched_longest_ago_makes_room():
    tasks = Tasks(2 * KB, [KB] * 3, *map(read, (0, 1, 0, 2, 0, 1)))
    for _ in range(2):
        tasks.run(0.0, 1.0, 0.0)
    tasks.run(2.0, 1.0, 0.0)
    tasks.run(3.0, 1.0, 0.0)  # in place of 1
    assert tasks.run(9.0, 1.0, 0.5)[1] == 0.0
    assert tasks.run(9.0, 1.0, 0.5)[1] == KB


def test_changed_lines_go_back_to_hbm_when_they_are_replaced():
    tasks = Tasks(KB, [KB, KB], write(0), read(1), write(0))
    tasks.run(0.0, 1.0, 0.0)
    assert tasks.run(1.0, 1.0, 0.0)[1] == 2 * KB  # it comes, and the other one goes
    assert tasks.run(2.0, 1.0, 0.0)[1] == 0.0  # read only, so nothing goes


def test_who_begins_with_the_fetch_waits_for_all_of_it_and_hbm_moves_it_once():
    tasks = Tasks(10 * KB, [KB], read(0), read(0))
    tasks.run(0.0, 10.0, 0.4)
    assert tasks.run(0.0, 10.0, 0.4) == (10.0, 0.0)


@pytest.mark.parametrize("cold_us", [10.0, 0.0])
def test_who_begins_before_a_fetch_waits_for_all_of_it(cold_us):
    tasks = Tasks(10 * KB, [KB], read(0), read(0))
    tasks.run(5.0, cold_us, 0.4)
    assert tasks.run(1.0, 10.0, 0.4) == (10.0, 0.0)


@pytest.mark.parametrize(("begin_us", "missed"), [(1.0, 0.75), (2.0, 0.5), (4.0, 0.0), (8.0, 0.0)])
def test_who_begins_later_catches_up_with_the_fetch(begin_us, missed):
    # At 0.6 of its time for what is there, a part x takes 6 x us, and the fetch 10 x us.
    tasks = Tasks(10 * KB, [KB], read(0), read(0))
    tasks.run(0.0, 10.0, 0.4)
    time_us, hbm_bytes = tasks.run(begin_us, 10.0, 0.4)
    assert time_us == pytest.approx(10.0 * (1.0 - 0.4 * (1.0 - missed)))
    assert hbm_bytes == 0.0


def test_a_task_that_touches_a_cell_twice_misses_once():
    twice = Use((Touch((0,), 0.5, KB), Touch((0,), 0.5, KB)), (), 2 * KB)
    assert Tasks(10 * KB, [KB], twice).run(0.0, 10.0, 0.4) == (8.0, KB)


def test_who_begins_before_the_fetch_misses_that_part_and_no_more():
    # A second task of a busy core is known early and begins late.
    both = Use((Touch((0,), 0.5, KB), Touch((1,), 0.5, KB)), (), 2 * KB)
    tasks = Tasks(10 * KB, [KB, KB], read(1), read(0), both)
    tasks.run(0.0, 1.0, 0.4)
    tasks.run(20.0, 10.0, 0.4)
    assert tasks.run(5.0, 10.0, 0.4) == (pytest.approx(10.0 * (1.0 - 0.4 * 0.5)), 0.0)


@pytest.mark.parametrize("cell_bytes", [(1 << 31) - 512, 1 << 30])
def test_bytes_are_counted_beyond_32_bits(cell_bytes):
    cells = [3, 1, 2, 0, 3]
    tasks = Tasks(3 << 30, [cell_bytes] * 4, *(read(cell, cell_bytes) for cell in cells))
    found = [tasks.run(float(n), 1.0, 0.5)[1] for n in range(len(cells))]
    held = (3 << 30) // cell_bytes
    assert found == [cell_bytes] * 4 + [0.0 if held >= 4 else cell_bytes]
