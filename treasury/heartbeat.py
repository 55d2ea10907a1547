"""Talk to the supervisor: readiness, watchdog and one line of status.

The protocol of sd_notify(3) in plain Python, so that nothing is imported for it. Outside systemd
every message is silently dropped.

What this does not decide is whether we are well: the caller feeds the watchdog only after every
lane has finished a tick in time. A beat from an independent thread would prove nothing.
"""

from __future__ import annotations

import socket
from collections.abc import Mapping

_STATUS_LIMIT = 200


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
