"""Reading raw bytes back: what they say, and nothing that we would not have sent."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hsm.token.signature import Signature
from hsm.transaction import build_transfer, digest_of, encode_signed, unsigned_payload
from hsm.wire.answers import Fees
from policies.terms import NATIVE, Address, Purpose, TransferTerms
from tests.laws import TOKEN, address_of, sign
from treasury.chain.errors import BadAnswerError
from treasury.chain.raw import parse_raw

FEES = Fees(gas_limit=21_000, max_fee_per_gas=3 * 10**9, max_priority_fee_per_gas=10**9)


def signed(asset: Address, amount: int, nonce: int) -> bytes:
    """Return a raw transfer from the vault to hot-a."""
    terms = TransferTerms(
        what="-",
        purpose=Purpose.REFILL,
        salt=bytes(16),
        chain_id=31337,
        asset=asset,
        source=address_of("vault"),
        destination=address_of("hot-a"),
        amount=amount,
        max_fee=10**16,
        maker=NATIVE,
        proposed_at=1,
        expires_at=2,
        law_digest=bytes(32),
    )
    payload = unsigned_payload(build_transfer(terms, nonce, FEES))
    rsv = sign("vault", digest_of(payload))
    return encode_signed(payload, Signature(rsv[:64], rsv[64] - 27))


@given(
    asset=st.sampled_from([NATIVE, Address(TOKEN)]),
    amount=st.integers(0, 2**200),
    nonce=st.integers(0, 2**40),
)
def test_what_was_written_is_read(asset: Address, amount: int, nonce: int) -> None:
    """Sender, nonce, asset, receiver, amount and fees come back as they went in."""
    found = parse_raw(signed(asset, amount, nonce))

    assert address_of("vault") == found.sender
    assert (nonce, asset, amount) == (found.nonce, found.asset, found.amount)
    assert address_of("hot-a") == found.destination
    assert (31337, 21_000) == (found.chain_id, found.gas_limit)


@given(place=st.integers(0, 109), value=st.integers(0, 255))
def test_a_changed_byte_is_refused_or_shows(place: int, value: int) -> None:
    """No flipped byte yields the same sender and the same hash."""
    raw = signed(NATIVE, 10**18, 5)
    bent = raw[:place] + bytes([value]) + raw[place + 1 :]
    if bent == raw:
        return
    try:
        found = parse_raw(bent)
    except BadAnswerError:
        return

    assert found.hash != parse_raw(raw).hash


def test_cut_off_bytes_are_refused() -> None:
    """No prefix of a raw transaction is one."""
    raw = signed(Address(TOKEN), 10**18, 300)

    for length in range(len(raw)):
        with pytest.raises(BadAnswerError):
            parse_raw(raw[:length])


@pytest.mark.parametrize("raw", [b"", b"\x02", b"\x01\xc0", b"\x03\xc0", b"\x02\xc0", b"\xf8\x00"])
def test_other_kinds_are_refused(raw: bytes) -> None:
    """Only type 2 is read: no legacy, access-list, blob or set-code transaction."""
    with pytest.raises(BadAnswerError):
        parse_raw(raw)
