"""A process of the local pool: ``python -m tilesim.pool_worker CONNECTION``."""

from __future__ import annotations

import os
import sys
from multiprocessing.connection import Connection
from queue import SimpleQueue
from threading import Thread
from typing import Any

from tilesim.memory import check_room, needed_bytes
from tilesim.points import PointRunner
from tilesim.pool_room import Needs

__all__ = ["serve"]


def serve(connection: Connection[Any, Any]) -> None:
    """Run the points that come until nobody sends any more."""
    inbox: SimpleQueue[Any] = SimpleQueue()
    Thread(target=_listen, args=(connection, inbox), daemon=True).start()

    def admit(name: str, submits: int) -> None:
        connection.send(Needs(needed_bytes(submits)))
        inbox.get()  # comes when there is room, or when nobody else could make any
        check_room(name, submits)

    runner = PointRunner(admit)
    connection.send(None)
    while True:
        connection.send(runner.run(inbox.get()))


def _listen(connection: Connection[Any, Any], inbox: SimpleQueue[Any]) -> None:
    """Take points in, and end the process at once when the one that sends them has gone."""
    try:
        while True:
            inbox.put(connection.recv())
    except (EOFError, OSError):
        os._exit(0)


if __name__ == "__main__":
    serve(Connection(int(sys.argv[1])))
