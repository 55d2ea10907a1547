"""Who was paid before, and since when, as the ledger tells it."""

from __future__ import annotations

from policies.lifecycles import TransferState
from tests.fakes.belt import CHAIN_ID, Belt
from tests.laws import ETH, address_of
from treasury.ledger.queries import payouts

_PAYOUT = ETH


def test_first_paid_is_when_the_first_payout_was_signed(calm: Belt) -> None:
    """What was never signed does not count, a second payout changes nothing, strangers are absent.

    The first transfer expires behind one that nobody mines, so the payout gets another.
    """
    calm.ask_withdrawal(_PAYOUT, "somebody", key="other")
    calm.round(mines=False)
    asked = calm.ask_withdrawal(_PAYOUT, "customer", key="first")
    calm.round(mines=False)
    (given_up,) = (t for t in calm.open_transfers() if t.state is TransferState.QUEUED)
    calm.clock.advance(given_up.expires_at - calm.clock.unix())
    calm.until(lambda: calm.withdrawal(asked.id).state.value == "PAID")
    *_, paid = (t for t in calm.transfers() if t.state is TransferState.CONFIRMED)
    signed_at = first_paid(calm, "customer")
    calm.ask_withdrawal(_PAYOUT, "customer", key="second")
    calm.run(6)

    assert given_up.id < paid.id
    assert signed_at is not None
    assert given_up.expires_at <= signed_at <= paid.changed_at
    assert first_paid(calm, "customer") == signed_at
    assert first_paid(calm, "stranger") is None


def first_paid(belt: Belt, name: str) -> int | None:
    """Return since when somebody is known, in one question with others who are not."""
    asked = [address_of(one) for one in (name, "nobody")]
    with belt.ledger.read() as session:
        found = payouts.first_paid(session, CHAIN_ID, asked)
    return found.get(address_of(name))
