"""Who comes over TCP, and how far: a certificate's fingerprint names a service and its pools.

On a Unix socket the role is the socket and there is no scope. Over TCP every request passes
`KnownServices`: a certificate that the settings do not name is refused before any handler runs.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated

import structlog
from fastapi import Depends, Request
from starlette.types import ASGIApp, Receive, Scope, Send

from config.settings import ServiceClient
from treasury.api.errors import ApiError, refusal

FINGERPRINT = "fingerprint"
"""Under this name the connection's protocol tells the certificate that it was opened with."""
_SERVICE = "service"

log = structlog.get_logger()


class KnownServices:
    """Middleware that lets named services pass, each with its pools, and nobody else."""

    def __init__(self, app: ASGIApp, *, clients: Sequence[ServiceClient]) -> None:
        """Wrap the service's application."""
        self._app = app
        self._clients = {client.fingerprint: client for client in clients}

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request."""
        if scope["type"] != "http":
            return
        seen = scope.get("state", {}).get(FINGERPRINT, "")
        client = self._clients.get(seen)
        if client is None:
            log.warning("unknown_service_refused", fingerprint=seen, path=scope["path"])
            text = (
                f"no service has the certificate with fingerprint {seen or '(none)'}: "
                "ask the operator to name it in [api.tcp.clients]"
            )
            await refusal(403, "unknown_service", text)(scope, receive, send)
            return
        scope["state"][_SERVICE] = client
        scope["client"] = (f"service {client.name}", 0)
        await self._app(scope, receive, send)


class Reach:
    """How far a request reaches: everywhere, or within the pools of one service."""

    def __init__(self, service: ServiceClient | None) -> None:
        """Keep who asks; None came through a Unix socket."""
        self.pools = None if service is None else service.pools
        self.service = "a service" if service is None else service.name
        self._prefix = "" if service is None else f"{service.name} "

    def covers(self, pool: str) -> bool:
        """Say whether a pool may be asked and seen."""
        return self.pools is None or pool in self.pools

    def require(self, pool: str) -> None:
        """Raise `ApiError` 403 for a pool that this service has nothing to do with."""
        if not self.covers(pool):
            named = ", ".join(sorted(self.pools or ()))
            text = f"this service may not use pool {pool!r}: its pools are {named}"
            raise ApiError(403, "foreign_pool", text)

    def key(self, asked: str) -> str:
        """Return the key under which a withdrawal is kept.

        Two services may use the same keys: each has its own, told apart by a space, which no
        key may contain.
        """
        return f"{self._prefix}{asked}"

    def own_key(self, kept: str) -> str:
        """Return a kept key as the service wrote it."""
        return kept.removeprefix(self._prefix)


EVERYWHERE = Reach(None)


def reach_of(request: Request) -> Reach:
    """Return how far a request reaches."""
    return Reach(getattr(request.state, _SERVICE, None))


TheReach = Annotated[Reach, Depends(reach_of)]
