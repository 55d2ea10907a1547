"""The daemon's end: every verb typed, and every silence or nonsense told apart."""

from __future__ import annotations

import select
import socket
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from hsm.client import (
    Blame,
    LawInForce,
    Lodged,
    NotReady,
    Okay,
    Proof,
    ProtocolError,
    Refused,
    Signed,
    SignerClient,
    SignerUnavailableError,
    read_back,
)
from hsm.errors import FencedOffError
from hsm.process.desk import Door
from hsm.wire.answers import AttemptKind, OrderState
from hsm.wire.message import Answer, Result, encode_answer, frame
from policies.consent import transfer_digest, veto_digest
from policies.law import law_digest
from policies.terms import Purpose, TransferTerms
from tests.fakes.clock import FakeClock
from tests.fakes.signer_room import signer_at
from tests.fakes.vault_room import FEES, VaultRoom, order
from tests.hsm.verbs.test_orders import HIGHER, HIGHEST
from tests.laws import make_law, sign

pytestmark = pytest.mark.sockets


@pytest.fixture
def client(tmp_path: Path, clock: FakeClock) -> Iterator[SignerClient]:
    """A client of a room with a law."""
    with (
        signer_at(tmp_path, clock, door=Door.SIGNER) as path,
        SignerClient(path, epoch=1) as made,
    ):
        yield made


def test_every_verb_about_orders(client: SignerClient, clock: FakeClock) -> None:
    """Lodge, sign, bump, cancel and catch up give typed answers that agree with each other."""
    law = make_law().law
    terms = order(law, clock)
    order_id = transfer_digest(terms, client.status().deployment)
    refused = client.sign(order_id, FEES)
    lodged = client.lodge(terms, [sign("alice", order_id), sign("bob", order_id)])
    signed = client.sign(order_id, FEES)
    bumped = client.bump(order_id, HIGHER)
    cancelled = client.cancel(order_id, HIGHEST)
    page = client.orders_since(0)

    assert isinstance(refused, Refused)
    assert isinstance(lodged, Lodged)
    assert lodged.reached
    found = []
    for answer, kind in zip((signed, bumped, cancelled), AttemptKind, strict=True):
        assert isinstance(answer, Signed)
        assert (kind, 0) == (answer.kind, read_back(answer.raw).transaction.nonce)
        assert answer.hash == read_back(answer.raw).hash
        found.append(answer.raw)
    (record,) = page.orders
    assert (OrderState.SIGNED, order_id, 0) == (record.state, record.order_id, record.nonce)
    assert found == [attempt.raw for attempt in record.attempts]


def test_every_verb_about_wallets(client: SignerClient) -> None:
    """Isolation, swap, freeze, law, proof and veto give typed answers."""
    well = client.activate("hot-b")
    isolated = client.isolate("hot-a", "a test")
    swapped = client.activate("hot-b")
    frozen = client.freeze("a test")
    law = client.law()
    proof = client.possession("hot-a", bytes(32))
    checkpoint = client.checkpoint(1, bytes(32))
    status = client.status()
    digest = bytes(31) + b"\x01"
    veto = client.veto(digest, sign("alice", veto_digest(digest, status.deployment)))

    assert isinstance(well, Refused)
    assert [Okay] * 4 == [type(a) for a in (isolated, swapped, frozen, veto)]
    assert isinstance(law, LawInForce)
    assert law_digest(make_law().law) == law.digest
    assert isinstance(proof, Proof)
    assert isinstance(checkpoint, Refused)
    assert (("hot-a",), {"main": "hot-b"}, True, 1) == (
        status.isolated,
        dict(status.active),
        status.frozen,
        status.epoch,
    )


def test_no_explanation_is_too_long_to_isolate(client: SignerClient) -> None:
    """R2.6: a step toward safety is never refused for its words, however many there are."""
    reasons = "; ".join(f"1 base unit of token {number} left hot-a" for number in range(5_000))
    answers = (client.isolate("hot-a", reasons), client.freeze(reasons))

    assert [Okay, Okay] == [type(answer) for answer in answers]
    assert ("hot-a",) == client.status().isolated


def test_an_older_epoch_is_refused(client: SignerClient, clock: FakeClock) -> None:
    """A client with an older lease gets no signature (R5.7)."""
    terms = order(make_law().law, clock, Purpose.SWEEP)
    order_id = transfer_digest(terms, client.status().deployment)
    assert isinstance(client.sign(order_id, FEES, order=terms), Signed)
    client.epoch = 0
    with pytest.raises(FencedOffError, match="a newer daemon has spoken"):
        client.sign(order_id, FEES, order=terms)
    client.epoch = 1

    assert isinstance(client.sign(order_id, FEES, order=terms), Signed)


