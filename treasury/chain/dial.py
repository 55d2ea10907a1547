"""Picks the transport for an endpoint's URL."""

from __future__ import annotations

from urllib.parse import urlsplit

from treasury.chain.ipc import IpcTransport
from treasury.chain.rpc import Transport
from treasury.chain.transport import HttpTransport
from treasury.chain.websocket import WebSocketTransport

WEBSOCKETS = ("ws", "wss")


def transport_for(url: str) -> Transport:
    """Return a transport for a URL; raises `EndpointError` when it cannot be used."""
    scheme = urlsplit(url).scheme
    if scheme == "ipc":
        return IpcTransport(url)
    if scheme in WEBSOCKETS:
        return WebSocketTransport(url)
    return HttpTransport(url)
