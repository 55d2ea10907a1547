"""The signer as a whole: real tokens, real book, real sockets, the daemon's own client."""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from eth_account import Account

from hsm.book import book
from hsm.client import NotReady, Okay, Refused, Signed, SignerClient, read_back
from hsm.crashpoints import disarm
from hsm.errors import HsmError
from hsm.server import Signer
from hsm.settings import Settings
from policies.consent import describe_motion, motion_digest, payload_digest, transfer_digest
from policies.law import Law, canonical_law, law_digest
from policies.terms import NATIVE, MotionKind, MotionTerms, Purpose
from tests.fakes.clock import FakeClock
from tests.fakes.softhsm import SoftHsm
from tests.fakes.vault_room import FEES, order, real_settings
from tests.laws import address_of, make_law, sign

pytestmark = [pytest.mark.sockets, pytest.mark.softhsm]


@contextmanager
def serving(settings: Settings, clock: FakeClock) -> Iterator[None]:
    """Run the signer in a thread of its own, where all its PKCS#11 calls happen."""
    ready, stop = threading.Event(), threading.Event()
    failures: list[HsmError] = []

    def work() -> None:
        try:
            signer = Signer(settings, clock=clock.unix, environment={})
        except HsmError as error:
            failures.append(error)
            ready.set()
            return
        ready.set()
        while not stop.is_set():
            signer.turn(0.02)
        signer.close()

    thread = threading.Thread(target=work)
    thread.start()
    ready.wait(10)
    try:
        if failures:
            raise failures[0]
        yield
    finally:
        stop.set()
        thread.join(10)
        disarm()


def genesis(settings: Settings, law: Law, clock: FakeClock) -> None:
    """Adopt the first law at the treasurers' door."""
    with SignerClient(settings.people_socket) as client:
        answer = _adopt(client, law, clock)
    assert isinstance(answer, Okay), answer


def _adopt(client: SignerClient, law: Law, clock: FakeClock) -> Okay | Refused:
    payload = {"lawDigest": "0x" + law_digest(law).hex()}
    terms = MotionTerms(
        what=describe_motion(MotionKind.ADOPT, payload),
        kind=MotionKind.ADOPT,
        salt=bytes(16),
        payload_digest=payload_digest(payload),
        maker=NATIVE,
        proposed_at=clock.unix(),
        expires_at=clock.unix() + 60,
        law_digest=bytes(32),
    )
    digest = motion_digest(terms, client.status().deployment)
    signatures = [sign("alice", digest), sign("bob", digest)]
    return client.adopt(terms, canonical_law(law).decode(), signatures)


def test_a_refill_end_to_end(softhsm: SoftHsm, clock: FakeClock) -> None:
    """Genesis, lodge, approve, sign: the raw bytes are the vault's payment to the hot wallet."""
    settings, law = real_settings(softhsm), make_law().law
    with serving(settings, clock), SignerClient(settings.signer_socket) as client:
        refused = _adopt(client, law, clock)
        assert isinstance(refused, Refused)
        assert ["genesis_door"] == [reason.code for reason in refused.reasons]
        genesis(settings, law, clock)
        status = client.status()
        terms = order(law, clock)
        order_id = transfer_digest(terms, status.deployment)

        alone = client.lodge(terms, [sign("alice", order_id)])
        assert not isinstance(alone, Refused)
        assert (2, False, None) == (alone.required, alone.reached, alone.not_before)
        assert isinstance(client.sign(order_id, FEES), Refused)

        both = client.lodge(terms, [sign("bob", order_id)])
        assert not isinstance(both, Refused)
        assert (True, clock.unix()) == (both.reached, both.not_before)
        signed = client.sign(order_id, FEES)
        assert isinstance(signed, Signed)
        found = read_back(signed.raw)

        assert address_of("vault") == Account.recover_transaction(signed.raw)
        assert (address_of("vault"), address_of("hot-a"), terms.amount, 0) == (
            found.sender,
            found.destination,
            found.amount,
            found.transaction.nonce,
        )
        again = client.sign(order_id, FEES)
        assert isinstance(again, Signed)
        assert signed.raw == again.raw
        page = client.orders_since(0)
        assert [signed.raw] == [a.raw for o in page.orders for a in o.attempts]
        assert client.status().waivers


