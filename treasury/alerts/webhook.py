"""A webhook: one signed POST, with a deadline that a slow receiver cannot stretch.

    Treasury-Signature: t=<unix seconds>,v1=<hex of HMAC-SHA256(secret, "<t>.<body>")>
    Treasury-Delivery: <the same number at every try: drop what you have seen>

A receiver compares the signature in constant time and refuses a `t` that is minutes away from its
own clock: then a recorded request is worth nothing. Any 2xx is an arrival; a redirect is not
followed, because the receiver was chosen by the operator and nobody else.
"""

from __future__ import annotations

import hashlib
import hmac
import http.client
import socket
import threading
from dataclasses import dataclass
from urllib.parse import SplitResult, urlsplit

from treasury.alerts.errors import UndeliveredError

SIGNATURE, DELIVERY = "Treasury-Signature", "Treasury-Delivery"
_LOOPBACK = frozenset({"127.0.0.1", "::1", "localhost"})
_FINE = range(200, 300)
_NAME = "treasuryd"


@dataclass(frozen=True, slots=True, kw_only=True)
class Letter:
    """What is posted: canonical JSON, the number of the delivery, and when (unix seconds)."""

    body: bytes
    number: str
    at: int


def signature(secret: bytes, letter: Letter) -> str:
    """Return the value of the signature header."""
    signed = f"{letter.at}.".encode() + letter.body
    return f"t={letter.at},v1={hmac.new(secret, signed, hashlib.sha256).hexdigest()}"


def post(url: str, secret: bytes, letter: Letter, *, deadline_s: float) -> None:
    """Post a letter; raises `UndeliveredError` unless the receiver answers 2xx in time."""
    place = _place(url)
    connection = _connection(place, deadline_s)
    late = threading.Timer(deadline_s, _cut, (connection,))
    late.daemon = True
    late.start()
    headers = {
        "Content-Type": "application/json",
        "User-Agent": _NAME,
        SIGNATURE: signature(secret, letter),
        DELIVERY: letter.number,
    }
    path = (place.path or "/") + (f"?{place.query}" if place.query else "")
    try:
        connection.request("POST", path, letter.body, headers)
        status = connection.getresponse().status
    except (OSError, http.client.HTTPException) as error:
        text = f"{place.hostname} did not answer within {deadline_s:g} s: {error}"
        raise UndeliveredError(text) from error
    finally:
        late.cancel()
        connection.close()
    if status not in _FINE:
        raise UndeliveredError(f"{place.hostname} answered {status}")


def _place(url: str) -> SplitResult:
    try:
        place = urlsplit(url)
        _ = place.port
    except ValueError as error:
        raise UndeliveredError(f"the address is none: {error}") from error
    is_safe = place.scheme == "https" or (place.scheme == "http" and place.hostname in _LOOPBACK)
    if not is_safe or not place.hostname:
        raise UndeliveredError("the address must begin with https:// (http:// on this machine)")
    return place


def _connection(place: SplitResult, deadline_s: float) -> http.client.HTTPConnection:
    kind = http.client.HTTPSConnection if place.scheme == "https" else http.client.HTTPConnection
    return kind(place.hostname or "", place.port, timeout=deadline_s)


def _cut(connection: http.client.HTTPConnection) -> None:
    """End a connection under the hands of whoever waits for it: a byte a second is no answer."""
    if connection.sock is not None:
        try:
            connection.sock.shutdown(socket.SHUT_RDWR)
        except OSError:
            return
