"""Writing task graphs in DOT, which Graphviz draws."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import pairwise

from workloads.formats.attributes import described_nodes
from workloads.formats.imported import Imported

__all__ = ["dot_of"]


def dot_of(held: Imported) -> bytes:
    """What a file of the graph holds; attributes are those of `workloads.formats.attributes`."""
    return "".join(_lines(held)).encode()


def _lines(held: Imported) -> Iterator[str]:
    yield f"digraph {_quoted(held.name)} {{\n"
    for submit, attributes in enumerate(described_nodes(held)):
        words = {name: _word(value) for name, value in attributes.items()}
        label = attributes.get("kernel", attributes.get("kind"))
        words["label"] = _quoted(f"{label} {submit}")
        yield f"  {submit} [{', '.join(f'{name}={word}' for name, word in words.items())}];\n"
    producers = held.graph.fanin.tolist()
    for consumer, (first, last) in enumerate(pairwise(held.graph.fanin_start.tolist())):
        for producer in producers[first:last]:
            yield f"  {producer} -> {consumer};\n"
    yield "}\n"


def _word(value: str | float | bool) -> str:
    if isinstance(value, bool):
        return str(value).lower()
    return _quoted(value if isinstance(value, str) else repr(value))


def _quoted(text: str) -> str:
    """A text in quotes; one that ends with a backslash would keep its last quote."""
    escaped = text.replace('"', '\\"')
    return f'"{escaped} "' if escaped.endswith("\\") else f'"{escaped}"'
