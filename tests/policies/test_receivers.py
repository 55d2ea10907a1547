"""Receivers that must be contracts: only the law's own code will do."""

from __future__ import annotations

import pytest

from policies.law import Receiver
from policies.receivers import judge_receiver
from tests.laws import address_of

HASH = bytes(range(32))
SAFE = Receiver(address=address_of("safe"), code_hash=HASH)


def test_the_code_of_the_law_is_right() -> None:
    """The same Keccak-256, and nothing is said."""
    assert judge_receiver(SAFE, HASH) == ()


@pytest.mark.parametrize(
    ("code", "kind", "words"),
    [
        (None, "receiver_unknown", "could not be read"),
        (b"", "receiver_missing", "has no code on this chain: deploy it first"),
        (bytes(32), "receiver_code", f"carries other code than the law says: 0x{'00' * 32}"),
        (HASH[:-1], "receiver_code", f"carries other code than the law says: 0x{HASH[:-1].hex()}"),
    ],
)
def test_anything_else_is_a_reason(code: bytes | None, kind: str, words: str) -> None:
    """Unknown, none, and other code are told apart, with the address that people know."""
    (reason,) = judge_receiver(SAFE, code)

    assert (reason.code, reason.text) == (kind, f"the contract at {SAFE.address} {words}")
