"""The wire between the daemon, the treasurers and the signer; both ends use this file.

A message is a 4-byte big-endian length and canonical JSON: ASCII, sorted keys, no white space,
only objects, lists and strings. Integers travel as decimal strings, bytes as 0x-hex, "nothing"
as the empty string. A message that is not byte-equal to its own canonical form is refused, so
that two parsers cannot read two meanings. No guarantee about meaning: `fields.py` and the guard
judge that.
"""

from __future__ import annotations

import json
import socket
import time
from collections.abc import Iterator, Mapping, Sequence
from enum import StrEnum
from typing import NamedTuple, NoReturn, TypeAlias, cast

from hsm.errors import ProtocolError, SignerUnavailableError
from hsm.wire.canonical import to_text
from policies.terms import Reason

VERSION = "1"
MAX_MESSAGE_BYTES = 65536
MAX_DEPTH = 8
LENGTH_BYTES = 4
DEADLINE_S = 5.0
_CHUNK_BYTES = 65536
FENCED = frozenset({"sign", "bump", "cancel", "activate", "lead"})
"""Verbs that carry the daemon's epoch, so that an older daemon is refused."""

Json: TypeAlias = "str | Sequence[Json] | Mapping[str, Json]"
Body: TypeAlias = Mapping[str, Json]


_NOTHING: Body = {}


class Result(StrEnum):
    """The five kinds of answer."""

    SIGNED = "signed"
    OK = "ok"
    REFUSED = "refused"
    NOT_READY = "not_ready"
    ERROR = "error"


class Request(NamedTuple):
    """One question to the signer."""

    verb: str
    body: Body


class Answer(NamedTuple):
    """One answer of the signer; it always carries the place in the signer's book."""

    result: Result
    body: Body = _NOTHING
    reasons: tuple[Reason, ...] = ()
    book_seq: int = 0
    book_head: bytes = bytes(32)


def encode(document: Json) -> bytes:
    """Return the canonical JSON of a document of strings, lists and objects."""
    return to_text(document).encode()


def decode(data: bytes) -> Body:
    """Parse one message strictly. Raises `ProtocolError`."""
    try:
        text = data.decode("ascii")
        document, _end = _FROM_TEXT(text)
        _check_shape(document, depth=0)
        if "\\u" in text:
            # Half a surrogate pair can be escaped in JSON and written nowhere else.
            json.dumps(document, ensure_ascii=False).encode()
    except (ValueError, RecursionError) as error:
        msg = f"the message is not canonical JSON: {error}"
        raise ProtocolError(msg) from error
    # Also finds a key that came twice, and whatever stands behind the document.
    if not isinstance(document, dict) or to_text(document) != text:
        msg = "the message is not canonical: sorted keys, no spaces, ASCII, an object outside"
        raise ProtocolError(msg)
    return cast("Body", document)


def _no_number(text: str) -> NoReturn:
    msg = f"write the number {text[:20]} as a decimal string"
    raise ValueError(msg)


_FROM_TEXT = json.JSONDecoder(
    parse_int=_no_number,
    parse_float=_no_number,
    parse_constant=_no_number,
).raw_decode


def _check_shape(document: object, *, depth: int) -> None:
    """Refuse what is neither object, list nor string. Raises `ProtocolError`."""
    if isinstance(document, str):
        return
    if not isinstance(document, dict | list):
        msg = "a message holds only objects, lists and strings"
        raise ProtocolError(msg)
    if depth > MAX_DEPTH:
        msg = f"the message is nested deeper than {MAX_DEPTH}"
        raise ProtocolError(msg)
    for part in document.values() if isinstance(document, dict) else document:
        # Most parts are strings, and a call costs more than the look.
        if not isinstance(part, str):
            _check_shape(part, depth=depth + 1)


def frame(data: bytes) -> bytes:
    """Put the length before a message. Raises `ProtocolError` when it is too large."""
    if not 0 < len(data) <= MAX_MESSAGE_BYTES:
        msg = f"a message has 1 to {MAX_MESSAGE_BYTES} bytes, this one {len(data)}"
        raise ProtocolError(msg)
    return len(data).to_bytes(LENGTH_BYTES, "big") + data


