"""Classical list scheduling, as literal as it can be: cores see everything the moment it happens.

Also the plans of HEFT and PEFT, with one core type per task and nothing to pay for passing data.
Independent of the simulator: no code of it is used. At every moment first all that ends then ends,
and after that ready tasks go to idle cores. Ties are those of one scheduler thread: tasks that end
together do so by core number, and each tells its consumers newest first; of the idle cores every
cluster gets one task, lowest cluster first, before any gets a second.
"""

from collections import Counter
from heapq import heappop, heappush


class ByRank:
    """Ready tasks by ``rank(task)``, asked when a task becomes ready; of equal ones the first."""

    def __init__(self, rank):
        self.rank = rank
        self.heaps = {"c": [], "v": []}
        self.count = 0

    def add(self, shape, task):
        self.count += 1
        heappush(self.heaps[shape], (self.rank(task), self.count, task))

    def take(self, shape):
        return heappop(self.heaps[shape])[2] if self.heaps[shape] else None

    def settle(self):
        pass


class Buffered:
    """The runtime with one thread: what has just become ready newest first, then oldest first."""

    def __init__(self):
        self.buffers = {"c": [], "v": []}
        self.queues = {"c": [], "v": []}

    def add(self, shape, task):
        self.buffers[shape].append(task)

    def take(self, shape):
        if self.buffers[shape]:
            return self.buffers[shape].pop()
        return self.queues[shape].pop(0) if self.queues[shape] else None

    def settle(self):
        for shape, buffer in self.buffers.items():
            self.queues[shape] += buffer
            buffer.clear()


def list_schedule(shapes, producers, durations, clusters, ready):
    """Start, end and core (shape, cluster, slot) of each task.

    `shapes` is one letter per task: c(ube) or v(ector); a cluster has 1 and 2 such cores. `ready`
    holds the ready tasks; after each moment it is told to `settle`.
    """
    count = len(shapes)
    start, end, core_of = [None] * count, [None] * count, [None] * count
    waiting = [len(each) for each in producers]
    idle = {("c", c, 0) for c in range(clusters)} | {
        ("v", c, slot) for c in range(clusters) for slot in (0, 1)
    }
    running = []  # (end, core, task)
    for task in range(count):
        if not waiting[task]:
            ready.add(shapes[task], task)
    ready.settle()  # all of these are there before the thread looks
    now = 0.0
    while True:
        for core in in_rounds(idle):
            task = ready.take(core[0])
            if task is not None:
                idle.remove(core)
                start[task], end[task], core_of[task] = now, now + durations[task], core
                heappush(running, (end[task], core, task))
        ready.settle()
        if not running:
            return start, end, core_of
        now = running[0][0]
        while running and running[0][0] == now:
            _, core, task = heappop(running)
            idle.add(core)
            for consumer in range(count - 1, task, -1):
                if task in producers[consumer]:
                    waiting[consumer] -= 1
                    if not waiting[consumer]:
                        ready.add(shapes[consumer], consumer)


def in_rounds(idle):
    """Idle cores: one of each cluster, then what is left of each."""
    seen = Counter()
    rounds = []
    for shape, cluster, slot in sorted(idle):
        rounds.append((seen[shape, cluster], shape, cluster, slot))
        seen[shape, cluster] += 1
    return [core[1:] for core in sorted(rounds)]


def longest_paths(producers, durations):
    """Longest path of durations from the begin of each task to the end of the graph."""
    count = len(producers)

    def below(task):
        after = [below(c) for c in range(count) if task in producers[c]]
        return durations[task] + max(after, default=0.0)

    return [below(task) for task in range(count)]


def heft_order(producers, durations):
    """By bottom level, then in program order."""
    below = longest_paths(producers, durations)
    return sorted(range(len(producers)), key=lambda task: (-below[task], task))


def peft_order(producers, durations):
    """Of the tasks whose producers are in the order: what has the longest path after it next."""
    below = longest_paths(producers, durations)
    order = []
    while len(order) < len(producers):
        possible = [
            task
            for task, needed in enumerate(producers)
            if task not in order and all(p in order for p in needed)
        ]
        order.append(max(possible, key=lambda task: (below[task] - durations[task], -task)))
    return order


def insertion_schedule(shapes, producers, durations, clusters, order):
    """Start, end and core of each task, put one by one where it ends first, in gaps if it fits."""
    count = len(shapes)
    start, end, core_of = [None] * count, [None] * count, [None] * count
    slots = {"c": (0,), "v": (0, 1)}
    for task in order:
        ready = max((end[p] for p in producers[task]), default=0.0)
        best = None
        for core in [(shapes[task], c, s) for c in range(clusters) for s in slots[shapes[task]]]:
            taken = [(start[t], end[t]) for t in range(count) if core_of[t] == core]
            begin = min(
                begin
                for begin in [ready, *(e for _, e in taken if e > ready)]
                if all(begin + durations[task] <= s or begin >= e for s, e in taken)
            )
            if best is None or begin < best[0]:
                best = begin, core
        start[task], core_of[task] = best
        end[task] = start[task] + durations[task]
    return start, end, core_of
