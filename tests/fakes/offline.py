"""Sockets that do not leave this machine; most tests get none at all."""

from __future__ import annotations

import ipaddress
import socket
from collections.abc import Callable
from typing import Any, NoReturn

import pytest

SPEAKING = ("connect", "connect_ex", "bind", "sendto", "sendmsg")
"""The methods of a socket that take an address; in the last two it comes last, if at all."""


def close_all(monkeypatch: pytest.MonkeyPatch) -> None:
    """Refuse every connection and every listener."""

    def refuse(*_args: object, **_kwargs: object) -> NoReturn:
        msg = "this test opens a socket: mark it with @pytest.mark.sockets"
        raise AssertionError(msg)

    for name in SPEAKING:
        monkeypatch.setattr(socket.socket, name, refuse)


def stay_here(monkeypatch: pytest.MonkeyPatch) -> None:
    """Refuse every address and every name that is not of this machine."""
    for name in SPEAKING:
        monkeypatch.setattr(socket.socket, name, _checked(getattr(socket.socket, name)))
    look_up = socket.getaddrinfo

    def look_up_here(host: Any, *args: Any, **kwargs: Any) -> Any:  # noqa: ANN401 - as the original
        _require_here((host,))
        return look_up(host, *args, **kwargs)

    monkeypatch.setattr(socket, "getaddrinfo", look_up_here)


def _checked(method: Callable[..., Any]) -> Callable[..., Any]:
    def speak(self: socket.socket, *args: Any) -> Any:  # noqa: ANN401 - as the original
        if self.family in {socket.AF_INET, socket.AF_INET6} and isinstance(args[-1], tuple):
            _require_here(args[-1])
        return method(self, *args)

    return speak


def _require_here(address: tuple[Any, ...]) -> None:
    host = address[0].decode() if isinstance(address[0], bytes) else address[0]
    if host in {None, "localhost"} or _is_loopback(str(host)):
        return
    msg = f"this test leaves the machine for {host!r}: no test may need the network"
    raise AssertionError(msg)


def _is_loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False
