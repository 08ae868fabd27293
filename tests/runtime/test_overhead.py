from toys import make_device, make_graph, make_runtime

from runtime.overhead import measure_overhead
from runtime.simulation import simulate


def run(cores, durations, producers=None, clusters=1, **costs):
    runtime = make_runtime(1, **{"idle_loop_us": 0.0, **costs})
    graph = make_graph(cores, producers)
    return simulate(graph, make_device(clusters), runtime, profiling=False, durations=durations)


def test_a_run_without_overheads_has_none():
    overhead = measure_overhead(run("ccv", [2.0, 3.0, 4.0], [[], [], [0]]))
    assert (overhead.aic_us, overhead.aiv_us, overhead.all_us, overhead.any_us) == (0, 0, 0, 0)
    assert overhead.window_us == 6.0


def test_a_core_that_idles_beside_a_ready_task_is_overhead_of_its_type():
    # The consumer is ready at 2 and dispatched at 3: its type has idle cores, the other no task.
    trace = run("cv", [2.0, 4.0], [[], [0]], dispatch_us=1.0)
    overhead = measure_overhead(trace)
    assert (overhead.aic_us, overhead.aiv_us) == (0.0, 1.0)
    assert overhead.all_us == 0.0
    assert overhead.any_us == 1.0


def test_both_types_at_once_count_as_all():
    trace = run("ccv", [2.0, 4.0, 4.0], [[], [0], [0]], dispatch_us=1.0)
    # Both consumers are ready at 2; one is dispatched at 3, the other at 4.
    overhead = measure_overhead(trace)
    assert sorted((overhead.aic_us, overhead.aiv_us)) == [1.0, 2.0]
    assert overhead.all_us == 1.0
    assert overhead.any_us == 2.0


def test_a_busy_type_is_no_overhead():
    overhead = measure_overhead(run("cc", [2.0, 3.0]))
    assert overhead.aic_us == 0.0


def test_the_device_tools_count_unsubmitted_tasks_as_ready():
    trace = run("cc", [1.0, 1.0], submit_us=10.0, clusters=2)
    assert measure_overhead(trace).aic_us == 10.0
    assert measure_overhead(trace, once_submitted=True).aic_us == 0.0
