import numpy as np
import pytest
from toys import make_device, make_graph, make_runtime

from devices.errors import InputError
from runtime.noise import VISIBLE_MOST_US, Noise
from runtime.simulation import simulate

GRAPH = make_graph("cvcv" * 20, [[]] * 4 + [[n] for n in range(76)])
TIMES = [5.0 + n % 7 for n in range(80)]


def run(noise=None, **costs):
    runtime = make_runtime(2, idle_loop_us=0.1, cond_read_us=0.1, **costs)
    return simulate(GRAPH, make_device(4), runtime, durations=TIMES, noise=noise)


def test_noise_is_off_unless_it_is_asked_for():
    assert run().equals(run())
    assert run().exec_us.tolist() == pytest.approx(TIMES)


def test_the_same_seed_and_repeat_give_the_same_run_bit_for_bit():
    assert run(Noise(3, 1)).equals(run(Noise(3, 1)))
    assert not run(Noise(3, 1)).equals(run(Noise(3, 2)))
    assert not run(Noise(3, 1)).equals(run(Noise(4, 1)))


def test_kernel_times_have_the_stated_spread():
    many = np.array([np.log(Noise(0, repeat).kernel_factors(500)) for repeat in range(400)])
    of_runs, of_tasks = many.mean(axis=1), many - many.mean(axis=1, keepdims=True)
    assert of_runs.std() == pytest.approx(0.04, rel=0.1)
    assert of_tasks.std() == pytest.approx(0.05, rel=0.02)
    assert many.mean() == pytest.approx(0.0, abs=0.01)


def test_ends_are_seen_later_by_the_stated_mean_and_never_earlier():
    late_us = Noise(1).visible_us(100_000)
    assert late_us.min() >= 0.0
    assert late_us.max() <= VISIBLE_MOST_US
    assert late_us.mean() == pytest.approx(0.12, rel=0.02)


def test_threads_begin_anywhere_in_their_loops():
    phases = np.concatenate([Noise(0, repeat).phases(3) for repeat in range(500)])
    assert (phases.min(), phases.max()) == (
        pytest.approx(0.0, abs=0.01),
        pytest.approx(1.0, abs=0.01),
    )
    assert phases.mean() == pytest.approx(0.5, abs=0.03)


def test_each_kind_of_noise_can_be_left_out():
    quiet = Noise(run_sigma=0.0, task_sigma=0.0, visible_mean_us=0.0)
    noisy = run(quiet)
    assert noisy.exec_us.tolist() == pytest.approx(TIMES)
    assert not noisy.equals(run())  # the threads began elsewhere


def test_every_task_still_runs_after_its_producers():
    trace = run(Noise(7))
    ends = dict(zip(trace.task.tolist(), trace.end_us.tolist(), strict=True))
    for row, task in enumerate(trace.task.tolist()):
        for producer in GRAPH.producers(task).tolist():
            assert trace.start_us[row] >= ends[producer]
    assert trace.exec_us + trace.head_us + trace.tail_us == pytest.approx(trace.latency_us)


@pytest.mark.parametrize(("seed", "repeat"), [(-1, 0), (0, -1)])
def test_negative_seeds_are_refused(seed, repeat):
    with pytest.raises(InputError, match="0 or more"):
        Noise(seed, repeat)
