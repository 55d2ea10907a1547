"""HTTP answers: every way of saying how long one is, and whatever is none."""

from __future__ import annotations

from collections.abc import Callable
from http.client import BadStatusLine, HTTPException, IncompleteRead, RemoteDisconnected

import pytest
from hypothesis import given
from hypothesis import strategies as st

from treasury.chain.http_answer import TooLongError, read_answer

MOST = 64
OK = b"HTTP/1.1 200 OK\r\n"
CHUNKED = OK + b"Transfer-Encoding: chunked\r\n\r\n"


def arriving(raw: bytes, step: int) -> Callable[[], bytes]:
    """Return what receives these bytes in pieces, and then the end of the connection."""
    pieces = [raw[start : start + step] for start in range(0, len(raw), step)]
    return lambda: pieces.pop(0) if pieces else b""


def read(raw: bytes, step: int = 1) -> tuple[int, bytes, bool]:
    """Read one answer out of these bytes."""
    return read_answer(arriving(raw, step), MOST)


@pytest.mark.parametrize(
    ("raw", "expected"),
    [
        (OK + b"content-LENGTH:  2 \r\n\r\n{}[]", (200, b"{}", True)),
        (OK + b"Content-Length: 2\r\nConnection: Close\r\n\r\n{}", (200, b"{}", False)),
        (OK + b"\r\n{}", (200, b"{}", False)),
        (b"HTTP/1.0 200 OK\r\nContent-Length: 2\r\n\r\n{}", (200, b"{}", False)),
        (
            b"HTTP/1.0 200 OK\r\nConnection: keep-alive\r\nContent-Length: 2\r\n\r\n{}",
            (200, b"{}", True),
        ),
        (
            CHUNKED + b"1;a=b\r\n{\r\n1\r\n}\r\n0\r\nX: y\r\n\r\n",
            (200, b"{}", True),
        ),
        (b"HTTP/1.1 100 Continue\r\n\r\n" + OK + b"Content-Length: 0\r\n\r\n", (200, b"", True)),
        (b"HTTP/1.1 204 No Content\r\n\r\n", (204, b"", True)),
        (b"HTTP/1.1 503\r\nContent-Length: 2\r\n\r\n{}", (503, b"{}", True)),
    ],
)
def test_every_way_to_say_how_long_it_is(raw: bytes, expected: tuple[int, bytes, bool]) -> None:
    """By length, in chunks, to the end, without a body; and whether the connection stays."""
    assert expected == read(raw) == read(raw, step=7)


@pytest.mark.parametrize(
    ("raw", "error"),
    [
        (b"", RemoteDisconnected),
        (b"HTTP/2 200\r\n\r\n", HTTPException),
        (b"HTTP/1.1 OK\r\n\r\n", HTTPException),
        (OK + b"Content-Length: 2", IncompleteRead),
        (OK + b"Content-Length: 3\r\n\r\n{}", IncompleteRead),
        (OK + b"Content-Length: -1\r\n\r\n{}", BadStatusLine),
        (OK + b"Content-Length: 1_0\r\n\r\n{}", BadStatusLine),
        (OK + b"Content-Length: 65\r\n\r\n" + b"x" * 65, TooLongError),
        (OK + b"\r\n" + b"x" * 65, TooLongError),
        (CHUNKED + b"-2\r\n", BadStatusLine),
        (CHUNKED + b"41\r\n" + b"x" * 65 + b"\r\n0\r\n\r\n", TooLongError),
        (CHUNKED + b"0\r\n" + b"X: y\r\n" * 200, HTTPException),
        (OK + b"X: y\r\n" * 200, IncompleteRead),
        (OK + b"X: y\r\n" * 20_000, TooLongError),
        (OK + b"X: " + b"y" * 70_000, TooLongError),
    ],
)
def test_what_is_no_answer_is_an_error(raw: bytes, error: type[Exception]) -> None:
    """R6.7: cut off, too long, endless or nothing that could be one: never half an answer."""
    with pytest.raises(error):
        read(raw)


def test_what_follows_an_answer_closes_the_connection() -> None:
    """Nobody asked for it, so the next answer on this connection could be anything."""
    answer = OK + b"Content-Length: 2\r\n\r\n{}"
    assert (200, b"{}", False) == read(answer + b"[]", step=1_000)
    assert (200, b"{}", False) == read(answer + answer, step=1_000)


@given(st.binary(max_size=300), st.integers(1, 50))
def test_no_bytes_break_the_reader(raw: bytes, step: int) -> None:
    """R6.7: whatever a node sends is an answer or one of the errors that the transport knows."""
    try:
        status, body, _ = read(raw, step)
    except HTTPException:
        return
    assert len(body) <= MOST
    assert status
