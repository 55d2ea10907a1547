"""Transactions: byte-equal to an independent library, and readable back strictly."""

from __future__ import annotations

import dataclasses

import coincurve
import pytest
from eth_account import Account
from hypothesis import given, settings
from hypothesis import strategies as st

from hsm.errors import ProtocolError
from hsm.token.signature import PinnedKey, Signature
from hsm.transaction import (
    build_cancel,
    build_transfer,
    digest_of,
    encode_signed,
    read_back,
    unsigned_payload,
)
from hsm.wire.answers import Fees
from policies.crypto import address_of_public_key, checksum_address, keccak256
from policies.terms import NATIVE, Purpose, TransferTerms

_KEY = bytes(range(1, 33))
_PUBLIC = coincurve.PrivateKey(_KEY).public_key.format(compressed=False)[1:]
_ADDRESSES = st.binary(min_size=20, max_size=20).map(checksum_address)
_U256 = st.integers(0, 2**256 - 1) | st.integers(0, 300)
_U64 = st.integers(0, 2**64 - 1) | st.integers(0, 300)


@st.composite
def _terms(draw: st.DrawFn) -> TransferTerms:
    return TransferTerms(
        what="x",
        purpose=Purpose.REFILL,
        salt=bytes(16),
        chain_id=draw(st.integers(1, 2**32)),
        asset=draw(st.just(NATIVE) | _ADDRESSES),
        source=address_of_public_key(_PUBLIC),
        destination=draw(_ADDRESSES),
        amount=draw(_U256),
        max_fee=0,
        maker=NATIVE,
        proposed_at=0,
        expires_at=0,
        law_digest=bytes(32),
    )


_FEES = st.builds(
    Fees, gas_limit=_U64, max_fee_per_gas=_U64, max_priority_fee_per_gas=_U64, l1_fee=st.just(0)
)


def _sign(payload: bytes) -> bytes:
    digest = digest_of(payload)
    answer = coincurve.PrivateKey(_KEY).sign_recoverable(digest, hasher=None)
    return encode_signed(payload, PinnedKey(_PUBLIC).prove(digest, answer[:64]))


@given(_terms(), _FEES, _U64)
@settings(max_examples=150, deadline=None)
def test_equal_to_an_independent_library(terms: TransferTerms, fees: Fees, nonce: int) -> None:
    """Raw bytes and hash equal those of eth_account for native coin and tokens alike (R3.11)."""
    transaction = build_transfer(terms, nonce, fees)
    raw = _sign(unsigned_payload(transaction))

    theirs = Account.sign_transaction(
        {
            "type": 2,
            "chainId": terms.chain_id,
            "nonce": nonce,
            "maxPriorityFeePerGas": fees.max_priority_fee_per_gas,
            "maxFeePerGas": fees.max_fee_per_gas,
            "gas": fees.gas_limit,
            "to": transaction.to,
            "value": transaction.value,
            "data": transaction.data,
        },
        _KEY,
    )

    assert bytes(theirs.raw_transaction) == raw
    assert bytes(theirs.hash) == keccak256(raw)


@given(_terms(), _FEES, _U64)
@settings(max_examples=100, deadline=None)
def test_what_was_written_is_read_back(terms: TransferTerms, fees: Fees, nonce: int) -> None:
    """Sender, asset, receiver, amount, nonce and fees come back from the raw bytes."""
    transaction = build_transfer(terms, nonce, fees)
    found = read_back(_sign(unsigned_payload(transaction)))

    assert transaction == found.transaction
    assert terms.source == found.sender
    assert (terms.asset, terms.destination, terms.amount) == (
        found.asset,
        found.destination,
        found.amount,
    )


def _raw(amount: int = 5) -> bytes:
    terms = TransferTerms(
        what="x",
        purpose=Purpose.SWEEP,
        salt=bytes(16),
        chain_id=1,
        asset=checksum_address(b"\x11" * 20),
        source=address_of_public_key(_PUBLIC),
        destination=checksum_address(b"\x22" * 20),
        amount=amount,
        max_fee=0,
        maker=NATIVE,
        proposed_at=0,
        expires_at=0,
        law_digest=bytes(32),
    )
    fees = Fees(gas_limit=60000, max_fee_per_gas=7, max_priority_fee_per_gas=1)
    return _sign(unsigned_payload(build_transfer(terms, 3, fees)))


