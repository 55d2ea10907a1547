"""A socket to a node on which no reading and no writing can outlast its deadline.

Deadlines are monotonic seconds. TLS is verified as everywhere, proxies of the environment are not
used, and every failure is one of our own errors, named by host or path and by nothing secret.
"""

from __future__ import annotations

import contextlib
import socket
import ssl
import time
from collections.abc import Callable

from treasury.chain.errors import UnavailableError, clean_text
from treasury.chain.transport import StaleConnectionError

_CHUNK = 65536


class Wire:
    """One open connection; `close` ends it, and so does the caller after every error."""

    def __init__(
        self, name: str, connected: socket.socket, *, monotonic: Callable[[], float]
    ) -> None:
        """Take over a connected socket to the node of this name."""
        self._name = name
        self._socket = connected
        self._monotonic = monotonic

    def send(self, data: bytes, deadline: float) -> None:
        """Write all of `data`; raises `UnavailableError`."""
        try:
            self._socket.settimeout(left(deadline, self._monotonic))
            self._socket.sendall(data)
        except OSError as error:
            raise unavailable(self._name, error) from error

    def receive(self, deadline: float) -> bytes:
        """Read what has come, at least one byte; raises `StaleConnectionError` at the end."""
        try:
            self._socket.settimeout(left(deadline, self._monotonic))
            data = self._socket.recv(_CHUNK)
        except OSError as error:
            raise unavailable(self._name, error) from error
        if not data:
            raise StaleConnectionError(f"{self._name} closed the connection")
        return data

    def interrupt(self) -> None:
        """Let a `receive` in another thread end at once, as if the node had closed."""
        with contextlib.suppress(OSError):
            self._socket.shutdown(socket.SHUT_RDWR)

    def close(self) -> None:
        """Close the socket."""
        self._socket.close()


def dial_host(
    host: str,
    port: int,
    *,
    is_tls: bool,
    deadline: float,
    monotonic: Callable[[], float] = time.monotonic,
) -> socket.socket:
    """Connect to a host, over TLS when asked; raises `OSError`."""
    connected = socket.create_connection((host, port), timeout=left(deadline, monotonic))
    if not is_tls:
        return connected
    try:
        connected.settimeout(left(deadline, monotonic))
        return ssl.create_default_context().wrap_socket(connected, server_hostname=host)
    except BaseException:
        connected.close()
        raise


def dial_path(
    path: str, *, deadline: float, monotonic: Callable[[], float] = time.monotonic
) -> socket.socket:
    """Connect to a Unix socket; raises `OSError`."""
    fresh = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    try:
        fresh.settimeout(left(deadline, monotonic))
        fresh.connect(path)
    except BaseException:
        fresh.close()
        raise
    return fresh


def left(deadline: float, monotonic: Callable[[], float]) -> float:
    """Return the seconds until `deadline`; raises `TimeoutError` when there are none."""
    seconds = deadline - monotonic()
    if seconds <= 0:
        raise TimeoutError
    return seconds


def unavailable(name: str, error: OSError) -> UnavailableError:
    """Tell a failure of the socket in our own words."""
    if isinstance(error, TimeoutError):
        return UnavailableError(f"{name} did not answer in time")
    text = clean_text(error.strerror or type(error).__name__)
    if isinstance(error, ConnectionError):
        return StaleConnectionError(f"{name} is not reachable: {text}")
    return UnavailableError(f"{name} is not reachable: {text}")
