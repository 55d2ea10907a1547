"""Readiness: a missing standby, an empty sponsor and a hanging transfer ring before they matter."""

from __future__ import annotations

from pathlib import Path

import pytest

from policies.law import Law
from policies.lifecycles import TransferState, WalletState
from policies.terms import NATIVE
from tests.fakes.belt import CHAIN_ID, Belt
from tests.laws import ETH, address_of, make_law
from tests.treasury.alerts.ringing import is_ringing, look_twice
from treasury.alerts.conditions import Conditions
from treasury.alerts.readiness import (
    STUCK_S,
    sponsors_have_gas,
    standbys_are_ready,
    transfers_are_mined,
)
from treasury.ledger import alarms, marks
from treasury.ledger.queries import transfers, watch

pytestmark = pytest.mark.usefixtures("quiet")


def freeze(belt: Belt, name: str) -> None:
    """Freeze a wallet on nobody's word."""
    with belt.ledger.write() as session:
        now = belt.clock.unix()
        marks.freeze(session, belt.standing(name), actor="test", why="a test", now=now)


@pytest.mark.parametrize("trouble", ["none", "frozen", "one fate", "isolated"])
def test_a_pool_without_a_standby_rings(directory: Path, trouble: str) -> None:
    """Who is frozen, cut off, or would fall with the active wallet takes over from nobody."""
    belt = Belt(directory, law=_law(trouble), hot=60 * ETH)
    belt.run(2)
    if trouble == "frozen":
        freeze(belt, "hot-b")
    if trouble == "isolated":
        belt.signer.isolate("hot-b", "a treasurer saw something")
        belt.until(lambda: belt.standing("hot-b").state is WalletState.ISOLATED)
    look_twice(belt, standbys_are_ready(belt.ledger))

    assert (trouble != "none") == is_ringing(belt, "no_standby", "pool:main")


def _law(trouble: str) -> Law:
    is_one = trouble == "one fate"
    return make_law(**({"wallets.hot-b.fate_group": _group_of("hot-a")} if is_one else {})).law


def _group_of(name: str) -> str:
    found = make_law().law.wallet(name)
    assert found is not None
    return found.fate_group


def test_a_new_standby_ends_it(directory: Path) -> None:
    """It rings while the only standby is frozen, and no longer."""
    belt = Belt(directory, hot=60 * ETH)
    belt.run(2)
    freeze(belt, "hot-b")
    look_twice(belt, standbys_are_ready(belt.ledger))
    rang = is_ringing(belt, "no_standby", "pool:main")
    with belt.ledger.write() as session:
        now = belt.clock.unix()
        marks.unfreeze(session, belt.standing("hot-b"), actor="ops", why="a test", now=now)
    look_twice(belt, standbys_are_ready(belt.ledger))
    with belt.ledger.write() as session:
        alarms.settle(session, now=belt.clock.unix() + 10**6, settle_s=0)

    assert (True, False) == (rang, is_ringing(belt, "no_standby", "pool:main"))


@pytest.mark.parametrize("short_by", [0, 1])
def test_a_sponsor_that_cannot_pay_one_top_up_rings(directory: Path, short_by: int) -> None:
    """To the wei: the largest top-up of the law and its fee."""
    belt = Belt(directory, hot=60 * ETH)
    law = belt.law
    (rule,), chain = law.top_ups, law.chain("devnet")
    assert chain is not None
    belt.run(2)
    with belt.ledger.read() as session:
        has = watch.balance(session, CHAIN_ID, address_of(rule.sponsor), NATIVE)
    assert has is not None
    belt.fund(rule.sponsor, rule.ceiling + chain.fee_ceiling - has - short_by)
    belt.run(2)
    look_twice(belt, sponsors_have_gas(belt.ledger))

    assert bool(short_by) == is_ringing(belt, "sponsor_low", f"wallet:{rule.sponsor}")


def test_a_transfer_that_nobody_mines_rings_until_it_is_mined(directory: Path) -> None:
    """Half an hour is a hanging transfer; its own line in the journal ends the alarm."""
    belt = Belt(directory, hot=60 * ETH)
    belt.ask_withdrawal(ETH, "customer")
    belt.watch()
    belt.money()
    belt.money()
    with belt.ledger.read() as session:
        (sent,) = transfers.in_states(session, CHAIN_ID, TransferState.IN_FLIGHT)
    watcher = Conditions(
        ledger=belt.ledger,
        clock=belt.clock,
        patience_s=0,
        looks=(transfers_are_mined(belt.ledger),),
    )
    rings = []
    for pause_s in (sent.changed_at + STUCK_S - belt.clock.unix(), 1):
        belt.clock.advance(pause_s)
        watcher.look()
        rings.append(is_ringing(belt, "transfer_stuck", f"transfer:{sent.id}"))

    assert [False, True] == rings
