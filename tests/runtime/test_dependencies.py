"""The lookup cap: one rule, wherever it is given."""

import pytest

from devices.errors import InputError
from runtime.dependencies import RUNTIME_LIMIT, find_graph
from runtime.language import record
from runtime.version import load_runtime
from tilesim.setup import Setup
from workloads.catalogue import find_workload

RUNTIME = load_runtime("tmr-2026-04")
SMALL = {"hidden": 1024, "intermediate": 2048}


@pytest.fixture(scope="module")
def submits():
    return record(find_workload("qwen3-scope3-restructured").program(SMALL))


@pytest.mark.parametrize(("cap", "edges"), [(RUNTIME_LIMIT, 703), (16, 703), (None, 881)])
def test_a_cap_is_a_number_none_or_the_runtimes_own(submits, cap, edges):
    assert find_graph(submits, RUNTIME, lookup_cap=cap).edge_count == edges


@pytest.mark.parametrize("cap", [0, -2, -16])
def test_a_cap_that_would_drop_everything_is_refused(submits, cap):
    message = f"the lookup cap is a number from 1 on or none, not {cap}"
    with pytest.raises(InputError, match=message):
        find_graph(submits, RUNTIME, lookup_cap=cap)
    with pytest.raises(InputError, match=message):
        Setup(lookup_cap=cap)
