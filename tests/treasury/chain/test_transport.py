"""The transport, against sockets that do what bad nodes do."""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager

import pytest

from treasury.chain.errors import BadAnswerError, EndpointError, UnavailableError
from treasury.chain.transport import HttpTransport

Behaviour = Callable[[socket.socket], None]
OK = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}"


@contextmanager
def _node(behaviour: Behaviour) -> Iterator[int]:
    """Listen on loopback; every connection is treated with `behaviour` and closed."""
    with closing(socket.create_server(("127.0.0.1", 0))) as listener:

        def run() -> None:
            while True:
                try:
                    connection, _ = listener.accept()
                except OSError:
                    return
                with connection, _ignored():
                    behaviour(connection)

        threading.Thread(target=run, daemon=True).start()
        try:
            yield listener.getsockname()[1]
        finally:
            listener.shutdown(socket.SHUT_RDWR)


@contextmanager
def _ignored() -> Iterator[None]:
    try:
        yield
    except OSError:
        return


def _answering(*parts: bytes, pause_s: float = 0.0) -> Behaviour:
    def behave(connection: socket.socket) -> None:
        # Unread bytes at closing time would turn a clean end into a reset.
        while (data := connection.recv(65536)) and not data.endswith(b"[]"):
            continue
        for part in parts:
            connection.sendall(part)
            time.sleep(pause_s)

    return behave


def _ask(port: int, *, seconds: float = 1.0) -> tuple[int, bytes]:
    transport = HttpTransport(f"http://127.0.0.1:{port}/secret-path")
    deadline = time.monotonic() + seconds
    try:
        transport.open(deadline)
        return transport.exchange(b"[]", deadline)
    finally:
        transport.close()


@pytest.mark.sockets
def test_one_connection_serves_many_exchanges() -> None:
    """Keep-alive is used, and each answer belongs to its question."""
    seen: list[bytes] = []

    def behave(connection: socket.socket) -> None:
        while data := connection.recv(65536):
            seen.append(data)
            if data.endswith(b"[]"):
                connection.sendall(OK)

    with _node(behave) as port:
        transport = HttpTransport(f"http://user:p%40ss@127.0.0.1:{port}/v1?key=1")
        deadline = time.monotonic() + 1
        transport.open(deadline)
        answers = [transport.exchange(b"[]", deadline) for _ in range(3)]
        transport.close()
    assert answers == [(200, b"{}")] * 3
    assert seen[0].startswith(b"POST /v1?key=1 HTTP/1.1\r\n")
    assert b"Authorization: Basic dXNlcjpwQHNz\r\n" in seen[0]


@pytest.mark.sockets
def test_an_answer_that_closes_the_connection_is_still_read() -> None:
    """Without keep-alive the body arrives whole and the next question opens anew."""
    head = b"HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n"
    with _node(_answering(head, b"[1,", b"2]", pause_s=0.01)) as port:
        assert _ask(port) == (200, b"[1,2]")


SLOW = [
    ("says nothing", [b""] * 100),
    ("drips its header", [bytes([byte]) for byte in b"HTTP/1.1 200 OK\r\n"]),
    ("drips header lines", [b"HTTP/1.1 200 OK\r\n", *[b"X: y\r\n"] * 100]),
    ("drips its body", [b"HTTP/1.1 200 OK\r\nContent-Length: 900\r\n\r\n", *[b"x"] * 900]),
]


@pytest.mark.sockets
@pytest.mark.parametrize(("habit", "parts"), SLOW, ids=[habit for habit, _ in SLOW])
def test_a_slow_node_is_cut_off_at_the_deadline(habit: str, parts: list[bytes]) -> None:
    """R6.7: however the time is spent, the whole exchange ends at its deadline."""
    begun = time.monotonic()
    with (
        _node(_answering(*parts, pause_s=0.02)) as port,
        pytest.raises(UnavailableError, match="did not answer in time"),
    ):
        _ask(port, seconds=0.2)
    assert time.monotonic() - begun < 1.0


BROKEN: list[tuple[str, bytes, type[Exception]]] = [
    ("nothing at all", b"", UnavailableError),
    ("no HTTP", b"SSH-2.0-OpenSSH\r\n", BadAnswerError),
    ("a truncated body", b"HTTP/1.1 200 OK\r\nContent-Length: 99\r\n\r\n[1", UnavailableError),
    (
        "a broken chunk",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n",
        BadAnswerError,
    ),
    ("headers cut off", b"HTTP/1.1 200 OK\r\n" + b"X: y\r\n" * 500, UnavailableError),
]


@pytest.mark.sockets
@pytest.mark.parametrize(("habit", "answer", "leaf"), BROKEN, ids=[b[0] for b in BROKEN])
def test_a_broken_answer_is_one_of_our_errors(
    habit: str, answer: bytes, leaf: type[Exception]
) -> None:
    """R6.7: what is not HTTP never escapes as a foreign exception, nor shows the URL's path."""
    with _node(_answering(answer)) as port, pytest.raises(leaf) as caught:
        _ask(port)
    assert "secret-path" not in str(caught.value)


@pytest.mark.sockets
def test_an_endless_answer_is_cut_at_ten_megabytes() -> None:
    """R6.7: memory is bounded, whatever the node sends."""
    head = b"HTTP/1.1 200 OK\r\n\r\n"
    with (
        _node(_answering(head, *[b"x" * 1_000_000] * 12)) as port,
        pytest.raises(BadAnswerError, match="more than 10 MB"),
    ):
        _ask(port, seconds=5)


@pytest.mark.sockets
def test_an_absent_node_is_unavailable() -> None:
    """A refused connection is the world's fault, told with host and port."""
    with closing(socket.create_server(("127.0.0.1", 0))) as listener:
        port = listener.getsockname()[1]
    with pytest.raises(UnavailableError, match=f"127.0.0.1:{port} is not reachable"):
        _ask(port)


@pytest.mark.parametrize("url", ["", "node:8545", "ftp://node", "http://", "/run/geth.ipc"])
def test_an_unusable_url_is_the_operators(url: str) -> None:
    """Only http and https URLs with a host are endpoints."""
    with pytest.raises(EndpointError, match="http:// or https://"):
        HttpTransport(url)
