"""Shortest way from a function in a test module to what the language makes of it."""

from runtime import language as pl
from runtime.language import record
from runtime.tensormap import build_graph


def program(python):
    """The program that has only this function."""
    return pl.Program(python.__name__, {python.__name__: pl.function(python)})


def recorded(python):
    return record(program(python))


def graph_of(python, cap=16):
    return build_graph(recorded(python), lookup_cap=cap, rings=4)


def producers(graph):
    """Producers of every submit, allocs included."""
    return [sorted(graph.producers(submit).tolist()) for submit in range(len(graph))]


def directions(kernel):
    """Names and directions of a kernel's arguments, in order."""
    return [(p.name, p.direction.value) for p in kernel.parameters]
