"""The house rules that neither ruff nor the import linter can state."""

from __future__ import annotations

import ast
import functools
import re
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).parents[1]
ROOMS = ("policies", "hsm", "config", "treasury")
SOURCES = sorted(path for room in ROOMS for path in (ROOT / room).rglob("*.py"))
TESTS = sorted((ROOT / "tests").rglob("*.py"))
TOOLS = sorted((ROOT / "tools").rglob("*.py"))
EVERYTHING = [*SOURCES, *TESTS, *TOOLS]
LAW = sorted((ROOT / "policies").rglob("*.py"))

_VAGUE = re.compile(r"(^|_)(utils?|helpers?|common|managers?|misc|stuff)(_|\d|$)", re.IGNORECASE)
_LATER = re.compile(r"\b(TODO|FIXME|XXX|HACK)\b")
_SPEAKS_TO_TOKENS = {"hsm/token/session.py", "hsm/token/keys.py", "hsm/token/provision.py"}
_PURE_MODULES = {
    "__future__", "array", "base64", "bisect", "calendar", "collections", "collections.abc",
    "contextlib", "csv", "dataclasses", "datetime", "decimal", "enum", "fractions", "functools",
    "heapq", "itertools", "json", "math", "operator", "re", "statistics", "string", "types",
    "typing", "zlib", "zoneinfo",
}  # fmt: skip
_EFFECTS = {"open", "print", "input", "exec", "eval", "compile", "__import__", "breakpoint"}
_CLOCKS = {"now", "utcnow", "today"}


def relative(path: Path) -> str:
    """Return the path as people write it."""
    return str(path.relative_to(ROOT))


@functools.cache
def tree(path: Path) -> ast.Module:
    """Return the parsed file; every file is parsed once."""
    return ast.parse(path.read_text())


def functions(module: ast.Module) -> Iterator[ast.FunctionDef | ast.AsyncFunctionDef]:
    """Yield every function and method, nested ones included."""
    for node in ast.walk(module):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            yield node


def imported(module: ast.Module) -> Iterator[str]:
    """Yield the name of every imported module, wherever the import stands."""
    for node in ast.walk(module):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            yield node.module or ""


def called_in(module: ast.Module) -> Iterator[str]:
    """Yield the name of every call: plain functions as they are, methods with a dot in front."""
    for node in ast.walk(module):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name):
            yield node.func.id
        elif isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute):
            yield f".{node.func.attr}"


def names_in(path: Path) -> list[str]:
    """Return the parts of the path and the names of the classes of a file."""
    classes = [node.name for node in ast.walk(tree(path)) if isinstance(node, ast.ClassDef)]
    return [*path.relative_to(ROOT).with_suffix("").parts, *classes]


def silent_things_in(path: Path) -> list[str]:
    """Return the public classes and functions without a docstring, and the module itself."""
    module = tree(path)
    silent = [
        node.name
        for node in module.body
        if isinstance(node, ast.FunctionDef | ast.ClassDef)
        and not node.name.startswith("_")
        and not ast.get_docstring(node)
    ]
    return silent if ast.get_docstring(module) or not module.body else ["the module", *silent]


def lines_of(node: ast.FunctionDef | ast.AsyncFunctionDef) -> int:
    """Return how many lines a function takes."""
    return (node.end_lineno or node.lineno) - node.lineno + 1


def test_no_file_is_longer_than_a_person_reads() -> None:
    """300 lines for code, 500 for tests; a migration is a record and stays as it was written."""
    long = [
        f"{relative(path)}: {count}"
        for path in EVERYTHING
        if (count := len(path.read_text().splitlines())) > (500 if path in TESTS else 300)
        and "migrations" not in path.parts
    ]

    assert not long


def test_no_function_is_longer_than_a_screen() -> None:
    """70 lines is the hard limit; a migration is a record."""
    long = [
        f"{relative(path)}::{node.name}: {lines_of(node)}"
        for path in EVERYTHING
        if "migrations" not in path.parts
        for node in functions(tree(path))
        if lines_of(node) > 70
    ]

    assert not long


def test_no_name_is_vague() -> None:
    """A room, a file or a class called utils, helpers, common or manager says nothing."""
    vague = [
        f"{relative(path)}: {name}"
        for path in EVERYTHING
        for name in names_in(path)
        if _VAGUE.search(re.sub(r"(?<=[a-z])(?=[A-Z])", "_", name))
    ]

    assert not vague


def test_nothing_is_left_for_later() -> None:
    """Unfinished work is not written into code."""
    assert not [relative(path) for path in [*SOURCES, *TOOLS] if _LATER.search(path.read_text())]


def test_every_public_thing_says_what_it_is() -> None:
    """Modules, public classes and public functions have a docstring."""
    silent = [
        f"{relative(path)}: {name}"
        for path in [*SOURCES, *TOOLS]
        if "migrations" not in path.parts
        for name in silent_things_in(path)
    ]

    assert not silent


def test_every_test_says_what_behaviour_it_proves() -> None:
    """A test's docstring is the sentence that would be false if it failed."""
    silent = [
        f"{relative(path)}::{node.name}"
        for path in TESTS
        for node in functions(tree(path))
        if node.name.startswith("test_") and not ast.get_docstring(node)
    ]

    assert not silent


def test_only_the_tokens_files_speak_pkcs11() -> None:
    """R3.1: no other module imports the PKCS#11 library, not even inside a function."""
    speakers = {
        relative(path)
        for path in SOURCES
        if "pkcs11" in {name.split(".")[0] for name in imported(tree(path))}
    }

    assert speakers <= _SPEAKS_TO_TOKENS


def test_plain_c_is_called_in_few_files() -> None:
    """R3.1: the token's short road, hardening, returning free memory, development children."""
    callers = {relative(path) for path in SOURCES if "ctypes" in imported(tree(path))}

    expected = {
        "hsm/token/direct.py",
        "hsm/process/hardening.py",
        "treasury/memory.py",
        "treasury/dev/children.py",
    }
    assert expected == callers


def test_the_law_imports_nothing_that_can_act() -> None:
    """Facts in, verdicts out: a short list of modules that neither read nor write the world."""
    foreign = [
        f"{relative(path)}: {name}"
        for path in LAW
        for name in imported(tree(path))
        if name not in _PURE_MODULES
        and not name.startswith("policies")
        and not (relative(path) == "policies/crypto.py" and name in {"coincurve", "sha3"})
    ]

    assert not foreign


def test_the_law_reads_no_clock_and_opens_no_file() -> None:
    """Time is an argument, and so is everything else that changes."""
    acts = [
        f"{relative(path)}: {called}"
        for path in LAW
        for called in called_in(tree(path))
        if called in _EFFECTS or called.lstrip(".") in _CLOCKS
    ]

    assert not acts


def test_the_lock_checks_every_package_and_names_no_place() -> None:
    """R5.8: every package is pinned with hashes, and no address of an index is written down."""
    lock = (ROOT / "requirements.lock").read_text()
    pins = re.findall(r"^[A-Za-z0-9_.\[\]-]+==.*?(?=^\S|\Z)", lock, re.MULTILINE | re.DOTALL)

    assert len(pins) > 50
    assert all("--hash=sha256:" in pin for pin in pins)
    assert not re.search(r"^\s*--(index|extra-index|find-links|trusted)", lock, re.MULTILINE)
    assert "://" not in lock
