"""The law that treasurers consent to: parsed strictly, written canonically, digested.

A law is inert until a quorum of the present roster adopts it. Its digest is over the canonical
parsed content, never over the bytes of a file, so comments and layout may change freely.
"""

from policies.law.canonical import canonical_law, law_digest, law_from_canonical
from policies.law.model import (
    Asset,
    Band,
    Chain,
    Custody,
    Law,
    LawError,
    Pool,
    Profile,
    Receiver,
    RefillRule,
    Role,
    Roster,
    Tier,
    TopUpRule,
    Treasurer,
    Wallet,
    WithdrawalRule,
)
from policies.law.parse import parse_law

__all__ = [
    "Asset",
    "Band",
    "Chain",
    "Custody",
    "Law",
    "LawError",
    "Pool",
    "Profile",
    "Receiver",
    "RefillRule",
    "Role",
    "Roster",
    "Tier",
    "TopUpRule",
    "Treasurer",
    "Wallet",
    "WithdrawalRule",
    "canonical_law",
    "law_digest",
    "law_from_canonical",
    "parse_law",
]
