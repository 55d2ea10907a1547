"""Break the law on purpose, one small change at a time, and see whether a test notices.

Every mutant is one changed comparison, operator, constant or condition of `policies`. It is
written into a copy of the tree, and the tests of its room run there until the first failure. A
mutant that no test notices survives and is printed with file and line. Mutants are drawn at
random, with a seed, because trying all of them takes hours:

    make mutation ARGS="--sample 100 --seed 7 --file policies/bands.py --floor 85"

Exit code 1 when the share of noticed mutants is below the floor.
"""

from __future__ import annotations

import argparse
import ast
import random
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
_COPIED = ("policies", "hsm", "config", "treasury", "tests")
_DEADLINE_S = 300
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


def tests_of(file: str, tree: Path) -> list[str]:
    """Return the tests that answer for a file: those of its name, or of its folder."""
    path = Path(file)
    folder = tree / "tests" / path.parent
    named = sorted(folder.glob(f"test_{path.stem}*.py"))
    chosen = named or sorted(folder.rglob("test_*.py"))
    return [str(test.relative_to(tree)) for test in chosen]


def is_noticed(mutant: Mutant, tree: Path) -> bool:
    """Say whether a test fails in a tree with this mutant; a hang counts as a failure."""
    target = tree / mutant.file
    original = target.read_text()
    module = Breaker(mutant.place).visit(ast.parse(original))
    target.write_text(ast.unparse(ast.fix_missing_locations(module)))
    try:
        return not passes(mutant.file, tree)
    finally:
        target.write_text(original)


def passes(file: str, tree: Path) -> bool:
    """Run the tests of a file in a tree; a hang counts as a failure."""
    command = [sys.executable, "-m", "pytest", "-x", "-q", "-p", "no:cacheprovider"]
    command += ["-m", "not bench and not soak", *tests_of(file, tree)]
    try:
        done = subprocess.run(
            command, cwd=tree, capture_output=True, timeout=_DEADLINE_S, check=False
        )
    except subprocess.TimeoutExpired:
        return False
    return done.returncode == 0


def copy_tree(folder: Path) -> Path:
    """Copy what tests need into a folder, and return it."""
    ignore = shutil.ignore_patterns("__pycache__")
    for room in _COPIED:
        shutil.copytree(ROOT / room, folder / room, ignore=ignore)
    shutil.copy(ROOT / "pyproject.toml", folder)
    return folder


def main() -> int:
    """Draw mutants, try them, print the survivors and the score."""
    parser = argparse.ArgumentParser(description="Break the law on purpose.")
    parser.add_argument("--file", action="append", help="only this file; may be repeated")
    parser.add_argument("--sample", type=int, default=60, help="how many mutants (60)")
    parser.add_argument("--seed", type=int, default=1, help="which mutants (1)")
    parser.add_argument("--floor", type=float, default=85, help="share that must be noticed, in %%")
    chosen = parser.parse_args()
    files = [ROOT / f for f in chosen.file or ()] or sorted((ROOT / "policies").rglob("*.py"))
    mutants = [mutant for file in files for mutant in mutants_of(file)]
    drawn = random.Random(chosen.seed).sample(mutants, min(chosen.sample, len(mutants)))  # noqa: S311
    print(f"{len(mutants)} possible mutants, {len(drawn)} tried", flush=True)
    noticed = 0
    with tempfile.TemporaryDirectory(prefix="treasury-mutants-") as folder:
        tree = copy_tree(Path(folder))
        broken = [file for file in sorted({one.file for one in drawn}) if not passes(file, tree)]
        if broken:
            print(f"the tests of {', '.join(broken)} fail already: mend them first")
            return 1
        for mutant in sorted(drawn, key=lambda one: (one.file, one.place)):
            if is_noticed(mutant, tree):
                noticed += 1
            else:
                print(f"survived: {mutant.file}:{mutant.line}: {mutant.change}", flush=True)
    score = 100 * noticed / len(drawn) if drawn else 100.0
    print(f"{noticed} of {len(drawn)} noticed: {score:.1f} % (floor {chosen.floor:g} %)")
    return 0 if score >= chosen.floor else 1


if __name__ == "__main__":
    sys.exit(main())
