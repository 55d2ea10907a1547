"""Two evacuations that turn out to be one transaction are one payment, and both come to an end."""

from __future__ import annotations

import dataclasses

import pytest

from hsm.wire.answers import Signed
from policies.lifecycles import Owner, TransferState
from policies.terms import Purpose, TransferTerms
from tests.fakes.belt import Belt
from tests.fakes.vault_room import FEES
from tests.laws import ETH
from tests.simulation.dice import Dice
from tests.simulation.vault import SteadyTokens
from treasury.ledger import moves
from treasury.ledger.facts import Transfer
from treasury.orders.drafts import transfer_row
from treasury.orders.sending import Handed, desk_for, keep_and_send_all
from treasury.orders.twins import twin_of
from treasury.stations.adopt import adopt
from treasury.world import Deeds

CANCELLED, IN_FLIGHT, CONFIRMED = (
    TransferState.CANCELLED,
    TransferState.IN_FLIGHT,
    TransferState.CONFIRMED,
)


@pytest.fixture
def isolated(calm: Belt) -> Belt:
    """Return a belt with an isolated wallet whose token signs as RFC 6979 says."""
    dice = Dice(0)
    dice.calm = True
    calm.room.tokens = SteadyTokens(dice)
    calm.room.reopen()
    calm.room.isolate("hot-a")
    return calm


def signed_alike(belt: Belt) -> list[TransferTerms]:
    """Have two orders signed that differ in nothing but their salt, on one nonce."""
    both = [belt.room.order(Purpose.EVACUATION, amount=3 * ETH) for _ in range(2)]
    assert both[0].salt != both[1].salt
    for terms in both:
        belt.room.sign(terms, nonce=0)
    return both


def queue(belt: Belt, terms: TransferTerms, cause: str) -> Transfer:
    """Queue a transfer."""
    now = belt.clock.unix()
    row = transfer_row(terms, deployment=belt.world.deployment, cause=cause, now=now)
    with belt.ledger.write() as session:
        return moves.create(session, Transfer, row, actor=Owner.GUARD, why="a test", now=now)


def states(belt: Belt) -> list[TransferState]:
    """Return where the two of 3 ETH stand, oldest first; what the isolation queued is another."""
    both = [t for t in belt.transfers() if t.amount == 3 * ETH]
    return [t.state for t in sorted(both, key=lambda t: t.id)]


def ask_signer(belt: Belt, transfer: Transfer) -> Signed:
    """Return what the signer answers for a queued transfer."""
    order_id = bytes.fromhex(transfer.order_id[2:])
    answer = belt.signer.sign(order_id, FEES, order=transfer.terms, approvals=(), nonce=0)
    assert isinstance(answer, Signed), answer
    return answer


def test_the_second_of_two_that_are_one_ends_and_says_so(isolated: Belt) -> None:
    """The same bytes for two evacuations are kept once, sent once and paid once."""
    terms = isolated.room.order(Purpose.EVACUATION, amount=3 * ETH)
    other = dataclasses.replace(terms, salt=b"\x07" * 16)
    first, second = queue(isolated, terms, "first"), queue(isolated, other, "second")
    desk = desk_for(isolated.world, isolated.clock(), Deeds("a test"))
    assert desk is not None
    handed = [
        Handed(transfer=one, signed=ask_signer(isolated, one), why="signed")
        for one in (first, second)
    ]
    assert handed[0].signed.raw == handed[1].signed.raw
    keep_and_send_all(desk, handed)

    assert [IN_FLIGHT, CANCELLED] == states(isolated)
    assert ["twin"] == [r.code for t in isolated.transfers() for r in t.reasons]
    assert not isolated.is_halted()
    isolated.next_block()
    isolated.run(4)
    assert CONFIRMED is states(isolated)[0]
    assert 1 == sum(t.amount == 3 * ETH for b in isolated.chain._blocks for t in b.transactions)


def test_the_book_knows_two_orders_that_are_one_transaction(isolated: Belt) -> None:
    """A ledger that knows neither takes both over, one as the other's name, each time."""
    signed_alike(isolated)
    adopt(isolated.world, isolated.clock())
    ended = states(isolated)
    isolated.room.isolate("hot-b")
    adopt(isolated.world, isolated.clock())

    assert [IN_FLIGHT, CANCELLED] == ended == states(isolated)
    assert not isolated.is_halted()


def test_a_twin_that_waits_for_its_signature_ends_when_the_book_tells(isolated: Belt) -> None:
    """A daemon that died between the signature and its commit finds that it was another's."""
    first, second = signed_alike(isolated)
    queue(isolated, first, "first")
    queue(isolated, second, "second")
    adopt(isolated.world, isolated.clock())

    assert [IN_FLIGHT, CANCELLED] == states(isolated)
    assert not isolated.is_halted()


def test_only_evacuations_can_be_one_payment(isolated: Belt) -> None:
    """Of anything else only a signer that is wrong gives one transaction for two orders."""
    terms = isolated.room.order(Purpose.EVACUATION, amount=3 * ETH)
    signed = ask_signer(isolated, queue(isolated, terms, "first"))
    adopt(isolated.world, isolated.clock())
    second = dataclasses.replace(signed, order_id=b"\x02" * 32)
    payout = dataclasses.replace(terms, purpose=Purpose.WITHDRAWAL)
    with isolated.ledger.write() as session:
        assert twin_of(session, terms, second) is not None
        assert twin_of(session, terms, signed) is None
        assert twin_of(session, payout, second) is None
        session.connection().exec_driver_sql("UPDATE transfer SET purpose='withdrawal'")
        assert twin_of(session, terms, second) is None
