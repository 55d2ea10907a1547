"""What tests of the belt share: a quick place for files, and a quiet log."""

from __future__ import annotations

import logging
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest
import structlog

from tests.fakes.belt import Belt
from tests.laws import ETH


@pytest.fixture
def directory(tmp_path: Path) -> Iterator[Path]:
    """A directory in memory where there is one: hundreds of fsyncs, and nothing to keep."""
    shared = Path("/dev/shm")
    if not shared.is_dir():
        yield tmp_path
        return
    with tempfile.TemporaryDirectory(dir=shared) as name:
        yield Path(name)


@pytest.fixture
def quiet() -> Iterator[None]:
    """No log below critical: a belt writes a line for each of its many steps."""
    before = structlog.get_config()
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.CRITICAL))
    yield
    structlog.configure(**before)


@pytest.fixture
def low(directory: Path, quiet: None) -> Belt:
    """A belt whose active hot wallet holds 10 ETH, below its floor of 20."""
    return Belt(directory)


@pytest.fixture
def calm(directory: Path, quiet: None) -> Belt:
    """A belt whose active hot wallet holds its target, seen by two rounds."""
    belt = Belt(directory, hot=60 * ETH)
    belt.run(2)
    return belt
