"""Gather what `policies.limits` judges for one withdrawal, from the ledger alone.

What is queued counts as if it were signed: the preview must never admit more than the signer
will, or customers would wait for refusals.
"""

from __future__ import annotations

from policies.law import Asset, WithdrawalRule
from policies.lifecycles import TransferState
from policies.limits import WindowFacts, WithdrawalFacts
from policies.terms import Address, Purpose
from treasury.band_facts import View
from treasury.ledger import Session
from treasury.ledger.facts import Standing, Transfer, Withdrawal
from treasury.ledger.queries import transfers


def withdrawal_facts(
    session: Session,
    view: View,
    withdrawal: Withdrawal,
    *,
    asset: Asset,
    payer: Standing,
    rule: WithdrawalRule,
) -> WithdrawalFacts:
    """Return the facts of a withdrawal as seen from a view; `payer` is the pool's active wallet."""
    chain = view.law.chain(asset.chain)
    assert chain is not None, "an asset of a parsed law has a chain"
    since = view.now - rule.window_s
    return WithdrawalFacts(
        asset=asset,
        destination=withdrawal.destination,
        amount=withdrawal.amount,
        max_fee=chain.fee_ceiling,
        window=_window(session, _counted(session, payer, since), asset, since),
        is_first_use=_is_new(session, payer.chain_id, withdrawal.destination, since),
        balance=view.left(payer.address, asset.address),
    )


def _counted(session: Session, payer: Standing, since: int) -> tuple[Transfer, ...]:
    signed = transfers.signed_from(session, Purpose.WITHDRAWAL, payer.address, since)
    queued = transfers.in_states(session, payer.chain_id, TransferState.QUEUED)
    waiting = tuple(
        transfer
        for transfer in queued
        if transfer.source == payer.address and transfer.purpose is Purpose.WITHDRAWAL
    )
    return (*signed, *waiting)


def _window(
    session: Session, counted: tuple[Transfer, ...], asset: Asset, since: int
) -> WindowFacts:
    same = [transfer for transfer in counted if transfer.asset == asset.address]
    fees = sum(transfer.max_fee for transfer in counted) if asset.is_native else 0
    return WindowFacts(
        amount=sum(transfer.amount for transfer in same) + fees,
        count=len(counted),
        first_use_amount=sum(
            transfer.amount
            for transfer in same
            if _is_new(session, transfer.chain_id, transfer.destination, since)
        ),
    )


def _is_new(session: Session, chain_id: int, destination: Address, since: int) -> bool:
    first = transfers.first_paid_at(session, chain_id, destination)
    return first is None or first > since
