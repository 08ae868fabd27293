"""L2 in columns, against one that keeps its cells in a dictionary."""

import random
from collections import OrderedDict

import pytest
from librt.vecs import vec
from mypy_extensions import i32

from devices.footprints import Footprints, Kinds, Touches
from devices.l2 import L2
from devices.recency import Recency


class LiteralL2:
    """The same, one cell after the other."""

    def __init__(self, capacity_bytes, footprints):
        self.capacity_bytes, self.footprints = capacity_bytes, footprints
        self.order, self.dirty, self.fetch_of = OrderedDict(), set(), {}

    def run(self, task, start_us, cold_us, hit_gain):
        (use,) = [self.footprints.uses[task]]
        missed = hbm_bytes = 0.0
        fetch = None
        for cells, share, nbytes in use.loads:
            for cell in cells:
                if cell not in self.order:
                    fetch = fetch or [start_us, start_us]
                    missed += share
                    hbm_bytes += nbytes + self.bring(cell)
                    self.fetch_of[cell] = fetch
                    continue
                self.order.move_to_end(cell)
                begun_us, end_us = self.fetch_of.get(cell, (0.0, 0.0))
                if start_us < end_us and hit_gain:
                    come = (start_us - begun_us) / (end_us - begun_us)
                    missed += share * min(1.0, max(0.0, 1.0 - come / hit_gain))
        for cells, _, _ in use.stores:
            for cell in cells:
                if cell not in self.order:
                    hbm_bytes += self.bring(cell)
                self.order.move_to_end(cell)
                self.dirty.add(cell)
        if missed < 1.0:
            cold_us *= 1.0 - hit_gain * (1.0 - missed)
        if fetch is not None:
            fetch[1] = start_us + cold_us
        return cold_us, hbm_bytes

    def bring(self, cell):
        self.order[cell] = None
        sizes, written = self.footprints.cell_bytes, 0
        while sum(sizes[c] for c in self.order) > self.capacity_bytes and len(self.order) > 1:
            oldest, _ = self.order.popitem(last=False)
            self.fetch_of.pop(oldest, None)
            if oldest in self.dirty:
                self.dirty.remove(oldest)
                written += sizes[oldest]
        return written


def random_footprints(choose):
    """Tasks that touch rows and columns of a few tensors."""
    kinds, cell_bytes, grids = Kinds(), [], []
    for _ in range(choose.randint(1, 3)):
        rows, columns, nbytes = choose.randint(1, 6), choose.randint(1, 12), choose.choice([8, 24])
        grids.append((len(cell_bytes), rows, columns))
        cell_bytes += [nbytes] * (rows * columns)
    loads, stores = ([0], [], []), ([0], [], [])
    count = choose.randint(1, 30)
    for _ in range(count):
        for touches, most in ((loads, 3), (stores, 2)):
            start, cell, kind = touches
            for _ in range(choose.randint(0, most)):
                first, rows, columns = choose.choice(grids)
                runs, cells = choose.randint(1, rows), choose.randint(1, columns)
                top, left = choose.randint(0, rows - runs), choose.randint(0, columns - cells)
                cell.append(first + top * columns + left)
                share = choose.uniform(0.05, 0.3)
                step = columns if runs > 1 else 0
                kind.append(kinds.add(runs, cells, step, share, choose.uniform(1.0, 99.0)))
            start.append(len(cell))
    ones = vec[float]([1.0] * count)
    touches = (Touches(*map(vec[i32], lists)) for lists in (loads, stores))
    return Footprints(*touches, kinds, ones, ones, vec[i32](cell_bytes))


@pytest.mark.parametrize("seed", range(400))
def test_cells_come_and_go_as_in_a_literal_l2(seed):
    choose = random.Random(seed)
    footprints = random_footprints(choose)
    capacity_bytes = int(sum(footprints.cell_bytes) * choose.choice([0.05, 0.3, 0.6, 0.9, 1.5])) + 8
    ours, literal = L2(capacity_bytes, footprints), LiteralL2(capacity_bytes, footprints)
    now_us = 0.0
    for task in range(len(footprints)):
        now_us += choose.choice([0.0, 1.0, 5.0])
        words = task, now_us, choose.uniform(0.5, 9.0), choose.choice([0.0, 0.4, 0.8])
        assert ours.run(*words) == pytest.approx(literal.run(*words), rel=1e-9, abs=1e-9)


@pytest.mark.parametrize("seed", range(20))
def test_the_order_of_cells_is_that_of_their_last_touches(seed):
    choose = random.Random(seed)
    recency, order = Recency(40), OrderedDict()
    for _ in range(400):
        cell = choose.randrange(40)
        if cell in order:
            recency.touch(cell)
        else:
            recency.add(cell)
        order[cell] = None
        order.move_to_end(cell)
        while len(order) > 25:
            assert recency.take_oldest() == order.popitem(last=False)[0]
    assert [recency.take_oldest() for _ in range(25)] == list(order)
