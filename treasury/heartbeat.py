"""Talk to the supervisor: readiness, watchdog, one line of status, and the sockets it opened.

The protocol of sd_notify(3) and sd_listen_fds(3) in plain Python, so that nothing is imported for
it. Outside systemd every message is silently dropped and no socket is passed.

What this does not decide is whether we are well: the caller feeds the watchdog only after every
lane has finished a tick in time. A beat from an independent thread would prove nothing.
"""

from __future__ import annotations

import os
import socket
from collections.abc import Mapping

from treasury.errors import TreasuryError

_FIRST_PASSED_FD = 3
_STATUS_LIMIT = 200


class ActivationError(TreasuryError):
    """The supervisor passed sockets in a way that we cannot understand."""


class Heartbeat:
    """One end of the notify socket; an `address` of None means that nobody listens."""

    def __init__(self, address: str | None, *, watchdog_s: float | None = None) -> None:
        """Remember where to send; `watchdog_s` is how long the supervisor waits for a beat."""
        self._address = _socket_address(address)
        self.watchdog_s = watchdog_s

    @classmethod
    def of(cls, environ: Mapping[str, str], process_id: int) -> Heartbeat:
        """Read address and watchdog time from the variables that systemd sets."""
        return cls(environ.get("NOTIFY_SOCKET"), watchdog_s=_watchdog_s(environ, process_id))

    @property
    def interval_s(self) -> float | None:
        """Return how often to beat, half of the watchdog's patience; None when there is none."""
        return None if self.watchdog_s is None else self.watchdog_s / 2

    def ready(self, status: str) -> bool:
        """Say that the self-test has passed and that work has begun."""
        return self._send("READY=1", f"STATUS={_one_line(status)}")

    def beat(self, status: str | None = None) -> bool:
        """Feed the watchdog once; call it only when all lanes are alive."""
        if status is None:
            return self._send("WATCHDOG=1")
        return self._send("WATCHDOG=1", f"STATUS={_one_line(status)}")

    def status(self, status: str) -> bool:
        """Show one line in `systemctl status` without feeding the watchdog."""
        return self._send(f"STATUS={_one_line(status)}")

    def stopping(self, status: str) -> bool:
        """Say that the current commit is being finished and then we end."""
        return self._send("STOPPING=1", f"STATUS={_one_line(status)}")

    def _send(self, *fields: str) -> bool:
        """Send one datagram; a supervisor that is away must never take the daemon with it."""
        if self._address is None:
            return False
        message = "\n".join(fields).encode()
        try:
            with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_CLOEXEC) as end:
                end.setblocking(False)
                end.sendto(message, self._address)
        except OSError:
            return False
        return True


def passed_sockets(
    environ: Mapping[str, str], process_id: int, *, first_fd: int = _FIRST_PASSED_FD
) -> dict[str, tuple[socket.socket, ...]]:
    """Take the listening sockets that systemd opened, by their FileDescriptorName.

    Empty when we were not started by a socket unit. Raises `ActivationError` when count and names
    disagree, because a socket under a wrong name would be a wrong role.
    """
    if environ.get("LISTEN_PID") != str(process_id):
        return {}
    names = environ.get("LISTEN_FDNAMES", "").split(":")
    count = environ.get("LISTEN_FDS", "")
    if count != str(len(names)) or not all(names):
        raise ActivationError(
            f"systemd passed {count or 'no'} sockets and {len(names)} names: "
            "give every .socket unit a FileDescriptorName"
        )
    passed: dict[str, tuple[socket.socket, ...]] = {}
    for offset, name in enumerate(names):
        passed[name] = (*passed.get(name, ()), _adopt(first_fd + offset))
    return passed


def _adopt(descriptor: int) -> socket.socket:
    os.set_inheritable(descriptor, False)
    try:
        return socket.socket(fileno=descriptor)
    except OSError as error:
        raise ActivationError(f"file descriptor {descriptor} is not a socket: {error}") from error


def _socket_address(address: str | None) -> str | None:
    """Return the address as the kernel wants it; a leading @ is the abstract namespace."""
    if not address or address[0] not in "/@":
        return None
    return "\0" + address[1:] if address.startswith("@") else address


def _watchdog_s(environ: Mapping[str, str], process_id: int) -> float | None:
    microseconds = environ.get("WATCHDOG_USEC", "")
    meant_for = environ.get("WATCHDOG_PID", str(process_id))
    if not microseconds.isdecimal() or int(microseconds) == 0 or meant_for != str(process_id):
        return None
    return int(microseconds) / 1_000_000


def _one_line(text: str) -> str:
    return " ".join(text.split())[:_STATUS_LIMIT]
