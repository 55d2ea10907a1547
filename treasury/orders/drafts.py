"""Draft the terms of a transfer, and the ledger row that carries them out.

Whatever the daemon asks the signer to sign is drafted here: the sentence is written by the same
function that the signer and the treasurers' client use, the fee allowance is the law's ceiling,
and the salt makes the order id of equal terms differ.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

from policies.consent import describe_transfer, terms_to_json, transfer_digest
from policies.law import Asset, Law, law_digest
from policies.lifecycles import TransferState
from policies.terms import NATIVE, Address, Purpose, TransferTerms
from treasury.ledger.tables import TransferRow


@dataclass(frozen=True, slots=True, kw_only=True)
class Draft:
    """What shall move; `amount` is in base units of `asset`, `lasts_s` the time to first sign.

    `max_fee` in wei; left out, it is the law's ceiling.
    """

    purpose: Purpose
    asset: Asset
    source: Address
    destination: Address
    amount: int
    lasts_s: int
    max_fee: int | None = None


def draft_terms(draft: Draft, law: Law, *, salt: bytes, now: int) -> TransferTerms:
    """Return terms made by the daemon under the law in force; `salt` is 16 random bytes."""
    chain = law.chain(draft.asset.chain)
    assert chain is not None, "an asset of a parsed law has a chain"
    terms = TransferTerms(
        what="-",
        purpose=draft.purpose,
        salt=salt,
        chain_id=chain.chain_id,
        asset=draft.asset.address,
        source=draft.source,
        destination=draft.destination,
        amount=draft.amount,
        max_fee=chain.fee_ceiling if draft.max_fee is None else draft.max_fee,
        maker=NATIVE,
        proposed_at=now,
        expires_at=now + draft.lasts_s,
        law_digest=law_digest(law),
    )
    return replace(terms, what=describe_transfer(terms, law))


def transfer_row(terms: TransferTerms, *, deployment: bytes, cause: str, now: int) -> TransferRow:
    """Return the queued row of a transfer; `cause` names why it exists and exists once."""
    return TransferRow(
        order_id=order_id_of(terms, deployment),
        cause=cause,
        purpose=terms.purpose.value,
        chain_id=terms.chain_id,
        source=terms.source,
        destination=terms.destination,
        asset=terms.asset,
        amount=terms.amount,
        max_fee=terms.max_fee,
        terms=terms_to_json(terms),
        state=TransferState.QUEUED.value,
        created_at=now,
        expires_at=terms.expires_at,
        changed_at=now,
        reasons=[],
    )


def order_id_of(terms: TransferTerms, deployment: bytes) -> str:
    """Return the order id of terms as 0x-hex."""
    return "0x" + transfer_digest(terms, deployment).hex()
