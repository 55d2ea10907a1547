"""Values inside answers are read strictly."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from policies.terms import Stamp
from treasury.chain import answers
from treasury.chain.errors import BadAnswerError

HASH = "0x" + "ab" * 32


@given(st.integers(min_value=0, max_value=2**256 - 1))
def test_a_quantity_is_read_back(number: int) -> None:
    """Every 256-bit number survives the way through hex."""
    assert answers.quantity(f'"{number:#x}"'.encode()) == number


@pytest.mark.parametrize(
    "raw",
    [
        b"null",
        b"5",
        b"-1",
        b'"0x"',
        b'"5"',
        b'"-0x5"',
        b'"0x-5"',
        b'"0x1" "0x2"',
        b'"0x 1"',
        b'"0xg"',
        b'"0x' + b"f" * 65 + b'"',
        b"NaN",
        b"1e3",
        b"{}",
        b"[]",
        b"true",
        b"",
    ],
)
def test_what_is_no_quantity_is_refused(raw: bytes) -> None:
    """R6.7: null, numbers, negatives, empty, 257 bits and other types are not quantities."""
    with pytest.raises(BadAnswerError):
        answers.quantity(raw)


@given(st.binary(max_size=100))
def test_arbitrary_bytes_never_raise_anything_else(raw: bytes) -> None:
    """R6.7: each reader answers or raises `BadAnswerError`."""
    for read in (answers.quantity, answers.count, answers.data, answers.word):
        try:
            read(raw)
        except BadAnswerError:
            continue


def test_a_count_has_63_bits() -> None:
    """A block number or a nonce that no chain can have is refused."""
    assert answers.count(b'"0x7fffffffffffffff"') == 2**63 - 1
    with pytest.raises(BadAnswerError):
        answers.count(b'"0x8000000000000000"')


def test_a_word_is_exactly_32_bytes() -> None:
    """A contract that returns nothing, or too much, has no balance to tell."""
    assert answers.word(f'"0x{5:064x}"'.encode()) == 5
    for size in (0, 31, 33, 64):
        with pytest.raises(BadAnswerError):
            answers.word(b'"0x' + b"00" * size + b'"')


def _raw(value: object) -> msgspec.Raw:
    return msgspec.Raw(msgspec.json.encode(value))


def test_a_block_becomes_a_stamp() -> None:
    """Number, hash and time are taken, the rest is ignored."""
    block = {"number": "0x5", "hash": HASH.upper().replace("0X", "0x"), "timestamp": "0x9", "x": 1}
    assert answers.stamp(_raw(block)) == Stamp(number=5, hash=HASH, time=9)
    assert answers.stamp(_raw(None)) is None


@pytest.mark.parametrize(
    "change",
    [{"number": None}, {"number": 5}, {"hash": "0x12"}, {"hash": None}, {"timestamp": "0x"}],
)
def test_a_crooked_block_is_refused(change: dict[str, Any]) -> None:
    """R6.7: a block with a missing or ill-typed field gives no stamp."""
    block = {"number": "0x5", "hash": HASH, "timestamp": "0x9"} | change
    with pytest.raises(BadAnswerError):
        answers.stamp(_raw(block))
