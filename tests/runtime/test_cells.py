import numpy as np
import pytest

from runtime.cells import Grids


def grid_of(rows, lines, line_bytes, *places):
    grids = Grids(np.array([[rows, lines, line_bytes]]))
    grids.bound(np.zeros(len(places), dtype=np.int32), np.array(places))
    grids.divide()
    return grids


def test_cells_are_what_all_places_begin_and_end_with():
    grids = grid_of(64, 8, 512, (0, 16, 0, 8), (16, 48, 4, 8))
    assert list(grids.cell_bytes()) == [16 * 4 * 512] * 8
    cell, shape = grids.cells(np.array([0]), np.array([(16, 48, 4, 8)]))
    runs, cells, _ = shape[0]
    assert runs * cells == 2
    assert cell[0] in range(8)


@pytest.mark.parametrize(("rows", "lines"), [(1, 8_388_617), (3, 2_000_003), (5, 8_388_617)])
def test_a_tensor_that_is_touched_as_a_whole_has_no_cell_too_large_to_count(rows, lines):
    grids = grid_of(rows, lines, 512, (0, rows, 0, lines))
    nbytes = np.asarray(grids.cell_bytes(), dtype=np.int64)
    assert (nbytes > 0).all()
    assert nbytes.sum() >= rows * lines * 512
    _, ((runs, cells, _),) = grids.cells(np.array([0]), np.array([(0, rows, 0, lines)]))
    assert runs * cells == len(nbytes)


def test_a_tensor_without_elements_has_cells_of_no_bytes():
    grids = grid_of(4, 0, 0, (0, 4, 0, 0))
    assert not any(grids.cell_bytes())
