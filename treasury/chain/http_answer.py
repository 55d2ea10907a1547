"""Reads one HTTP answer from a connection: status, body, and whether the connection can be kept.

The parser is a library's (llhttp), because a node may send anything. The body and all that stands
around it are bounded; whoever receives bounds the time. Raises the errors of `http.client`, so that
there is one place that translates them.
"""

from __future__ import annotations

from collections.abc import Callable
from http.client import BadStatusLine, HTTPException, IncompleteRead, RemoteDisconnected

from httptools import HttpParserError, HttpResponseParser

MOST_AROUND = 65_536
"""How many bytes of an answer may be something else than its body."""
_INTERIM = range(100, 200)
_DELIMITERS = frozenset({b"content-length", b"transfer-encoding"})


class TooLongError(HTTPException):
    """The answer is longer than whoever asked wants to hold."""


class _Answer:
    """What the parser has told of one answer; interim ones are passed over."""

    def __init__(self) -> None:
        self.parser = HttpResponseParser(self)
        self.status = 0
        self.parts: list[bytes] = []
        self.is_delimited = self.is_whole = self.keeps_open = False

    def on_message_begin(self) -> None:
        if self.is_whole:
            raise HTTPException("a second answer, which nobody asked for")

    def on_header(self, name: bytes, _value: bytes) -> None:
        self.is_delimited |= name.lower() in _DELIMITERS

    def on_headers_complete(self) -> None:
        self.status = self.parser.get_status_code()

    def on_body(self, part: bytes) -> None:
        self.parts.append(part)

    def on_message_complete(self) -> None:
        if self.status not in _INTERIM:
            self.is_whole = True
            self.keeps_open = self.parser.should_keep_alive()

    def feed(self, data: bytes) -> None:
        """Parse what came next. Raises `BadStatusLine` when it is no HTTP."""
        try:
            self.parser.feed_data(data)
        except HttpParserError as error:
            self.keeps_open = False
            if not self.is_whole:
                raise BadStatusLine("no HTTP") from error

    def end(self) -> None:
        """Take the end of the connection for the end of an answer that tells no other."""
        if not self.status or self.is_delimited:
            raise IncompleteRead(b"")


def read_answer(receive: Callable[[], bytes], most: int) -> tuple[int, bytes, bool]:
    """Return status, body of at most `most` bytes, and whether the connection stays open.

    `receive` returns what arrived, nothing when the other side has closed.
    """
    answer, size = _Answer(), 0
    while not answer.is_whole:
        data = receive()
        if not data and not size:
            raise RemoteDisconnected("closed without an answer")
        if not data:
            answer.end()
            break
        size += len(data)
        answer.feed(data)
        if size > most + MOST_AROUND:
            raise TooLongError
    body = b"".join(answer.parts)
    if len(body) > most:
        raise TooLongError
    return answer.status, body, answer.keeps_open
