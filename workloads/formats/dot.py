"""Task graphs in DOT, the language of Graphviz: reading what other tools write.

Read are ``digraph`` files with node and edge statements, attributes and their defaults, chains
and sets of nodes as the ends of edges, and nested subgraphs. Attributes of edges and graphs are
left out. Each edge leads from a producer to a consumer.
"""

from __future__ import annotations

from collections.abc import Iterable, Set
from dataclasses import dataclass, field
from sys import intern

from workloads.formats.assumed import Assumed
from workloads.formats.attributes import ATTRIBUTES, node_of
from workloads.formats.content import decoded, shown, stem
from workloads.formats.dot_tokens import Token, Tokens
from workloads.formats.drafts import MOST_NODES, TAKE_LESS, Draft, imported
from workloads.formats.imported import Imported

__all__ = ["DOT_ENDINGS", "read_dot"]

DOT_ENDINGS = (".dot", ".gv")

MOST_DEPTH = 200
"""Most subgraphs within each other."""


def read_dot(content: bytes, file: str, assumed: Assumed) -> Imported:
    """Read a task graph in DOT; attributes of nodes are those of `workloads.formats.attributes`.

    Raises
    ------
    InputError
        The file is no digraph in DOT, or no task graph; says where and why.
    """
    tokens = Tokens(decoded(content, file), file)
    draft = Draft(file, stem(file, DOT_ENDINGS), "DOT", tokens.where)
    parser = _Parser(tokens, draft, {*ATTRIBUTES, assumed.time_attribute})
    parser.graph()
    draft.name = parser.name or draft.name
    for node in list(parser.nodes):  # each is let go as soon as it is read
        place, attributes = parser.nodes.pop(node)
        draft.add_node(node_of(draft, node, place, attributes, assumed))
    if parser.is_strict:  # which says that edges that are there twice are one
        draft.edges.keep_first()
    return imported(draft, assumed)


@dataclass(slots=True)
class _Group:
    """What a pair of braces holds: defaults of nodes, and the nodes that are named in it."""

    defaults: dict[str, str]
    members: dict[str, None] = field(default_factory=dict)
    # Of the statement that is being read: ends of edges so far, and whether `->` came last.
    ends: list[Iterable[str]] = field(default_factory=list)
    joins: bool = False


