"""One keep-alive HTTP connection to a node, on which no exchange can outlast its deadline.

A node that sends one byte a second, an endless header or an endless body is cut off like one that
does not answer. Redirects are not followed, proxies of the environment are not used.
"""

from __future__ import annotations

import base64
import http.client
import io
import socket
import ssl
import time
from collections.abc import Callable
from typing import cast
from urllib.parse import unquote, urlsplit

from treasury.chain.errors import BadAnswerError, EndpointError, UnavailableError, clean_text

ANSWER_LIMIT_BYTES = 10 * 1024 * 1024
_CHUNK = 65536


class StaleConnectionError(UnavailableError):
    """The node closed the connection before it answered; on a used one that is ordinary."""


class HttpTransport:
    """A connection that is opened when needed and closed at every error. Not thread-safe."""

    def __init__(self, url: str, *, monotonic: Callable[[], float] = time.monotonic) -> None:
        """Read the URL without connecting; raises `EndpointError` when it cannot be used."""
        parts = urlsplit(url)
        if parts.scheme not in ("http", "https") or not parts.hostname:
            raise EndpointError("an endpoint is an http:// or https:// URL with a host")
        self.name = parts.hostname if parts.port is None else f"{parts.hostname}:{parts.port}"
        self._is_tls = parts.scheme == "https"
        self._host, self._port = parts.hostname, parts.port
        self._target = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
        self._headers = {"Content-Type": "application/json", "User-Agent": "treasury"}
        if parts.username is not None:
            pair = f"{unquote(parts.username)}:{unquote(parts.password or '')}"
            token = base64.b64encode(pair.encode()).decode("ascii")
            self._headers["Authorization"] = f"Basic {token}"
        self._monotonic = monotonic
        self._deadline = 0.0
        self._connection: http.client.HTTPConnection | None = None
        self._socket: socket.socket | None = None

    @property
    def is_open(self) -> bool:
        """Say whether there is a connection to use."""
        return self._connection is not None

    def open(self, deadline: float) -> None:
        """Connect until `deadline` (monotonic seconds); raises `UnavailableError`."""
        self.close()
        self._deadline = deadline
        try:
            connection = self._connect()
        except (OSError, http.client.HTTPException) as error:
            raise self._unavailable(error) from error
        self._socket = cast("socket.socket", connection.sock)
        connection.sock = _DeadlineSocket(self._socket, self._remaining)
        self._connection = connection

    def exchange(self, body: bytes, deadline: float) -> tuple[int, bytes]:
        """Post a body and return status and answer; raises `UnavailableError`, `BadAnswerError`."""
        assert self._connection is not None, "open the connection first"
        self._deadline = deadline
        try:
            status, answer = self._post(self._connection, body)
        except BaseException as error:
            self.close()
            if isinstance(error, (OSError, http.client.HTTPException)):
                raise self._unavailable(error) from error
            raise
        if self._connection.sock is None:
            self.close()
        return status, answer

    def close(self) -> None:
        """Close the connection, if there is one."""
        self._connection = None
        if self._socket is not None:
            self._socket.close()
            self._socket = None

    def _connect(self) -> http.client.HTTPConnection:
        timeout = self._remaining()
        connection = (
            http.client.HTTPSConnection(
                self._host, self._port, timeout=timeout, context=ssl.create_default_context()
            )
            if self._is_tls
            else http.client.HTTPConnection(self._host, self._port, timeout=timeout)
        )
        connection.connect()
        return connection

    def _post(self, connection: http.client.HTTPConnection, body: bytes) -> tuple[int, bytes]:
        connection.request("POST", self._target, body, self._headers)
        response = connection.getresponse()
        chunks, size = [], 0
        while chunk := response.read1(_CHUNK):
            size += len(chunk)
            if size > ANSWER_LIMIT_BYTES:
                raise BadAnswerError(f"{self.name} answered more than 10 MB")
            chunks.append(chunk)
        # The connection takes its next request only when this response is closed.
        response.close()
        if response.length:
            raise http.client.IncompleteRead(b"", response.length)
        return response.status, b"".join(chunks)

    def _remaining(self) -> float:
        left = self._deadline - self._monotonic()
        if left <= 0:
            raise TimeoutError
        return left

    def _unavailable(self, error: Exception) -> UnavailableError | BadAnswerError:
        if isinstance(error, TimeoutError):
            return UnavailableError(f"{self.name} did not answer in time")
        if isinstance(error, (http.client.RemoteDisconnected, ConnectionError)):
            return StaleConnectionError(f"{self.name} is not reachable: {_name_of(error)}")
        if isinstance(error, http.client.IncompleteRead):
            return UnavailableError(f"{self.name} cut its answer off")
        if isinstance(error, http.client.HTTPException):
            return BadAnswerError(f"{self.name} does not speak HTTP: {_name_of(error)}")
        return UnavailableError(f"{self.name} is not reachable: {_name_of(error)}")


def _name_of(error: Exception) -> str:
    text = error.strerror if isinstance(error, OSError) and error.strerror else ""
    return clean_text(text or type(error).__name__)


class _DeadlineSocket:
    """What http.client needs of a socket, with the deadline applied to each single read.

    `close` does nothing: http.client calls it while the answer is still being read, and the
    transport closes the real socket itself.
    """

    def __init__(self, wire: socket.socket, remaining: Callable[[], float]) -> None:
        self._wire = wire
        self._remaining = remaining

    def sendall(self, data: bytes) -> None:
        self._wire.settimeout(self._remaining())
        self._wire.sendall(data)

    def makefile(self, _mode: str) -> io.BufferedReader:
        return io.BufferedReader(_DeadlineReader(self._wire, self._remaining))

    def close(self) -> None:
        pass


class _DeadlineReader(io.RawIOBase):
    def __init__(self, wire: socket.socket, remaining: Callable[[], float]) -> None:
        super().__init__()
        self._wire = wire
        self._remaining = remaining

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: memoryview) -> int:  # type: ignore[override]
        self._wire.settimeout(self._remaining())
        return self._wire.recv_into(buffer)
