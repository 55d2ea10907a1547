"""Publishing: the live wallets for payout services, the signed heads for auditors."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from config.settings import JournalSettings
from policies.terms import Address
from tests.fakes.belt import Belt
from tests.laws import ETH, address_of
from treasury.clock import utc_now
from treasury.publishing import Checkpoints, LiveWallets


@pytest.fixture
def belt(tmp_path: Path) -> Belt:
    """A treasury at rest."""
    made = Belt(tmp_path, hot=60 * ETH)
    made.run(4)
    return made


def told(path: Path) -> tuple[int, Address]:
    """Return sequence number and live address of the one pool."""
    document = json.loads(path.read_text())
    return document["sequence"], document["pools"]["main"]["address"]


def test_a_swap_is_published_with_a_higher_number(belt: Belt, tmp_path: Path) -> None:
    """After an isolation the file names the successor; nothing new leaves it as it is."""
    path = tmp_path / "live.json"
    live = LiveWallets(ledger=belt.ledger, path=path, clock=utc_now)
    live.publish()
    first = told(path)
    live.publish()
    same = told(path)
    belt.chain.spend(address_of("hot-a"), address_of("thief"), 5 * ETH)
    belt.run(4)
    live.publish()

    assert (1, address_of("hot-a")) == first == same
    assert (2, address_of("hot-b")) == told(path)
    assert [path] == list(tmp_path.glob("live.json*"))


def test_a_lost_file_is_written_again(belt: Belt, tmp_path: Path) -> None:
    """Whoever removes the file gets it back under the same number."""
    path = tmp_path / "live.json"
    live = LiveWallets(ledger=belt.ledger, path=path, clock=utc_now)
    live.publish()
    path.unlink()
    live.publish()

    assert (1, address_of("hot-a")) == told(path)


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
