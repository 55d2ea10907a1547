"""What an answer of the API costs, against the same server that answers nothing but a constant.

Both are uvicorn with uvloop and httptools on a Unix socket, asked by the same raw client in the
same run, so that the ratio says what our handlers add and not how busy the machine is.
"""

from __future__ import annotations

import socket
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from statistics import median

import pytest
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse
from starlette.routing import Route

from config.settings import ApiRole
from tests.fakes.office import OfficeForTests, office_at
from tests.laws import ETH
from treasury.api.server import ApiServer, listen

pytestmark = [pytest.mark.bench, pytest.mark.sockets]
ROUNDS = 7
ASKED = 60
MOST_RATIO = 100.0


class RawClient:
    """One kept connection; asks and reads one answer."""

    def __init__(self, path: Path) -> None:
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self._socket.connect(str(path))

    def ask(self, target: str) -> bytes:
        """Ask and return the body."""
        self._socket.sendall(f"GET {target} HTTP/1.1\r\nHost: x\r\n\r\n".encode())
        data = b""
        while b"\r\n\r\n" not in data:
            data += self._socket.recv(65_536)
        head, _, body = data.partition(b"\r\n\r\n")
        length = int(head.lower().split(b"content-length: ")[1].split(b"\r\n")[0])
        while len(body) < length:
            body += self._socket.recv(65_536)
        assert head.startswith(b"HTTP/1.1 200")
        return body

    def close(self) -> None:
        """Hang up."""
        self._socket.close()


def seconds(ask: Callable[[], object]) -> float:
    """Return the median over rounds of the seconds that one question takes."""
    times = []
    for _ in range(ROUNDS):
        begin = time.perf_counter()
        for _ in range(ASKED):
            ask()
        times.append((time.perf_counter() - begin) / ASKED)
    return median(times)


@pytest.fixture
def office(tmp_path: Path) -> Iterator[OfficeForTests]:
    """An office with something to tell."""
    with office_at(tmp_path, requests_per_s=100_000, request_burst=100_000) as found:
        found.see("vault", 1000 * ETH)
        found.see("hot-a", 4 * ETH)
        found.propose()
        yield found


@pytest.fixture
def constant(tmp_path: Path) -> Iterator[Path]:
    """The floor: a server that answers a constant."""

    async def answer(_request: Request) -> JSONResponse:
        return JSONResponse({"ok": True})

    path = tmp_path / "constant.sock"
    app = Starlette(routes=[Route("/", answer)])
    server = ApiServer({ApiRole.READER: app}, {ApiRole.READER: listen(path)}, stop_deadline_s=1)  # type: ignore[dict-item]
    server.start()
    yield path
    server.stop()


def test_answers_cost_a_bounded_multiple_of_a_constant(
    office: OfficeForTests, constant: Path
) -> None:
    """Reading the ledger in a thread of its own costs some constants, not hundreds."""
    clients = RawClient(constant), RawClient(office.sockets / "reader.sock")
    floor = seconds(lambda: clients[0].ask("/"))
    for target in ("/v1/status", "/v1/refills", "/v1/refills/1", "/v1/wallets"):
        clients[1].ask(target)
        cost = seconds(lambda target=target: clients[1].ask(target))  # type: ignore[misc]
        print(f"{target}: {cost * 1e6:.0f} us, {cost / floor:.1f} times a constant answer")
        assert cost / floor <= MOST_RATIO
    for client in clients:
        client.close()
