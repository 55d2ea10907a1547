"""The WebSocket transport, against a good server and against sockets that do what bad nodes do."""

from __future__ import annotations

import shutil
import socket
import ssl
import subprocess
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager, suppress
from pathlib import Path

import pytest
from websockets.sync.server import ServerConnection

from tests.fakes.ws_node import ws_node
from treasury.chain.dial import transport_for
from treasury.chain.errors import BadAnswerError, EndpointError, UnavailableError
from treasury.chain.websocket import WebSocketTransport

pytestmark = pytest.mark.sockets
HELLO = b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"


def _ask(url: str, *, seconds: float = 2.0, times: int = 1) -> list[tuple[int, bytes]]:
    transport = WebSocketTransport(url)
    deadline = time.monotonic() + seconds
    try:
        transport.open(deadline)
        return [transport.exchange(b"[1]", deadline) for _ in range(times)]
    finally:
        transport.close()


@contextmanager
def _raw_node(*parts: bytes, pause_s: float = 0.0) -> Iterator[str]:
    """Send bytes to whoever connects, without speaking WebSocket."""
    with closing(socket.create_server(("127.0.0.1", 0))) as listener:

        def run() -> None:
            with suppress(OSError):
                connection, _ = listener.accept()
                with connection:
                    connection.recv(65536)
                    for part in parts:
                        connection.sendall(part)
                        time.sleep(pause_s)

        threading.Thread(target=run, daemon=True).start()
        try:
            yield f"ws://127.0.0.1:{listener.getsockname()[1]}/secret-path"
        finally:
            with suppress(OSError):
                listener.shutdown(socket.SHUT_RDWR)


def test_one_connection_serves_many_exchanges() -> None:
    """Each message out is answered by the next message in."""

    def behave(connection: ServerConnection) -> None:
        for message in connection:
            connection.send(f"{message!r}")

    with ws_node(behave) as url:
        assert [(200, b"'[1]'")] * 3 == _ask(url, times=3)


def test_pings_are_answered_and_fragments_put_together() -> None:
    """A node that asks whether we live gets an answer, and a message may come in parts."""
    ponged = threading.Event()

    def behave(connection: ServerConnection) -> None:
        connection.recv()
        alive = connection.ping()
        connection.send(iter(["[", "2", "]"]))
        if alive.wait(2):
            ponged.set()

    with ws_node(behave) as url:
        assert [(200, b"[2]")] == _ask(url)
        assert ponged.wait(2)


def test_news_come_without_a_question() -> None:
    """What the node sends by itself is received in order."""

    def behave(connection: ServerConnection) -> None:
        for number in range(3):
            connection.send(str(number))
        connection.recv()

    with ws_node(behave) as url:
        transport = WebSocketTransport(url)
        deadline = time.monotonic() + 2
        transport.open(deadline)
        assert [b"0", b"1", b"2"] == [transport.receive(deadline) for _ in range(3)]
        transport.close()


def test_a_silent_node_is_cut_off_at_the_deadline() -> None:
    """R6.7: an open WebSocket that says nothing ends at the deadline."""
    begun = time.monotonic()
    with (
        ws_node(lambda connection: connection.close() if not connection.recv() else _wait()) as url,
        pytest.raises(UnavailableError, match="did not answer in time"),
    ):
        _ask(url, seconds=0.2)
    assert time.monotonic() - begun < 2.0


def _wait() -> None:
    time.sleep(0.4)


def _listening(connection: ServerConnection) -> None:
    for _ in connection:
        continue


def test_an_endless_answer_is_cut_at_ten_megabytes() -> None:
    """R6.7: memory is bounded, in one message and in many fragments."""
    big = "x" * 11_000_000
    for message in (big, (big[:1_000_000] for _ in range(11))):

        def behave(connection: ServerConnection, message: object = message) -> None:
            connection.recv()
            connection.send(message)  # type: ignore[arg-type]

        with ws_node(behave) as url, pytest.raises(BadAnswerError):
            _ask(url, seconds=5)


def test_a_node_that_closes_is_unavailable() -> None:
    """A clean end and a broken one before the answer are the world's fault."""
    with (
        ws_node(lambda connection: connection.close()) as url,
        pytest.raises(UnavailableError, match="closed the connection"),
    ):
        _ask(url)


