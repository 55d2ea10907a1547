"""Renew tests/CONTROLS.md: every requirement, in our words, with the tests that claim to prove it.

A test claims a requirement by naming its id ("R3.2") in its docstring. Run with `--check` to see
whether the page is up to date without writing it.
"""

from __future__ import annotations

import ast
import re
import sys
import tomllib
from collections import defaultdict
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[1]
REQUIREMENT = re.compile(r"\bR[1-8]\.\d{1,2}\b")
_HEAD = """\
# Controls

What must hold, and the tests that prove it. Renewed by `make controls` from the ids that tests
name in their docstrings; the sentences stand in `requirements.toml`. A requirement counts as
claimed as soon as one test claims it, even if only in part: read the test to see which part.

## Claimed by tests

| requirement | in our words | tests |
|---|---|---|
"""
_OPEN = """
## Without a test so far

| requirement | in our words | why |
|---|---|---|
"""
_OPEN_YET = "not proved yet"


def requirements(root: Path = ROOT) -> dict[str, str]:
    """Return every requirement id with its sentence, in numerical order."""
    words = _table(root)
    words.pop("not_built")
    return dict(sorted(words.items(), key=lambda item: _order(item[0])))


def left_out(root: Path = ROOT) -> dict[str, str]:
    """Return by its id why a requirement was not built, and what stands in its place."""
    reasons: dict[str, str] = _table(root)["not_built"]
    return reasons


def _table(root: Path) -> dict[str, Any]:
    return tomllib.loads((root / "tests/requirements.toml").read_text())


def claims(root: Path = ROOT) -> dict[str, list[str]]:
    """Return, for each claimed id, the tests (`path::name`) that claim it."""
    found: dict[str, list[str]] = defaultdict(list)
    for path in sorted((root / "tests").rglob("test_*.py")):
        for name, docstring in _tests_of(path):
            for requirement in sorted(set(REQUIREMENT.findall(docstring)), key=_order):
                found[requirement].append(f"{path.relative_to(root)}::{name}")
    return found


def page(
    words: Mapping[str, str], claimed: Mapping[str, list[str]], reasons: Mapping[str, str]
) -> str:
    """Return the text of CONTROLS.md."""
    proven = [
        f"| {requirement} | {sentence} | {_cells(claimed[requirement])} |\n"
        for requirement, sentence in words.items()
        if requirement in claimed
    ]
    unproven = [
        f"| {requirement} | {sentence} | {reasons.get(requirement, _OPEN_YET)} |\n"
        for requirement, sentence in words.items()
        if requirement not in claimed
    ]
    return _HEAD + "".join(proven) + _OPEN + "".join(unproven)


def main() -> int:
    """Write the page, or with `--check` say whether it is up to date."""
    target = ROOT / "tests/CONTROLS.md"
    text = page(requirements(), claims(), left_out())
    if "--check" not in sys.argv:
        target.write_text(text)
        return 0
    if target.exists() and target.read_text() == text:
        return 0
    print("tests/CONTROLS.md is out of date: type make controls")
    return 1


def _tests_of(path: Path) -> Iterator[tuple[str, str]]:
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.FunctionDef) and node.name.startswith("test_"):
            yield node.name, ast.get_docstring(node) or ""


def _cells(tests: list[str]) -> str:
    return "<br>".join(f"`{test.removeprefix('tests/')}`" for test in tests)


def _order(requirement: str) -> tuple[int, int]:
    chapter, number = requirement.removeprefix("R").split(".")
    return int(chapter), int(number)


if __name__ == "__main__":
    sys.exit(main())
