"""``import tilesim as ts``: what it offers, and that its examples are true."""

from __future__ import annotations

import doctest
import inspect

import pytest

import devices.errors
import runtime.rectangles
import tilesim as ts


@pytest.mark.parametrize("name", ts.__all__)
def test_a_public_name_exists_and_is_documented(name):
    value = getattr(ts, name)
    if name == "WORKLOADS":  # a table; its entries say what they are
        assert all(workload.summary for workload in value.values())
        return
    # Not what it inherits, and not the signature that a dataclass gets where it has no text.
    text = vars(value)["__doc__"] if inspect.isclass(value) else value.__doc__
    assert text
    assert not text.startswith(f"{name}(")


@pytest.mark.parametrize("module", [ts, devices.errors, runtime.rectangles])
def test_the_examples_in_the_documentation_are_true(module):
    outcome = doctest.testmod(module)
    assert outcome.attempted > 0
    assert outcome.failed == 0
