"""HTTP answers: every way of saying how long one is, and whatever is none."""

from __future__ import annotations

import io
from http.client import HTTPException, IncompleteRead, RemoteDisconnected

import pytest

from treasury.chain.http_answer import TooLongError, read_answer

MOST = 64
OK = b"HTTP/1.1 200 OK\r\n"


def read(raw: bytes) -> tuple[int, bytes, bool]:
    """Read one answer out of these bytes."""
    return read_answer(io.BufferedReader(io.BytesIO(raw)), MOST)


@pytest.mark.parametrize(
    ("raw", "expected"),
    [
        (OK + b"content-LENGTH:  2 \r\n\r\n{}[]", (200, b"{}", True)),
        (OK + b"Content-Length: 2\nConnection: Close\n\n{}", (200, b"{}", False)),
        (OK + b"\r\n{}", (200, b"{}", False)),
        (b"HTTP/1.0 200 OK\r\nContent-Length: 2\r\n\r\n{}", (200, b"{}", False)),
        (
            b"HTTP/1.0 200 OK\r\nConnection: keep-alive\r\nContent-Length: 2\r\n\r\n{}",
            (200, b"{}", True),
        ),
        (
            OK + b"Transfer-Encoding: chunked\r\n\r\n1;a=b\r\n{\r\n1\r\n}\r\n0\r\nX: y\r\n\r\n",
            (200, b"{}", True),
        ),
        (b"HTTP/1.1 100 Continue\r\n\r\n" + OK + b"Content-Length: 0\r\n\r\n", (200, b"", True)),
        (b"HTTP/1.1 204 No Content\r\n\r\n", (204, b"", True)),
        (b"HTTP/1.1 503\r\nContent-Length: 2\r\n\r\n{}", (503, b"{}", True)),
    ],
)
def test_every_way_to_say_how_long_it_is(raw: bytes, expected: tuple[int, bytes, bool]) -> None:
    """By length, in chunks, to the end, without a body; and whether the connection stays."""
    assert expected == read(raw)


@pytest.mark.parametrize(
    ("raw", "error"),
    [
        (b"", RemoteDisconnected),
        (b"HTTP/2 200\r\n\r\n", HTTPException),
        (b"HTTP/1.1 OK\r\n\r\n", HTTPException),
        (OK + b"Content-Length: 2", IncompleteRead),
        (OK + b"Content-Length: 3\r\n\r\n{}", IncompleteRead),
        (OK + b"Content-Length: -1\r\n\r\n{}", IncompleteRead),
        (OK + b"Content-Length: 1_0\r\n\r\n{}", IncompleteRead),
        (OK + b"Content-Length: 65\r\n\r\n", TooLongError),
        (OK + b"\r\n" + b"x" * 65, TooLongError),
        (OK + b"Transfer-Encoding: chunked\r\n\r\n-2\r\n", IncompleteRead),
        (OK + b"Transfer-Encoding: chunked\r\n\r\n41\r\n" + b"x" * 65, TooLongError),
        (OK + b"Transfer-Encoding: chunked\r\n\r\n0\r\n" + b"X: y\r\n" * 200, HTTPException),
        (OK + b"X: y\r\n" * 200, HTTPException),
        (OK + b"X: " + b"y" * 70_000, HTTPException),
    ],
)
def test_what_is_no_answer_is_an_error(raw: bytes, error: type[Exception]) -> None:
    """R6.7: cut off, too long, endless or nothing that could be one: never half an answer."""
    with pytest.raises(error):
        read(raw)
