"""Writing task graphs in GraphML."""

from __future__ import annotations

import re
from itertools import pairwise
from xml.sax.saxutils import escape, quoteattr

from workloads.formats.attributes import described_nodes
from workloads.formats.imported import Imported

__all__ = ["graphml_of"]

_TYPES = {str: "string", int: "long", float: "double", bool: "boolean"}
_ILLEGAL = re.compile("[^\t\n\r\\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
_RETURN = {"\r": "&#13;"}  # a reader would take it for the end of a line
_NAMESPACE = "http://graphml.graphdrawing.org/xmlns"


def graphml_of(held: Imported) -> bytes:
    """What a file of the graph holds; attributes are those of `workloads.formats.attributes`."""
    keys: dict[str, str] = {}
    nodes = []
    for submit, attributes in enumerate(described_nodes(held)):
        data = []
        for name, value in attributes.items():
            keys.setdefault(name, _TYPES[type(value)])
            text = str(value).lower() if isinstance(value, bool) else str(value)
            data.append(f'<data key="{name}">{escape(_legal(text), _RETURN)}</data>')
        nodes.append(f'<node id="{submit}">{"".join(data)}</node>\n')
    producers = held.graph.fanin.tolist()
    edges = [
        f'<edge source="{producer}" target="{consumer}"/>\n'
        for consumer, (first, last) in enumerate(pairwise(held.graph.fanin_start.tolist()))
        for producer in producers[first:last]
    ]
    declared = [
        f'<key id="{name}" for="node" attr.name="{name}" attr.type="{kind}"/>\n'
        for name, kind in keys.items()
    ]
    parts = [
        '<?xml version="1.0" encoding="UTF-8"?>\n',
        f'<graphml xmlns="{_NAMESPACE}">\n',
        *declared,
        f'<graph id={quoteattr(_legal(held.name), _RETURN)} edgedefault="directed">\n',
        *nodes,
        *edges,
        "</graph>\n</graphml>\n",
    ]
    return "".join(parts).encode()


def _legal(text: str) -> str:
    """The text without the characters that XML has no way to write."""
    return _ILLEGAL.sub("\N{REPLACEMENT CHARACTER}", text)
