"""One keep-alive HTTP connection to a node, on which no exchange can outlast its deadline.

A node that sends one byte a second, an endless header or an endless body is cut off like one that
does not answer. Redirects are not followed, proxies of the environment are not used.
"""

from __future__ import annotations

import base64
import http.client
import socket
import ssl
import time
from collections.abc import Callable
from typing import cast
from urllib.parse import SplitResult, unquote, urlsplit

from treasury.chain.errors import BadAnswerError, EndpointError, UnavailableError, clean_text
from treasury.chain.http_answer import TooLongError, read_answer

ANSWER_LIMIT_BYTES = 10 * 1024 * 1024
_CHUNK = 65_536


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
        self._head = _request_head(parts)
        self._monotonic = monotonic
        self._deadline = 0.0
        self._socket: socket.socket | None = None

    @property
    def is_open(self) -> bool:
        """Say whether there is a connection to use."""
        return self._socket is not None

    def open(self, deadline: float) -> None:
        """Connect until `deadline` (monotonic seconds); raises `UnavailableError`."""
        self.close()
        self._deadline = deadline
        try:
            self._socket = self._connect()
        except (OSError, http.client.HTTPException) as error:
            raise self._unavailable(error) from error

    def exchange(self, body: bytes, deadline: float) -> tuple[int, bytes]:
        """Post a body and return status and answer; raises `UnavailableError`, `BadAnswerError`."""
        assert self._socket is not None, "open the connection first"
        self._deadline = deadline
        try:
            # In one piece: a second packet would wake the node twice.
            self._socket.settimeout(self._remaining())
            self._socket.sendall(b"%b%d\r\n\r\n%b" % (self._head, len(body), body))
            status, answer, keeps_open = read_answer(self._receive, ANSWER_LIMIT_BYTES)
        except BaseException as error:
            self.close()
            if isinstance(error, (OSError, http.client.HTTPException)):
                raise self._unavailable(error) from error
            raise
        if not keeps_open:
            self.close()
        return status, answer

    def close(self) -> None:
        """Close the connection, if there is one."""
        if self._socket is not None:
            self._socket.close()
            self._socket = None

    def _connect(self) -> socket.socket:
        timeout = self._remaining()
        connection = (
            http.client.HTTPSConnection(
                self._host, self._port, timeout=timeout, context=ssl.create_default_context()
            )
            if self._is_tls
            else http.client.HTTPConnection(self._host, self._port, timeout=timeout)
        )
        connection.connect()
        return cast("socket.socket", connection.sock)

    def _receive(self) -> bytes:
        """Return what arrived; the deadline is that of the exchange, and not of each byte."""
        assert self._socket is not None, "a closed connection receives nothing"
        self._socket.settimeout(self._remaining())
        return self._socket.recv(_CHUNK)

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
        if isinstance(error, TooLongError):
            return BadAnswerError(f"{self.name} answered more than 10 MB")
        if isinstance(error, http.client.IncompleteRead):
            return UnavailableError(f"{self.name} cut its answer off")
        if isinstance(error, http.client.HTTPException):
            return BadAnswerError(f"{self.name} does not speak HTTP: {_name_of(error)}")
        return UnavailableError(f"{self.name} is not reachable: {_name_of(error)}")


def _request_head(parts: SplitResult) -> bytes:
    """Return a request up to the number of its bytes; raises `EndpointError`."""
    target = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
    said = parts.netloc + target
    if not said.isascii() or not said.isprintable() or " " in said:
        raise EndpointError("an endpoint has printable ASCII characters alone")
    lines = [
        f"POST {target} HTTP/1.1",
        f"Host: {parts.netloc.rpartition('@')[2]}",
        "Accept-Encoding: identity",
        "Content-Type: application/json",
        "User-Agent: treasury",
    ]
    if parts.username is not None:
        pair = f"{unquote(parts.username)}:{unquote(parts.password or '')}"
        token = base64.b64encode(pair.encode()).decode("ascii")
        lines.append(f"Authorization: Basic {token}")
    return "\r\n".join([*lines, "Content-Length: "]).encode("ascii")


def _name_of(error: Exception) -> str:
    text = error.strerror if isinstance(error, OSError) and error.strerror else ""
    return clean_text(text or type(error).__name__)
