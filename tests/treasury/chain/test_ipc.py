"""The Unix socket transport, against sockets that do what bad nodes do."""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import pytest

from treasury.chain.errors import BadAnswerError, ChainError, EndpointError, UnavailableError
from treasury.chain.ipc import IpcTransport

Behaviour = Callable[[socket.socket], None]
QUESTION = b'{"id":1}'
ANSWER = b'{"id":1,"result":"0x7a69"}'


@contextmanager
def _node(folder: Path, behaviour: Behaviour) -> Iterator[str]:
    """Listen on a path; every connection is treated with `behaviour` and closed."""
    path = folder / "node.ipc"
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as listener:
        listener.bind(str(path))
        listener.listen()

        def run() -> None:
            while True:
                try:
                    connection, _ = listener.accept()
                except OSError:
                    return
                with connection, suppress(OSError):
                    behaviour(connection)

        threading.Thread(target=run, daemon=True).start()
        try:
            yield f"ipc://{path}"
        finally:
            listener.shutdown(socket.SHUT_RDWR)


def _answering(*parts: bytes, pause_s: float = 0.0) -> Behaviour:
    def behave(connection: socket.socket) -> None:
        while connection.recv(65536).endswith(b"\n"):
            for part in parts:
                connection.sendall(part)
                time.sleep(pause_s)
            if parts[-1:] == (b"",):
                return

    return behave


def _ask(url: str, *, seconds: float = 2.0, times: int = 1) -> list[tuple[int, bytes]]:
    transport = IpcTransport(url)
    deadline = time.monotonic() + seconds
    try:
        transport.open(deadline)
        return [transport.exchange(QUESTION, deadline) for _ in range(times)]
    finally:
        transport.close()


@pytest.mark.sockets
def test_one_connection_serves_many_exchanges(tmp_path: Path) -> None:
    """Answers in one piece, with or without a line end, belong to their questions."""
    with _node(tmp_path, _answering(ANSWER)) as url:
        assert [(200, ANSWER)] * 3 == _ask(url, times=3)


@pytest.mark.sockets
def test_an_answer_in_crumbs_is_put_together(tmp_path: Path) -> None:
    """An answer ends where the JSON ends, not where a piece happens to end."""
    text = b'[{"id":1,"result":{"a":"}]"}},{"id":2}]\n'
    parts = [text[i : i + 1] for i in range(len(text) - 1)]
    with _node(tmp_path, _answering(*parts, pause_s=0.001)) as url:
        ((_, answer),) = _ask(url)
    assert text.strip() == answer


@pytest.mark.sockets
@pytest.mark.parametrize("text", [b'{"id":', b"no json", b"\xff\xfe{}", b"}" * 50, b"[" * 5000])
def test_what_never_becomes_json_ends_at_the_deadline(tmp_path: Path, text: bytes) -> None:
    """R6.7: half an answer, or none that is JSON, is an absent node at the deadline."""
    begun = time.monotonic()
    with (
        _node(tmp_path, _answering(text)) as url,
        pytest.raises(UnavailableError, match="did not answer in time"),
    ):
        _ask(url, seconds=0.2)
    assert time.monotonic() - begun < 1.0


@pytest.mark.sockets
def test_dripping_and_silence_end_at_the_deadline(tmp_path: Path) -> None:
    """R6.7: however slowly the node speaks, the exchange ends at its deadline."""
    with (
        _node(tmp_path, _answering(*[b" "] * 100, pause_s=0.02)) as url,
        pytest.raises(UnavailableError, match="did not answer in time"),
    ):
        _ask(url, seconds=0.2)


@pytest.mark.sockets
def test_an_endless_answer_is_cut_at_ten_megabytes(tmp_path: Path) -> None:
    """R6.7: memory is bounded, whatever the node sends."""
    with (
        _node(tmp_path, _answering(*[b"x" * 1_000_000] * 12)) as url,
        pytest.raises(BadAnswerError, match="more than 10 MB"),
    ):
        _ask(url, seconds=5)


@pytest.mark.sockets
def test_a_node_that_hangs_up_is_unavailable(tmp_path: Path) -> None:
    """A connection that ends before the answer is the world's fault, and so is an absent node."""
    with (
        _node(tmp_path, _answering(b'{"id"', b"")) as url,
        pytest.raises(UnavailableError, match=r"closed the connection|reset"),
    ):
        _ask(url)
    with pytest.raises(UnavailableError, match="not reachable: No such file"):
        _ask(f"ipc://{tmp_path}/none.ipc")


@pytest.mark.sockets
def test_a_node_that_does_not_read_is_left_at_the_deadline(tmp_path: Path) -> None:
    """R6.7: writing has a deadline as well."""
    with _node(tmp_path, lambda _: time.sleep(1)) as url:
        transport = IpcTransport(url)
        deadline = time.monotonic() + 0.2
        transport.open(deadline)
        with pytest.raises(ChainError, match="did not answer in time"):
            transport.exchange(b"x" * 10_000_000, deadline)
        assert not transport.is_open


@pytest.mark.parametrize("url", ["ipc://host/x", "ipc://", "/run/geth.ipc", "http://node"])
def test_an_unusable_url_is_the_operators(url: str) -> None:
    """Only ipc:///path is a node on this machine."""
    with pytest.raises(EndpointError, match="ipc:///path"):
        IpcTransport(url)
