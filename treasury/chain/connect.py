"""Makes a chain out of its settings: a connection for every endpoint, and a quorum over them."""

from __future__ import annotations

import functools
from collections import Counter
from collections.abc import Callable, Sequence
from urllib.parse import urlsplit

from config.settings import ChainSettings, Rollup
from treasury.chain.dial import WEBSOCKETS, transport_for
from treasury.chain.newheads import HeadListener
from treasury.chain.node import NodeChain
from treasury.chain.pool.broadcast import Broadcaster
from treasury.chain.pool.crew import Caller, Crew, Threads
from treasury.chain.pool.endpoint import Endpoint
from treasury.chain.pool.panel import Panel
from treasury.chain.pool.pool import ChainPool, Ear
from treasury.chain.rpc import RpcClient, Transport
from treasury.chain.websocket import WebSocketTransport

_SLACK_S = 0.25
_PATIENCE_S = 0.5
_SENDING_PATIENCE_S = 0.2


def connect_chain(name: str, settings: ChainSettings, chain_id: int) -> ChainPool:
    """Return the chain of this name behind all of its endpoints.

    Nothing is sent before the first question. Each endpoint has one connection for questions and
    one for broadcasts, so that a slow broadcast delays no reading. Raises `EndpointError` when an
    endpoint cannot be used as it is written.
    """
    urls = settings.endpoints
    labels = _labels([transport_for(url).name for url in urls])
    make = functools.partial(_endpoint, settings=settings, chain_id=chain_id)
    readers = [make(label, url) for label, url in zip(labels, urls, strict=True)]
    senders = [make(label, url) for label, url in zip(labels, urls, strict=True)]
    panel = Panel(
        chain_id,
        readers,
        quorum=settings.quorum,
        crew=_crew(name, settings, _PATIENCE_S),
    )
    return ChainPool(
        panel,
        broadcaster=Broadcaster(_crew(name, settings, _SENDING_PATIENCE_S), senders),
        lag_blocks=settings.lag_blocks,
        has_l1_fee=settings.rollup is not Rollup.NONE,
        ears=[_ear(url, settings, chain_id) for url in urls if urlsplit(url).scheme in WEBSOCKETS],
    )


def _endpoint(label: str, url: str, *, settings: ChainSettings, chain_id: int) -> Endpoint:
    rpc = _client(transport_for(url), settings, chain_id)
    return Endpoint(label, NodeChain(rpc, settings.finality, kind=settings.rollup))


def _client(transport: Transport, settings: ChainSettings, chain_id: int) -> RpcClient:
    return RpcClient(
        transport,
        chain_id=chain_id,
        deadline_s=settings.deadline_s,
        anchor=settings.anchor,
    )


def _crew(name: str, settings: ChainSettings, patience_s: float) -> Crew:
    if len(settings.endpoints) == 1:
        return Caller()
    # A connection ends at its own deadline; the slack lets it say so itself.
    limit_s = settings.deadline_s + _SLACK_S
    return Threads(name, limit_s=limit_s, patience_s=patience_s)


def _ear(url: str, settings: ChainSettings, chain_id: int) -> Ear:
    def listen(wake: Callable[[], object]) -> HeadListener:
        transport = WebSocketTransport(url)
        return HeadListener(transport, _client(transport, settings, chain_id), wake)

    return listen


def _labels(names: Sequence[str]) -> list[str]:
    """Return the names, numbered where two endpoints share a host."""
    counts = Counter(names)
    return [
        name if counts[name] == 1 else f"{name}#{names[: place + 1].count(name)}"
        for place, name in enumerate(names)
    ]
