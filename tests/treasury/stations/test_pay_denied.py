"""Payouts to listed addresses are refused for good, with the list as the reason."""

from __future__ import annotations

from policies.lifecycles import WithdrawalState
from tests.fakes.belt import Belt
from tests.laws import ETH, address_of
from treasury.ledger import denylists
from treasury.ledger.denylists import Denylist


def deny(belt: Belt, name: str) -> None:
    """Load a list with one address."""
    wanted = Denylist(
        id=0, name="ofac", source="the office", dated="2026-01-01", digest="00" * 32, addresses=1,
        loaded_at=0, is_active=False,
    )  # fmt: skip
    with belt.ledger.write() as session:
        denylists.take_in(session, wanted, [address_of(name)], now=belt.clock.unix())


def test_a_listed_recipient_is_refused_with_the_list_as_reason(calm: Belt) -> None:
    """Nothing is signed for whoever stands on a loaded list; others are paid all the same."""
    belt = calm
    deny(belt, "thief")
    bad = belt.ask_withdrawal(ETH, "thief", key="one")
    good = belt.ask_withdrawal(ETH, "customer", key="two")
    belt.run(6)

    refused = belt.withdrawal(bad.id)
    assert WithdrawalState.REFUSED is refused.state
    assert ["listed"] == [reason.code for reason in refused.reasons]
    assert "the list ofac of 2026-01-01 (the office)" in refused.reasons[0].text
    assert WithdrawalState.PAID is belt.withdrawal(good.id).state
    assert 0 == belt.chain.balance(address_of("thief"))
