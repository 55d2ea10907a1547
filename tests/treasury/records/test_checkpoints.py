"""Checkpoints: the journal's heads, signed for auditors."""

from __future__ import annotations

from pathlib import Path

import pytest

from config.settings import JournalSettings
from tests.fakes.belt import Belt
from tests.laws import ETH
from treasury.records.checkpoints import Checkpoints


@pytest.fixture
def belt(tmp_path: Path) -> Belt:
    """A treasury at rest."""
    made = Belt(tmp_path, hot=60 * ETH)
    made.run(4)
    return made


@pytest.mark.parametrize("every", [3, 10**6])
def test_a_signer_without_a_checkpoint_key_is_no_checkpoint(
    belt: Belt, tmp_path: Path, every: int
) -> None:
    """Nothing is claimed that was not signed; the real signature is part of the whole story."""
    path = tmp_path / "checkpoints.jsonl"
    points = Checkpoints(
        ledger=belt.ledger,
        signer=belt.signer,
        settings=JournalSettings(checkpoint_every=every, checkpoint_after_s=10**6),
        path=path,
        clock=belt.clock,
    )

    assert not points.sign()
    assert not path.exists()
