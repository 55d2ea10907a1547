"""A person's proposal: refused before anyone is asked to sign it, or made into a row."""

from __future__ import annotations

from policies.consent import terms_to_json
from policies.law import Law
from policies.lifecycles import RefillState
from policies.terms import TransferTerms
from treasury.api.errors import ApiError
from treasury.api.soundness import hot_wallet, refill_faults
from treasury.ledger import Session, queries
from treasury.ledger.tables import RefillRow


def require_sound(terms: TransferTerms, law: Law, now: int) -> None:
    """Raise `ApiError` 422 with all reasons why the law can never allow this refill."""
    found = tuple(refill_faults(terms, law, now))
    if found:
        told = "; ".join(reason.text for reason in found)
        raise ApiError(422, "unsound", f"the law does not allow this refill: {told}", found)


def refill_row(terms: TransferTerms, digest: str, law: Law, now: int) -> RefillRow:
    """Return the row of a proposed refill; the terms must be sound."""
    wallet, pool = hot_wallet(terms, law)
    assert wallet is not None
    assert pool is not None
    return RefillRow(
        order_id=digest,
        chain_id=terms.chain_id,
        pool=pool.name,
        wallet=wallet.name,
        asset=terms.asset,
        amount=terms.amount,
        max_fee=terms.max_fee,
        state=RefillState.PROPOSED.value,
        terms=terms_to_json(terms),
        maker=terms.maker,
        proposed_at=terms.proposed_at,
        expires_at=terms.expires_at,
        changed_at=now,
        counted=[],
        reasons=[],
    )


def require_calm(session: Session, terms: TransferTerms) -> None:
    """Raise `ApiError` 409 while something at either end is unexplained: it looks like a need."""
    for address in (terms.source, terms.destination):
        standing = queries.standings.wallet_at(session, terms.chain_id, address)
        if standing is not None and not standing.is_calm:
            why = standing.frozen_why or standing.hold_why
            text = f"{standing.name} is not calm, so nothing is proposed for it: {why}"
            raise ApiError(409, "not_calm", text)
