"""Serve the API in one thread: uvicorn on a Unix socket per role, and over TLS where asked for.

A socket is either bound here (mode 0660; the folder's group decides who may open it) or inherited
from systemd, which then owns it. A `Door` with a TLS context is for services of other machines.
`stop` lets running requests finish within the deadline.
"""

from __future__ import annotations

import asyncio
import os
import socket
import ssl
import stat
import struct
import threading
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import uvicorn
import uvloop
from fastapi import FastAPI
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from config.settings import ApiRole
from treasury.api.scopes import FINGERPRINT
from treasury.api.tls import fingerprint_of
from treasury.errors import Blame, TreasuryError

_MODE = 0o660
_BACKLOG = 128
_START_DEADLINE_S = 10.0
_KEEP_ALIVE_S = 30
_MOST_CONNECTIONS = 200
_POLL_S = 0.005


class ApiServerError(TreasuryError):
    """The API cannot listen; the message says where and why."""

    blame = Blame.OPERATOR


class PeerProtocol(HttpToolsProtocol):
    """HTTP; the client is named by the kernel's word for its uid, or by its certificate."""

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Note who connected; a uid is logged, never trusted alone."""
        super().connection_made(transport)
        tls = transport.get_extra_info("ssl_object")
        if tls is not None:
            print_ = fingerprint_of(tls.getpeercert(binary_form=True))
            self.app_state = {**self.app_state, FINGERPRINT: print_}
            return
        connection = transport.get_extra_info("socket")
        if connection is not None and connection.family == socket.AF_UNIX:
            size = struct.calcsize("3i")
            data = connection.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, size)
            pid, uid, _ = struct.unpack("3i", data)
            self.client = (f"uid {uid}", pid)


@dataclass(frozen=True, slots=True, kw_only=True)
class Door:
    """One listening socket with what answers there; `tls` None on a Unix socket."""

    app: FastAPI
    listener: socket.socket
    tls: ssl.SSLContext | None = None


class ApiServer:
    """All sockets of the API, served by one thread."""

    def __init__(
        self,
        apps: Mapping[ApiRole, FastAPI],
        sockets: Mapping[ApiRole, socket.socket],
        *,
        stop_deadline_s: float,
        tcp: Door | None = None,
    ) -> None:
        """Prepare one server for every role that has an application and a socket, and for TCP."""
        self._stop_deadline_s = stop_deadline_s
        doors = [Door(app=app, listener=sockets[role]) for role, app in apps.items()]
        doors += [tcp] if tcp is not None else []
        self._servers = [(_server(door, stop_deadline_s), door.listener) for door in doors]
        self._failure: BaseException | None = None
        self._thread = threading.Thread(target=self._run, name="api", daemon=True)

    def start(self) -> None:
        """Begin to answer; return when every socket does. Raises `ApiServerError`."""
        self._thread.start()
        end = time.monotonic() + _START_DEADLINE_S
        while not all(server.started for server, _ in self._servers):
            if not self._thread.is_alive() or time.monotonic() > end:
                raise ApiServerError(f"the API did not start: {self._failure or 'too slow'}")
            time.sleep(_POLL_S)

    def is_alive(self) -> bool:
        """Say whether the thread still answers."""
        return self._thread.is_alive()

    def stop(self) -> bool:
        """Finish running requests, close every socket; say whether it ended in time."""
        for server, _ in self._servers:
            server.should_exit = True
        if self._thread.is_alive():
            self._thread.join(self._stop_deadline_s + 1)
        for _, listener in self._servers:
            listener.close()
        return not self._thread.is_alive()

    def _run(self) -> None:
        try:
            with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
                runner.run(self._serve())
        except BaseException as failure:  # noqa: BLE001 - `start` and the watchdog tell it
            self._failure = failure

    async def _serve(self) -> None:
        await asyncio.gather(*(server.serve([listener]) for server, listener in self._servers))


def listen(path: Path) -> socket.socket:
    """Bind a Unix socket with mode 0660, taking the place of one that nobody listens on.

    Raises `ApiServerError`.
    """
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        _remove_stale(path)
        listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        # Narrow from the first moment: between bind and chmod nobody else may connect.
        before = os.umask(0o777 & ~_MODE)
        try:
            listener.bind(str(path))
        finally:
            os.umask(before)
        path.chmod(_MODE)
        listener.listen(_BACKLOG)
    except OSError as error:
        raise ApiServerError(f"cannot listen on {path}: {error.strerror or error}") from error
    return listener


def inherit(descriptor: int) -> socket.socket:
    """Take over a listening socket that systemd opened. Raises `ApiServerError`."""
    try:
        listener = socket.socket(fileno=descriptor)
    except OSError as error:
        raise ApiServerError(f"descriptor {descriptor} is no socket: {error}") from error
    if listener.family != socket.AF_UNIX:
        listener.close()
        raise ApiServerError(f"descriptor {descriptor} is no Unix socket: mend the .socket unit")
    return listener


def open_sockets(
    paths: Mapping[ApiRole, Path], inherited: Mapping[str, int]
) -> dict[ApiRole, socket.socket]:
    """Return a listening socket per role: the inherited one of that name, or one bound here."""
    return {
        role: inherit(inherited[role.value]) if role.value in inherited else listen(path)
        for role, path in paths.items()
    }


def _remove_stale(path: Path) -> None:
    if not path.exists():
        return
    if not stat.S_ISSOCK(path.stat().st_mode):
        raise ApiServerError(f"{path} is in the way and no socket: remove it")
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as probe:
        try:
            probe.connect(str(path))
        except OSError:
            path.unlink()
            return
    raise ApiServerError(f"another daemon listens on {path}: stop it first")


def _server(door: Door, stop_deadline_s: float) -> uvicorn.Server:
    tls = door.tls
    return uvicorn.Server(
        uvicorn.Config(
            door.app,
            http=PeerProtocol,
            ws="none",
            lifespan="off",
            log_config=None,
            access_log=False,
            server_header=False,
            date_header=False,
            backlog=_BACKLOG,
            limit_concurrency=_MOST_CONNECTIONS if tls else None,
            timeout_keep_alive=_KEEP_ALIVE_S,
            timeout_graceful_shutdown=max(1, round(stop_deadline_s)),
            ssl_context_factory=None if tls is None else lambda _config, _default: tls,
        )
    )
