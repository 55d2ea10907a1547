"""Withdrawals asked for again and again over a bad network: each is paid exactly once."""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from config.settings import ApiRole, ApiSettings
from policies.lifecycles import WithdrawalState
from tests.fakes.belt import CHAIN_ID, Belt
from tests.fakes.patient_customer import Road, ask_until_answered, lossy_road
from tests.laws import ETH, address_of, make_law
from treasury.api.app import build_app
from treasury.api.office import Health, Office
from treasury.api.server import ApiServer, open_sockets
from treasury.chain.port import SendAnswer, SendKind
from treasury.ledger.queries import requests

pytestmark = [pytest.mark.sockets, pytest.mark.usefixtures("quiet")]
AMOUNT = ETH // 1000
LAW = {
    "pools.main.assets.ETH.withdrawal.window_amount": "5000 ETH",
    "pools.main.assets.ETH.withdrawal.first_use_amount": "5000 ETH",
    "pools.main.assets.ETH.withdrawal.window_count": 5000,
}
SILENCE = SendAnswer(kind=SendKind.TRANSIENT, text="no answer in time")


@contextmanager
def served(belt: Belt, folder: Path) -> Iterator[Path]:
    """Serve the service's API over the belt's ledger; yield its socket."""
    paths = {ApiRole.SERVICE: folder / "service.sock"}
    settings = ApiSettings(
        sockets=paths,
        body_limit_bytes=65_536,
        requests_per_s=100_000,
        request_burst=100_000,
        stop_deadline_s=2,
    )
    office = Office(
        ledger=belt.ledger,
        deployment=belt.room.book.deployment,
        law=lambda: belt.law,
        clock=belt.clock,
        wake=lambda: None,
        health=lambda: Health(signer="ready"),
        limits=settings,
    )
    apps = {role: build_app(office, role) for role in paths}
    server = ApiServer(apps, open_sockets(paths, {}), stop_deadline_s=2)
    server.start()
    try:
        yield paths[ApiRole.SERVICE]
    finally:
        server.stop()


def _ask_all(road: Road, belt: Belt, count: int) -> None:
    """Ask for every payout until it is answered, and once more for good measure."""
    for number in range(count):
        body = {
            "pool": "main",
            "asset": "ETH",
            "destination": address_of(f"customer {number}"),
            "amount": str(AMOUNT + number),
        }
        first = ask_until_answered(road, f"key-{number}", body)
        if road.lots.random() < 0.3:
            assert first == ask_until_answered(road, f"key-{number}", body)
        if road.lots.random() < 0.2:
            # The node took it, and its answer was lost: sending is repeated blindly too.
            belt.chain.next_answers.append(SILENCE)
        if number % 20 == 19:
            belt.round()


def _pay_all(directory: Path, count: int) -> None:
    belt = Belt(directory, law=make_law(**LAW).law, hot=90 * ETH)
    belt.depth, belt.resend_after_s = 64, 12.0
    belt.restart()
    belt.run(2)
    with (
        served(belt, directory) as socket,
        lossy_road(socket, random.Random(count)) as road,
    ):
        _ask_all(road, belt, count)
    belt.chain.next_answers.clear()
    belt.until(lambda: not belt.open_transfers() and _is_all_paid(belt, count), most=200)

    customers = [address_of(f"customer {number}") for number in range(count)]
    assert [1] * count == [belt.paid("hot-a", customer) for customer in customers]
    assert [AMOUNT + n for n in range(count)] == [belt.chain.balance(c) for c in customers]
    print(f"\n{count} withdrawals took {road.tries} tries; each was paid once")


def _is_all_paid(belt: Belt, count: int) -> bool:
    with belt.ledger.read() as session:
        found = requests.withdrawals_in(session, CHAIN_ID, *WithdrawalState)
    return Counter(w.state for w in found) == {WithdrawalState.PAID: count}


@pytest.mark.slow
def test_a_hundred_withdrawals_retried_blindly_are_paid_once_each(directory: Path) -> None:
    """Cuts, delays and lost answers between client and API, and at the node."""
    _pay_all(directory, 100)


@pytest.mark.soak
def test_a_thousand_withdrawals_retried_blindly_are_paid_once_each(directory: Path) -> None:
    """The same, a thousand times."""
    _pay_all(directory, 1_000)
