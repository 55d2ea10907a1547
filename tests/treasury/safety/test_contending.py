"""Contending: which nonce an evacuation may have, and what happens where it is outbid for good."""

from __future__ import annotations

from hsm.errors import TokenAwayError
from policies.lifecycles import TransferState
from policies.terms import NATIVE, Purpose
from tests.fakes.belt import Belt
from tests.fakes.chain import GWEI
from tests.laws import ETH, address_of
from tests.treasury.orders.test_twins import queue
from treasury.orders.sending import Desk, desk_for
from treasury.safety.contending import claims
from treasury.stations.adopt import adopt
from treasury.stations.dispatch import dispatch
from treasury.stations.pay import pay
from treasury.world import Deeds

HOT = address_of("hot-a")


def desk_of(belt: Belt) -> Desk:
    """Return the desk of this tick."""
    desk = desk_for(belt.world, belt.clock(), Deeds("a test"))
    assert desk is not None
    return desk


def test_an_evacuation_that_the_book_gave_a_nonce_holds_it_unsigned(calm: Belt) -> None:
    """The token failed after the book had written the nonce down: the next one goes behind it."""
    calm.room.isolate("hot-a")
    terms = calm.room.order(Purpose.EVACUATION, amount=3 * ETH)
    first = queue(calm, terms, "first")
    calm.room.tokens.trouble_at_signing = TokenAwayError("the token does not answer")
    calm.room.sign(terms, nonce=0)
    adopt(calm.world, calm.clock())
    second = queue(calm, calm.room.order(Purpose.EVACUATION, amount=2 * ETH), "second")
    (held,) = (t for t in calm.transfers() if t.id == first.id)

    assert (TransferState.QUEUED, 0) == (held.state, held.nonce)
    assert {second.id: 1} == claims(desk_of(calm), [held, second])


def test_what_outbids_an_evacuation_for_good_is_cancelled(calm: Belt) -> None:
    """A dear payout that can no longer be paid hangs in the pools: its cancel may bid as much."""
    calm.chain.base_fee = 200 * GWEI
    calm.ask_withdrawal(ETH, "customer")
    pay(calm.world, calm.clock())
    dispatch(calm.world, calm.clock())
    calm.chain.base_fee = GWEI
    calm.chain._set_balance(HOT, ETH // 50, NATIVE)
    calm.chain.set_code(HOT, bytes.fromhex("ef0100" + "11" * 20))
    calm.watch()
    evacuation = calm.transfer_of("evacuation")
    assert TransferState.IN_FLIGHT is evacuation.state
    for _ in range(12):
        calm.money()
        calm.clock.advance(12)

    assert {HOT} == {t.payee for t in calm.chain.mempool if t.sender == HOT}
    calm.run(4)
    payouts = [t for t in calm.transfers() if t.purpose is Purpose.WITHDRAWAL]
    assert [TransferState.CANCELLED] == [t.state for t in payouts if t.source == HOT]
