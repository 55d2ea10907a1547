"""Live wallets: published when they change, acknowledged by who follows, part of containing."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from policies.lifecycles import IncidentState
from policies.terms import Address
from tests.fakes.belt import Belt
from tests.laws import ETH, address_of
from treasury.clock import utc_now
from treasury.ledger.queries import standings
from treasury.records import live_wallets
from treasury.records.live_wallets import LiveWallets


@pytest.fixture
def belt(tmp_path: Path) -> Belt:
    """A treasury at rest."""
    made = Belt(tmp_path, hot=60 * ETH)
    made.run(4)
    return made


def told(path: Path) -> tuple[int, Address]:
    """Return sequence number and live address of the one pool."""
    document = json.loads(path.read_text())
    return document["sequence"], document["pools"]["main"]["address"]


def test_a_swap_is_published_with_a_higher_number(belt: Belt, tmp_path: Path) -> None:
    """After an isolation the file names the successor; nothing new leaves it as it is."""
    path = tmp_path / "live.json"
    live = LiveWallets(ledger=belt.ledger, path=path, clock=utc_now)
    live.publish()
    first = told(path)
    live.publish()
    same = told(path)
    belt.chain.spend(address_of("hot-a"), address_of("thief"), 5 * ETH)
    belt.run(4)
    live.publish()

    assert (1, address_of("hot-a")) == first == same
    assert (2, address_of("hot-b")) == told(path)
    assert [path] == list(tmp_path.glob("live.json*"))


def test_a_lost_file_is_written_again(belt: Belt, tmp_path: Path) -> None:
    """Whoever removes the file gets it back under the same number."""
    path = tmp_path / "live.json"
    live = LiveWallets(ledger=belt.ledger, path=path, clock=utc_now)
    live.publish()
    path.unlink()
    live.publish()

    assert (1, address_of("hot-a")) == told(path)


def acknowledge(belt: Belt, sequence: int) -> bool:
    """Follow a number as a payout service does."""
    with belt.ledger.write() as session:
        return live_wallets.acknowledge(session, sequence, who="a service", now=belt.clock.unix())


def state(belt: Belt) -> IncidentState:
    """Return where the one incident stands."""
    with belt.ledger.read() as session:
        (incident,) = standings.incidents(session)
    return incident.state


def rob(belt: Belt, rounds: int) -> None:
    """Let a thief take 5 ETH, and give the belt time to bring the rest home."""
    belt.chain.spend(address_of("hot-a"), address_of("thief"), 5 * ETH)
    belt.run(rounds)


def test_only_the_newest_number_is_acknowledged(belt: Belt, tmp_path: Path) -> None:
    """Who follows an old number is told so; the same word twice is one."""
    live = LiveWallets(ledger=belt.ledger, path=tmp_path / "live.json", clock=utc_now)
    live.publish()
    first = acknowledge(belt, 1), acknowledge(belt, 1), acknowledge(belt, 2)
    rob(belt, 4)
    live.publish()

    assert (True, True, False) == first
    assert (False, True) == (acknowledge(belt, 1), acknowledge(belt, 2))


def test_an_incident_waits_for_a_service_that_listens(belt: Belt, tmp_path: Path) -> None:
    """Once somebody acknowledged, containing takes their word for the new wallet too."""
    live = LiveWallets(ledger=belt.ledger, path=tmp_path / "live.json", clock=utc_now)
    live.publish()
    acknowledge(belt, 1)
    rob(belt, 15)
    unpublished = state(belt)
    live.publish()
    belt.run(2)
    unheard = state(belt)
    acknowledge(belt, 2)
    belt.run(2)

    assert (IncidentState.OPEN, IncidentState.OPEN) == (unpublished, unheard)
    assert IncidentState.CONTAINED is state(belt)


def test_where_nobody_ever_listened_nobody_is_waited_for(belt: Belt) -> None:
    """A treasury without outside spenders contains its incidents by itself."""
    rob(belt, 15)

    assert IncidentState.CONTAINED is state(belt)
