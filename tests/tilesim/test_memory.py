"""Memory: what is refused, and how the processes of a pool share it."""

from __future__ import annotations

import pytest

from devices.errors import InputError
from tilesim import memory
from tilesim.local_pool import LocalPool
from tilesim.memory import PROCESS_BYTES, available_bytes, check_room, needed_bytes
from tilesim.point_queue import PointQueue
from tilesim.points import Origin
from tilesim.pool_room import Needs, PoolRoom
from tilesim.sweep_plan import make_plan


def test_what_cannot_fit_is_refused_with_figures(monkeypatch):
    monkeypatch.setattr(memory, "available_bytes", lambda: 10**9)
    check_room("w", 10**9 // memory.LEAST_SUBMIT_BYTES)
    with pytest.raises(InputError, match=r"^w: 2,000,000 submits need 1\.3 GB at the least, and 1"):
        check_room("w", 2 * 10**6)


def test_the_limit_of_a_container_counts(monkeypatch, tmp_path):
    most, used = tmp_path / "max", tmp_path / "current"
    monkeypatch.setattr(memory, "_LIMITS", ((most, used),))
    free = available_bytes()
    assert free > 1000
    most.write_text("5000\n")
    used.write_text("2000\n")
    assert available_bytes() == 3000
    most.write_text("max\n")
    assert available_bytes() > 3000


def test_room_is_promised_once():
    room = PoolRoom(3 * PROCESS_BYTES)
    room.begin(1)
    room.begin(2)
    assert not room.ask(1, Needs(PROCESS_BYTES + 1))
    assert room.left_bytes == PROCESS_BYTES
    assert room.ask(1, Needs(PROCESS_BYTES))
    assert not room.has_room_for_one
    room.end(2)
    assert room.has_room_for_one
    room.give(1, Needs(10 * PROCESS_BYTES))
    assert not room.has_room_for_one


@pytest.mark.parametrize("programs", [0, 1])
def test_a_pool_starts_no_more_than_memory_has_room_for(monkeypatch, programs):
    plan = make_plan(Origin("bgemm"), {"groups": "100,120,140,160"})
    each = needed_bytes(200)
    room = 2 * PROCESS_BYTES + programs * each + each // 2
    monkeypatch.setattr("tilesim.local_pool.available_bytes", lambda: room)
    with LocalPool(4) as pool:
        rows = []
        for row in pool.run(PointQueue(plan.groups())):
            rows.append(row)
            assert len(pool._workers) <= 2
    assert sorted(row.number for row in rows) == [0, 1, 2, 3]
    assert all(row.error is None for row in rows)
