"""Try mutants in a copy of the tree, each in a fork that has imported everything foreign already.

Which tests pass which line is measured once, by running the tests of the chosen files with
coverage. A try costs its tests and little more: no interpreter starts, nothing foreign is imported
again, and only the tests that pass the changed line run, those named after the file first.
"""

from __future__ import annotations

import compileall
import contextlib
import importlib
import importlib.util
import os
import py_compile
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from pathlib import Path

import pytest
from coverage import CoverageData
from mutants import ROOT, Mutant, mutated

_COPIED = ("policies", "hsm", "config", "treasury", "tests")
_DEADLINE_S = 900.0
_MEASURING_S = 3_000
_POLL_S = 0.02
_MOST_SOUND = 60
# The fork has imported what pytest would rewrite; that alone is no reason to fail.
_FORKED = ("-W", "ignore::pytest.PytestAssertRewriteWarning")
_PLAIN = ("-x", "-q", "-p", "no:cacheprovider", "-p", "no:xdist", "-m", "not bench and not soak")
_FOREIGN = ("pytest", "hypothesis", "coincurve", "sqlmodel", "structlog", "msgspec", "alembic")
_RC = """[run]
branch = true
source = policies,hsm,treasury
dynamic_context = test_function
"""

_DESK_TESTS = "tests/hsm/process/test_desk.py"

Line = tuple[str, int]
Reach = Mapping[Line, Sequence[str]]


def copy_tree(folder: Path) -> Path:
    """Copy what tests need into a folder, compiled, and return it."""
    ignore = shutil.ignore_patterns("__pycache__")
    for room in _COPIED:
        shutil.copytree(ROOT / room, folder / room, ignore=ignore)
    for name in ("pyproject.toml", "Makefile", "tools", "build", "systemd"):
        (folder / name).symlink_to(ROOT / name)
    compileall.compile_dir(folder, quiet=2)
    return folder


def tests_of(file: str) -> list[str]:
    """Return the tests that answer for a file: of its name or folder, the belt's for a station."""
    room = Path(file).parts[0]
    if room == "treasury":
        belts = ["tests/treasury/stations", "tests/treasury/test_belt.py"]
        others = [
            f"tests/treasury/{name}" for name in ("test_blind_retries.py", "orders", "safety")
        ]
        return [*belts, *others]
    if room == "hsm":
        return [*(f"tests/hsm/{room}" for room in ("guard", "book", "verbs")), _DESK_TESTS]
    folder = Path("tests") / Path(file).parent
    named = sorted((ROOT / folder).glob(f"test_{Path(file).stem}*.py"))
    # A room of one subject may have its tests in a file of that name instead of a folder.
    named = named or sorted((ROOT / folder.parent).glob(f"test_{folder.name}*.py"))
    return [str(test.relative_to(ROOT)) for test in named] or [str(folder)]


def measure(files: Sequence[str], tree: Path) -> Reach:
    """Run the tests of the files once; return which of them pass each line.

    Raises `RuntimeError` when they fail already.
    """
    tests = sorted({test for file in files for test in tests_of(file) if (tree / test).exists()})
    (tree / "mutants.rc").write_text(_RC)
    command = [sys.executable, "-m", "coverage", "run", "--rcfile=mutants.rc", "-m", "pytest"]
    done = subprocess.run(
        [*command, *_PLAIN, *tests],
        cwd=tree,
        timeout=_MEASURING_S,
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode != 0:
        raise RuntimeError(f"the tests fail already: mend them first\n{done.stdout[-2000:]}")
    return _reach(files, tree)


def _reach(files: Sequence[str], tree: Path) -> Reach:
    data = CoverageData(str(tree / ".coverage"))
    data.read()
    reach: dict[Line, Sequence[str]] = {}
    for file in files:
        for line, contexts in data.contexts_by_lineno(str(tree / file)).items():
            found = {_node(context) for context in contexts if context}
            reach[file, line] = sorted(found, key=lambda node: (Path(file).stem not in node, node))
    return reach


def _node(context: str) -> str:
    """Turn "tests.policies.test_bands.test_low" into what pytest calls it."""
    module, _, name = context.rpartition(".")
    return f"{module.replace('.', '/')}.py::{name}"


class Yard:
    """One copy of the tree in which one mutant at a time is tried."""

    def __init__(self, folder: Path, reach: Reach) -> None:
        """Copy the tree into `folder`, and import everything foreign."""
        self._tree = copy_tree(folder)
        self._reach = reach
        self._sound: set[str] = set()
        for name in _FOREIGN:
            importlib.import_module(name)

    def is_noticed(self, mutant: Mutant) -> bool:
        """Say whether a test fails with this mutant; a hang counts as a failure.

        Raises `RuntimeError` when the tests of its line fail without it: then they prove nothing.
        """
        tests = self._reach.get((mutant.file, mutant.line), ())
        self._require_sound(mutant.file, tests or tests_of(mutant.file))
        target = self._tree / mutant.file
        original = target.read_text()
        compiled = Path(importlib.util.cache_from_source(str(target)))
        # A stale compiled file of the same second and size would hide the change.
        compiled.unlink(missing_ok=True)
        target.write_text(mutated(mutant, original))
        try:
            return not self._passes(tests or tests_of(mutant.file))
        finally:
            target.write_text(original)
            py_compile.compile(str(target), cfile=str(compiled))

    def _require_sound(self, file: str, tests: Sequence[str]) -> None:
        if file in self._sound:
            return
        if not self._passes(tests[:_MOST_SOUND]):
            raise RuntimeError(
                f"the tests of {file} fail in a fork without any change: {tests[:3]}"
            )
        self._sound.add(file)

    def _passes(self, tests: Sequence[str]) -> bool:
        child = os.fork()
        if child == 0:
            _run(self._tree, [test for test in tests if (self._tree / test.split(":")[0]).exists()])
        end = time.monotonic() + _DEADLINE_S
        while time.monotonic() < end:
            done, status = os.waitpid(child, os.WNOHANG)
            if done:
                return os.waitstatus_to_exitcode(status) == 0
            time.sleep(_POLL_S)
        os.killpg(child, signal.SIGKILL)
        os.waitpid(child, 0)
        return False


def _run(tree: Path, tests: Sequence[str]) -> None:
    """Run tests in this forked process, silently, and end it; none at all count as failed."""
    code = 1
    try:
        os.setpgid(0, 0)
        os.chdir(tree)
        sys.dont_write_bytecode = True
        sys.path.insert(0, str(tree))
        silence = os.open(os.devnull, os.O_WRONLY)
        os.dup2(silence, 1)
        os.dup2(silence, 2)
        # Without any, pytest would run the whole suite.
        with contextlib.suppress(BaseException):
            assert tests, "no test answers for this file"
            code = int(pytest.main([*_PLAIN, *_FORKED, *tests]))
    finally:
        os._exit(code)
