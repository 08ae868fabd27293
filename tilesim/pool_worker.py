"""A process of the local pool: ``python -m tilesim.pool_worker CONNECTION``."""

from __future__ import annotations

import os
import sys
from multiprocessing.connection import Connection
from queue import SimpleQueue
from threading import Thread
from typing import Any

from tilesim.points import Point, PointRunner

__all__ = ["serve"]


def serve(connection: Connection[Any, Any]) -> None:
    """Run the points that come until nobody sends any more."""
    inbox: SimpleQueue[Point] = SimpleQueue()
    Thread(target=_listen, args=(connection, inbox), daemon=True).start()
    runner = PointRunner()
    connection.send(None)
    while True:
        connection.send(runner.run(inbox.get()))


def _listen(connection: Connection[Any, Any], inbox: SimpleQueue[Point]) -> None:
    """Take points in, and end the process at once when the one that sends them has gone."""
    try:
        while True:
            inbox.put(connection.recv())
    except (EOFError, OSError):
        os._exit(0)


if __name__ == "__main__":
    serve(Connection(int(sys.argv[1])))
