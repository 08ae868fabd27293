"""The published case at full size: right numbers, and the hazards that its runtime leaves."""

import pytest

import tilesim as ts
from runtime.unordered import Cause, Kind

BASELINE, RESTRUCTURED = "qwen3-scope3-baseline", "qwen3-scope3-restructured"
READS_OF_RESTRUCTURED = {
    # RMSNorm and down projection read what more than 16 tasks wrote.
    ("scope3_incore_7", "scope3_incore_8"): 24_576,  # 64 tasks, 384 of 400 writers each
    ("scope3_incore_4", "scope3_incore_8"): 3_200,
    ("scope3_incore_2", "scope3_incore_3"): 112,
    ("scope3_incore_2", "scope3_incore_9"): 112,
    ("scope3_incore_0", "scope3_incore_9"): 64,
    ("scope3_incore_0", "scope3_incore_3"): 16,
}
ZEROES_OF_RESTRUCTURED = {
    ("scope3_incore_4", "scope3_incore_7"): 400,
    ("scope3_incore_0", "scope3_incore_2"): 128,
}


def grouped(found):
    kernels = found.run.graph.kernels
    groups = {}
    for h in found.hazards.found:
        pair = kernels[h.earlier].name, kernels[h.later].name
        groups.setdefault((h.kind, h.cause), {})[pair] = h.count
    return groups


@pytest.mark.parametrize(
    ("name", "elements", "expected"),
    [
        (
            RESTRUCTURED,
            16 * 8192,
            {
                (Kind.RAW, Cause.LOOKUP_CAP): READS_OF_RESTRUCTURED,
                (Kind.WAW, Cause.WRITE_ONLY): ZEROES_OF_RESTRUCTURED,
            },
        ),
        (
            BASELINE,
            16 * 5120,
            # The fill with zeroes and the first product of each column block.
            {(Kind.WAW, Cause.WRITE_ONLY): {("scope3_incore_0", "scope3_incore_1"): 80}},
        ),
    ],
)
def test_numbers_match_and_hazards_are_those_of_the_runtime(name, elements, expected):
    found = ts.check(name)
    (out,) = found.matches
    assert (out.matched, out.total) == (elements, elements)
    assert (found.rtol, found.atol) == (3e-3, 3e-3)
    assert found.passes
    assert grouped(found) == expected
    assert found.needed_bytes < 8e9
