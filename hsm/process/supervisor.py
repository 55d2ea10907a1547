"""Talks to systemd: ready, alive, stopping. Without systemd every call does nothing."""

from __future__ import annotations

import os
import socket
from collections.abc import Mapping
from dataclasses import dataclass

LISTEN_FDS_START = 3


@dataclass(frozen=True, slots=True, kw_only=True)
class Supervisor:
    """The notify socket and the watchdog's interval in seconds (None: no watchdog)."""

    address: str
    watchdog_s: float | None

    def ready(self) -> None:
        """Say that the self-test passed and the sockets are open."""
        self._notify("READY=1")

    def alive(self, status: str) -> None:
        """Feed the watchdog; called by the loop that does the work, never by a timer beside it."""
        self._notify(f"WATCHDOG=1\nSTATUS={status}")

    def stopping(self) -> None:
        """Say that the process ends."""
        self._notify("STOPPING=1")

    def _notify(self, text: str) -> None:
        if not self.address:
            return
        target = "\0" + self.address[1:] if self.address.startswith("@") else self.address
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as connection:
            try:
                connection.sendto(text.encode(), target)
            except OSError:
                return  # systemd went away; it will notice the silence itself


def supervisor_from(environment: Mapping[str, str]) -> Supervisor:
    """Read what systemd set."""
    watchdog = environment.get("WATCHDOG_USEC", "")
    interval = int(watchdog) / 1e6 if watchdog.isdecimal() and int(watchdog) > 0 else None
    return Supervisor(address=environment.get("NOTIFY_SOCKET", ""), watchdog_s=interval)


def inherited_sockets(environment: Mapping[str, str]) -> dict[str, socket.socket]:
    """Return the listening sockets that systemd passed, by their names."""
    if environment.get("LISTEN_PID") != str(os.getpid()):
        return {}
    names = environment.get("LISTEN_FDNAMES", "").split(":")
    count = int(environment.get("LISTEN_FDS", "0"))
    return {
        name: socket.socket(fileno=LISTEN_FDS_START + number)
        for number, name in enumerate(names[:count])
    }
