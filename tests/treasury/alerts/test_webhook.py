"""Webhooks: signed, never redirected, never late."""

from __future__ import annotations

import time

import pytest

from tests.fakes.receiver import receiving
from treasury.alerts.errors import UndeliveredError
from treasury.alerts.webhook import Letter, post

pytestmark = pytest.mark.sockets
SECRET = b"sixteen bytes or more"
LETTER = Letter(body=b'{"event":"raised"}', number="7", at=1_767_355_200)


def test_a_letter_arrives_signed_and_numbered() -> None:
    """The receiver, with code of its own, finds the signature right."""
    with receiving(SECRET) as receiver:
        post(receiver.url, SECRET, LETTER, deadline_s=5)

    assert [{"event": "raised"}] == receiver.bodies
    assert ["7"] == receiver.numbers


def test_a_receiver_with_another_secret_takes_nothing() -> None:
    """A signature by another secret is none, and the refusal is told."""
    with (
        receiving(b"a secret of somebody else") as receiver,
        pytest.raises(UndeliveredError, match="answered 401"),
    ):
        post(receiver.url, SECRET, LETTER, deadline_s=5)

    assert [LETTER.body] == receiver.forged


@pytest.mark.parametrize("status", [302, 404, 500, 503])
def test_only_2xx_is_an_arrival(status: int) -> None:
    """A redirect is not followed: who chose the receiver was the operator."""
    with receiving(SECRET) as receiver:
        receiver.answers.append(status)
        with pytest.raises(UndeliveredError, match=str(status)):
            post(receiver.url, SECRET, LETTER, deadline_s=5)

    assert 1 == len(receiver.numbers)


def test_a_receiver_that_drips_is_left_at_the_deadline() -> None:
    """A byte every now and then keeps no thread for ever."""
    with receiving(SECRET) as receiver:
        receiver.is_dripping = True
        before = time.monotonic()
        with pytest.raises(UndeliveredError, match="did not answer within"):
            post(receiver.url, SECRET, LETTER, deadline_s=0.3)
        took_s = time.monotonic() - before

    assert took_s < 60  # the drip itself lasts eight minutes


def test_nobody_listening_is_undelivered() -> None:
    """A refused connection is a failed try, no crash."""
    with receiving(SECRET) as receiver:
        url = receiver.url
    with pytest.raises(UndeliveredError):
        post(url, SECRET, LETTER, deadline_s=1)


@pytest.mark.parametrize("url", ["http://example.org/", "ftp://127.0.0.1/", "nonsense", "http://["])
def test_an_open_way_is_refused(url: str) -> None:
    """Without TLS nothing leaves this machine."""
    with pytest.raises(UndeliveredError, match="address"):
        post(url, SECRET, LETTER, deadline_s=1)
