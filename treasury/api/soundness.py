"""What the law says of a refill that a person proposes or is asked to sign: pure, no I/O.

The daemon asks before it takes a proposal in, the treasurer's client before it signs; a preview
in both places, because the signer judges again and its verdict counts.
"""

from __future__ import annotations

from collections.abc import Iterator

from policies.consent import describe_transfer
from policies.law import Law, Pool, Role, Wallet
from policies.terms import Purpose, Reason, TransferTerms

_AHEAD_S = 60


def refill_faults(terms: TransferTerms, law: Law, now: int) -> Iterator[Reason]:
    """Yield every reason why the law can never allow this refill."""
    if terms.purpose is not Purpose.REFILL:
        yield Reason(code="not_a_refill", text=f"its purpose is {terms.purpose}, not refill")
    if terms.what != describe_transfer(terms, law):
        yield Reason(code="wrong_sentence", text=f"it must say: {describe_transfer(terms, law)}")
    if terms.proposed_at > now + _AHEAD_S:
        yield Reason(code="from_the_future", text="it was proposed in the future: set your clock")
    yield from _places(terms, law)
    yield from _figures(terms, law)


def _places(terms: TransferTerms, law: Law) -> Iterator[Reason]:
    wallet, pool = hot_wallet(terms, law)
    if wallet is None or pool is None or wallet.role is not Role.HOT:
        yield Reason(code="not_hot", text=f"{terms.destination} is no hot wallet of the law")
        return
    vault = law.wallet(pool.vault)
    if vault is None or vault.address != terms.source:
        yield Reason(code="not_the_vault", text=f"{terms.source} is not the vault of {pool.name}")


def _figures(terms: TransferTerms, law: Law) -> Iterator[Reason]:
    _, pool = hot_wallet(terms, law)
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


def hot_wallet(terms: TransferTerms, law: Law) -> tuple[Wallet | None, Pool | None]:
    """Return the wallet that the terms fill, and its pool."""
    wallet = law.wallet_at(terms.chain_id, terms.destination)
    return wallet, (law.pool_of(wallet.name) if wallet else None)
