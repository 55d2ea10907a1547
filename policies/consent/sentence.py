"""The one English sentence in which people read what they sign.

Both sides recompute it from the other fields and compare: words that say one thing over bytes
that say another are refused.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping
from typing import assert_never

from policies.amounts import format_amount
from policies.law import Law
from policies.terms import MotionKind, Purpose, TransferTerms


def describe_transfer(terms: TransferTerms, law: Law) -> str:
    """Return the sentence of transfer terms, or one that names what the law does not know."""
    chain = law.chain_by_id(terms.chain_id)
    asset = law.asset_at(terms.chain_id, terms.asset)
    if chain is None or asset is None:
        return f"Unknown asset {terms.asset} on chain {terms.chain_id}"
    source = law.wallet_at(terms.chain_id, terms.source)
    destination = law.wallet_at(terms.chain_id, terms.destination)
    giver = source.name if source else terms.source
    taker = destination.name if destination else terms.destination
    amount = format_amount(terms.amount, asset.symbol, asset.decimals)
    match terms.purpose:
        case Purpose.REFILL:
            return f"Refill {taker} with {amount} from {giver} on {chain.name}"
        case Purpose.SWEEP:
            return f"Sweep {amount} from {giver} to {taker} on {chain.name}"
        case Purpose.EVACUATION:
            return f"Evacuate {amount} from {giver} to {taker} on {chain.name}"
        case Purpose.WITHDRAWAL:
            return f"Withdraw {amount} from {giver} to {taker} on {chain.name}"
        case Purpose.TOP_UP:
            return f"Top up {taker} with {amount} from {giver} on {chain.name}"
    assert_never(terms.purpose)


_MOTIONS: Mapping[MotionKind, str] = {
    MotionKind.ADOPT: "Adopt the law with digest {lawDigest}",
    MotionKind.ROTATE: "Make {wallet} the active wallet of pool {pool}",
    MotionKind.REINSTATE: "Reinstate the isolated wallet {wallet} as standby",
    MotionKind.RETIRE: "Retire wallet {wallet} for ever",
    MotionKind.CLOSE: "Close incident {incident} of {wallet} as {outcome}",
    MotionKind.RESUME: "Resume exposure after the halt: {why}",
    MotionKind.SKIP_NONCE: "Skip the nonce of {wallet} to {nonce}",
}


def describe_motion(kind: MotionKind, payload: Mapping[str, object]) -> str:
    """Return the sentence of a motion; what its payload lacks is written as "?"."""
    return _MOTIONS[kind].format_map(defaultdict(lambda: "?", payload))
