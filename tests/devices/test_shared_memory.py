"""Streams against a fluid simulation that cuts time at every start and end."""

import random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from devices.events import Clock
from devices.fair_share import fair_speeds
from devices.shared_memory import SharedMemory


def run(streams, hbm_gbps, l2_gbps=1e9):
    """Ends of streams (begun_us, start_us, alone_us, hbm_bytes, l2_bytes), and events."""
    clock = Clock()
    ends, told = {}, []

    def moved(number, end_us):
        told.append((clock.now_us, number, end_us))
        ends[number] = end_us

    memory = SharedMemory(clock, hbm_gbps, l2_gbps, moved)

    def begin(number):
        _, *stream = streams[number]
        ends[number] = memory.begin(number, *stream)

    for number, (begun_us, *_) in enumerate(streams):
        clock.after(begun_us, lambda _, n=number: begin(n))
    clock.run()
    return [ends[number] for number in range(len(streams))], told


def literally(streams, hbm_gbps, l2_gbps=1e9):
    """The same, by giving every stream its share between any two changes."""
    left = [alone_us for _, _, alone_us, _, _ in streams]
    ends = [None] * len(streams)
    starts = sorted({start_us for _, start_us, *_ in streams})
    now_us = starts[0]
    while None in ends:
        active = [n for n, s in enumerate(streams) if s[1] <= now_us + 1e-12 and ends[n] is None]
        later = [s for s in starts if s > now_us + 1e-12]
        rates = [(streams[n][3] / streams[n][2], streams[n][4] / streams[n][2]) for n in active]
        speeds = fair_speeds(rates, [1] * len(active), (hbm_gbps * 1e3, l2_gbps * 1e3))
        step_us = min(
            [left[n] / s for n, s in zip(active, speeds, strict=True)]
            + [start_us - now_us for start_us in later[:1]]
        )
        now_us += step_us
        for n, s in zip(active, speeds, strict=True):
            left[n] -= s * step_us
            if left[n] <= 1e-9:
                ends[n] = now_us
    return ends


def test_a_stream_alone_takes_its_own_time_and_no_event():
    ends, told = run([(0.0, 1.0, 10.0, 1e6, 1e6)], hbm_gbps=200.0)
    assert ends == [11.0]
    assert told == []


def test_two_streams_that_want_too_much_share():
    # Each wants 100 GB/s of 100: at half speed until the first ends.
    ends, _ = run([(0.0, 1.0, 10.0, 1e6, 1e6), (0.0, 6.0, 10.0, 1e6, 1e6)], hbm_gbps=100.0)
    assert ends == pytest.approx([16.0, 21.0])


def test_a_stream_that_wants_little_is_not_slowed():
    ends, _ = run([(0.0, 1.0, 10.0, 1e6, 1e6), (0.0, 1.0, 10.0, 1e5, 1e5)], hbm_gbps=100.0)
    assert ends == pytest.approx([12.0, 11.0])  # 90 GB/s until the second ends


def test_ends_that_were_said_are_taken_back_when_others_come():
    streams = [(0.0, 1.0, 10.0, 1e6, 1e6), (4.0, 6.0, 10.0, 1e6, 1e6)]
    ends, told = run(streams, hbm_gbps=100.0)
    assert ends == pytest.approx([16.0, 21.0])
    assert told[0] == (6.0, 0, float("inf"))
    # In full, once the first has ended: the second is told when its end is near enough to know.
    assert [number for _, number, end in told if end < float("inf")] == [0, 1]


def test_what_has_not_started_can_be_cancelled():
    clock = Clock()
    memory = SharedMemory(clock, 100.0, 1e9, lambda *_: None)
    memory.begin(0, 5.0, 10.0, 1e6, 1e6)
    memory.cancel(0)
    assert memory.begin(1, 5.0, 10.0, 1e6, 1e6) == 15.0


@settings(max_examples=300, deadline=None)
@given(st.integers(0, 2**32), st.sampled_from([10.0, 100.0, 1000.0]), st.sampled_from([20.0, 1e6]))
def test_streams_end_when_a_literal_simulation_ends_them(seed, hbm_gbps, l2_gbps):
    choose = random.Random(seed)
    kinds = [
        (choose.uniform(0.1, 20.0), choose.uniform(0.0, 1e6), choose.uniform(1e2, 1e6))
        for _ in range(3)
    ]
    streams = []
    for _ in range(choose.randint(1, 25)):
        begun_us = choose.uniform(0.0, 30.0)
        streams.append(
            (begun_us, begun_us + choose.choice([0.0, 0.44, 3.0]), *choose.choice(kinds))
        )
    ends, told = run(streams, hbm_gbps, l2_gbps)
    assert ends == pytest.approx(literally(streams, hbm_gbps, l2_gbps), abs=1e-6)
    assert len(told) <= 2 * len(streams)  # each end is taken back once at the most, and said once
