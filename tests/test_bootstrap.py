"""The script that builds the environment: plain words when it cannot, nothing to do when it has."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    """A fresh checkout without an environment."""
    (tmp_path / "tools").mkdir()
    for name in ("tools/bootstrap.sh", "requirements.lock", "pyproject.toml"):
        shutil.copy(ROOT / name, tmp_path / name)
    return tmp_path


def python_that_says(folder: Path, version: str) -> Path:
    """Return a program that answers every question like a Python of this version."""
    program = folder / "python3"
    program.write_text(f"#!/bin/sh\necho {version}\n")
    program.chmod(0o755)
    return program


def bootstrap(checkout: Path, **environ: str) -> subprocess.CompletedProcess[str]:
    """Run the script in a checkout."""
    return subprocess.run(
        [checkout / "tools/bootstrap.sh"],
        capture_output=True,
        text=True,
        check=False,
        env={**os.environ, **environ},
    )


def test_an_old_python_is_named_and_nothing_is_built(checkout: Path) -> None:
    """The message says what was found and what to choose."""
    done = bootstrap(checkout, PYTHON=str(python_that_says(checkout, "3.10")))

    assert done.returncode == 1
    assert "is Python 3.10: choose one of 3.13 3.12 3.11" in done.stderr
    assert not (checkout / ".venv").exists()


def test_a_python_that_does_not_run_is_named(checkout: Path) -> None:
    """A wrong path in PYTHON= is not replaced by another interpreter silently."""
    done = bootstrap(checkout, PYTHON="/nowhere/python3")

    assert done.returncode == 1
    assert "PYTHON=/nowhere/python3 is Python (does not run)" in done.stderr


def test_without_any_usable_python_the_way_out_is_said(checkout: Path) -> None:
    """On a machine with an old Python alone, the message names the packages to install."""
    tools = checkout / "bin"
    tools.mkdir()
    for name in ("dirname", "sh", "mkdir", "flock", "softhsm2-util", "sha256sum", "cat", "date"):
        found = shutil.which(name)
        assert found is not None
        (tools / name).symlink_to(found)
    python_that_says(tools, "3.9")

    done = bootstrap(checkout, PATH=str(tools), PYTHON="")

    assert done.returncode == 1
    assert "python3 is 3.9" in done.stderr
    assert "sudo apt-get install python3 python3-venv" in done.stderr
