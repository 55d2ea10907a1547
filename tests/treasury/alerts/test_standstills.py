"""Standstills: a nonce nobody holds, fees nobody may pay, a service or a list left behind."""

from __future__ import annotations

from datetime import UTC, datetime
from functools import partial
from pathlib import Path

import pytest

from policies.terms import Reason
from tests.fakes.belt import CHAIN_ID, Belt
from tests.laws import ETH, address_of
from tests.treasury.alerts.ringing import rings_after
from treasury.alerts.standstills import (
    denylists_are_fresh,
    fees_are_bearable,
    live_wallets_are_followed,
    nonces_fit,
    signer_is_thawed,
)
from treasury.ledger import denylists, marks
from treasury.ledger.denylists import Denylist
from treasury.ledger.queries import standings
from treasury.records import live_wallets

pytestmark = pytest.mark.usefixtures("quiet")
GAP = ("nonce_gap", "wallet:hot-a")
FEES = ("fees_too_high", f"chain:{CHAIN_ID}")
LIVE = ("live_wallet_unfollowed", "live:wallets")
FROZEN = ("signer_frozen", "signer:book")
LIST = ("denylist_old", "denylist:ofac")
MONTH_S = 30 * 86_400


@pytest.fixture
def belt(directory: Path) -> Belt:
    """A treasury in balance."""
    made = Belt(directory, hot=60 * ETH)
    made.run(2)
    return made


def test_a_nonce_that_no_transfer_holds_rings(belt: Belt) -> None:
    """One that waits for its block is held; one that the book gave out for nothing is a gap."""
    belt.ask_withdrawal(ETH, "customer")
    belt.watch()
    belt.money()
    belt.money()
    held = rings_after(belt, nonces_fit(belt.ledger), *GAP)
    belt.run(3)
    with belt.ledger.write() as session:
        ahead = standings.next_nonces(session)["hot-a"] + 1
        marks.remember(session, standings.next_nonce_key("hot-a"), str(ahead))
    gap = rings_after(belt, nonces_fit(belt.ledger), *GAP)

    assert (False, True) == (held, gap)


def test_transfers_that_wait_for_lower_fees_ring(belt: Belt) -> None:
    """As long as they wait for that reason; any other has an alarm of its own."""
    asked = belt.ask_withdrawal(ETH, "customer")
    belt.until(lambda: bool(belt.transfers()))
    (transfer,) = [t for t in belt.transfers() if t.id == belt.withdrawal(asked.id).transfer_id]
    rang = []
    for code in ("fee_above_ceiling", "halted"):
        with belt.ledger.write() as session:
            marks.write_reasons(session, transfer, (Reason(code=code, text="too dear"),))
        rang.append(rings_after(belt, fees_are_bearable(belt.ledger), *FEES))

    assert [True, False] == rang


def test_a_service_that_stays_behind_rings(belt: Belt) -> None:
    """Where a service has ever answered, a newer number rings until it is acknowledged."""
    look = live_wallets_are_followed(belt.ledger)
    rang = [rings_after(belt, look, *LIVE)]
    _acknowledge(belt)
    belt.signer.isolate("hot-a", "a treasurer saw something")
    belt.run(4)
    rang.append(rings_after(belt, look, *LIVE))
    _acknowledge(belt)
    rang.append(rings_after(belt, look, *LIVE))

    assert [False, True, False] == rang


def _acknowledge(belt: Belt) -> None:
    now = belt.clock.unix()
    with belt.ledger.write() as session:
        number = live_wallets.announce(session, now=now).sequence
        assert live_wallets.acknowledge(session, number, who="a service", now=now)


def test_a_frozen_signer_rings_at_once_until_it_is_thawed(belt: Belt) -> None:
    """Nothing is signed meanwhile, whatever else seems well."""
    rang = [
        rings_after(belt, signer_is_thawed(partial(bool, is_frozen)), *FROZEN)
        for is_frozen in (False, True, False)
    ]

    assert [False, True, False] == rang


def test_an_old_list_rings_until_a_newer_one_is_loaded(belt: Belt) -> None:
    """By the publisher's day and not by ours; what has no day at all is old."""
    look = denylists_are_fresh(belt.ledger, MONTH_S)
    today = belt.clock.unix()
    rang = []
    for number, day in enumerate(("2020-19-39", _day(today - 2 * MONTH_S), _day(today))):
        wanted = Denylist(
            id=0, name="ofac", source="the office", dated=day, digest=f"{number:064x}",
            addresses=1, loaded_at=0, is_active=False,
        )  # fmt: skip
        with belt.ledger.write() as session:
            denylists.take_in(session, wanted, [address_of("thief")], now=today)
        rang.append(rings_after(belt, look, *LIST))

    assert [True, True, False] == rang


def _day(at: int) -> str:
    return datetime.fromtimestamp(at, tz=UTC).date().isoformat()
