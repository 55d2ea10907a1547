"""Ask the daemon: HTTP over its Unix sockets, trying the roles that have the power needed.

The place is a socket, or a folder with one socket per role (`reader.sock`, …). The first socket
that this user may open is used; if none, the message says whether the daemon is missing or the
permission.
"""

from __future__ import annotations

import http.client
import json
import os
import socket
from typing import Any, cast
from urllib.parse import urlencode

from treasury.cli.exits import BAD_DATA, INTERNAL, NO_PERMISSION, REFUSED, UNAVAILABLE, CommandError

READ = ("reader", "operator", "treasurer")
GLANCE = ("reader", "operator", "treasurer", "service")
HALT = ("operator", "treasurer")
CONSENT = ("treasurer",)
PAY = ("service",)
DEADLINE_S = 10.0
_MAX_ANSWER_BYTES = 16 * 2**20

Json = dict[str, Any]


class UnixConnection(http.client.HTTPConnection):
    """An HTTP connection over a Unix socket."""

    def __init__(self, path: str) -> None:
        """Remember where the socket is."""
        super().__init__("localhost", timeout=DEADLINE_S)
        self._path = path

    def connect(self) -> None:
        """Connect to the socket."""
        self.sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self.sock.settimeout(DEADLINE_S)
        self.sock.connect(self._path)


class Api:
    """The daemon at a place; each call opens a socket whose role has one of the powers."""

    def __init__(self, place: str) -> None:
        """Remember the socket, or the folder of sockets."""
        self._place = place

    def get(self, path: str, query: Json | None = None, roles: tuple[str, ...] = READ) -> Json:
        """Ask a question; empty values of the query are left out."""
        wanted = {name: value for name, value in (query or {}).items() if value not in (None, "")}
        target = f"{path}?{urlencode(wanted)}" if wanted else path
        return self._ask("GET", target, None, roles=roles)

    def post(
        self, path: str, body: Json, roles: tuple[str, ...], headers: dict[str, str] | None = None
    ) -> Json:
        """Hand something in."""
        return self._ask("POST", path, body, roles=roles, headers=headers)

    def _ask(
        self,
        method: str,
        target: str,
        body: Json | None,
        *,
        roles: tuple[str, ...],
        headers: dict[str, str] | None = None,
    ) -> Json:
        connection = self._open(roles)
        data = None if body is None else json.dumps(body).encode("ascii")
        sent = {"Connection": "close", **(headers or {})}
        if data is not None:
            sent["Content-Type"] = "application/json"
        try:
            connection.request(method, target, body=data, headers=sent)
            answer = connection.getresponse()
            text = answer.read(_MAX_ANSWER_BYTES)
        except TimeoutError as error:
            message = f"the daemon did not answer within {DEADLINE_S:g} s: see its log"
            raise CommandError(UNAVAILABLE, message) from error
        except (OSError, http.client.HTTPException) as error:
            message = f"the daemon broke off while answering ({error}): see its log"
            raise CommandError(UNAVAILABLE, message) from error
        finally:
            connection.close()
        return _understood(answer.status, text)

    def _open(self, roles: tuple[str, ...]) -> UnixConnection:
        refusal: OSError | None = None
        for path in self._candidates(roles):
            connection = UnixConnection(path)
            try:
                connection.connect()
            except OSError as error:
                connection.close()
                # A socket that may not be opened says more than one that is not there.
                refusal = error if refusal is None or error.errno == 13 else refusal
            else:
                return connection
        raise self._unreachable(refusal, roles)

    def _candidates(self, roles: tuple[str, ...]) -> list[str]:
        if os.path.isdir(self._place):  # noqa: PTH112 - pathlib costs time at every start
            return [f"{self._place}/{role}.sock" for role in roles]
        return [self._place]

    def _unreachable(self, error: OSError | None, roles: tuple[str, ...]) -> CommandError:
        if isinstance(error, PermissionError):
            return CommandError(
                NO_PERMISSION,
                f"you may not open the {' or '.join(roles)} socket in {self._place}: "
                "ask for membership in its group, then log in again",
            )
        why = error.strerror if error is not None else "no socket"
        return CommandError(
            UNAVAILABLE,
            f"no daemon answers at {self._place} ({why}): start treasuryd, "
            "or name its socket with --socket or TREASURY_API",
        )


def _understood(status: int, text: bytes) -> Json:
    try:
        document = json.loads(text)
    except ValueError as error:
        message = f"the answer is not JSON (HTTP {status}): is this the daemon's socket?"
        raise CommandError(BAD_DATA, message) from error
    if not isinstance(document, dict):
        raise CommandError(
            BAD_DATA, "the answer is not a JSON object: is this the daemon's socket?"
        )
    if status < http.client.BAD_REQUEST:
        return cast("Json", document)
    raise CommandError(_exit_code(status), _error_line(document))


def _exit_code(status: int) -> int:
    if status == http.client.FORBIDDEN:
        return NO_PERMISSION
    if status in (http.client.TOO_MANY_REQUESTS, http.client.SERVICE_UNAVAILABLE):
        return UNAVAILABLE
    return INTERNAL if status >= http.client.INTERNAL_SERVER_ERROR else REFUSED


def _error_line(document: Json) -> str:
    error = document.get("error")
    message = error.get("message") if isinstance(error, dict) else None
    return message if isinstance(message, str) else "the daemon refused without a reason"
