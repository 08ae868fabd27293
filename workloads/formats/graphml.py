"""Task graphs in GraphML: one directed graph, read with a parser that expands no entities."""

from __future__ import annotations

from sys import intern
from xml.parsers import expat

from devices.errors import InputError
from workloads.formats.assumed import Assumed
from workloads.formats.attributes import ATTRIBUTES, node_of
from workloads.formats.content import shown, stem
from workloads.formats.drafts import MOST_NODES, TAKE_LESS, Draft, imported
from workloads.formats.imported import Imported

__all__ = ["GRAPHML_ENDINGS", "read_graphml"]

GRAPHML_ENDINGS = (".graphml",)

MOST_DEPTH = 100
"""Most elements within each other; drawings of editors need a dozen."""


def read_graphml(content: bytes, file: str, assumed: Assumed) -> Imported:
    """Read a task graph in GraphML; attributes are those of `workloads.formats.attributes`.

    Raises
    ------
    InputError
        The file is no XML, has a DOCTYPE, or is no task graph in GraphML; says where and why.
    """
    draft = Draft(file, stem(file, GRAPHML_ENDINGS), "GraphML", _where)
    reader = _Reader(draft, assumed)
    reader.read(content)
    draft.name = reader.name or draft.name
    for node in list(reader.nodes):  # each is let go as soon as it is read
        line, keys = reader.nodes.pop(node)
        attributes = {**reader.defaults, **keys}
        draft.add_node(node_of(draft, node, line, attributes, assumed))
    return imported(draft, assumed)


def _where(line: int) -> str:
    return f"line {line}"


class _Reader:
    """What the elements of a file say; edges go into the draft.

    Attributes
    ----------
    nodes : dict of str to (int, dict)
        Line and attributes of each node.
    defaults : dict of str to str
        What holds for nodes that say nothing else.
    """

    def __init__(self, draft: Draft, assumed: Assumed) -> None:
        self.name = ""
        self.nodes: dict[str, tuple[int, dict[str, str]]] = {}
        self.defaults: dict[str, str] = {}
        self._draft = draft
        self._file = draft.file
        self._wanted = {*ATTRIBUTES, assumed.time_attribute}
        self._keys: dict[str, str] = {}  # the attribute that each key of nodes stands for
        self._open: list[str] = []
        self._graphs = 0
        self._node = ""
        self._key = ""
        self._text: list[str] | None = None
        self._begins = {
            ("graphml", "key"): self._begin_key,
            ("key", "default"): self._begin_default,
            ("graph", "node"): self._begin_node,
            ("graph", "edge"): self._begin_edge,
            ("graph", "hyperedge"): self._begin_hyperedge,
            ("node", "data"): self._begin_data,
        }
        self._parser = expat.ParserCreate(namespace_separator=" ")
        self._parser.buffer_text = True
        self._parser.StartDoctypeDeclHandler = self._doctype
        self._parser.StartElementHandler = self._start
        self._parser.EndElementHandler = self._end
        self._parser.CharacterDataHandler = self._characters

    def read(self, content: bytes) -> None:
        """Read the whole file."""
        try:
            self._parser.Parse(content, True)
        except expat.ExpatError as error:
            what = expat.ErrorString(error.code)
            raise InputError(f"{self._file}: line {error.lineno}: is no XML: {what}") from error
        except (LookupError, UnicodeError, ValueError) as error:
            if isinstance(error, InputError):
                raise
            raise InputError(f"{self._file}: is in no known encoding: {error}") from error

    def _error(self, why: str) -> InputError:
        return InputError(f"{self._file}: {_where(self._parser.CurrentLineNumber)}: {why}")

    def _doctype(self, *_: object) -> None:
        raise self._error(
            "has a DOCTYPE, which may name other files or grow without end; remove it, GraphML "
            "needs none"
        )

    def _start(self, tag: str, attributes: dict[str, str]) -> None:
        name, parent = tag.rpartition(" ")[2], self._open[-1] if self._open else ""
        self._open.append(name)
        if len(self._open) > MOST_DEPTH:
            raise self._error(f"more than {MOST_DEPTH} elements within each other")
        if len(self._open) == 1 and name != "graphml":
            raise self._error(f"the file's element is {shown(name)}, not graphml")
        begin = self._begins.get((parent, name))
        if name == "graph":
            self._begin_graph(attributes)
        elif begin is not None:
            begin(attributes)

    def _needed(self, attributes: dict[str, str], what: str, name: str) -> str:
        if name not in attributes:
            raise self._error(f"{what}: {name} is missing")
        return attributes[name]

    def _begin_graph(self, attributes: dict[str, str]) -> None:
        self._graphs += 1
        if self._graphs > 1:
            raise self._error("has a second graph or a graph within a node; only one can be read")
        self.name = attributes.get("id", "")
        if attributes.get("edgedefault", "directed") != "directed":
            raise self._error("graph: edgedefault is not directed; a task graph is")

    def _begin_default(self, _: dict[str, str]) -> None:
        self._text = []

    def _begin_data(self, attributes: dict[str, str]) -> None:
        self._key = self._needed(attributes, "data", "key")
        if self._key in self._keys:
            self._text = []

    def _begin_hyperedge(self, _: dict[str, str]) -> None:
        raise self._error("has a hyperedge; a task graph has edges from one task to another")

    def _begin_key(self, attributes: dict[str, str]) -> None:
        if attributes.get("for", "all") not in ("node", "all"):
            self._key = ""
            return
        self._key = self._needed(attributes, "key", "id")
        name = attributes.get("attr.name", self._key)
        if name in self._wanted:
            self._keys[self._key] = name

    def _begin_node(self, attributes: dict[str, str]) -> None:
        self._node = self._needed(attributes, "node", "id")
        if self._node in self.nodes:
            first = _where(self.nodes[self._node][0])
            raise self._error(f"node: id {shown(self._node)} is there twice; see {first}")
        if len(self.nodes) >= MOST_NODES:
            raise self._error(f"there are more than {MOST_NODES:,} tasks; {TAKE_LESS}")
        self.nodes[self._node] = (self._parser.CurrentLineNumber, {})

    def _begin_edge(self, attributes: dict[str, str]) -> None:
        source = self._needed(attributes, "edge", "source")
        target = self._needed(attributes, "edge", "target")
        if attributes.get("directed", "true") != "true":
            raise self._error(f"edge {shown(source)} -> {shown(target)}: is not directed")
        self._draft.add_edge(source, target, self._parser.CurrentLineNumber)

    def _characters(self, text: str) -> None:
        if self._text is not None and self._open[-1] in ("data", "default"):
            self._text.append(text)

    def _end(self, tag: str) -> None:
        name = tag.rpartition(" ")[2]
        self._open.pop()
        if self._text is None or name not in ("data", "default"):
            return
        text = "".join(self._text).strip()
        self._text = None
        if name == "data":
            self.nodes[self._node][1][self._keys[self._key]] = intern(text)
        elif self._key in self._keys:
            self.defaults[self._keys[self._key]] = text
