"""The scheduler loop taken literally: every register read is an event of a SimPy process.

Independent of the simulator: no code of it is used, and nothing is computed ahead.
"""

from collections import deque

import simpy


def simulate_literally(machine, tasks):
    """Stamps of each task by name of the stamp.

    Parameters
    ----------
    machine : mapping
        clusters, threads, orders (of shapes per thread), local_capacity and the costs in us;
        window (places of the one ring), pool (entries for waiting consumers), deferred_limit,
        and scope_ends: for each task, how many there are when its scope ends.
    tasks : list of (shape, producers, duration_us, submit_us)
        Shape "c" or "v"; producers by number.
    """
    env = simpy.Environment()
    count = len(tasks)
    stamps = {
        name: [None] * count
        for name in ("submit", "ready", "dispatch", "start", "end", "observe", "finish", "core")
    }
    complete = [False] * count
    waiting = [0] * count
    consumers = [[] for _ in range(count)]
    queues = {"c": deque(), "v": deque()}

    # What keeps a task: its scope, its own release, and each consumer that is not released.
    kept_by = [2] * count
    links = [0] * count
    submitted = 0
    retired = 0
    change = env.event()

    def let_go(number):
        nonlocal retired, change
        kept_by[number] -= 1
        while retired < submitted and not kept_by[retired]:
            retired += 1
        change.succeed()
        change = env.event()

    def release(deferred):
        for number in deferred:
            for producer in holding[number]:
                let_go(producer)
            let_go(number)
        deferred.clear()

    holding = [[] for _ in tasks]

    def has_space(number):
        pool = sum(links[retired:number]) + len(tasks[number][1])
        return number - retired + 1 < machine["window"] and pool <= machine["pool"]

    def orchestrator():
        nonlocal submitted
        for number, (shape, producers, _, submit_us) in enumerate(tasks):
            for earlier in range(number):
                if machine["scope_ends"][earlier] == number:
                    let_go(earlier)
            while not has_space(number):
                yield change
            yield env.timeout(submit_us)
            submitted = number + 1
            for producer in producers:
                if kept_by[producer]:
                    kept_by[producer] += 1
                    holding[number].append(producer)
            links[number] = sum(not complete[p] for p in producers)
            stamps["submit"][number] = env.now
            live = [p for p in producers if not complete[p]]
            for producer in live:
                consumers[producer].append(number)
            waiting[number] = len(live)
            if not live:
                stamps["ready"][number] = env.now
                queues[shape].append(number)

    def push_at(time_us, number):
        queue = queues[tasks[number][0]]
        env.timeout(time_us - env.now).callbacks.append(lambda _: queue.append(number))

    def thread(own):
        clusters = range(own, machine["clusters"], machine["threads"])
        idle = {("c", c, 0) for c in clusters} | {("v", c, i) for c in clusters for i in (0, 1)}
        running = {}
        local = {"c": [], "v": []}
        deferred = []

        def number_of(core):
            shape, cluster, slot = core
            return cluster if shape == "c" else machine["clusters"] + 2 * cluster + slot

        yield env.timeout(own / machine["threads"] * machine["loop_us"])
        while not all(complete):
            busy = False
            for core in sorted(running, key=number_of):
                number, visible_us = running[core]
                seen = env.now >= visible_us
                yield env.timeout(machine["read_us"])
                if not seen:
                    continue
                busy = True
                stamps["observe"][number] = env.now
                yield env.timeout(machine["completion_us"])
                del running[core]
                idle.add(core)
                complete[number] = True
                walk_us = env.now
                for consumer in reversed(consumers[number]):
                    walk_us += machine["per_consumer_us"]
                    waiting[consumer] -= 1
                    if waiting[consumer] == 0:
                        stamps["ready"][consumer] = walk_us
                        buffer = local[tasks[consumer][0]]
                        if len(buffer) < machine["local_capacity"]:
                            buffer.append(consumer)
                        else:
                            push_at(walk_us, consumer)
                yield env.timeout(walk_us - env.now)
                stamps["finish"][number] = env.now
                deferred.append(number)
                if len(deferred) == machine["deferred_limit"]:
                    release(deferred)
            for shape in machine["orders"][own]:
                while True:
                    valid = sorted({c for s, c, _ in idle if s == shape})
                    batch = []
                    while len(batch) < len(valid) and local[shape]:
                        batch.append(local[shape].pop())
                    while len(batch) < len(valid) and queues[shape]:
                        batch.append(queues[shape].popleft())
                    if not batch:
                        break
                    busy = True
                    for number, cluster in zip(batch, valid, strict=False):
                        slot = min(i for s, c, i in idle if (s, c) == (shape, cluster))
                        core = (shape, cluster, slot)
                        idle.remove(core)
                        yield env.timeout(machine["dispatch_us"])
                        start_us = env.now + machine["before_us"]
                        end_us = start_us + tasks[number][2]
                        stamps["dispatch"][number] = env.now
                        stamps["start"][number] = start_us
                        stamps["end"][number] = end_us
                        stamps["core"][number] = number_of(core)
                        running[core] = (number, end_us + machine["after_us"])
            if not busy and deferred:
                release(deferred)
            for shape in "cv":
                queues[shape].extend(local[shape])
                local[shape].clear()
            yield env.timeout(machine["loop_us"])

    for own in range(machine["threads"]):
        env.process(thread(own))
    env.process(orchestrator())
    env.run()
    return stamps
