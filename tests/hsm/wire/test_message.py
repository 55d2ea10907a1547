"""The wire: canonical or refused, bounded, and never a crash whatever arrives."""

from __future__ import annotations

import json
import socket

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hsm.errors import ProtocolError, SignerUnavailableError
from hsm.wire.message import (
    MAX_MESSAGE_BYTES,
    Answer,
    FrameReader,
    Json,
    Request,
    Result,
    decode,
    decode_answer,
    decode_request,
    encode,
    encode_answer,
    encode_request,
    frame,
    read_message,
)
from policies.terms import Reason

_TEXTS = st.text(st.characters(exclude_categories=["Cs"]), max_size=8)
_DOCUMENTS = st.recursive(
    _TEXTS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(_TEXTS, inner, max_size=3),
    max_leaves=6,
)


@given(st.dictionaries(_TEXTS, _DOCUMENTS, max_size=4))
def test_what_is_encoded_is_decoded_unchanged(document: dict[str, Json]) -> None:
    """Any document of strings, lists and objects survives the wire, byte for byte."""
    data = encode(document)

    assert document == decode(data)
    assert data == encode(decode(data))


@given(st.binary(max_size=200))
def test_garbage_is_refused_never_a_crash(data: bytes) -> None:
    """Random bytes either are canonical or raise ProtocolError, nothing else."""
    for parse in (decode, decode_request, decode_answer):
        try:
            parse(data)
        except ProtocolError:
            continue


@pytest.mark.parametrize(
    "text",
    [
        '{"a": "1"}',
        '{"b":"1","a":"2"}',
        '{"a":1}',
        '{"a":1.5}',
        '{"a":true}',
        '{"a":null}',
        '{"a":NaN}',
        '{"a":"1","a":"1"}',
        '{"a":"\\u0041"}',
        '{"a":"\u00e9"}',
        '["a"]',
        '"a"',
        '{"a":"1"}\n',
        '{"a":"1"}{"a":"1"}',
        "",
        "[" * 60000,
        '{"a":' * 30000,
        '{"a":' + "[" * 20 + "]" * 20 + "}",
    ],
)
def test_not_canonical_is_refused(text: str) -> None:
    """Spaces, order, numbers, duplicates, escapes, depth and trailing bytes are all refused."""
    with pytest.raises(ProtocolError):
        decode(text.encode())


def test_requests_and_answers_round_trip() -> None:
    """Both envelopes come back as they were written."""
    request = Request(verb="sign", body={"orderId": "0x00"})
    answer = Answer(
        result=Result.REFUSED,
        body={"a": ["1"]},
        reasons=(Reason(code="x", text="y"),),
        book_seq=12,
        book_head=bytes(range(32)),
    )

    assert request == decode_request(encode_request(request))
    assert answer == decode_answer(encode_answer(answer))


@pytest.mark.parametrize(
    "document",
    [
        {"v": "2", "verb": "a", "body": {}},
        {"v": "1", "verb": "a"},
        {"v": "1", "verb": "a", "body": {}, "extra": ""},
        {"v": "1", "verb": ["a"], "body": {}},
        {"v": "1", "verb": "a", "body": "b"},
    ],
)
def test_foreign_envelopes_are_refused(document: dict[str, Json]) -> None:
    """Another version, a missing or an unknown field, or a wrong type is refused."""
    with pytest.raises(ProtocolError):
        decode_request(encode(document))


@pytest.mark.parametrize("change", [{"result": "maybe"}, {"reasons": "x"}, {"book_seq": "x"}])
def test_foreign_answers_are_refused(change: dict[str, str]) -> None:
    """An answer with an unknown result or malformed fields is refused, not guessed."""
    document = json.loads(encode_answer(Answer(result=Result.OK)))

    with pytest.raises(ProtocolError):
        decode_answer(encode({**document, **change}))


@given(st.lists(st.binary(min_size=1, max_size=50), max_size=5), st.integers(1, 7))
def test_frames_come_out_whole_however_they_are_cut(messages: list[bytes], step: int) -> None:
    """The reader returns the same messages whatever pieces the socket delivers."""
    stream = b"".join(frame(m) for m in messages)
    reader = FrameReader()
    found = [m for i in range(0, len(stream), step) for m in reader.feed(stream[i : i + step])]

    assert messages == found
    assert not reader.is_midway


@pytest.mark.parametrize("length", [0, MAX_MESSAGE_BYTES + 1, 2**32 - 1])
def test_an_announced_giant_is_refused_before_it_is_read(length: int) -> None:
    """Length zero and lengths above the limit are refused from the four length bytes alone."""
    with pytest.raises(ProtocolError):
        list(FrameReader().feed(length.to_bytes(4, "big")))


def test_an_oversized_message_is_not_sent() -> None:
    """The writer refuses what the reader would refuse."""
    with pytest.raises(ProtocolError):
        frame(bytes(MAX_MESSAGE_BYTES + 1))


@pytest.mark.sockets
def test_silence_and_a_closed_connection_are_the_worlds_fault() -> None:
    """No answer in time, and an end of file midway, raise SignerUnavailableError."""
    ours, theirs = socket.socketpair()
    with ours, theirs:
        with pytest.raises(SignerUnavailableError, match="within"):
            read_message(ours, 0.0)
        with pytest.raises(SignerUnavailableError, match="arrive"):
            read_message(ours, 0.01)
        theirs.sendall(b"\x00\x00\x00\x09half")
        theirs.close()
        with pytest.raises(SignerUnavailableError, match="closed"):
            read_message(ours, 1)