def test_what_is_waived_stands_in_the_log(
    softhsm: SoftHsm, clock: FakeClock, caplog: pytest.LogCaptureFixture
) -> None:
    """From the start on, in the words of the status (R3.4)."""
    settings = real_settings(softhsm)
    with serving(settings, clock), SignerClient(settings.signer_socket) as client:
        told = client.status().waivers

    assert told
    assert [f"waived: {waiver}" for waiver in told] == [
        message for message in caplog.messages if message.startswith("waived: ")
    ]


def test_whoever_has_nothing_to_do_brings_the_log_into_the_file(
    softhsm: SoftHsm, clock: FakeClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    """So that no order has to, within its own commit."""
    monkeypatch.setattr(book, "TIDY_AFTER", 1)
    settings = real_settings(softhsm)
    with serving(settings, clock), SignerClient(settings.signer_socket) as client:
        head, end = client.status().book.head, time.monotonic() + 10
        while head not in settings.book.read_bytes() and time.monotonic() < end:
            time.sleep(0.01)
        found = settings.book.read_bytes()

    assert head in found


def test_both_proofs_verify(softhsm: SoftHsm, clock: FakeClock) -> None:
    """The checkpoint key signs a journal head, a wallet's key proves possession."""
    settings, law = real_settings(softhsm), make_law().law
    with serving(settings, clock), SignerClient(settings.signer_socket) as client:
        genesis(settings, law, clock)
        checkpoint = client.checkpoint(7, bytes(32))
        possession = client.possession("hot-a", bytes(32))
        older = client.checkpoint(6, bytes(32))

    assert not isinstance(checkpoint, (Refused, NotReady))
    assert not isinstance(possession, (Refused, NotReady))
    assert (64, 65) == (len(checkpoint.signature), len(possession.signature))
    assert isinstance(older, Refused)


def test_rubbish_never_stops_it(softhsm: SoftHsm, clock: FakeClock) -> None:
    """Garbage, giants and half messages are answered or dropped; the next client is served."""
    settings = real_settings(softhsm)
    with serving(settings, clock), SignerClient(settings.signer_socket) as client:
        for data in (b"\xff" * 100, b"\x00\x00\x00\x02hi", b"\x00\x00", b"\x00\x00\x00\x05{}{}{"):
            with socket.socket(socket.AF_UNIX) as connection:
                connection.connect(str(settings.signer_socket))
                connection.sendall(data)

        assert "development" == client.status().profile


def test_sockets_appear_when_they_listen(
    softhsm: SoftHsm, clock: FakeClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whoever waits for a socket to be there is never turned away by it."""
    settings = real_settings(softhsm)
    paths = (settings.signer_socket, settings.people_socket)
    there: list[list[bool]] = []

    class Watched(socket.socket):
        def listen(self, backlog: int = 0, /) -> None:
            there.append([path.exists() for path in paths])
            super().listen(backlog)

    monkeypatch.setattr("hsm.server.socket.socket", Watched)
    with serving(settings, clock):
        modes = [path.stat().st_mode & 0o777 for path in paths]

    assert [[False, False], [True, False]] == there
    assert [0o660, 0o660] == modes


def test_a_sweep_needs_one_message(softhsm: SoftHsm, clock: FakeClock) -> None:
    """An order toward safety is signed in one round trip, with its terms in the message."""
    settings, law = real_settings(softhsm), make_law().law
    with serving(settings, clock), SignerClient(settings.signer_socket) as client:
        genesis(settings, law, clock)
        terms = order(law, clock, Purpose.SWEEP)
        order_id = transfer_digest(terms, client.status().deployment)
        signed = client.sign(order_id, FEES, order=terms)

    assert isinstance(signed, Signed)
    assert address_of("hot-a") == Account.recover_transaction(signed.raw)
