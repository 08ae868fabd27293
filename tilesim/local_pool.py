"""A pool of processes on this machine that runs points, and outlives the death of each of them."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from multiprocessing import Pipe
from multiprocessing.connection import Connection, wait
from pathlib import Path
from types import TracebackType

from devices.errors import InputError
from tilesim.memory import available_bytes
from tilesim.point_queue import PointQueue
from tilesim.points import Point, PointRunner, Row
from tilesim.pool_room import Needs, PoolRoom

__all__ = ["MOST_TRIES", "LocalPool", "run_here", "usable_cores"]

MOST_STARTS = 3
"""Processes in a row that may end before they have begun."""

MOST_TRIES = 2
"""Times that a point is given to a process; one that has killed so many is to blame itself."""


def usable_cores() -> int:
    """Cores that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def run_here(points: PointQueue | Iterable[Point]) -> Iterator[Row]:
    """Run points in this process, one after the other."""
    queue = points if isinstance(points, PointQueue) else PointQueue.of(points)
    runner = PointRunner()
    group = None
    while (taken := queue.take(group)) is not None:
        group, point = taken
        yield runner.run(point)


@dataclass(eq=False)
class _Worker:
    """A process, and what it does.

    Attributes
    ----------
    is_ready : bool
        Whether it has said that it can run points.
    group : int or None
        Group of its last point.
    point : Point or None
        What it runs.
    needs : Needs or None
        What it waits for.
    """

    process: subprocess.Popen[bytes]
    connection: Connection
    is_ready: bool = False
    group: int | None = None
    point: Point | None = None
    needs: Needs | None = None

    def end(self) -> None:
        """Kill it: it keeps nothing that would be lost."""
        self.process.kill()
        self.process.wait()
        self.connection.close()


