"""Small changes to a file's text: every place that can be changed, and the text with one changed.

A mutant is one changed comparison, operator, constant or condition. Declarations, annotations and
sentences are left alone: their wording is not what a test has to notice.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
_COMPARISONS: dict[type[ast.cmpop], type[ast.cmpop]] = {
    ast.Lt: ast.LtE,
    ast.LtE: ast.Lt,
    ast.Gt: ast.GtE,
    ast.GtE: ast.Gt,
    ast.Eq: ast.NotEq,
    ast.NotEq: ast.Eq,
    ast.In: ast.NotIn,
    ast.NotIn: ast.In,
    ast.Is: ast.IsNot,
    ast.IsNot: ast.Is,
}
_OPERATORS: dict[type[ast.operator], type[ast.operator]] = {
    ast.Add: ast.Sub,
    ast.Sub: ast.Add,
    ast.Mult: ast.FloorDiv,
    ast.FloorDiv: ast.Mult,
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Mutant:
    """One change: the n-th place of a file that can be changed."""

    file: str
    place: int
    line: int
    change: str


class Breaker(ast.NodeTransformer):
    """Visits every place that can be changed, and changes the one that was asked for."""

    def __init__(self, wanted: int | None = None) -> None:
        """Change place `wanted`, or none and only take notes."""
        self.wanted = wanted
        self.notes: list[tuple[int, str]] = []

    def visit_Compare(self, node: ast.Compare) -> ast.AST:
        """Move a boundary or turn a comparison round."""
        self.generic_visit(node)
        for index, operator in enumerate(node.ops):
            other = _COMPARISONS[type(operator)]
            if self._takes(node, f"{type(operator).__name__} -> {other.__name__}"):
                node.ops[index] = other()
        return node

    def visit_BinOp(self, node: ast.BinOp) -> ast.AST:
        """Turn plus into minus, times into divided by."""
        self.generic_visit(node)
        other = _OPERATORS.get(type(node.op))
        if other and self._takes(node, f"{type(node.op).__name__} -> {other.__name__}"):
            node.op = other()
        return node

    def visit_BoolOp(self, node: ast.BoolOp) -> ast.AST:
        """Turn and into or."""
        self.generic_visit(node)
        other = ast.Or if isinstance(node.op, ast.And) else ast.And
        if self._takes(node, f"{type(node.op).__name__} -> {other.__name__}"):
            node.op = other()
        return node

    def visit_UnaryOp(self, node: ast.UnaryOp) -> ast.AST:
        """Drop a not."""
        self.generic_visit(node)
        if isinstance(node.op, ast.Not) and self._takes(node, "not dropped"):
            return node.operand
        return node

    def visit_Constant(self, node: ast.Constant) -> ast.AST:
        """Flip a boolean, move a number by one."""
        if isinstance(node.value, bool):
            if self._takes(node, f"{node.value} -> {not node.value}"):
                return ast.copy_location(ast.Constant(not node.value), node)
        elif isinstance(node.value, int) and self._takes(node, f"{node.value} -> +1"):
            return ast.copy_location(ast.Constant(node.value + 1), node)
        return node

    def visit_Call(self, node: ast.Call) -> ast.AST:
        """Leave the arguments of declarations alone."""
        if isinstance(node.func, ast.Name) and node.func.id in {"dataclass", "NewType", "TypeVar"}:
            return node
        return self.generic_visit(node)

    def visit_JoinedStr(self, node: ast.JoinedStr) -> ast.AST:
        """Leave sentences alone: their wording is not the law."""
        return node

    def visit_AnnAssign(self, node: ast.AnnAssign) -> ast.AST:
        """Leave annotations alone."""
        if node.value is not None:
            node.value = self.visit(node.value)
        return node

    def _takes(self, node: ast.expr, change: str) -> bool:
        self.notes.append((node.lineno, change))
        return self.wanted == len(self.notes) - 1


def mutants_of(path: Path) -> Iterator[Mutant]:
    """Yield every mutant of a file."""
    breaker = Breaker()
    breaker.visit(ast.parse(path.read_text()))
    for place, (line, change) in enumerate(breaker.notes):
        yield Mutant(file=str(path.relative_to(ROOT)), place=place, line=line, change=change)


def mutated(mutant: Mutant, text: str) -> str:
    """Return the text of the mutant's file with its one change."""
    module = Breaker(mutant.place).visit(ast.parse(text))
    return ast.unparse(ast.fix_missing_locations(module))
