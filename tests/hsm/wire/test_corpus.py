"""Every parser of the vault room against inputs that broke parsers somewhere."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

import pytest

from hsm.curve import Curve, public_key_of
from hsm.errors import HsmError
from hsm.transaction import read_back
from hsm.wire.message import FrameReader, decode, decode_answer, decode_request, frame

_LINES = [
    line.split()
    for line in (Path(__file__).with_name("corpus.txt")).read_text().splitlines()
    if line and not line.startswith("#")
]
CORPUS = {name: b"" if text == "-" else bytes.fromhex(text) for name, text in _LINES}
PARSERS: dict[str, Callable[[bytes], object]] = {
    "decode": decode,
    "request": decode_request,
    "answer": decode_answer,
    "frames": lambda data: list(FrameReader().feed(data)),
    "framed": lambda data: list(FrameReader().feed(frame(data))),
    "transaction": read_back,
    "point": lambda data: public_key_of(data, Curve.SECP256K1),
    "p256_point": lambda data: public_key_of(data, Curve.P256),
}


@pytest.mark.parametrize("parser", PARSERS)
@pytest.mark.parametrize("name", CORPUS)
def test_every_parser_answers_with_its_own_error(name: str, parser: str) -> None:
    """No input ends in a foreign exception, however odd it is."""
    for data in (CORPUS[name], CORPUS[name] * 3, CORPUS[name] + b"\x00", b"\x00" + CORPUS[name]):
        with suppress(HsmError):
            PARSERS[parser](data)


@pytest.mark.parametrize("name", sorted(set(CORPUS) - {"braces"}))
def test_none_of_them_is_a_message(name: str) -> None:
    """Only the plain empty object is canonical; as a request it is refused too."""
    with pytest.raises(HsmError):
        decode(CORPUS[name])


def test_the_corpus_is_not_empty() -> None:
    """The file is found and read."""
    assert len(CORPUS) >= 40
