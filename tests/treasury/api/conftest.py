"""What the API's tests get: a real ledger behind real sockets, and raw HTTP in front."""

from __future__ import annotations

import http.client
import json
import socket
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from tests.fakes.office import OfficeForTests, office_at


class _UnixConnection(http.client.HTTPConnection):
    def __init__(self, path: Path) -> None:
        super().__init__("localhost", timeout=10)
        self._path = path

    def connect(self) -> None:
        self.sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self.sock.settimeout(10)
        self.sock.connect(str(self._path))


@dataclass(frozen=True, slots=True)
class Caller:
    """Asks the API as a role; returns status and JSON."""

    office: OfficeForTests

    def __call__(
        self,
        role: str,
        method: str,
        path: str,
        body: object = None,
        **headers: str,
    ) -> tuple[int, Any]:
        data = body if isinstance(body, bytes) else json.dumps(body).encode()
        connection = _UnixConnection(self.office.sockets / f"{role}.sock")
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        named.setdefault("Content-Type", "application/json")
        try:
            connection.request(method, path, None if body is None else data, named)
            answer = connection.getresponse()
            return answer.status, json.loads(answer.read())
        finally:
            connection.close()

    def get(self, path: str, role: str = "reader") -> tuple[int, Any]:
        """Ask a question."""
        return self(role, "GET", path)

    def post(self, path: str, body: object, role: str, **headers: str) -> tuple[int, Any]:
        """Hand something in."""
        return self(role, "POST", path, body, **headers)


@pytest.fixture
def office(tmp_path: Path) -> Iterator[OfficeForTests]:
    """A daemon's API."""
    with office_at(tmp_path) as found:
        yield found


@pytest.fixture
def call(office: OfficeForTests) -> Caller:
    """Whoever knocks at its sockets."""
    return Caller(office)
