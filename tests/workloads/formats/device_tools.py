"""What the device's own tools compute from a swimlane of version 2, as literally as possible.

From the definitions of the runtime's `swimlane_converter.py`, `sched_overhead_analysis.py` and
`perf_to_mermaid.py` of April 2026.
"""

from collections import defaultdict


def converter(document):
    """Total Test Time and a row for each function: count and means in us, exec in percent."""
    tasks = document["tasks"]
    total = max(t["finish_time_us"] for t in tasks) - min(t["dispatch_time_us"] for t in tasks)
    by_function = defaultdict(list)
    for task in tasks:
        by_function[task["func_id"]].append(task)
    rows = {}
    for function, own in sorted(by_function.items()):
        count = len(own)
        execs = sum(t["duration_us"] for t in own)
        latency = sum(t["finish_time_us"] - t["dispatch_time_us"] for t in own)
        rows[function] = {
            "count": count,
            "avg_exec_us": execs / count,
            "avg_latency_us": latency / count,
            "exec_percent": execs / latency * 100 if latency > 0 else 0.0,
            "avg_head_us": sum(t["start_time_us"] - t["dispatch_time_us"] for t in own) / count,
            "avg_tail_us": sum(t["finish_time_us"] - t["end_time_us"] for t in own) / count,
        }
    return total, rows


def overhead_analysis(document):
    """Part 1: tasks, wall-clock, sums; part 2: threads; part 3: percentiles of the tail."""
    tasks = document["tasks"]
    tails = sorted(t["finish_time_us"] - t["end_time_us"] for t in tasks)
    threads = []
    for phases in document["aicpu_scheduler_phases"]:
        if not phases:
            continue
        totals = defaultdict(float)
        for phase in phases:
            totals[phase["phase"]] += phase["end_time_us"] - phase["start_time_us"]
        completed = sum(p["tasks_processed"] for p in phases if p["phase"] == "complete")
        threads.append(
            {
                "loops": len({p["loop_iter"] for p in phases}),
                "completed": completed,
                "total_us": sum(totals.values()),
                **totals,
            }
        )
    return {
        "total_tasks": len(tasks),
        "wall_clock_us": max(t["finish_time_us"] for t in tasks)
        - min(t["dispatch_time_us"] for t in tasks),
        "exec_us": sum(t["duration_us"] for t in tasks),
        "head_us": sum(t["start_time_us"] - t["dispatch_time_us"] for t in tasks),
        "tail_us": sum(tails),
        "threads": threads,
        "percentiles": {
            p: tails[min(int(len(tails) * p / 100), len(tails) - 1)] for p in (10, 50, 90, 99)
        },
    }


def mermaid(document, names):
    """Nodes and arrows of the flow chart."""
    nodes = {t["task_id"]: f"{names[str(t['func_id'])]}({t['task_id']})" for t in document["tasks"]}
    arrows = {(t["task_id"], consumer) for t in document["tasks"] for consumer in t["fanout"]}
    return nodes, {pair for pair in arrows if pair[1] in nodes}
