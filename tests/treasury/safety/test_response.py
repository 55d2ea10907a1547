"""The answer to a theft is one commit: everything that follows from an isolation, or nothing."""

from __future__ import annotations

import contextlib
from pathlib import Path

import pytest

from hsm.errors import SignerUnavailableError
from policies.alarms import Severity
from policies.lifecycles import (
    IncidentState,
    RefillState,
    TransferState,
    WalletState,
    WithdrawalState,
)
from policies.terms import Address, Purpose
from tests.fakes.belt import Belt, Crash
from tests.laws import ETH, TOKEN, USDC, address_of
from treasury.ledger.outbox import Ear, spread
from treasury.ledger.queries import standings
from treasury.records import live_wallets
from treasury.stations.adopt import adopt
from treasury.stations.dispatch import dispatch
from treasury.stations.pay import pay

THIEF = address_of("thief")
Told = dict[str, object]


@pytest.fixture
def busy(directory: Path, quiet: None) -> Belt:
    """A wallet below its floor: a refill proposed, a payout in flight, another one queued."""
    belt = Belt(directory, hot=15 * ETH)
    belt.chain.fund(address_of("hot-a"), 60_000 * USDC, Address(TOKEN))
    belt.run(3)
    first = belt.ask_withdrawal(ETH, "customer", key="first")
    pay(belt.world, belt.clock())
    dispatch(belt.world, belt.clock())
    adopt(belt.world, belt.clock())
    belt.ask_withdrawal(ETH, "customer", key="second")
    pay(belt.world, belt.clock())
    assert belt.withdrawal(first.id).state is WithdrawalState.QUEUED
    return belt


def steal(belt: Belt) -> None:
    """Let the thief take the nonce of the payout in flight."""
    belt.chain.spend(address_of("hot-a"), THIEF, 2 * ETH)
    belt.chain.spend(address_of("hot-a"), THIEF, ETH)
    belt.chain.mine()


def told(belt: Belt) -> Told:
    """Return everything that the answer is made of, as the ledger has it."""
    with belt.ledger.read() as session:
        incidents = standings.incidents(session, only_open=True)
        live = live_wallets.published(session)
    evacuated = {t.asset for t in belt.transfers() if t.purpose is Purpose.EVACUATION}
    payouts = [t for t in belt.transfers() if t.purpose is Purpose.WITHDRAWAL]
    (in_flight,) = (t for t in payouts if t.state is TransferState.IN_FLIGHT)
    return {
        "fallen": belt.standing("hot-a").state is WalletState.ISOLATED,
        "successor": belt.standing("hot-b").state is WalletState.ACTIVE,
        "refill": [r.state for r in belt.refills()] == [RefillState.WITHDRAWN],
        "queued": TransferState.CANCELLED in {t.state for t in payouts},
        "marked": [reason.code for reason in in_flight.reasons] == ["cut_off"],
        "incident": [i.state for i in incidents] == [IncidentState.OPEN],
        "evacuation": Address(TOKEN) in evacuated,
        "published": live.pools.get("main", {}).get("wallet") != "hot-a",
    }


def is_whole(belt: Belt) -> bool:
    """Say whether all of it is there; fails when only some of it is."""
    found = told(belt)
    assert len(set(found.values())) == 1, found
    return bool(found["fallen"])


def test_everything_is_written_at_the_first_look(busy: Belt) -> None:
    """R2.1, R2.5: one look after the theft the whole answer stands, and the alarm is in the box."""
    was_whole = is_whole(busy)
    steal(busy)
    busy.watch()
    with busy.ledger.write() as session:
        told_now = spread(
            session, Ear(channel="pager", level=0, least=Severity.WARNING), now=busy.clock.unix()
        )

    assert (False, True) == (was_whole, is_whole(busy))
    assert told_now >= 2  # the incident, and the new live wallet


@pytest.mark.crash
def test_a_death_anywhere_leaves_all_or_nothing(busy: Belt) -> None:
    """R2.8: dead at each passage in turn, the ledger shows the world before or after, and goes on.

    Each death strikes the same tick again, later by one passage, until one tick survives.
    """
    steal(busy)
    trail: list[str] = []
    for passage in range(1, 40):
        busy.crash_at(passage)
        try:
            busy.watch()
        except Crash as crash:
            trail.append(str(crash))
            busy.restart()
            is_whole(busy)
            continue
        break
    busy.restart()

    assert is_whole(busy)
    assert {"after isolate", "after activate"} <= set(trail)
    assert any(place.startswith("before commit") for place in trail)


@pytest.mark.crash
@pytest.mark.parametrize("verb", ["isolate", "activate"])
def test_the_money_lane_goes_on_where_the_watch_lane_died(busy: Belt, verb: str) -> None:
    """Dead between signer and ledger: the other lane finds it in the book, and writes all of it."""
    steal(busy)
    reach = busy.fuse.reach

    def die(place: str) -> None:
        if place == f"after {verb}":
            raise Crash(place)
        reach(place)

    busy.fuse.reach = die  # type: ignore[method-assign]
    with contextlib.suppress(Crash):
        busy.watch()
    busy.fuse.reach = reach  # type: ignore[method-assign]
    busy.restart()
    before = is_whole(busy)
    adopt(busy.world, busy.clock())

    assert (False, True) == (before, is_whole(busy))


def test_what_the_signer_has_signed_is_not_ended(busy: Belt) -> None:
    """A payout that the book signed while we died is not called cancelled, only marked."""
    (queued,) = (t for t in busy.transfers() if t.state is TransferState.QUEUED)
    reach, died = busy.fuse.reach, []

    def die(place: str) -> None:
        if place == "after sign":
            died.append(place)
            raise Crash(place)
        reach(place)

    busy.chain.mine()
    busy.chain.mine()
    busy.fuse.reach = die  # type: ignore[method-assign]
    with contextlib.suppress(Crash):
        busy.money()
    busy.fuse.reach = reach  # type: ignore[method-assign]
    busy.restart()
    is_dead = "after sign" in died
    steal(busy)
    busy.watch()
    (found,) = (t for t in busy.transfers() if t.id == queued.id)
    busy.run(12)

    assert is_dead
    assert WalletState.ISOLATED is busy.standing("hot-a").state
    assert TransferState.QUEUED is found.state
    assert ["cut_off"] == [reason.code for reason in found.reasons]
    assert not busy.is_halted()


def test_a_signer_that_dies_after_the_isolation_leaves_the_rest_whole(busy: Belt) -> None:
    """Without a successor and without the book's orders the wallet still falls, in one commit."""
    steal(busy)
    activate = busy.signer.activate

    def away(wallet: str) -> object:
        busy.signer.is_away = True
        raise SignerUnavailableError(f"died before {wallet}")

    busy.signer.activate = away  # type: ignore[assignment]
    busy.watch()
    found = told(busy)
    busy.signer.is_away, busy.signer.activate = False, activate  # type: ignore[method-assign]
    busy.run(10)

    missing = {what for what, holds in found.items() if not holds}
    assert {"successor", "queued"} == missing
    assert WalletState.ACTIVE is busy.standing("hot-b").state


def test_the_successors_payouts_go_on(busy: Belt) -> None:
    """Payouts that the fallen wallet owed are paid by its successor, each once."""
    steal(busy)
    busy.run(14)

    assert 2 == sum(busy.paid(name, address_of("customer")) for name in ("hot-a", "hot-b"))