class FrameReader:
    """Collects bytes as they arrive and hands out whole messages; holds at most one frame more."""

    def __init__(self) -> None:
        """Begin with nothing."""
        self._buffer = bytearray()

    def feed(self, data: bytes) -> Iterator[bytes]:
        """Add bytes and return the messages they complete. Raises `ProtocolError`."""
        self._buffer += data
        while len(self._buffer) >= LENGTH_BYTES:
            length = int.from_bytes(self._buffer[:LENGTH_BYTES], "big")
            if not 0 < length <= MAX_MESSAGE_BYTES:
                msg = f"a message has 1 to {MAX_MESSAGE_BYTES} bytes, announced are {length}"
                raise ProtocolError(msg)
            if len(self._buffer) < LENGTH_BYTES + length:
                return
            message = bytes(self._buffer[LENGTH_BYTES : LENGTH_BYTES + length])
            del self._buffer[: LENGTH_BYTES + length]
            yield message

    @property
    def is_midway(self) -> bool:
        """Tell whether a message has begun and not ended."""
        return bool(self._buffer)


def read_message(connection: socket.socket, deadline_s: float = DEADLINE_S) -> bytes:
    """Read exactly one message from a connection within the deadline.

    Raises `SignerUnavailableError` at the deadline or when the other end closes.
    """
    end = time.monotonic() + deadline_s
    reader = FrameReader()
    while True:
        left = end - time.monotonic()
        if left <= 0:
            msg = f"no answer within {deadline_s:g} s"
            raise SignerUnavailableError(msg)
        connection.settimeout(left)
        try:
            data = connection.recv(_CHUNK_BYTES)
        except OSError as error:
            msg = f"the answer did not arrive: {error}"
            raise SignerUnavailableError(msg) from error
        if not data:
            msg = "the other end closed the connection before it answered"
            raise SignerUnavailableError(msg)
        for message in reader.feed(data):
            return message


def encode_request(request: Request) -> bytes:
    """Return the canonical JSON of a request."""
    return encode({"v": VERSION, "verb": request.verb, "body": request.body})


def decode_request(data: bytes) -> Request:
    """Parse a request. Raises `ProtocolError`."""
    document = decode(data)
    _check_envelope(document, {"v", "verb", "body"})
    verb, body = document["verb"], document["body"]
    if not isinstance(verb, str) or not isinstance(body, dict):
        msg = "`verb` is a string and `body` an object"
        raise ProtocolError(msg)
    return Request(verb=verb, body=body)


def encode_answer(answer: Answer) -> bytes:
    """Return the canonical JSON of an answer."""
    return encode(
        {
            "v": VERSION,
            "result": answer.result.value,
            "body": answer.body,
            "reasons": [{"code": r.code, "text": r.text} for r in answer.reasons],
            "book_seq": str(answer.book_seq),
            "book_head": "0x" + answer.book_head.hex(),
        }
    )


def decode_answer(data: bytes) -> Answer:
    """Parse an answer. Raises `ProtocolError`."""
    document = decode(data)
    _check_envelope(document, {"v", "result", "body", "reasons", "book_seq", "book_head"})
    body = document["body"]
    if not isinstance(body, Mapping):
        msg = "`body` is an object"
        raise ProtocolError(msg)
    try:
        return Answer(
            result=Result(cast("str", document["result"])),
            body=body,
            reasons=tuple(_reason(item) for item in cast("list[Json]", document["reasons"])),
            book_seq=int(cast("str", document["book_seq"])),
            book_head=bytes.fromhex(cast("str", document["book_head"])[2:]),
        )
    except (ValueError, TypeError, KeyError) as error:
        msg = f"the answer is malformed: {error}"
        raise ProtocolError(msg) from error


def _reason(item: Json) -> Reason:
    fields = cast("Mapping[str, str]", item)
    return Reason(code=fields["code"], text=fields["text"])


def _check_envelope(document: Body, keys: set[str]) -> None:
    if document.keys() != keys or document["v"] != VERSION:
        msg = f"a message of version {VERSION} has exactly the fields {', '.join(sorted(keys))}"
        raise ProtocolError(msg)
