"""Ask the daemon: HTTP over its Unix sockets, trying the roles that have the power needed.

The place is a socket, or a folder with one socket per role (`reader.sock`, …). The first socket
that this user may open is used; if none, the message says whether the daemon is missing or the
permission.

One request per connection, read to its end, is all of HTTP that is needed here; the library's
client costs more than the rest of the program's start.
"""

from __future__ import annotations

import errno
import json
import os
import socket
import time
from http import HTTPStatus
from typing import Any, cast

from treasury.cli.exits import (
    BAD_DATA,
    INTERNAL,
    NO_PERMISSION,
    REFUSED,
    UNAVAILABLE,
    USAGE,
    CommandError,
)

READ = ("reader", "operator", "treasurer")
GLANCE = ("reader", "operator", "treasurer", "service")
HALT = ("operator", "treasurer")
CONSENT = ("treasurer",)
PAY = ("service",)
DEADLINE_S = 10.0
_MAX_ANSWER_BYTES = 16 * 2**20
_CHUNK_BYTES = 65_536

Json = dict[str, Any]


class Api:
    """The daemon at a place; each call opens a socket whose role has one of the powers."""

    def __init__(self, place: str) -> None:
        """Remember the socket, or the folder of sockets; `deadline_s` bounds every call."""
        self._place = place
        self.deadline_s = DEADLINE_S

    def get(self, path: str, query: Json | None = None, roles: tuple[str, ...] = READ) -> Json:
        """Ask a question; empty values of the query are left out."""
        return self._ask("GET", path + _query(query or {}), None, roles=roles)

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
        request = _request(method, target, body, headers or {})
        with self._open(roles) as connection:
            try:
                connection.sendall(request)
                answer = _read_all(connection, self.deadline_s)
            except TimeoutError as error:
                message = f"the daemon did not answer within {self.deadline_s:g} s: see its log"
                raise CommandError(UNAVAILABLE, message) from error
            except OSError as error:
                message = f"the daemon broke off while answering ({error}): see its log"
                raise CommandError(UNAVAILABLE, message) from error
        return _understood(*_parted(answer))

    def _open(self, roles: tuple[str, ...]) -> socket.socket:
        refusal: OSError | None = None
        for path in self._candidates(roles):
            connection = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
            connection.settimeout(self.deadline_s)
            try:
                connection.connect(path)
            except OSError as error:
                connection.close()
                # A socket that may not be opened says more than one that is not there.
                is_telling = refusal is None or error.errno == errno.EACCES
                refusal = error if is_telling else refusal
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


def _query(values: Json) -> str:
    wanted = {name: value for name, value in values.items() if value not in (None, "")}
    if not wanted:
        return ""
    from urllib.parse import urlencode

    return f"?{urlencode(wanted)}"


def _request(method: str, target: str, body: Json | None, headers: Json) -> bytes:
    sent = {"Host": "localhost", "Connection": "close", **headers}
    data = b""
    if body is not None:
        data = json.dumps(body).encode("ascii")
        sent |= {"Content-Type": "application/json", "Content-Length": str(len(data))}
    for name, value in sent.items():
        if not (value.isascii() and value.isprintable()):
            raise CommandError(USAGE, f"{name}: use printable ASCII only")
    lines = [f"{method} {target} HTTP/1.1", *(f"{n}: {v}" for n, v in sent.items()), "", ""]
    return "\r\n".join(lines).encode("ascii") + data


def _read_all(connection: socket.socket, deadline_s: float) -> bytes:
    end = time.monotonic() + deadline_s
    parts = bytearray()
    while part := connection.recv(_CHUNK_BYTES):
        parts += part
        if len(parts) > _MAX_ANSWER_BYTES:
            raise CommandError(BAD_DATA, "the answer is too large: narrow the list")
        connection.settimeout(max(0.001, end - time.monotonic()))
    return bytes(parts)


def _parted(answer: bytes) -> tuple[int, bytes]:
    """Part an answer into status and body; a body shorter than announced was cut off."""
    head, _, body = answer.partition(b"\r\n\r\n")
    first, *lines = head.decode("latin-1").split("\r\n")
    headers = {
        name.lower(): value.strip() for name, _, value in (li.partition(":") for li in lines)
    }
    words = first.split(" ")
    if len(words) < 2 or not words[0].startswith("HTTP/1.") or not words[1].isdecimal():
        text = "the answer is no HTTP" if answer else "the daemon closed the socket without a word"
        raise CommandError(UNAVAILABLE, f"{text}: is this the daemon's socket?")
    if headers.get("content-length") != str(len(body)):
        raise CommandError(UNAVAILABLE, "the daemon broke off while answering: see its log")
    return int(words[1]), body


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
    if status < HTTPStatus.BAD_REQUEST:
        return cast("Json", document)
    raise CommandError(_exit_code(status), _error_line(document))


def _exit_code(status: int) -> int:
    if status == HTTPStatus.FORBIDDEN:
        return NO_PERMISSION
    if status in (HTTPStatus.TOO_MANY_REQUESTS, HTTPStatus.SERVICE_UNAVAILABLE):
        return UNAVAILABLE
    return INTERNAL if status >= HTTPStatus.INTERNAL_SERVER_ERROR else REFUSED


def _error_line(document: Json) -> str:
    error = document.get("error")
    message = error.get("message") if isinstance(error, dict) else None
    return message if isinstance(message, str) else "the daemon refused without a reason"
