"""Consent: what exactly is signed (EIP-712), in which sentence, and whether enough have signed.

Consent is keyed by digest: changed terms or a changed law void old approvals by arithmetic.
The same code runs in the daemon (as a preview), in the signer (whose verdict counts) and in the
treasurer's client (which trusts neither).
"""

from policies.consent.sentence import describe_motion, describe_transfer
from policies.consent.tally import Tally, Towards, tally_motion, tally_transfer, tier_for
from policies.consent.typed_data import (
    motion_digest,
    motion_typed_data,
    payload_digest,
    transfer_digest,
    transfer_typed_data,
    veto_digest,
    veto_typed_data,
)
from policies.consent.written import (
    TermsError,
    motion_from_json,
    motion_to_json,
    terms_to_json,
    transfer_from_json,
)

__all__ = [
    "Tally",
    "TermsError",
    "Towards",
    "describe_motion",
    "describe_transfer",
    "motion_digest",
    "motion_from_json",
    "motion_to_json",
    "motion_typed_data",
    "payload_digest",
    "tally_motion",
    "tally_transfer",
    "terms_to_json",
    "tier_for",
    "transfer_digest",
    "transfer_from_json",
    "transfer_typed_data",
    "veto_digest",
    "veto_typed_data",
]
