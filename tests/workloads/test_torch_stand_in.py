"""What a file's tensor specs make of integers without torch."""

import numpy as np
import pytest

from devices.errors import InputError
from workloads.torch_stand_in import torch_modules

torch = torch_modules()[0]["torch"]


@pytest.mark.parametrize(
    ("make", "expected"),
    [
        (lambda: torch.full((3,), 7, dtype=torch.int32), [7, 7, 7]),
        (lambda: torch.full([2], 4096.0, dtype=torch.int32), [4096, 4096]),
        (lambda: torch.zeros(2, dtype=torch.int64), [0, 0]),
        (lambda: torch.ones((1, 2), dtype=torch.int32), [[1, 1]]),
        (lambda: torch.tensor([3, 1, 2], dtype=torch.int32), [3, 1, 2]),
        (lambda: torch.arange(6).reshape(2, 3), [[0, 1, 2], [3, 4, 5]]),
        (lambda: torch.arange(1, 9, 3).to(torch.int32).repeat(2), [1, 4, 7, 1, 4, 7]),
        (lambda: 10 - torch.arange(4) * 2 + 1, [11, 9, 7, 5]),
        (lambda: (torch.arange(9) // 3 % 2).clamp(min=1).sum(), 9),
        (lambda: torch.arange(3).view(3, 1).expand(3, 2)[1], [1, 1]),
    ],
)
def test_integers_are_those_of_torch(make, expected):
    assert np.asarray(make()).tolist() == expected


def test_elements_can_be_set_and_read():
    lengths = torch.zeros(4, dtype=torch.int32)
    lengths[1:3] = torch.tensor([5, 6])
    lengths[0] = 9
    assert lengths.tolist() == [9, 5, 6, 0]
    assert [int(n) for n in lengths] == [9, 5, 6, 0]
    assert lengths.max().item() == 9
    assert len(lengths) == 4


def test_what_is_drawn_keeps_to_its_bounds_and_seed():
    torch.manual_seed(3)
    first = torch.randint(1, 5, (1000,), dtype=torch.int32).tolist()
    assert set(first) == {1, 2, 3, 4}
    torch.manual_seed(3)
    assert torch.randint(low=1, high=5, size=(1000,)).tolist() == first
    assert sorted(torch.randperm(5).tolist()) == [0, 1, 2, 3, 4]
    assert set(torch.randint(3, (50,)).tolist()) == {0, 1, 2}


@pytest.mark.parametrize(
    "make",
    [
        lambda: torch.rand(4, 4) - 0.5,
        lambda: torch.cos(torch.outer(torch.arange(4).float(), torch.rand(8))),
        lambda: torch.arange(8) / 2,
        lambda: torch.full((2,), 0.5),
        lambda: torch.tensor([1.0]).to(torch.bfloat16)[0],
        lambda: torch.randint(0, 9, (1 << 12, 1 << 12)),
        lambda: (torch.rand(4) * 9).int().to(torch.int32),
    ],
)
def test_all_else_can_be_made_and_not_read(make):
    made = make()
    for read in (np.asarray, int, list, bool):
        with pytest.raises(InputError, match=r"install torch, or give .* --input"):
            read(made)


def test_parts_of_torch_can_be_imported():
    modules, _ = torch_modules()
    assert modules["torch"].nn.functional is modules["torch.nn.functional"]
    assert modules["torch.nn.functional"].silu(1) is not None


def test_classes_may_be_derived_from_what_torch_has():
    class Golden(torch.nn.Module):
        scale = 2

    assert Golden().scale == 2
