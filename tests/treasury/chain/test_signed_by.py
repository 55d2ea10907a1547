"""Who signed a transaction: recovered from its bytes alone, for every kind that nodes relay."""

from __future__ import annotations

from typing import Any

import pytest
from eth_account import Account
from eth_account.signers.local import LocalAccount
from hypothesis import given
from hypothesis import strategies as st

from policies.crypto import keccak256
from tests.laws import address_of
from treasury.chain.errors import BadAnswerError
from treasury.chain.signed_by import signed_by

OWNER: LocalAccount = Account.from_key(keccak256(b"the key of hot-a"))
US = address_of("hot-a")
_BASE = {"gas": 21_000, "to": address_of("thief"), "value": 10**18, "data": b""}
_DYNAMIC = {**_BASE, "chainId": 1, "maxFeePerGas": 10**10, "maxPriorityFeePerGas": 10**9}
_LIST = [{"address": address_of("vault"), "storageKeys": ["0x" + "11" * 32, "0x" + "22" * 32]}]
KINDS: dict[str, dict[str, Any]] = {
    "unprotected": {**_BASE, "gasPrice": 10**10},
    "protected": {**_BASE, "gasPrice": 10**10, "chainId": 31337},
    "access list": {**_BASE, "type": 1, "gasPrice": 1, "chainId": 1, "accessList": _LIST},
    "dynamic fee": {**_DYNAMIC, "type": 2, "accessList": _LIST, "data": b"\x01" * 700},
    "delegation": {
        **_DYNAMIC,
        "type": 4,
        "authorizationList": [
            OWNER.sign_authorization({"chainId": 1, "address": address_of("thief"), "nonce": 9})
        ],
    },
}


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("nonce", [0, 1, 127, 128, 70_000])
def test_the_signer_is_recovered(kind: str, nonce: int) -> None:
    """R2.1: whatever kind a thief chooses, the key that signed and its nonce are read back."""
    signed = OWNER.sign_transaction({**KINDS[kind], "nonce": nonce})

    found = signed_by(bytes(signed.raw_transaction))

    assert (US, nonce) == (found.sender, found.nonce)
    assert "0x" + bytes(signed.hash).hex() == found.hash


@given(st.binary(max_size=200))
def test_other_bytes_are_refused(raw: bytes) -> None:
    """Bytes of a node that mean nothing raise one error, whatever they are."""
    try:
        found = signed_by(raw)
    except BadAnswerError:
        return
    assert found.sender != US


@given(st.integers(min_value=0), st.integers(min_value=1, max_value=255))
def test_a_changed_transaction_has_another_signer(place: int, flip: int) -> None:
    """A single changed bit never leaves the signature ours: nobody is framed by a node."""
    raw = bytearray(OWNER.sign_transaction({**KINDS["dynamic fee"], "nonce": 5}).raw_transaction)
    raw[place % len(raw)] ^= flip
    try:
        found = signed_by(bytes(raw))
    except BadAnswerError:
        return
    assert found.sender != US
