"""A nonce that somebody else spent: what people skip, and what a reorganisation gives back."""

from __future__ import annotations

import pytest

from policies.lifecycles import MotionState, TransferState, WalletState
from policies.terms import MotionKind
from tests.fakes.belt import Belt
from tests.fakes.motions import approve, propose
from tests.laws import ETH, address_of
from treasury.ledger import marks
from treasury.ledger.queries import requests

_PEOPLE = ("alice", "bob")


@pytest.fixture
def robbed(low: Belt) -> Belt:
    """A belt whose vault lost an ETH by a foreign transaction in the newest block."""
    low.chain.spend(address_of("vault"), address_of("elsewhere"), ETH)
    low.chain.mine()
    low.watch()
    assert low.is_halted()
    assert low.standing("vault").frozen
    return low


def carry(belt: Belt, kind: MotionKind, payload: dict[str, str]) -> None:
    """Have a quorum carry a motion within this block."""
    motion = propose(belt, kind, payload)
    approve(belt, motion, *_PEOPLE)
    belt.money()
    with belt.ledger.read() as session:
        done = requests.motion(session, motion.id)
    assert done is not None
    assert done.state is MotionState.CARRIED, done.reasons


def skip_and_resume(belt: Belt, nonce: int) -> None:
    """Have people accept the loss at once and go on behind that nonce."""
    carry(belt, MotionKind.SKIP_NONCE, {"wallet": "vault", "nonce": str(nonce)})
    carry(belt, MotionKind.RESUME, {"why": "it was one of us"})


def ask_for_refill(belt: Belt) -> None:
    """Approve the refill that the low wallet needs, until it is queued."""
    belt.clock.advance(12)
    belt.watch()
    (refill,) = belt.open_refills()
    belt.approve(refill, *_PEOPLE)
    belt.money()


def codes(belt: Belt) -> tuple[tuple[str, ...], ...]:
    """Return why each open transfer waits."""
    return tuple(tuple(r.code for r in t.reasons) for t in belt.open_transfers())


def test_nothing_is_signed_behind_a_foreign_nonce_before_it_is_final(robbed: Belt) -> None:
    """R4.1: people skip it within its block; the refill leaves once no reorg can take it back."""
    skip_and_resume(robbed, 1)
    ask_for_refill(robbed)
    early = (codes(robbed), robbed.signer.status().nonces["vault"])
    robbed.until(lambda: not robbed.open_refills(), most=8)

    assert early == ((("nonce_gap",),), 1)
    assert [(1, TransferState.CONFIRMED)] == [(t.nonce, t.state) for t in robbed.transfers()]


def test_a_nonce_that_a_reorg_gave_back_is_skipped_back(robbed: Belt) -> None:
    """R4.1: nobody fills it, so nothing waits behind it for ever; people go back and it is paid."""
    skip_and_resume(robbed, 1)
    ask_for_refill(robbed)
    robbed.chain.reorg(1, keep=False)
    robbed.run(6)
    stuck = (codes(robbed), robbed.chain.nonce(address_of("vault")))
    carry(robbed, MotionKind.SKIP_NONCE, {"wallet": "vault", "nonce": "0"})
    robbed.until(lambda: not robbed.open_refills(), most=8)

    assert stuck == ((("nonce_gap",),), 0)
    assert [(0, TransferState.CONFIRMED)] == [(t.nonce, t.state) for t in robbed.transfers()]
    assert robbed.paid("vault", address_of("hot-a")) == 1


def test_what_people_accepted_is_not_missing_again(robbed: Belt) -> None:
    """R8.11: a resume in the block of the loss holds, and the next loss rings all the same."""
    skip_and_resume(robbed, 1)
    robbed.round()
    calm = (robbed.is_halted(), robbed.standing("vault").frozen)
    robbed.chain.spend(address_of("vault"), address_of("elsewhere"), 1)
    robbed.round()
    robbed.watch()

    assert calm == (False, False)
    assert robbed.is_halted()
    assert robbed.standing("vault").frozen


def test_what_arrived_lately_may_go_away_after_a_lift(low: Belt) -> None:
    """A refill whose block a reorg takes back is no theft, also where a freeze was lifted on it."""
    low.watch()
    low.approve(low.only_refill(), *_PEOPLE)
    low.money()
    low.next_block()
    low.watch()
    with low.ledger.write() as session:
        wallet = low.standing("hot-a")
        marks.freeze(session, wallet, actor="ops", why="a look at it", now=low.clock.unix())
    with low.ledger.write() as session:
        marks.unfreeze(
            session, low.standing("hot-a"), actor="ops", why="all well", now=low.clock.unix()
        )
    low.chain.reorg(1, keep=False, grow=2)
    low.watch()
    low.run(3)

    standing = low.standing("hot-a")
    assert (WalletState.ACTIVE, True) == (standing.state, standing.is_calm), standing
