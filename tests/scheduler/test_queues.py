"""Queues of ready tasks, apart from any run."""

import random

import pytest

from devices.errors import InputError
from scheduler.queues import PlannedQueue, RankedQueue, StealingQueue


def drain(queue):
    return [queue.popleft() for _ in range(len(queue))]


def filled(queue, tasks):
    for task in tasks:
        queue.append(task)
    return queue


# By rank


def test_the_least_rank_comes_first():
    ranks = {10: 3.0, 11: 1.0, 12: -2.0}
    assert drain(filled(RankedQueue(ranks.__getitem__), [10, 11, 12])) == [12, 11, 10]


def test_equal_ranks_come_in_the_order_in_which_they_became_ready():
    assert drain(filled(RankedQueue(lambda _: 0.0), [7, 3, 9, 1])) == [7, 3, 9, 1]


def test_later_tasks_overtake_and_a_task_may_come_again():
    queue = filled(RankedQueue(float), [5, 2])
    assert queue.popleft() == 2
    filled(queue, [1, 5, 9])
    assert drain(queue) == [1, 5, 5, 9]


def test_ranks_may_be_tuples():
    assert drain(filled(RankedQueue(lambda t: (t % 2, -t)), [1, 2, 3, 4])) == [4, 2, 3, 1]


def test_the_rank_is_asked_once_when_the_task_becomes_ready():
    asked = []
    queue = RankedQueue(lambda task: asked.append(task) or float(task))
    filled(queue, [4, 2, 3])
    assert asked == [4, 2, 3]
    drain(queue)
    assert asked == [4, 2, 3]


def test_a_rank_that_cannot_be_compared_is_refused():
    with pytest.raises(InputError, match="the rank of task 4 is nan; it has to be comparable"):
        RankedQueue(lambda _: float("nan")).append(4)


@pytest.mark.parametrize("seed", range(20))
def test_a_ranked_queue_is_a_stable_sort(seed):
    choose = random.Random(seed)
    ranks = [choose.randint(0, 5) for _ in range(40)]
    waiting, queue = [], RankedQueue(ranks.__getitem__)
    for task in range(40):
        waiting.append(task)
        queue.append(task)
        if choose.random() < 0.4:
            waiting.sort(key=ranks.__getitem__)  # stable: of equal ones the first
            assert queue.popleft() == waiting.pop(0)
    assert drain(queue) == sorted(waiting, key=ranks.__getitem__)


# In a planned order


def test_a_planned_queue_shows_only_the_next_task_and_that_when_it_is_ready():
    queue = PlannedQueue([5, 1, 3])
    assert len(queue) == 0
    filled(queue, [1, 3])
    assert len(queue) == 0  # 5 has to come first
    queue.append(5)
    assert [queue.popleft(), len(queue), queue.popleft(), queue.popleft()] == [5, 1, 1, 3]
    assert len(queue) == 0


# With stealing


def family_of(*contents):
    """One queue per thread, with the tasks that it has been left."""
    family = []
    return [filled(StealingQueue(family), tasks) for tasks in contents]


def test_a_thread_takes_its_newest_task_first():
    own, _ = family_of([1, 2, 3], [4])
    assert [own.popleft() for _ in range(3)] == [3, 2, 1]


def test_a_thief_takes_the_oldest_task_of_the_longest_queue():
    thief, _, longest = family_of([], [1, 2], [3, 4, 5])
    assert thief.popleft() == 3
    assert thief.popleft() == 1  # both have two now: the first of the longest
    assert thief.popleft() == 4
    assert longest.popleft() == 5


def test_what_a_thread_could_take_is_what_all_have():
    thief, other = family_of([], [1, 2])
    assert (len(thief), len(other)) == (2, 2)
    assert drain(thief) == [1, 2]
    assert (len(thief), len(other)) == (0, 0)


def test_own_tasks_come_before_those_of_others():
    own, other = family_of([1], [2, 3, 4])
    assert [own.popleft() for _ in range(3)] == [1, 2, 3]
    filled(own, [9])
    assert own.popleft() == 9
    assert other.popleft() == 4


def test_every_task_is_taken_once_whoever_takes_it():
    choose = random.Random(1)
    queues = family_of([], [], [])
    for task in range(60):
        choose.choice(queues).append(task)
    taken = [choose.choice(queues).popleft() for _ in range(60)]
    assert sorted(taken) == list(range(60))
    assert not any(len(queue) for queue in queues)
