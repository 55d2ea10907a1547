"""Many orders over one connection: in order, in groups, never more than the signer lets wait."""

from __future__ import annotations

import socket
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from hsm.client import SignerClient
from hsm.errors import SignerUnavailableError
from hsm.process.desk import Door
from hsm.process.loop import MOST_QUEUED
from hsm.wire.answers import SignAsk, Signed
from hsm.wire.message import FrameReader, frame
from hsm.wire.pipeline import FIRST_GROUP, MOST_IN_GROUP, exchanged, next_size
from policies.consent import transfer_digest
from policies.terms import Purpose
from tests.fakes.clock import FakeClock
from tests.fakes.signer_room import signer_at
from tests.fakes.vault_room import FEES, order
from tests.laws import make_law

pytestmark = pytest.mark.sockets
COUNT = 20


@pytest.fixture
def ends() -> Iterator[tuple[socket.socket, socket.socket]]:
    """Two ends of a connection."""
    ours, theirs = socket.socketpair()
    with ours, theirs:
        yield ours, theirs


def frames(count: int) -> list[bytes]:
    """Return that many small messages."""
    return [frame(b"%d" % number) for number in range(count)]


def echo(end: socket.socket, most: int) -> threading.Thread:
    """Answer each message with itself, until `most` were answered; then hang up."""

    def work() -> None:
        reader, left = FrameReader(), most
        while left:
            for message in reader.feed(end.recv(65_536)):
                if left:
                    end.sendall(frame(message))
                    left -= 1
        end.shutdown(socket.SHUT_RDWR)

    thread = threading.Thread(target=work, daemon=True)
    thread.start()
    return thread


def test_orders_are_signed_in_order_and_stay_usable(tmp_path: Path, clock: FakeClock) -> None:
    """R3.10: twenty sweeps get twenty nonces in the order in which they were asked for."""
    law = make_law().law
    with signer_at(tmp_path, clock, door=Door.SIGNER) as path, SignerClient(path) as client:
        deployment = client.status().deployment
        terms = [order(law, clock, Purpose.SWEEP, amount=n + 1) for n in range(COUNT)]
        asks = [
            SignAsk(order_id=transfer_digest(one, deployment), fees=FEES, order=one)
            for one in terms
        ]
        groups = list(client.sign_all(asks))
        again = [answer for group in client.sign_all(asks) for answer in group]
    answers = [answer for group in groups for answer in group]

    assert all(isinstance(answer, Signed) for answer in answers)
    assert [a.nonce for a in answers if isinstance(a, Signed)] == list(range(COUNT))
    assert [a.raw for a in answers if isinstance(a, Signed)] == [
        a.raw for a in again if isinstance(a, Signed)
    ]
    assert len(groups[0]) == FIRST_GROUP


def test_a_group_that_was_left_closes_the_connection(tmp_path: Path, clock: FakeClock) -> None:
    """Late answers are never taken for those to the next question."""
    law = make_law().law
    with signer_at(tmp_path, clock, door=Door.SIGNER) as path, SignerClient(path) as client:
        deployment = client.status().deployment
        terms = [order(law, clock, Purpose.SWEEP, amount=n + 1) for n in range(COUNT)]
        asks = [
            SignAsk(order_id=transfer_digest(one, deployment), fees=FEES, order=one)
            for one in terms
        ]
        coming = client.sign_all(asks)
        next(coming)
        coming.close()  # type: ignore[attr-defined] # a generator
        assert client.status().deployment == deployment


def test_one_group_is_always_on_its_way(ends: tuple[socket.socket, socket.socket]) -> None:
    """While a group is used the next one has been sent already, and no third one."""
    ours, theirs = ends
    thread = echo(theirs, 3 * FIRST_GROUP)
    coming = exchanged(ours, frames(3 * FIRST_GROUP), deadline_s=5)
    sizes = [len(group) for group in coming]
    thread.join(5)

    assert sizes == [FIRST_GROUP, 2 * FIRST_GROUP]


def test_a_signer_that_hangs_up_is_unavailable(ends: tuple[socket.socket, socket.socket]) -> None:
    """What was not answered is unknown, and the same ids may be asked again."""
    ours, theirs = ends
    thread = echo(theirs, 3)
    with pytest.raises(SignerUnavailableError, match="closed"):
        list(exchanged(ours, frames(FIRST_GROUP), deadline_s=5))
    thread.join(5)


def test_a_signer_that_says_nothing_is_unavailable(
    ends: tuple[socket.socket, socket.socket],
) -> None:
    """A group has one deadline, however many answers have come."""
    times = iter([0.0, 4.99, 9.0])
    with pytest.raises(SignerUnavailableError, match="did not come"):
        list(exchanged(ends[0], frames(1), deadline_s=5, monotonic=lambda: next(times)))


@pytest.mark.parametrize(
    ("size", "took_s", "expected"),
    [(8, 0.1, 16), (32, 0.1, 32), (24, 0.1, 32), (8, 0.4, 8), (8, 0.7, 4), (1, 9.0, 1)],
)
def test_groups_follow_the_speed_of_the_keys(size: int, took_s: float, expected: int) -> None:
    """R3.8: slow keys get small groups, so that an order to isolate waits for a short one."""
    assert next_size(size, took_s) == expected
    assert MOST_IN_GROUP <= MOST_QUEUED
