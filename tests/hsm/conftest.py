"""What the tests of the vault room share."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.fakes.clock import FakeClock
from tests.fakes.vault_room import VaultRoom


@pytest.fixture
def room(tmp_path: Path, clock: FakeClock) -> Iterator[VaultRoom]:
    """A room whose law is adopted."""
    made = VaultRoom(tmp_path, clock)
    yield made
    made.close()
