"""Whether a proposal of a person makes sense under the law, told before anyone is asked to sign.

A preview: the signer judges again, and its verdict counts.
"""

from __future__ import annotations

from collections.abc import Iterator

from policies.consent import describe_transfer, terms_to_json
from policies.law import Law, Pool, Role, Wallet
from policies.lifecycles import RefillState
from policies.terms import Purpose, Reason, TransferTerms
from treasury.api.errors import ApiError
from treasury.ledger.tables import RefillRow

_AHEAD_S = 60


def require_sound(terms: TransferTerms, law: Law, now: int) -> None:
    """Raise `ApiError` 422 with all reasons why the law can never allow this refill."""
    found = tuple(_faults(terms, law, now))
    if found:
        told = "; ".join(reason.text for reason in found)
        raise ApiError(422, "unsound", f"the law does not allow this refill: {told}", found)


def refill_row(terms: TransferTerms, digest: str, law: Law, now: int) -> RefillRow:
    """Return the row of a proposed refill; the terms must be sound."""
    wallet, pool = _hot(terms, law)
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


def _faults(terms: TransferTerms, law: Law, now: int) -> Iterator[Reason]:
    if terms.purpose is not Purpose.REFILL:
        yield Reason(code="not_a_refill", text=f"its purpose is {terms.purpose}, not refill")
    if terms.what != describe_transfer(terms, law):
        yield Reason(code="wrong_sentence", text=f"it must say: {describe_transfer(terms, law)}")
    if terms.proposed_at > now + _AHEAD_S:
        yield Reason(code="from_the_future", text="it was proposed in the future: set your clock")
    yield from _places(terms, law)
    yield from _figures(terms, law)


def _places(terms: TransferTerms, law: Law) -> Iterator[Reason]:
    wallet, pool = _hot(terms, law)
    if wallet is None or pool is None or wallet.role is not Role.HOT:
        yield Reason(code="not_hot", text=f"{terms.destination} is no hot wallet of the law")
        return
    vault = law.wallet(pool.vault)
    if vault is None or vault.address != terms.source:
        yield Reason(code="not_the_vault", text=f"{terms.source} is not the vault of {pool.name}")


def _figures(terms: TransferTerms, law: Law) -> Iterator[Reason]:
    _, pool = _hot(terms, law)
    chain = law.chain_by_id(terms.chain_id)
    asset = law.asset_at(terms.chain_id, terms.asset)
    if chain is None or asset is None or pool is None or asset.symbol not in pool.bands:
        yield Reason(code="unknown_asset", text="the pool has no band for this asset")
        return
    if not 0 < terms.amount <= pool.bands[asset.symbol].cap:
        yield Reason(code="above_cap", text="its amount must be above zero and at most the cap")
    if not 0 < terms.max_fee <= chain.fee_ceiling:
        yield Reason(code="fee_ceiling", text="its maxFee must be above zero and at most the law's")
    expiry_s = pool.refills[asset.symbol].expiry_s
    if not terms.proposed_at < terms.expires_at <= terms.proposed_at + expiry_s:
        yield Reason(code="expiry", text=f"it must expire at most {expiry_s} s after its proposal")


def _hot(terms: TransferTerms, law: Law) -> tuple[Wallet | None, Pool | None]:
    wallet = law.wallet_at(terms.chain_id, terms.destination)
    return wallet, (law.pool_of(wallet.name) if wallet else None)
