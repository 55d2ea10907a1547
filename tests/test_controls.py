"""The page of controls agrees with the requirements and with the tests that exist."""

from __future__ import annotations

import re
from pathlib import Path

ROOT = Path(__file__).parents[1]
_ROW = re.compile(r"^\| (R\d\.\d+) \| (.+?) \|(?: (.+) \|)?$", re.MULTILINE)


def test_every_named_test_exists() -> None:
    """R1.9: a control that names a test which nobody can run proves nothing."""
    page = (ROOT / "tests/CONTROLS.md").read_text()

    for requirement, _, cell in _ROW.findall(page):
        for file, name in re.findall(r"`([^`:]+)::(\w+)`", cell):
            source = (ROOT / "tests" / file).read_text()
            assert f"def {name}(" in source, f"{requirement}: {file}::{name} does not exist"


def test_every_requirement_is_listed_once() -> None:
    """R1.9: nothing is left out, and nothing is claimed under an id that nobody defined."""
    page = (ROOT / "tests/CONTROLS.md").read_text()
    listed = [requirement for requirement, *_ in _ROW.findall(page)]
    defined = re.findall(
        r'^"(R\d\.\d+)"', (ROOT / "tests/requirements.toml").read_text(), re.MULTILINE
    )
    claimed = set(
        re.findall(
            r"\bR[1-8]\.\d{1,2}\b",
            "".join(path.read_text() for path in (ROOT / "tests").rglob("test_*.py")),
        )
    )

    assert len(listed) == len(set(listed))
    assert set(defined) == set(listed)
    assert claimed <= set(defined)