def test_too_early_carries_the_time(client: SignerClient, clock: FakeClock) -> None:
    """A time-lock is "not ready" with the earliest time."""
    terms = order(make_law().law, clock, amount=60 * 10**18)
    order_id = transfer_digest(terms, client.status().deployment)
    approvals = [sign(name, order_id) for name in ("alice", "bob", "carol")]
    answer = client.sign(order_id, FEES, order=terms, approvals=approvals)

    assert isinstance(answer, NotReady)
    assert clock.unix() + 60 == answer.not_before


def test_a_request_that_the_signer_calls_malformed_is_our_fault(client: SignerClient) -> None:
    """An error answer raises, because a right program never gets one."""
    with pytest.raises(ProtocolError, match="no verb") as caught:
        client.call("sing", {})

    assert Blame.US is caught.value.blame


def test_no_signer_is_the_worlds_fault(tmp_path: Path) -> None:
    """A socket that is not there says so, with its path."""
    with pytest.raises(SignerUnavailableError, match="is treasury-signer running") as caught:
        SignerClient(tmp_path / "none.sock").status()

    assert Blame.WORLD is caught.value.blame


@contextmanager
def answering(path: Path, talk: Callable[[socket.socket], None]) -> Iterator[Path]:
    """Run a server that does something odd with each of two connections."""
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(str(path))
        listener.listen()
        listener.settimeout(5)

        def serve() -> None:
            for _ in range(2):
                try:
                    connection, _ = listener.accept()
                except OSError:
                    return
                with connection:
                    talk(connection)

        thread = threading.Thread(target=serve)
        thread.start()
        yield path
        listener.close()
        thread.join(6)


GOOD = frame(encode_answer(Answer(result=Result.REFUSED)))


@pytest.mark.parametrize(
    ("talk", "error"),
    [
        (lambda c: c.recv(9), SignerUnavailableError),
        (lambda c: (c.recv(999), c.sendall(GOOD[:20])), SignerUnavailableError),
        (lambda c: (c.recv(999), c.sendall(b"\xff" * 99)), ProtocolError),
        (lambda c: (c.recv(999), c.sendall(frame(b"{}"))), ProtocolError),
        (lambda c: (c.recv(999), c.sendall(GOOD)), ProtocolError),
    ],
    ids=["hangs up", "half an answer", "garbage", "no answer", "another kind of answer"],
)
def test_nonsense_is_never_taken_for_an_answer(
    tmp_path: Path, talk: Callable[[socket.socket], None], error: type[Exception]
) -> None:
    """Each bad answer raises its own blame, for every new client alike."""
    with answering(tmp_path / "s", talk) as path:
        for _ in range(2):
            with SignerClient(path, deadline_s=20) as client, pytest.raises(error):
                client.status()


def test_silence_ends_at_the_deadline(tmp_path: Path) -> None:
    """A signer that never answers costs the deadline and no more."""
    done = threading.Event()
    with (
        answering(tmp_path / "s", lambda _: (done.wait(3), None)[1]) as path,
        SignerClient(path, deadline_s=0.1) as client,
    ):
        with pytest.raises(SignerUnavailableError):
            client.status()
        done.set()


def test_a_restarted_signer_is_reached_without_an_error(room: VaultRoom, tmp_path: Path) -> None:
    """A connection that the old process closed is replaced before the next question."""
    message = frame(encode_answer(room.call("status", {})))

    def once(connection: socket.socket) -> None:
        connection.recv(999)
        connection.sendall(message)

    with answering(tmp_path / "s", once) as path, SignerClient(path) as client:
        first = client.status()
        assert client._connection is not None
        select.select([client._connection], [], [], 5)
        second = client.status()

    assert first == second


def test_threads_take_turns_and_get_their_own_answers(
    client: SignerClient, clock: FakeClock
) -> None:
    """Two lanes share one client: no answer goes to the wrong question."""
    law, deployment = make_law().law, client.status().deployment
    terms = [order(law, clock, Purpose.SWEEP, amount=n) for n in range(1, 25)]
    wrong: list[bytes] = []

    def ask(share: list[TransferTerms]) -> None:
        for each in share:
            order_id = transfer_digest(each, deployment)
            answer = client.sign(order_id, FEES, order=each)
            if not isinstance(answer, Signed) or read_back(answer.raw).amount != each.amount:
                wrong.append(order_id)

    threads = [threading.Thread(target=ask, args=(terms[n::3],)) for n in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert not wrong
    assert 24 == client.status().nonces["hot-a"]


def test_the_daemons_end_never_maps_the_module() -> None:
    """Importing the client loads no PKCS#11 library into the process (R3.1)."""
    code = (
        "import hsm.client, sys; print('pkcs11' in sys.modules); "
        "print('softhsm' in open('/proc/self/maps').read())"
    )
    done = subprocess.run(
        [sys.executable, "-c", code],
        cwd=Path(__file__).parents[2],
        capture_output=True,
        text=True,
        check=True,
    )

    assert ["False", "False"] == done.stdout.split()
