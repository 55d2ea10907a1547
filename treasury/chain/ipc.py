"""A connection to a node on this machine over its Unix socket ("ipc:///path/of/geth.ipc").

Nodes write one JSON text after the other without lengths. Here is one question and one answer at
a time, so an answer is whole as soon as what has come is valid JSON.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from urllib.parse import unquote, urlsplit

import msgspec

from treasury.chain.errors import BadAnswerError, EndpointError
from treasury.chain.transport import ANSWER_LIMIT_BYTES
from treasury.chain.wire import Wire, dial_path, unavailable

_OK = 200
_ENDS = (b"}", b"]")
_TEXT = msgspec.json.Decoder(msgspec.Raw)


class IpcTransport:
    """A connection that is opened when needed and closed at every error. Not thread-safe."""

    def __init__(self, url: str, *, monotonic: Callable[[], float] = time.monotonic) -> None:
        """Read the URL without connecting; raises `EndpointError` when it cannot be used."""
        parts = urlsplit(url)
        if parts.scheme != "ipc" or parts.netloc or len(parts.path) < 2:
            raise EndpointError("the endpoint of a node on this machine is ipc:///path")
        self._path = unquote(parts.path)
        self.name = f"ipc:{self._path}"
        self._monotonic = monotonic
        self._wire: Wire | None = None

    @property
    def is_open(self) -> bool:
        """Say whether there is a connection to use."""
        return self._wire is not None

    def open(self, deadline: float) -> None:
        """Connect until `deadline` (monotonic seconds); raises `UnavailableError`."""
        self.close()
        try:
            connected = dial_path(self._path, deadline=deadline, monotonic=self._monotonic)
        except OSError as error:
            raise unavailable(self.name, error) from error
        self._wire = Wire(self.name, connected, monotonic=self._monotonic)

    def exchange(self, body: bytes, deadline: float) -> tuple[int, bytes]:
        """Send a question and return 200 and the answer; raises `ChainError` leaves."""
        assert self._wire is not None, "open the connection first"
        try:
            self._wire.send(body + b"\n", deadline)
            return _OK, self._answer(self._wire, deadline)
        except BaseException:
            self.close()
            raise

    def close(self) -> None:
        """Close the connection, if there is one."""
        if self._wire is not None:
            self._wire.close()
            self._wire = None

    def _answer(self, wire: Wire, deadline: float) -> bytes:
        found = bytearray()
        while True:
            found += wire.receive(deadline)
            if len(found) > ANSWER_LIMIT_BYTES:
                raise BadAnswerError(f"{self.name} answered more than 10 MB")
            if found.rstrip().endswith(_ENDS) and _is_whole(found):
                return bytes(found)


def _is_whole(found: bytearray) -> bool:
    try:
        _TEXT.decode(found)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return False
    return True
