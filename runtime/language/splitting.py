"""Where ``auto_incore`` makes regions: chunked loops, and runs of statements that compute.

A chunked parallel loop becomes a loop over chunks, which stays in the orchestration, around the
iterations of one chunk, which become a region. Directly nested chunked loops are interchanged so
that all loops over chunks are outside; that works only while the inner ones divide evenly.
"""

from __future__ import annotations

import ast
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

from devices.expression import Symbol
from runtime.language import blocks
from runtime.language.blocks import LoopKind, LoopSpec
from runtime.language.evaluation import Evaluator, Names
from runtime.language.operations import is_compute, is_operation
from runtime.language.syntax import Assign, Bare, For, If, Statement, With

__all__ = ["Run", "Splitter"]


@dataclass(frozen=True, slots=True)
class Run:
    """Consecutive statements that make one region, or one statement that makes none itself.

    Attributes
    ----------
    rest : sequence of statements
        What follows in the block.
    """

    statements: tuple[Statement, ...]
    is_region: bool
    rest: tuple[Statement, ...]


class Splitter:
    """Decides what becomes a region in the ``auto_incore`` blocks of one function."""

    def __init__(self, evaluator: Evaluator) -> None:
        self.evaluator = evaluator
        self.temporaries: Counter[str] = Counter()

    # Runs of statements

    def runs(self, statements: Sequence[Statement]) -> Iterator[Run]:
        """Partition a block: maximal runs that need a region, and single other statements."""
        pending: list[Statement] = []
        for position, statement in enumerate(statements):
            if self.needs_region(statement):
                pending.append(statement)
                continue
            if pending:
                yield Run(tuple(pending), is_region=True, rest=tuple(statements[position:]))
                pending = []
            yield Run((statement,), is_region=False, rest=tuple(statements[position + 1 :]))
        if pending:
            yield Run(tuple(pending), is_region=True, rest=())

    def needs_region(self, statement: Statement) -> bool:
        """Whether a statement computes and has no region in it yet."""
        if self.has_region(statement):
            return False
        match statement:
            case Assign(value=value) | Bare(value=value):
                return isinstance(value, ast.Call) and is_compute(
                    self.evaluator.resolve(value.func)
                )
            case For(in_chunk=True):
                return True
            case For(body=body):
                chunked = self.chunk_kind(statement) is not None
                return chunked or any(map(self.needs_region, body))
            case If(then=then, orelse=orelse):
                return any(map(self.needs_region, (*then, *orelse)))
        return False

    def has_region(self, statement: Statement) -> bool:
        """Whether a statement contains a region, or a loop that splitting turns into some."""
        match statement:
            case With():
                return True
            case For(body=body, in_chunk=True):
                return any(isinstance(s, With) for s in _nested(body))
            case For(symbol=Symbol()):  # a loop over chunks
                return True
            case For(body=body):
                return self.splits(statement) or any(map(self.has_region, body))
            case If(then=then, orelse=orelse):
                return any(map(self.has_region, (*then, *orelse)))
        return False

    # Chunked loops

    def chunk_kind(self, loop: For) -> LoopKind | None:
        """Kind of a chunked loop, None for a loop without chunks."""
        if isinstance(loop.header, LoopSpec):
            return loop.header.kind if loop.header.chunk is not None else None
        if not isinstance(loop.header, ast.Call):
            return None
        chunks = [k.value for k in loop.header.keywords if k.arg == "chunk"]
        if not chunks or (isinstance(chunks[0], ast.Constant) and chunks[0].value is None):
            return None
        made_by = self.evaluator.resolve(loop.header.func)
        return LoopKind.PARALLEL if made_by is blocks.parallel else LoopKind.RANGE

    def splits(self, loop: For) -> bool:
        """Whether `loop` is chunked and every chunked loop directly in it is parallel."""
        kinds = [self.chunk_kind(link) for link in self.chain(loop)]
        return bool(kinds) and all(kind is LoopKind.PARALLEL for kind in kinds)

    def chain(self, loop: For) -> list[For]:
        """`loop` and the chunked loops directly nested in it."""
        links = []
        current: Statement = loop
        while isinstance(current, For) and self.chunk_kind(current) is not None:
            links.append(current)
            if len(current.body) != 1:
                break
            current = current.body[0]
        return links

    def split(self, loop: For, names: Names) -> tuple[For | None, For | None]:
        """Split a chunked loop and the evenly dividing ones directly in it.

        Returns
        -------
        full, remainder : For or None
            The loops over whole chunks, and the iterations that fill no chunk.
        """
        spec = self.evaluator.loop(loop.header, names, loop.line)
        chunk = spec.chunk or 1
        full_chunks, rest = spec.trips // chunk, spec.trips % chunk
        remainder = None
        if not isinstance(rest, int) or rest:
            start = spec.start + full_chunks * (chunk * spec.step)
            header = LoopSpec(LoopKind.PARALLEL, start, spec.step, rest)
            # Where it holds no chunked loop of its own, the remainder is one task.
            alone = not any(map(self.has_region, loop.body))
            remainder = For(loop.variable, header, loop.body, loop.line, in_chunk=alone)
        if isinstance(full_chunks, int) and not full_chunks:
            return None, remainder
        return self.interchanged(loop, names), remainder

    def interchanged(self, loop: For, names: Names) -> For:
        """Loops over chunks around the loops in the chunks."""
        known = dict(names)
        links: list[tuple[For, LoopSpec, Symbol]] = []
        for link in self.chain(loop):
            spec = self.evaluator.loop(link.header, known, link.line)
            even = isinstance(spec.trips, int) and spec.trips % (spec.chunk or 1) == 0
            if links and not even:
                break
            links.append((link, spec, Symbol(link.variable)))
            known[link.variable] = links[-1][2]
        body: tuple[Statement, ...] = links[-1][0].body
        for link, spec, over in reversed(links):
            chunk = spec.chunk or 1
            start = spec.start + over * (chunk * spec.step)
            inside = LoopSpec(LoopKind.PARALLEL, start, spec.step, chunk)
            loop = For(link.variable, inside, body, link.line, in_chunk=True)
            body = (loop,)
        for link, spec, over in reversed(links):
            outside = LoopSpec(LoopKind.PARALLEL, 0, 1, spec.trips // (spec.chunk or 1))
            loop = For(link.variable, outside, body, link.line, symbol=over)
            body = (loop,)
        return loop

    # Nested calls

    def flattened(self, statements: Sequence[Statement]) -> tuple[Statement, ...]:
        """A block with one operation per statement; nested ones get names of their own."""
        out: list[Statement] = []
        for statement in statements:
            match statement:
                case Assign(targets=targets, value=value):
                    hoister = _Hoister(self, targets[0], statement.line)
                    flat = hoister.arguments(value)
                    out += [*hoister.hoisted, replace(statement, value=flat)]
                case For(body=body) | With(body=body):
                    out.append(replace(statement, body=self.flattened(body)))
                case If(then=then, orelse=orelse):
                    then, orelse = self.flattened(then), self.flattened(orelse)
                    out.append(replace(statement, then=then, orelse=orelse))
                case _:
                    out.append(statement)
        return tuple(out)


class _Hoister:
    """Takes the nested operations out of one expression, innermost first."""

    def __init__(self, splitter: Splitter, target: str, line: int) -> None:
        self.evaluator = splitter.evaluator
        self.temporaries = splitter.temporaries
        self.target = target
        self.line = line
        self.hoisted: list[Assign] = []

    def arguments(self, node: ast.expr) -> ast.expr:
        """`node` with names in place of the operations among its arguments."""
        if not isinstance(node, ast.Call):
            return node
        known = len(self.hoisted)
        args = [self.argument(a) for a in node.args]
        keywords = [
            ast.copy_location(ast.keyword(k.arg, self.argument(k.value)), k) for k in node.keywords
        ]
        if len(self.hoisted) == known:
            return node
        return ast.copy_location(ast.Call(node.func, args, keywords), node)

    def argument(self, node: ast.expr) -> ast.expr:
        node = self.arguments(node)
        if not (isinstance(node, ast.Call) and is_operation(self.evaluator.resolve(node.func))):
            return node
        name = f"{self.target}__tmp_v{self.temporaries[self.target]}"
        self.temporaries[self.target] += 1
        self.hoisted.append(Assign((name,), node, self.line))
        return ast.copy_location(ast.Name(name, ast.Load()), node)


def _nested(statements: Sequence[Statement]) -> Iterator[Statement]:
    """Every statement in a block, at any depth."""
    for statement in statements:
        yield statement
        match statement:
            case For(body=body) | With(body=body):
                yield from _nested(body)
            case If(then=then, orelse=orelse):
                yield from _nested((*then, *orelse))
