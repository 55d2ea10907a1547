"""The list of planted bugs fits the program that it is about."""

from __future__ import annotations

import importlib.util
import sys
from pathlib import Path
from types import ModuleType

import pytest

ROOT = Path(__file__).parents[1]


def _tool() -> ModuleType:
    spec = importlib.util.spec_from_file_location("plant", ROOT / "tools" / "plant.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules["plant"] = module
    spec.loader.exec_module(module)
    return module


TOOL = _tool()


@pytest.mark.parametrize("bug", TOOL.bugs(), ids=lambda bug: bug.name.replace(" ", "-"))
def test_every_planted_bug_has_its_place(bug: object, tmp_path: Path) -> None:
    """R6.6: what a planted bug replaces stands exactly once, and its tests exist."""
    for edit in bug.edits:  # type: ignore[attr-defined]
        copy = tmp_path / edit.file
        copy.parent.mkdir(parents=True, exist_ok=True)
        copy.write_text((ROOT / edit.file).read_text())
    before = TOOL.plant(tmp_path, bug)

    assert all(path.read_text() != text for path, text in before.items())
    assert all((ROOT / test).exists() for test in bug.tests)  # type: ignore[attr-defined]


def test_the_table_names_every_planted_bug() -> None:
    """R6.6: the table in the repository is of the whole list, and none lived."""
    table = (ROOT / "tests" / "PLANTED.md").read_text()

    assert [bug.name for bug in TOOL.bugs() if f"| {bug.name} |" not in table] == []
    assert "**nobody**" not in table
