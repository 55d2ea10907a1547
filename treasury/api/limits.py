"""Limits of one socket: how large a request may be, and how many may come.

Above the application, so that a flood or a huge body never reaches a handler. The body is read
here, whole and bounded, and handed on.
"""

from __future__ import annotations

import time

import structlog
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from config.settings import ApiRole, ApiSettings
from treasury.api.errors import refusal

log = structlog.get_logger()


class Bucket:
    """Tokens that refill at a rate up to a burst; one request takes one."""

    def __init__(self, *, per_s: float, burst: int, now: float) -> None:
        """Begin full."""
        self._per_s = per_s
        self._burst = burst
        self._tokens = float(burst)
        self._seen = now

    def take(self, now: float) -> bool:
        """Take one token, or say that there is none; `now` is monotonic seconds."""
        self._tokens = min(self._burst, self._tokens + (now - self._seen) * self._per_s)
        self._seen = now
        if self._tokens < 1:
            return False
        self._tokens -= 1
        return True


class RequestLimits:
    """Middleware that refuses too much and too many, and logs every request that changes things."""

    def __init__(self, app: ASGIApp, *, limits: ApiSettings, role: ApiRole) -> None:
        """Wrap an application with the limits of its socket."""
        self._app = app
        self._body_limit = limits.body_limit_bytes
        self._role = role
        self._bucket = Bucket(
            per_s=limits.requests_per_s, burst=limits.request_burst, now=time.monotonic()
        )

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request."""
        if scope["type"] != "http":
            return
        if not self._bucket.take(time.monotonic()):
            text = "too many requests on this socket: wait a second and try again"
            await refusal(429, "too_many", text)(scope, receive, send)
            return
        body = await _read_body(receive, self._body_limit)
        if body is None:
            text = f"the request is larger than {self._body_limit} bytes"
            await refusal(413, "too_large", text)(scope, receive, send)
            return
        if scope["method"] not in ("GET", "HEAD"):
            peer = (scope.get("client") or ("unknown", 0))[0]
            log.info("api_asked", role=self._role.value, path=scope["path"], peer=peer)
        await self._app(scope, _replay(body, receive), send)


async def _read_body(receive: Receive, limit: int) -> bytes | None:
    parts = bytearray()
    while True:
        message = await receive()
        if message["type"] != "http.request":
            return bytes(parts)
        parts += message.get("body", b"")
        if len(parts) > limit:
            return None
        if not message.get("more_body", False):
            return bytes(parts)


def _replay(body: bytes, receive: Receive) -> Receive:
    first: list[Message] = [{"type": "http.request", "body": body, "more_body": False}]

    async def replay() -> Message:
        return first.pop() if first else await receive()

    return replay
