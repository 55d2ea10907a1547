"""What tests of the belt share: one at peace, and one that wants a refill."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.fakes.belt import Belt
from tests.laws import ETH


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
