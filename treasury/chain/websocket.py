"""A WebSocket to a node: questions and answers like HTTP, and news that the node sends by itself.

The protocol is spoken by the library, the bytes are moved here, so that each exchange keeps its
deadline in both directions and no connection needs a thread.
"""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable
from urllib.parse import urlsplit

from websockets.client import ClientProtocol
from websockets.exceptions import WebSocketException
from websockets.frames import Frame, Opcode
from websockets.protocol import State
from websockets.uri import WebSocketURI, parse_uri

from treasury.chain.errors import BadAnswerError, EndpointError, UnavailableError, clean_text
from treasury.chain.transport import ANSWER_LIMIT_BYTES, StaleConnectionError
from treasury.chain.wire import Wire, dial_host, unavailable

_OK = 200
_GREETING_LIMIT_BYTES = 256 * 1024
_DATA = (Opcode.TEXT, Opcode.BINARY, Opcode.CONT)


class WebSocketTransport:
    """A connection that is opened when needed and closed at every error. Not thread-safe."""

    def __init__(self, url: str, *, monotonic: Callable[[], float] = time.monotonic) -> None:
        """Read the URL without connecting; raises `EndpointError` when it cannot be used."""
        self._uri = _read(url)
        has_port = urlsplit(url).port is not None
        self.name = f"{self._uri.host}:{self._uri.port}" if has_port else self._uri.host
        self._monotonic = monotonic
        self._wire: Wire | None = None
        self._speech: ClientProtocol | None = None
        self._frames: deque[Frame] = deque()

    @property
    def is_open(self) -> bool:
        """Say whether there is a connection to use."""
        return self._wire is not None

    def open(self, deadline: float) -> None:
        """Connect and shake hands until `deadline` (monotonic seconds).

        Raises `UnavailableError` and `BadAnswerError`.
        """
        self.close()
        try:
            connected = dial_host(
                self._uri.host,
                self._uri.port,
                is_tls=self._uri.secure,
                deadline=deadline,
                monotonic=self._monotonic,
            )
        except OSError as error:
            raise unavailable(self.name, error) from error
        self._wire = Wire(self.name, connected, monotonic=self._monotonic)
        self._speech = ClientProtocol(self._uri, max_size=ANSWER_LIMIT_BYTES)
        try:
            self._shake_hands(self._wire, self._speech, deadline)
        except BaseException:
            self.close()
            raise

    def exchange(self, body: bytes, deadline: float) -> tuple[int, bytes]:
        """Send a question and return 200 and the next message; raises `ChainError` leaves."""
        assert self._wire is not None, "open the connection first"
        assert self._speech is not None, "a connection has a protocol"
        try:
            self._speech.send_text(body)
            self._flush(self._wire, self._speech, deadline)
        except BaseException as error:
            self.close()
            if isinstance(error, WebSocketException):
                raise StaleConnectionError(f"{self.name} closed the connection") from error
            raise
        return _OK, self.receive(deadline)

    def receive(self, deadline: float) -> bytes:
        """Wait for the next message; raises `UnavailableError` and `BadAnswerError`."""
        assert self._wire is not None, "open the connection first"
        assert self._speech is not None, "a connection has a protocol"
        try:
            return self._message(self._wire, self._speech, deadline)
        except BaseException:
            self.close()
            raise

    def interrupt(self) -> None:
        """Let a `receive` in another thread end at once; the one call that any thread may make."""
        wire = self._wire
        if wire is not None:
            wire.interrupt()

    def close(self) -> None:
        """Close the connection, if there is one, without waiting for the node."""
        if self._wire is not None:
            self._wire.close()
        self._wire, self._speech = None, None
        self._frames.clear()

    def _shake_hands(self, wire: Wire, speech: ClientProtocol, deadline: float) -> None:
        speech.send_request(speech.connect())
        self._flush(wire, speech, deadline)
        size = 0
        while speech.state is State.CONNECTING and speech.handshake_exc is None:
            data = wire.receive(deadline)
            size += len(data)
            if size > _GREETING_LIMIT_BYTES:
                raise BadAnswerError(f"{self.name} never ends its greeting")
            speech.receive_data(data)
        if speech.handshake_exc is not None:
            why = clean_text(str(speech.handshake_exc))
            raise UnavailableError(f"{self.name} does not open a WebSocket: {why}")
        self._frames.extend(e for e in speech.events_received() if isinstance(e, Frame))

    def _message(self, wire: Wire, speech: ClientProtocol, deadline: float) -> bytes:
        message = bytearray()
        while True:
            while self._frames:
                frame = self._frames.popleft()
                if frame.opcode not in _DATA:
                    continue
                message += frame.data
                if len(message) > ANSWER_LIMIT_BYTES:
                    raise BadAnswerError(f"{self.name} answered more than 10 MB")
                if frame.fin:
                    return bytes(message)
            if speech.state is not State.OPEN:
                raise self._ended(speech)
            speech.receive_data(wire.receive(deadline))
            self._frames.extend(e for e in speech.events_received() if isinstance(e, Frame))
            self._flush(wire, speech, deadline)

    def _flush(self, wire: Wire, speech: ClientProtocol, deadline: float) -> None:
        """Write what the protocol has to say, answers to pings included."""
        data = b"".join(speech.data_to_send())
        if data:
            wire.send(data, deadline)

    def _ended(self, speech: ClientProtocol) -> UnavailableError | BadAnswerError:
        if speech.parser_exc is not None:
            why = clean_text(str(speech.parser_exc))
            return BadAnswerError(f"{self.name} does not speak WebSocket: {why}")
        return StaleConnectionError(f"{self.name} closed the connection")


def _read(url: str) -> WebSocketURI:
    try:
        return parse_uri(url)
    except (WebSocketException, ValueError) as error:
        raise EndpointError("a WebSocket endpoint is ws://host:port or wss://host") from error
