"""Facts that are read by the thousand in every tick, so they are plain tuples.

Amounts are base units.
"""

from __future__ import annotations

from typing import NamedTuple

from policies.lifecycles import TransferState
from policies.terms import Address
from treasury.ledger.facts import Transfer


class Anchor(NamedTuple):
    """A balance up to which everything was explained, at the block of that number."""

    value: int
    block_number: int


class Flow(NamedTuple):
    """A transfer as balances see it; its fields are those of `facts.Transfer`."""

    id: int
    source: Address
    destination: Address
    asset: Address
    amount: int
    max_fee: int
    state: TransferState
    nonce: int | None
    block_number: int | None
    settled_fee: int | None
    moved_out: int | None
    moved_in: int | None


AnyTransfer = Transfer | Flow
"""What projection and explanation take: they look at the fields of a flow alone."""
