"""Plant known mistakes, one at a time, into a copy of the tree, and see that a test notices each.

    make planted                      all of tests/planted.toml; writes tests/PLANTED.md
    make planted ARGS="--only veto"   those with this word in their name; renews their rows
    make planted ARGS=--new           those that the table does not name yet

Before the first one is planted, the tests that are meant to notice must pass. Exit code 1 when a
mistake lived.
"""

from __future__ import annotations

import argparse
import shutil
import subprocess
import sys
import tempfile
import time
import tomllib
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
LIST = ROOT / "tests" / "planted.toml"
TABLE = ROOT / "tests" / "PLANTED.md"
_COPIED = ("policies", "hsm", "config", "treasury", "tests")
_DEADLINE_S = 900
_NOBODY = "**nobody**"
_HEAD = """# Planted bugs

Each mistake of `tests/planted.toml` was planted into a copy of the tree, alone, and its tests were
run until the first failure. Written by `make planted`.

| mistake | noticed by | s |
|---|---|---|
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Edit:
    """One replacement; `old` stands exactly once in the file."""

    file: str
    old: str
    new: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Bug:
    """One mistake and the tests that must notice it."""

    name: str
    edits: tuple[Edit, ...]
    tests: tuple[str, ...]


def bugs() -> tuple[Bug, ...]:
    """Read the list of mistakes."""
    document = tomllib.loads(LIST.read_text())
    return tuple(
        Bug(
            name=item["name"],
            edits=tuple(Edit(**edit) for edit in item["edit"]),
            tests=tuple(item["tests"]),
        )
        for item in document["bug"]
    )


def plant(tree: Path, bug: Bug) -> dict[Path, str]:
    """Write a mistake into a tree; return what the files were before.

    Raises `ValueError` when the text that it replaces is not there exactly once.
    """
    before: dict[Path, str] = {}
    for edit in bug.edits:
        path = tree / edit.file
        text = path.read_text()
        if text.count(edit.old) != 1:
            msg = f"{bug.name}: {edit.file} has {edit.old!r} {text.count(edit.old)} times, not once"
            raise ValueError(msg)
        before.setdefault(path, text)
        path.write_text(text.replace(edit.old, edit.new))
    return before


def noticed_by(tree: Path, tests: tuple[str, ...]) -> str:
    """Run tests until the first failure; return its name, "" when all passed."""
    command = [sys.executable, "-m", "pytest", "-x", "-q", "-p", "no:cacheprovider", "--no-header"]
    command += ["-m", "not bench and not soak", *tests]
    try:
        done = subprocess.run(
            command, cwd=tree, capture_output=True, text=True, timeout=_DEADLINE_S, check=False
        )
    except subprocess.TimeoutExpired:
        return "a test that never ended"
    if done.returncode == 0:
        return ""
    lines = done.stdout.splitlines()
    # A captured log has lines that begin with ERROR too.
    named = [line for line in lines if line.startswith(("FAILED tests/", "ERROR tests/"))]
    return named[0].split(" ")[1] if named else "the collection of the tests"


def main() -> int:
    """Try every mistake and write the table."""
    parser = argparse.ArgumentParser(description="Plant known mistakes.")
    parser.add_argument("--only", default="", help="a word in the name of the mistake")
    parser.add_argument("--new", action="store_true", help="those that the table does not name")
    parser.add_argument("--trust", action="store_true", help="do not run the tests unplanted first")
    chosen = parser.parse_args()
    known = {} if not chosen.only and not chosen.new else _known()
    wanted = [b for b in bugs() if chosen.only in b.name and not (chosen.new and b.name in known)]
    with tempfile.TemporaryDirectory(prefix="treasury-planted-") as folder:
        tree = _copy_tree(Path(folder))
        tests = tuple(sorted({test for bug in wanted for test in bug.tests}))
        broken = "" if chosen.trust else noticed_by(tree, tests)
        if broken:
            print(f"{broken} fails already: mend it first")
            return 1
        rows = [_try(tree, bug) for bug in wanted]
    _write(known | {row[0]: _line(*row) for row in rows})
    lived = [row for row in rows if not row[1]]
    print(f"{len(rows) - len(lived)} of {len(rows)} noticed")
    return 1 if lived else 0


def _known() -> dict[str, str]:
    """Return the lines of the table by the name of their mistake."""
    lines = TABLE.read_text().splitlines(keepends=True) if TABLE.exists() else []
    return {line.split(" | ")[0].removeprefix("| "): line for line in lines if " | " in line}


def _write(lines: dict[str, str]) -> None:
    """Write the table in the order of the list."""
    shown = [lines[bug.name] for bug in bugs() if bug.name in lines]
    lived = sum(_NOBODY in line for line in shown)
    TABLE.write_text(_HEAD + "".join(shown) + _foot(len(shown), lived))


def _try(tree: Path, bug: Bug) -> tuple[str, str, float]:
    before = plant(tree, bug)
    began = time.monotonic()
    try:
        noticed = noticed_by(tree, bug.tests)
    finally:
        for path, text in before.items():
            path.write_text(text)
    took = time.monotonic() - began
    print(f"{bug.name}: {noticed or 'LIVED'} ({took:.0f} s)", flush=True)
    return bug.name, noticed, took


def _line(name: str, noticed: str, took: float) -> str:
    shown = f"`{noticed.removeprefix('tests/')}`" if noticed else _NOBODY
    return f"| {name} | {shown} | {took:.0f} |\n"


def _foot(count: int, lived: int) -> str:
    return f"\n{count - lived} of {count} were noticed.\n"


def _copy_tree(folder: Path) -> Path:
    ignore = shutil.ignore_patterns("__pycache__")
    for room in _COPIED:
        shutil.copytree(ROOT / room, folder / room, ignore=ignore)
    shutil.copy(ROOT / "pyproject.toml", folder)
    return folder


if __name__ == "__main__":
    sys.exit(main())
