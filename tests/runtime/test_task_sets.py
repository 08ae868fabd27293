"""Sets of tasks as integers, against Python's sets."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from runtime import task_sets
from runtime.task_sets import TaskSets, last_uses

COUNT = 12
MEMBERS = st.sets(st.integers(0, COUNT - 1)).map(sorted)


@given(MEMBERS, st.sets(st.integers(0, COUNT - 1)), st.integers(0, COUNT))
def test_sets_hold_members_only(members, tasks, task):
    sets = TaskSets(members, range(COUNT))
    found = sets.among(tasks)
    assert sets.tasks(found).tolist() == sorted(tasks & set(members))
    assert sets.tasks(sets.before(task)).tolist() == [m for m in members if m < task]
    assert sets.tasks(0).tolist() == []
    if found:
        assert sets.newest(found) == max(tasks & set(members))


def test_bits_that_nobody_asks_for_are_cut_off(monkeypatch):
    monkeypatch.setattr(task_sets, "_MANY_BITS", 2)
    sets = TaskSets([0, 1, 2, 3], [1, 2, 9, 9])
    kept, same = {7: sets.among([1, 2, 3])}, {7: 0}
    same[7] = kept[7]
    assert not sets.forget(1, kept, same)  # only task 0 is done with
    assert sets.forget(2, kept, same)
    assert kept[7] == 0b11
    assert kept[7] is same[7]
    assert sets.tasks(kept[7]).tolist() == [2, 3]
    assert sets.newest(kept[7]) == 3
    assert (sets.of(1), sets.of(2), sets.of(3)) == (0, 1, 2)
    assert sets.tasks(sets.before(3)).tolist() == [2]
    assert sets.tasks(0).dtype == np.int64


def test_sets_end_with_the_last_consumer_or_question():
    assert last_uses([[], [0], [0, 1]], [0, 1, 2]) == {2: [0, 1, 2]}
    assert last_uses([[], [0], []], [0, 2, 2]) == {1: [0], 2: [1, 2]}
