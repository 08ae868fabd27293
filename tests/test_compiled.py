"""Compiled modules: they are there, they are up to date, and they do what their source does."""

import os
import signal
import subprocess
import sys
from importlib.machinery import EXTENSION_SUFFIXES
from shutil import which

import pytest
from trace_digests import COMPILED, HOUSE, RUNS, SEEDS

from devices.events import LAST, Clock

needs_compiler = pytest.mark.skipif(
    which("cc") is None or bool(os.environ.get("TILESIM_PURE")), reason="nothing is compiled"
)


@needs_compiler
@pytest.mark.parametrize("module", COMPILED)
def test_what_is_compiled_is_its_source(module):
    compiled = HOUSE / f"{module}{EXTENSION_SUFFIXES[0]}"
    source = HOUSE / f"{module}.py"
    assert compiled.exists(), "run make to compile it"
    assert compiled.stat().st_mtime >= source.stat().st_mtime, "run make to compile it again"


@needs_compiler
def test_source_and_compiled_modules_give_the_same_traces():
    runs = {
        kind: subprocess.run(
            [sys.executable, "tests/trace_digests.py", *options],
            cwd=HOUSE,
            capture_output=True,
            text=True,
            check=True,
        ).stdout.splitlines()
        for kind, options in (("compiled", []), ("source", ["--pure"]))
    }
    for kind, lines in runs.items():
        assert {line.split()[1] for line in lines} == {kind}
        assert len(lines) > 2 * len(RUNS) + len(SEEDS) // 2
    digests = {kind: [line.split()[::2] for line in lines] for kind, lines in runs.items()}
    assert digests["compiled"] == digests["source"]


def happenings(run):
    """What happens, and when, in a run of a few events that make others."""
    clock, seen = Clock(), []

    def note(event):
        seen.append((clock.now_us, event.value))
        if event.value < 20:
            clock.after(0.5 * event.value, note, event.value * 2)
            clock.after(0.0, note, event.value + 20)

    for value, delay_us in ((3, 1.0), (1, 1.0), (2, 0.25)):
        clock.after(delay_us, note, value)
    clock.after(1.0, note, 40, LAST)
    clock.after(1.0, note, 50)
    run(clock)
    return seen


def test_a_signal_ends_a_run_before_its_end():
    def end(*_):
        raise KeyboardInterrupt

    clock = Clock()
    for _ in range(500_000):
        clock.after(1.0, id)  # nothing in it is a function of Python, which would see to signals
    before = signal.signal(signal.SIGALRM, end)
    try:
        signal.setitimer(signal.ITIMER_REAL, 0.02)
        with pytest.raises(KeyboardInterrupt):
            clock.run()
    finally:
        signal.signal(signal.SIGALRM, before)
    assert clock.env._queue


def test_simpy_lets_the_same_happen_in_the_same_order():
    seen = happenings(Clock.run)
    assert [value for now_us, value in seen if now_us == 1.0][-1] == 40
    assert seen == happenings(lambda clock: clock.env.run())
