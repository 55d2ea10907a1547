"""The words everyone shares: money, addresses, purposes, reasons, and the terms that people sign.

Money is an integer count of base units; time is unix seconds (UTC) inside signed terms.
Nothing here decides anything.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import NewType

Wei = NewType("Wei", int)
"""An amount in base units of its asset, never a fraction and never a float."""

Address = NewType("Address", str)
"""A 0x address in EIP-55 checksum form; `crypto.parse_address` is the only maker."""

ChainId = NewType("ChainId", int)
Nonce = NewType("Nonce", int)
BlockNumber = NewType("BlockNumber", int)

NATIVE = Address("0x0000000000000000000000000000000000000000")
"""The asset address of a chain's native coin; as a maker it means "the daemon"."""

UINT256_MAX = 2**256 - 1
UINT64_MAX = 2**64 - 1


class Purpose(StrEnum):
    """Why a transfer exists; each purpose has its own row in the signer's guard."""

    REFILL = "refill"
    SWEEP = "sweep"
    EVACUATION = "evacuation"
    WITHDRAWAL = "withdrawal"
    TOP_UP = "top_up"


class MotionKind(StrEnum):
    """Every act other than a transfer that is put to a quorum."""

    ADOPT = "adopt"
    ROTATE = "rotate"
    REINSTATE = "reinstate"
    RETIRE = "retire"
    CLOSE = "close"
    RESUME = "resume"
    SKIP_NONCE = "skip_nonce"


@dataclass(frozen=True, slots=True, kw_only=True)
class Reason:
    """One reason for a verdict: a stable code for machines, a sentence for people."""

    code: str
    text: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Stamp:
    """The block that a set of facts comes from; facts of two stamps are never mixed."""

    number: int
    hash: str
    time: int


@dataclass(frozen=True, slots=True, kw_only=True)
class TransferTerms:
    """The exact content of one transfer, as signed (EIP-712 type `Transfer`).

    `amount` is in base units of `asset`; `max_fee` is total native cost in wei, layer-1 data
    fee included; `maker` zero is the daemon; times are unix seconds.
    """

    what: str
    purpose: Purpose
    salt: bytes
    chain_id: int
    asset: Address
    source: Address
    destination: Address
    amount: int
    max_fee: int
    maker: Address
    proposed_at: int
    expires_at: int
    law_digest: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class MotionTerms:
    """The exact content of one motion, as signed (EIP-712 type `Motion`)."""

    what: str
    kind: MotionKind
    salt: bytes
    payload_digest: bytes
    maker: Address
    proposed_at: int
    expires_at: int
    law_digest: bytes
