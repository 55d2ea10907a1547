"""Reads one HTTP answer from a stream: status, length, body, and nothing that a browser needs.

A watch tick asks a node half a dozen times, and a parser of mail headers costs as much as all the
rest of an answer. Lines, their number and the body are bounded; the stream bounds the time. Raises
the errors of `http.client`, so that there is one place that translates them.
"""

from __future__ import annotations

import io
from http.client import BadStatusLine, HTTPException, IncompleteRead, RemoteDisconnected
from typing import NamedTuple

_MOST_LINE = 65_536
_MOST_LINES = 100
_CHUNK = 65_536
_INTERIM = range(100, 200)
_BODILESS = frozenset({204, 304})


class TooLongError(HTTPException):
    """The body is longer than whoever asked wants to hold."""


class _Head(NamedTuple):
    """What the lines before a body say; `length` None means: until the connection closes."""

    status: int
    length: int | None
    is_chunked: bool
    keeps_open: bool


def read_answer(stream: io.BufferedIOBase, most: int) -> tuple[int, bytes, bool]:
    """Return status, body of at most `most` bytes, and whether the connection stays open."""
    head = _read_head(stream)
    while head.status in _INTERIM:
        head = _read_head(stream)
    if head.status in _BODILESS:
        return head.status, b"", head.keeps_open
    if head.is_chunked:
        return head.status, _read_chunks(stream, most), head.keeps_open
    if head.length is None:
        return head.status, _read_to_the_end(stream, most), False
    _require_short(head.length, most)
    return head.status, _read_exactly(stream, head.length), head.keeps_open


def _read_head(stream: io.BufferedIOBase) -> _Head:
    status, is_modern = _read_status(stream)
    length, is_chunked, connection = None, False, b""
    for _ in range(_MOST_LINES):
        line = _read_line(stream)
        if not line:
            keeps_open = connection != b"close" if is_modern else connection == b"keep-alive"
            return _Head(status, length, is_chunked, keeps_open)
        name, _, value = line.partition(b":")
        match name.lower():
            case b"content-length":
                length = _number(value.strip(), 10)
            case b"transfer-encoding":
                is_chunked = value.strip().lower() == b"chunked"
            case b"connection":
                connection = value.strip().lower()
    raise HTTPException("too many header lines")


def _read_status(stream: io.BufferedIOBase) -> tuple[int, bool]:
    line = stream.readline(_MOST_LINE)
    if not line:
        raise RemoteDisconnected("closed without an answer")
    version, _, rest = line.partition(b" ")
    if version not in (b"HTTP/1.1", b"HTTP/1.0") or not rest[:3].isdigit():
        raise BadStatusLine("no status line")
    return int(rest[:3]), version == b"HTTP/1.1"


def _read_line(stream: io.BufferedIOBase) -> bytes:
    line = stream.readline(_MOST_LINE)
    if not line.endswith(b"\n"):
        raise IncompleteRead(line) if len(line) < _MOST_LINE else HTTPException("a line is endless")
    return line.rstrip(b"\r\n")


def _read_chunks(stream: io.BufferedIOBase, most: int) -> bytes:
    parts, size = [], 0
    while length := _number(_read_line(stream).partition(b";")[0].strip(), 16):
        size += length
        _require_short(size, most)
        parts.append(_read_exactly(stream, length))
        _read_line(stream)
    for _ in range(_MOST_LINES):
        if not _read_line(stream):
            return b"".join(parts)
    raise HTTPException("too many trailer lines")


def _read_to_the_end(stream: io.BufferedIOBase, most: int) -> bytes:
    parts, size = [], 0
    while part := stream.read1(_CHUNK):
        size += len(part)
        _require_short(size, most)
        parts.append(part)
    return b"".join(parts)


def _read_exactly(stream: io.BufferedIOBase, length: int) -> bytes:
    body = stream.read(length)
    if len(body) < length:
        raise IncompleteRead(b"", length - len(body))
    return body


def _number(text: bytes, base: int) -> int:
    """Return a length; a sign or an underscore is none, whatever Python thinks of it."""
    if not text or not text.isalnum():
        raise IncompleteRead(b"")
    try:
        return int(text, base)
    except ValueError as error:
        raise IncompleteRead(b"") from error


def _require_short(size: int, most: int) -> None:
    if size > most:
        raise TooLongError