class LocalPool:
    """Processes that run points; they are started when they are needed and stay for more.

    Each is a new interpreter rather than a fork, as a fork of a process with threads may hang; and
    none of `multiprocessing`'s, which would execute the user's script again. In a session of its
    own, it gets no Ctrl-C from the terminal.

    Parameters
    ----------
    jobs : int
        Processes at the most.
    """

    def __init__(self, jobs: int) -> None:
        if jobs < 1:
            raise InputError(f"a pool has 1 process or more, not {jobs}")
        self.jobs = jobs
        self._workers: list[_Worker] = []
        self._failed_starts = 0
        self._room = PoolRoom(available_bytes())

    def __enter__(self) -> LocalPool:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def close(self) -> None:
        """End all processes."""
        while self._workers:
            self._end(self._workers[-1])

    def _end(self, worker: _Worker) -> None:
        self._workers.remove(worker)
        worker.end()
        self._room.end(worker.process.pid)

    def run(self, points: PointQueue | Iterable[Point]) -> Iterator[Row]:
        """Run points, and give each row as it comes.

        A point whose process dies runs again in another; if that dies, too, it is reported as
        failed. An iteration that is not finished leaves processes at work: close the pool then.

        Raises
        ------
        InputError
            No process can be started.
        """
        queue = points if isinstance(points, PointQueue) else PointQueue.of(points)
        tries: dict[int, int] = {}
        for worker in self._workers:
            worker.group = None
            self._give(worker, queue)
        self._grow(queue)
        while busy := [worker for worker in self._workers if worker.point is not None]:
            for ready in wait([worker.connection for worker in busy]):
                worker = next(worker for worker in busy if worker.connection is ready)
                if worker not in self._workers:
                    continue  # it had to make room for another
                row = self._hear(worker, queue, tries)
                self._admit(queue)
                self._grow(queue)
                if row is not None:
                    yield row

    def _give(self, worker: _Worker, queue: PointQueue) -> None:
        """Have an idle process run the next point, if there is one."""
        taken = queue.take(worker.group)
        if taken is not None:
            worker.group, worker.point = taken
            with suppress(OSError):  # it has died, which its connection will tell
                worker.connection.send(worker.point)

    def _grow(self, queue: PointQueue) -> None:
        """Start processes while there are points for more."""
        while len(self._workers) < self.jobs and self._room.has_room_for_one:
            taken = queue.take(None)
            if taken is None:
                return
            worker = _start()
            self._room.begin(worker.process.pid)
            self._workers.append(worker)
            worker.group, worker.point = taken
            with suppress(OSError):
                worker.connection.send(worker.point)

    def _admit(self, queue: PointQueue) -> None:
        """Let processes that wait for memory go on, as far as there is some."""
        waiting = [worker for worker in self._workers if worker.needs is not None]
        for worker in waiting:
            if self._room.ask(worker.process.pid, worker.needs or Needs(0)):
                _go_on(worker)
        if waiting and all(w.needs is not None or w.point is None for w in self._workers):
            # Nobody is at work who could give any back: the first one has the machine for itself,
            # and finds out whether that is enough.
            for other in [w for w in self._workers if w is not waiting[0]]:
                self._end(other)
                if other.point is not None and other.group is not None:
                    queue.put_back(other.group, other.point)
                    self.jobs = 1
            self._room.give(waiting[0].process.pid, waiting[0].needs or Needs(0))
            _go_on(waiting[0])

    def _hear(self, worker: _Worker, queue: PointQueue, tries: dict[int, int]) -> Row | None:
        """What a process says: that it has begun, a row, or nothing any more."""
        try:
            said = worker.connection.recv()
        except (EOFError, OSError):
            return self._bury(worker, queue, tries)
        if said is None:
            worker.is_ready, self._failed_starts = True, 0
            return None
        if isinstance(said, Needs):
            worker.needs = said
            return None
        worker.point = None
        self._give(worker, queue)
        row: Row = said
        return row

    def _bury(self, worker: _Worker, queue: PointQueue, tries: dict[int, int]) -> Row | None:
        """Have the point of a dead process run again, or give it up."""
        self._end(worker)
        how = _ending(worker.process.returncode)
        point, group = worker.point, worker.group
        if point is None or group is None:  # pragma: no cover - an idle process is not listened to
            return None
        if not worker.is_ready:
            self._failed_starts += 1
            if self._failed_starts >= MOST_STARTS:
                raise InputError(f"processes of the sweep {how} before they have begun")
        else:
            tries[point.number] = tries.get(point.number, 0) + 1
            if tries[point.number] >= MOST_TRIES:
                told = f"its process {how}, {MOST_TRIES} times; give smaller sizes or fewer --jobs"
                return Row(point.number, dict(point.values), error=told)
        queue.put_back(group, point)
        return None


def _go_on(worker: _Worker) -> None:
    worker.needs = None
    with suppress(OSError):  # it has died, which its connection will tell
        worker.connection.send(True)


def _start() -> _Worker:
    """A new process with a connection to it.

    Raises
    ------
    InputError
        The system starts no more processes.
    """
    ours, its = Pipe()
    # It finds the same tilesim, however this process found it; one thread, as all cores are busy.
    paths = [str(Path(__file__).parent.parent), os.environ.get("PYTHONPATH", "")]
    changed = {
        "PYTHONPATH": os.pathsep.join(filter(None, paths)),
        "OMP_NUM_THREADS": "1",
        "OPENBLAS_NUM_THREADS": "1",
    }
    command = [sys.executable, "-P", "-m", "tilesim.pool_worker", str(its.fileno())]
    try:
        process = subprocess.Popen(  # noqa: S603 - our own module
            command,
            env={**os.environ, **changed},
            pass_fds=[its.fileno()],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,  # what program files print is not the output of the sweep
            start_new_session=True,
        )
    except OSError as error:
        raise InputError(f"cannot start a process for the sweep: {error.strerror}") from error
    its.close()  # so that the death of the process closes the connection
    return _Worker(process, ours)


def _ending(code: int) -> str:
    """How a process ended, in words."""
    if code >= 0:
        return f"ended with exit code {code}"
    try:
        name = signal.Signals(-code).name
    except ValueError:
        name = f"signal {-code}"
    return f"was killed ({name})"
