"""The treasurers' own door: a PIN typed for a while, isolation, freeze, and the status."""

from __future__ import annotations

import pytest

from hsm.client import NotReady, Okay, Refused, Signed, SignerClient
from hsm.wire.message import Result
from policies.consent import transfer_digest
from policies.terms import Purpose
from tests.fakes.clock import FakeClock
from tests.fakes.softhsm import SoftHsm
from tests.fakes.vault_room import FEES, VaultRoom, order, real_settings
from tests.hsm.test_server import genesis, serving
from tests.laws import ETH, make_law, sign


@pytest.mark.sockets
@pytest.mark.softhsm
def test_a_locked_vault_waits_for_a_person(softhsm: SoftHsm, clock: FakeClock) -> None:
    """Locked: not ready and nothing consumed; unlocked by a typed PIN: signed; locked again."""
    settings, law = real_settings(softhsm, attended="vault"), make_law().law
    pin = (softhsm.directory / "vault.pin").read_text().strip()
    with (
        serving(settings, clock),
        SignerClient(settings.signer_socket) as daemon,
        SignerClient(settings.people_socket) as person,
    ):
        genesis(settings, law, clock)
        first, second = order(law, clock), order(law, clock, amount=ETH)
        deployment = daemon.status().deployment
        signed = []
        for terms in (first, second):
            order_id = transfer_digest(terms, deployment)
            daemon.lodge(terms, [sign("alice", order_id), sign("bob", order_id)])
        locked = daemon.sign(transfer_digest(first, deployment), FEES)
        sweep = order(law, clock, Purpose.SWEEP)
        swept = daemon.sign(transfer_digest(sweep, deployment), FEES, order=sweep)
        wrong = person.unlock("vault", "0000", minutes=5)
        opened = person.unlock("vault", pin, minutes=5)
        signed.append(daemon.sign(transfer_digest(first, deployment), FEES))
        health = daemon.status().health
        kept_open = person.lock("hot")
        person.lock("vault")
        again = daemon.sign(transfer_digest(second, deployment), FEES)

    assert isinstance(locked, NotReady)
    assert "token_locked" == locked.reasons[0].code
    assert isinstance(swept, Signed)
    assert isinstance(wrong, Refused)
    assert isinstance(opened, Okay)
    assert isinstance(signed[0], Signed)
    assert 0 == signed[0].nonce
    assert "ready" == health
    assert isinstance(kept_open, Refused)
    assert "'hot' is no attended token: freeze stops what exposes" == kept_open.reasons[0].text
    assert isinstance(again, NotReady)


@pytest.mark.sockets
@pytest.mark.softhsm
def test_one_person_isolates_at_the_treasurers_door(softhsm: SoftHsm, clock: FakeClock) -> None:
    """Isolation and freeze need no daemon and no quorum (R8.11)."""
    settings, law = real_settings(softhsm), make_law().law
    with (
        serving(settings, clock),
        SignerClient(settings.signer_socket) as daemon,
        SignerClient(settings.people_socket) as person,
    ):
        genesis(settings, law, clock)
        person.isolate("hot-a", "I saw something")
        person.freeze("and stop")
        status = daemon.status()

    assert (("hot-a",), True) == (status.isolated, status.frozen)


def test_long_words_do_not_keep_a_wallet_from_being_isolated(room: VaultRoom) -> None:
    """R2.6: whoever brings more words than the book keeps is heard all the same."""
    answers = [
        room.call("isolate", {"wallet": "hot-a", "why": "x" * 5_000}),
        room.call("freeze", {"why": "x" * 5_000}),
    ]

    assert [Result.OK] * 2 == [answer.result for answer in answers]
    assert (["hot-a"], "1") == tuple(
        room.call("status", {}).body[name] for name in ("isolated", "frozen")
    )


def test_the_status_tells_what_the_windows_allow(room: VaultRoom) -> None:
    """Left to withdraw (fees counted) and left to refill, for the active wallet of each pool."""
    before = room.call("status", {}).body["windows"]
    room.sign(room.order(Purpose.WITHDRAWAL, amount=2 * ETH))
    room.sign(room.order(amount=40 * ETH), "alice", "bob")
    after = room.call("status", {}).body["windows"]

    assert isinstance(before, dict)
    assert isinstance(after, dict)
    assert str(20 * ETH) == before["withdrawal hot-a ETH"]
    assert str(20 * ETH - 2 * ETH - ETH // 100) == after["withdrawal hot-a ETH"]
    assert (str(100 * ETH), str(60 * ETH)) == (
        before["refill hot-a ETH"],
        after["refill hot-a ETH"],
    )
