"""What settling writes beside the transfer: how each attempt ends, and the refill it belongs to."""

from __future__ import annotations

import dataclasses
import shutil
from pathlib import Path

import pytest

from policies.lifecycles import AttemptState, TransferState
from tests.fakes.belt import Belt
from tests.fakes.vault_room import FEES
from tests.laws import address_of
from treasury.chain.errors import UnavailableError
from treasury.ledger.queries import transfers
from treasury.stations.adopt import adopt
from treasury.stations.confirm import confirm
from treasury.stations.tend import tend

DEARER = dataclasses.replace(
    FEES,
    max_fee_per_gas=2 * FEES.max_fee_per_gas,
    max_priority_fee_per_gas=2 * FEES.max_priority_fee_per_gas,
)
WON, LOST, SENT, SIGNED = (
    AttemptState.WON,
    AttemptState.LOST,
    AttemptState.BROADCAST,
    AttemptState.SIGNED,
)


def send(belt: Belt) -> None:
    """Take the refill that the low wallet needs to its first broadcast."""
    belt.watch()
    belt.approve(belt.only_refill(), "alice", "bob")
    belt.money()


def states(belt: Belt) -> list[AttemptState]:
    """Return how the attempts of the only transfer stand, first to last."""
    with belt.ledger.read() as session:
        return [attempt.state for attempt in transfers.attempts(session, 1)]


def test_an_attempt_that_was_never_sent_loses_with_the_others(
    low: Belt, monkeypatch: pytest.MonkeyPatch
) -> None:
    """R4.3: a higher bid was stored and no node got it; the first one is mined."""
    send(low)
    low.clock.advance(85)
    tend(low.world, low.clock())
    low.clock.advance(10)

    def silent(_raws: object) -> object:
        raise UnavailableError("no node answers")

    with monkeypatch.context() as patch:
        patch.setattr(low.chain, "send_all", silent)
        tend(low.world, low.clock())
    before = states(low)
    low.chain.mine()
    confirm(low.world, low.clock())

    assert [SENT, SIGNED] == before
    assert [WON, LOST] == states(low)


def test_after_a_reorg_only_what_was_sent_counts_as_sent(low: Belt) -> None:
    """R4.5: the winner may win again, and what only the signer's book knew is still to be sent."""
    send(low)
    low.chain.mine()
    confirm(low.world, low.clock())
    low.signer.bump(bytes.fromhex(low.transfers()[0].order_id[2:]), DEARER)
    adopt(low.world, low.clock())
    mined = states(low)
    low.chain.reorg(1, keep=False)
    confirm(low.world, low.clock())

    assert [WON, SIGNED] == mined
    assert [SENT, SIGNED] == states(low)
    low.until(lambda: not low.open_transfers())
    assert 1 == low.paid("vault", address_of("hot-a"))


def test_a_refill_that_only_the_book_knows_is_settled_all_the_same(
    directory: Path, quiet: None
) -> None:
    """R4.14: the ledger is older than the proposal; the payment ends without its refill's row."""
    belt = Belt(directory)
    belt.ledger.backup_to(directory / "copy.sqlite3")
    send(belt)
    belt.ledger.close()
    for file in directory.glob("ledger.sqlite3*"):
        file.unlink()
    shutil.copy(directory / "copy.sqlite3", directory / "ledger.sqlite3")
    belt.restart()
    belt.until(lambda: bool(belt.transfers()) and not belt.open_transfers(), most=10)

    assert [TransferState.CONFIRMED] == [transfer.state for transfer in belt.transfers()]
    assert 1 == belt.paid("vault", address_of("hot-a"))
