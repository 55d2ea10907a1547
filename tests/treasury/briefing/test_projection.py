"""What is on its way: by the nonce of the same reading, never by our receipts."""

from __future__ import annotations

from dataclasses import replace

import pytest

from policies.lifecycles import TransferState
from policies.terms import NATIVE, Address, Stamp
from tests.fakes.transfers import TRANSFER
from tests.laws import TOKEN, address_of
from treasury.briefing.projection import on_the_way
from treasury.ledger.facts import Cells

VAULT, HOT = address_of("vault"), address_of("hot-a")
USDC = Address(TOKEN)


def cells(nonce: int | None) -> Cells:
    """Return facts of one block in which the vault has spent that many nonces."""
    stamp = Stamp(number=6, hash="0x06", time=0)
    return Cells(stamp=stamp, balances={}, nonces={VAULT: nonce})


@pytest.mark.parametrize(
    ("state", "nonce", "block", "spent", "expected"),
    [
        (TransferState.QUEUED, None, None, 0, (100, 100, 10)),
        (TransferState.IN_FLIGHT, 0, None, 0, (100, 100, 10)),
        (TransferState.IN_FLIGHT, 0, None, 1, (0, 0, 0)),
        (TransferState.MINED, 0, 5, 1, (0, 0, 0)),
        (TransferState.MINED, 0, 5, 0, (100, 100, 10)),
        (TransferState.MINED, 0, 7, 0, (100, 100, 10)),
        (TransferState.CONFIRMED, 0, 7, 0, (100, 100, 10)),
        (TransferState.REVERTED, 0, 7, 0, (0, 0, 10)),
        (TransferState.CANCELLED, 0, 7, 0, (0, 0, 10)),
    ],
)
def test_the_table(
    state: TransferState,
    nonce: int | None,
    block: int | None,
    spent: int,
    expected: tuple[int, int, int],
) -> None:
    """Amount in, amount out, the largest fee apart; what the block shows already counts once."""
    transfer = replace(TRANSFER, state=state, nonce=nonce, block_number=block)

    way = on_the_way([transfer], cells(spent).nonces)

    assert expected == (
        way.into(HOT, NATIVE),
        way.out_of(VAULT, NATIVE),
        way.fees_of(VAULT, NATIVE),
    )


def test_a_tokens_fee_is_native() -> None:
    """A token's transfer claims the token, and its fee in the native coin."""
    transfer = replace(TRANSFER, asset=USDC, state=TransferState.QUEUED, nonce=None)

    way = on_the_way([transfer], cells(0).nonces)

    assert (100, 100, 0, 10) == (
        way.into(HOT, USDC),
        way.out_of(VAULT, USDC),
        way.fees_of(VAULT, USDC),
        way.fees_of(VAULT, NATIVE),
    )


def test_an_unknown_nonce_makes_both_ends_doubtful() -> None:
    """Nobody can say whether the balances show it: neither end has a known balance."""
    way = on_the_way([replace(TRANSFER, state=TransferState.IN_FLIGHT)], cells(None).nonces)

    assert {VAULT, HOT} == way.doubtful
    assert (0, 0) == (way.into(HOT, NATIVE), way.out_of(VAULT, NATIVE))
