"""A sample transfer for tests of pure functions: 100 base units from the vault to hot-a."""

from __future__ import annotations

from policies.lifecycles import TransferState
from policies.terms import NATIVE, Purpose, TransferTerms
from tests.laws import address_of
from treasury.ledger.facts import Transfer

TERMS = TransferTerms(
    what="-",
    purpose=Purpose.REFILL,
    salt=bytes(16),
    chain_id=1,
    asset=NATIVE,
    source=address_of("vault"),
    destination=address_of("hot-a"),
    amount=100,
    max_fee=10,
    maker=NATIVE,
    proposed_at=0,
    expires_at=1,
    law_digest=bytes(32),
)
TRANSFER = Transfer(
    id=1,
    order_id="0x",
    cause="refill:1",
    purpose=Purpose.REFILL,
    chain_id=1,
    source=address_of("vault"),
    destination=address_of("hot-a"),
    asset=NATIVE,
    amount=100,
    max_fee=10,
    terms=TERMS,
    state=TransferState.MINED,
    nonce=0,
    created_at=0,
    expires_at=1,
    changed_at=0,
    block_number=5,
    block_hash="0x05",
    settled_fee=3,
    reasons=(),
)