def test_a_cancel_moves_nothing_to_nobody_else() -> None:
    """A cancel is zero native coin from the wallet to itself on the same nonce."""
    source = address_of_public_key(_PUBLIC)
    terms = dataclasses.replace(_terms_of(_raw()), source=source)
    fees = Fees(gas_limit=21000, max_fee_per_gas=9, max_priority_fee_per_gas=2)
    found = read_back(_sign(unsigned_payload(build_cancel(terms, 3, fees))))

    assert (source, source, 0, b"") == (
        found.sender,
        found.destination,
        found.amount,
        found.transaction.data,
    )


def _terms_of(raw: bytes) -> TransferTerms:
    found = read_back(raw)
    return TransferTerms(
        what="x",
        purpose=Purpose.SWEEP,
        salt=bytes(16),
        chain_id=found.transaction.chain_id,
        asset=found.asset,
        source=found.sender,
        destination=found.destination,
        amount=found.amount,
        max_fee=0,
        maker=NATIVE,
        proposed_at=0,
        expires_at=0,
        law_digest=bytes(32),
    )


@given(st.integers(0, len(_raw()) - 1), st.integers(0, 7))
@settings(max_examples=300, deadline=None)
def test_one_flipped_bit_never_reads_as_the_same_payment(at: int, bit: int) -> None:
    """Any flipped bit is refused, or reads as another sender or another payment."""
    raw = bytearray(_raw())
    raw[at] ^= 1 << bit
    before = read_back(_raw())
    try:
        after = read_back(bytes(raw))
    except ProtocolError:
        return

    assert (before.sender, before.transaction) != (after.sender, after.transaction)


@given(st.binary(max_size=200))
def test_garbage_is_refused_never_a_crash(data: bytes) -> None:
    """Random bytes behind the type byte raise ProtocolError and nothing else."""
    with pytest.raises(ProtocolError):
        read_back(b"\x02" + data)


def test_other_types_and_calls_are_refused() -> None:
    """Another type, trailing bytes, a high s and a foreign call are not ours (R3.11)."""
    raw = _raw()
    found = read_back(raw)
    payload = unsigned_payload(found.transaction)
    high = Signature(bytes(31) + b"\x01" + (2**256 - 2**32).to_bytes(32, "big"), 0)
    foreign = found.transaction._replace(data=bytes(4) + bytes(64))
    valued = found.transaction._replace(value=1)

    for bad in (
        b"\x01" + raw[1:],
        raw + b"\0",
        raw[:-1],
        encode_signed(payload, high),
        _sign(unsigned_payload(foreign)),
        _sign(unsigned_payload(valued)),
        b"",
    ):
        with pytest.raises(ProtocolError):
            read_back(bad)


_SAFE_CALLS = {
    "add an owner": "0d582f13",
    "remove an owner": "f8dc5dd9",
    "swap an owner": "e318b52b",
    "change the threshold": "694e80c3",
    "enable a module": "610b5925",
    "set a guard": "e19a9dd9",
    "set the fallback handler": "f08a0323",
    "delegate a call": "6a761202",
    "many in one": "8d80ff0a",
    "transfer ownership": "f2fde38b",
    "upgrade a proxy": "3659cfe6",
    "grant an allowance": "095ea7b3",
}


@given(terms=_terms(), purpose=st.sampled_from(Purpose), fees=_FEES)
@settings(max_examples=60, deadline=None)
def test_no_order_can_become_a_call_that_commands_a_vault(
    terms: TransferTerms, purpose: Purpose, fees: Fees
) -> None:
    """R8.9: whatever its purpose and destination, an order calls nothing or a token's transfer."""
    order = dataclasses.replace(terms, purpose=purpose)
    data = build_transfer(order, 0, fees).data

    assert data[:4].hex() in {"", "a9059cbb"}
    assert len(data) in {0, 68}
    assert build_cancel(order, 0, fees).data == b""


@pytest.mark.parametrize("selector", _SAFE_CALLS.values(), ids=_SAFE_CALLS)
@pytest.mark.parametrize("size", [4, 36, 68])
def test_a_signed_call_that_commands_a_vault_is_not_read_as_an_order(
    selector: str, size: int
) -> None:
    """R8.9: bytes with such a call are refused by whoever reads back what was signed."""
    data = bytes.fromhex(selector).ljust(size, b"\0")
    fields = {
        "type": 2, "chainId": 1, "nonce": 0, "maxPriorityFeePerGas": 1, "maxFeePerGas": 1,
        "gas": 90_000, "to": checksum_address(b"\x5a" * 20), "value": 0, "data": data,
    }  # fmt: skip
    raw = Account.sign_transaction(fields, _KEY).raw_transaction

    with pytest.raises(ProtocolError, match="something else than transfer"):
        read_back(bytes(raw))