class _Parser:
    """Statements of a file, one token after the other; groups are on a list, not on the stack.

    Parameters
    ----------
    tokens : Tokens
        The file.
    draft : Draft
        Takes the edges.
    wanted : set of str
        The attributes to keep.

    Attributes
    ----------
    nodes : dict of str to (int, dict)
        Place and attributes of each node.
    """

    def __init__(self, tokens: Tokens, draft: Draft, wanted: Set[str]) -> None:
        self._tokens = tokens
        self._draft = draft
        self._wanted = wanted
        self.name = ""
        self.is_strict = False
        self.nodes: dict[str, tuple[int, dict[str, str]]] = {}
        self._groups: list[_Group] = []

    def graph(self) -> None:
        """Read the graph that the file has."""
        token = self._tokens.take()
        if token.keyword == "strict":
            self.is_strict, token = True, self._tokens.take()
        if token.keyword == "graph":
            raise self._tokens.error(token, "is an undirected graph; a task graph is a digraph")
        if token.keyword != "digraph":
            self._expect(token, "digraph")
        token = self._tokens.take()
        if token.is_id:
            self.name, token = token.text, self._tokens.take()
        self._expect(token, "{")
        self._groups.append(_Group({}))
        while self._groups:
            self._statement()
        rest = self._tokens.take()
        if rest.kind != "end":
            raise self._tokens.error(rest, "follows the graph; a file has one graph")

    def _expect(self, token: Token, symbol: str) -> None:
        if token.kind != symbol:
            what = "the end of the file" if token.kind == "end" else shown(token.text)
            raise self._tokens.error(token, f"{what} stands where {symbol!r} should")

    def _statement(self) -> None:
        """Read a statement, or the part of one up to a brace."""
        group, token = self._groups[-1], self._tokens.take()
        if token.kind == "{" or token.keyword == "subgraph":
            self._open(token)
        elif token.kind == "}":
            self._close(token)
        elif token.kind == ";":
            self._finish(token)
        elif token.keyword in ("node", "edge", "graph"):
            self._finish(token)
            attributes = self._attributes(self._tokens.take())
            if token.keyword == "node":
                group.defaults = {**group.defaults, **attributes}
        elif token.is_id:
            self._named(group, token)
        else:
            self._expect(token, "}")

    def _named(self, group: _Group, token: Token) -> None:
        """Read a node, or an attribute of the group."""
        following = self._tokens.take()
        if following.kind == "=":
            self._finish(token)
            value = self._tokens.take()
            if not value.is_id:
                raise self._tokens.error(value, f"{shown(value.text)} is no value")
            return
        while following.kind == ":":  # a port, which is where an edge is drawn to
            port = self._tokens.take()
            if not port.is_id:
                raise self._tokens.error(port, f"{shown(port.text)} is no port")
            following = self._tokens.take()
        if not group.joins:
            self._finish(token)
        if token.text not in self.nodes:
            if len(self.nodes) >= MOST_NODES:
                why = f"there are more than {MOST_NODES:,} tasks; {TAKE_LESS}"
                raise self._tokens.error(token, why)
            self.nodes[token.text] = (token.place, dict(group.defaults))
        for outer in self._groups:
            outer.members[token.text] = None
        self._end(group, [token.text], following, token)

    def _end(self, group: _Group, nodes: Iterable[str], following: Token, token: Token) -> None:
        """Note an end of an edge, and what follows it: another edge, attributes, or neither."""
        group.ends.append(nodes)
        if group.joins:
            self._join(group, token)
        group.joins = following.kind == "->"
        if group.joins:
            return
        if following.kind == "--":
            raise self._tokens.error(following, "-- is an edge without direction; write ->")
        attributes = self._attributes(following)
        if len(group.ends) == 1 and isinstance(nodes, list):
            self.nodes[nodes[0]][1].update(attributes)
        group.ends = []

    def _join(self, group: _Group, token: Token) -> None:
        """Make the edges between the last two ends."""
        sources, targets = (list(end) for end in group.ends[-2:])
        for source in sources:
            for target in targets:
                self._draft.add_edge(source, target, token.place)

    def _attributes(self, token: Token) -> dict[str, str]:
        """Read lists of attributes; the token that follows them goes back."""
        attributes: dict[str, str] = {}
        while token.kind == "[":
            token = self._tokens.take()
            while token.kind != "]":
                if not token.is_id:
                    self._expect(token, "]")
                name, token = token.text, self._tokens.take()
                value = "true"
                if token.kind == "=":
                    token = self._tokens.take()
                    if not token.is_id:
                        raise self._tokens.error(token, f"{shown(name)} has no value")
                    value, token = token.text, self._tokens.take()
                if name in self._wanted:  # else a few defaults could fill the memory
                    attributes[intern(name)] = intern(value)
                if token.kind in (",", ";"):
                    token = self._tokens.take()
            token = self._tokens.take()
        self._tokens.give_back(token)
        return attributes

    def _open(self, token: Token) -> None:
        """Begin a group of nodes."""
        group = self._groups[-1]
        if not group.joins:
            self._finish(token)
        if token.keyword == "subgraph":
            token = self._tokens.take()
            if token.is_id:
                token = self._tokens.take()
            self._expect(token, "{")
        if len(self._groups) >= MOST_DEPTH:
            raise self._tokens.error(token, f"more than {MOST_DEPTH} subgraphs within each other")
        self._groups.append(_Group(dict(group.defaults)))

    def _close(self, token: Token) -> None:
        """End a group; it may be the end of an edge."""
        self._finish(token)
        closed = self._groups.pop()
        if self._groups:  # else it was the graph's own
            self._end(self._groups[-1], closed.members, self._tokens.take(), token)

    def _finish(self, token: Token) -> None:
        """End a statement, in which no edge may be left without its end."""
        group = self._groups[-1]
        if group.joins:
            raise self._tokens.error(token, "-> leads to no node")
        group.ends = []