BROKEN: list[tuple[str, tuple[bytes, ...]]] = [
    ("nothing", ()),
    ("no HTTP", (b"SSH-2.0-OpenSSH\r\n\r\n",)),
    ("a refusal", (b"HTTP/1.1 401 Unauthorized\r\nContent-Length: 0\r\n\r\n",)),
    ("a redirect", (b"HTTP/1.1 302 Found\r\nLocation: ws://127.0.0.1:1/\r\n\r\n",)),
    ("another accept key", (HELLO + b"Sec-WebSocket-Accept: AAAA\r\n\r\n",)),
    ("endless headers", (b"HTTP/1.1 101 Yes\r\n", *[b"X: y\r\n"] * 300)),
    ("one endless header", (b"HTTP/1.1 101 Yes\r\nX: ", *[b"y" * 60_000] * 10)),
]


@pytest.mark.parametrize(("habit", "parts"), BROKEN, ids=[habit for habit, _ in BROKEN])
def test_a_broken_greeting_is_one_of_our_errors(habit: str, parts: tuple[bytes, ...]) -> None:
    """R6.7: what is no WebSocket never escapes as a foreign error, nor shows the URL's path."""
    with (
        _raw_node(*parts) as url,
        pytest.raises((UnavailableError, BadAnswerError)) as caught,
    ):
        _ask(url)
    assert "secret-path" not in str(caught.value)


def test_a_dripping_greeting_ends_at_the_deadline() -> None:
    """R6.7: a node that sends its greeting byte by byte is cut off."""
    with (
        _raw_node(*[bytes([b]) for b in HELLO], pause_s=0.02) as url,
        pytest.raises(UnavailableError, match="did not answer in time"),
    ):
        _ask(url, seconds=0.2)


def test_an_absent_node_is_unavailable() -> None:
    """A refused connection is told with host and port."""
    with closing(socket.create_server(("127.0.0.1", 0))) as listener:
        port = listener.getsockname()[1]
    with pytest.raises(UnavailableError, match=f"127.0.0.1:{port} is not reachable"):
        _ask(f"ws://127.0.0.1:{port}")


def test_a_server_without_tls_is_refused() -> None:
    """A wss endpoint never falls back to plain text."""
    with (
        _raw_node(b"HTTP/1.1 400 Bad Request\r\n\r\n") as url,
        pytest.raises(UnavailableError, match="is not reachable"),
    ):
        _ask(url.replace("ws://", "wss://"))


@pytest.mark.skipif(not shutil.which("openssl"), reason="openssl makes the certificate")
@pytest.mark.parametrize("scheme", ["https", "wss"])
def test_a_certificate_that_nobody_signed_is_refused(tmp_path: Path, scheme: str) -> None:
    """TLS is verified as usual, over both transports."""
    key, certificate = str(tmp_path / "key"), str(tmp_path / "certificate")
    command = "req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -subj /CN=localhost"
    files = ["-keyout", key, "-out", certificate]
    subprocess.run(["openssl", *command.split(), *files], check=True, capture_output=True)
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(certificate, key)
    with closing(socket.create_server(("127.0.0.1", 0))) as listener:

        def greet() -> None:
            with suppress(OSError), listener.accept()[0] as connection:
                context.wrap_socket(connection, server_side=True)

        threading.Thread(target=greet, daemon=True).start()
        transport = transport_for(f"{scheme}://localhost:{listener.getsockname()[1]}")
        with pytest.raises(UnavailableError, match=r"not reachable: .*(?i:certificate)"):
            transport.open(time.monotonic() + 2)


def test_a_receiver_can_be_interrupted_from_outside() -> None:
    """Another thread may end a wait for news at once."""
    with ws_node(_listening) as url:
        transport = WebSocketTransport(url)
        transport.open(time.monotonic() + 2)
        threading.Timer(0.05, transport.interrupt).start()
        with pytest.raises(UnavailableError, match="closed the connection"):
            transport.receive(time.monotonic() + 5)


@pytest.mark.parametrize("url", ["http://node", "ws://", "node:8546", "ws://node:x", "ws://n#frag"])
def test_an_unusable_url_is_the_operators(url: str) -> None:
    """Only ws and wss URLs with a host are WebSocket endpoints."""
    with pytest.raises(EndpointError, match="ws://host:port"):
        WebSocketTransport(url)


def test_user_and_password_are_sent_and_never_shown() -> None:
    """Credentials of the URL become a header; the name shows the host alone."""
    seen: list[str | None] = []

    def behave(connection: ServerConnection) -> None:
        assert connection.request is not None
        seen.append(connection.request.headers.get("Authorization"))
        connection.send(connection.recv())

    with ws_node(behave) as url:
        secret: Callable[[str], str] = lambda text: text.replace("ws://", "ws://user:p%40ss@")  # noqa: E731
        _ask(secret(url) + "/v1?key=1")
        assert ["Basic dXNlcjpwQHNz"] == seen
        assert url.removeprefix("ws://") == WebSocketTransport(secret(url)).name
