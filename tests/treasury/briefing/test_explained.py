"""Explaining a balance: to the last base unit, in the wallet's favour while an outcome is open."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from policies.lifecycles import TransferState
from policies.terms import NATIVE
from tests.fakes.transfers import TRANSFER
from tests.laws import address_of
from treasury.briefing.explained import STRICTLY, Sight, is_settled, missing
from treasury.ledger.facts import Transfer
from treasury.ledger.facts_seen import Anchor

WALLET, OTHER = address_of("hot-a"), address_of("vault")
OUT = replace(TRANSFER, source=WALLET, destination=OTHER, state=TransferState.CONFIRMED)
IN = replace(OUT, id=2, source=OTHER, destination=WALLET)
START = Anchor(value=1000, block_number=4)
FLIES = replace(
    OUT, state=TransferState.IN_FLIGHT, block_number=None, block_hash=None, settled_fee=None
)


def sight(value: int, *, nonce: int = 1, block: int = 6) -> Sight:
    """Return what a block shows."""
    balances = {(WALLET, NATIVE): value}
    return Sight(wallet=WALLET, nonce=nonce, block_number=block, balances=balances)


def lost_of(seen: Sight, transfers: list[Transfer]) -> int:
    """Return how much native coin is missing."""
    found = missing({(WALLET, NATIVE): START}, seen, [NATIVE], transfers)
    return found.get(NATIVE, 0)


@pytest.mark.parametrize(
    ("transfer", "seen", "lost"),
    [
        (OUT, sight(897), 0),
        (OUT, sight(896), 1),
        (OUT, sight(1000), 0),
        (OUT, sight(999, nonce=0, block=4), 1),
        (replace(OUT, block_number=4), sight(897), 103),
        (replace(OUT, state=TransferState.REVERTED), sight(997), 0),
        (replace(OUT, state=TransferState.REVERTED), sight(996), 1),
        (replace(OUT, state=TransferState.CANCELLED), sight(997), 0),
        (replace(OUT, state=TransferState.CANCELLED), sight(897), 100),
        (FLIES, sight(890), 0),
        (FLIES, sight(889), 1),
        (FLIES, sight(897, nonce=0), 103),
        (IN, sight(1100, nonce=0), 0),
        (IN, sight(1099, nonce=0), 1),
        (replace(IN, state=TransferState.MINED), sight(1000, nonce=0), 0),
        (replace(IN, block_number=7), sight(1000, nonce=0), 0),
    ],
)
def test_the_table(transfer: Transfer, seen: Sight, lost: int) -> None:
    """Amount and fee out, amount in, by block and by nonce."""
    assert lost == lost_of(seen, [transfer])


@pytest.mark.parametrize(("value", "lost"), [(1100, 0), (1099, 1), (1000, 100)])
def test_counted_strictly_what_arrives_hides_no_drop(value: int, lost: int) -> None:
    """R2.7: before more is sent, a mined refill counts as arrived, so a drop behind it shows."""
    arriving = [replace(IN, state=TransferState.MINED)]
    found = missing(
        {(WALLET, NATIVE): START}, sight(value, nonce=0), [NATIVE], arriving, arrived=STRICTLY
    )
    assert lost == found.get(NATIVE, 0)


@pytest.mark.parametrize(
    ("transfer", "settled"),
    [
        (OUT, True),
        (FLIES, False),
        (replace(FLIES, nonce=1), True),
        (replace(OUT, state=TransferState.MINED), False),
        (replace(IN, state=TransferState.MINED), False),
        (replace(IN, state=TransferState.MINED, block_number=7), True),
        (replace(OUT, source=OTHER, destination=address_of("customer")), True),
    ],
)
def test_settled_when_every_outcome_is_known(transfer: Transfer, settled: bool) -> None:
    """A block is judged exactly only when nothing in it is still open."""
    assert settled is is_settled(sight(0), [transfer])


@given(st.lists(st.sampled_from([OUT, IN]), max_size=8), st.integers(0, 50))
def test_a_theft_is_never_explained(movements: list[Transfer], stolen: int) -> None:
    """Whatever we moved ourselves, exactly what else is missing is told."""
    moves = [replace(move, id=n, nonce=n) for n, move in enumerate(movements)]
    spent = sum(103 for move in moves if move.source == WALLET)
    came = sum(100 for move in moves if move.source == OTHER)

    assert stolen == lost_of(sight(1000 - spent + came - stolen, nonce=99), moves)
