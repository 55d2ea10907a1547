"""Pay: let withdrawals go, hold them, or refuse them, with all reasons.

What can never be paid is REFUSED; what cannot be paid now is HELD and looked at again at each
tick; the rest gets a transfer, in one commit with QUEUED. Above the law's threshold treasurers
must approve exactly these terms first. A withdrawal has one transfer at a time: the next one
begins only when the former is over at finality without having paid.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from hsm.answers import Lodged
from hsm.errors import HsmError
from policies.consent import tally_transfer
from policies.law import Asset, Law, Pool, law_digest
from policies.lifecycles import Owner, TransferState, WithdrawalState
from policies.limits import approvals_needed, is_refused_for_good, judge_withdrawal
from policies.terms import Purpose, Reason, TransferTerms
from treasury.band_facts import View, views_at
from treasury.clock import unix
from treasury.drafts import Draft, draft_terms, order_id_of, transfer_row
from treasury.errors import StaleRowError, TwinError
from treasury.ledger import Session, marks, moves
from treasury.ledger.facts import Standing, Transfer, Withdrawal
from treasury.ledger.queries import refills, requests, standings, transfers
from treasury.payouts import withdrawal_facts
from treasury.vetoes import heed_vetoes
from treasury.world import NO_LAW, Deeds, Outcome, World, law_here

_NAME = "pay"
LASTS_S = 3_600
"""How long a withdrawal's transfer may wait for its first signature."""
CONSENT_LASTS_S = 86_400
"""How long treasurers have to approve a withdrawal above the threshold."""
MOST_TRANSFERS = 3
"""How many transfers one withdrawal gets before it is cancelled."""

_UNPAID = frozenset({TransferState.CANCELLED, TransferState.REVERTED, TransferState.USURPED})


@dataclass(frozen=True, slots=True, kw_only=True)
class _Round:
    """One round of paying."""

    world: World
    law: Law
    now: int
    deeds: Deeds


@dataclass(frozen=True, slots=True, kw_only=True)
class _Payment:
    """A withdrawal with what it needs: pool, asset and the wallet that would pay."""

    withdrawal: Withdrawal
    pool: Pool
    asset: Asset
    payer: Standing


def pay(world: World, now: datetime) -> Outcome:
    """Take every open withdrawal of the chain once, oldest first."""
    deeds = Deeds(_NAME)
    found = law_here(world)
    if found is None:
        return deeds.broken_off(NO_LAW)
    with world.ledger.read() as session:
        waiting = requests.withdrawals_in(
            session,
            world.chain_id,
            WithdrawalState.ACCEPTED,
            WithdrawalState.HELD,
            WithdrawalState.QUEUED,
        )
    turn = _Round(world=world, law=found[0], now=unix(now), deeds=deeds)
    try:
        for withdrawal in waiting:
            _take(turn, withdrawal)
    except HsmError as error:
        return deeds.broken_off(error)
    return deeds.outcome()


def _take(turn: _Round, withdrawal: Withdrawal) -> None:
    try:
        if withdrawal.state is WithdrawalState.QUEUED:
            _look_after(turn, withdrawal)
        else:
            _judge(turn, withdrawal)
    except (StaleRowError, TwinError) as error:
        turn.deeds.add(f"left withdrawal {withdrawal.id}: {error}")


def _look_after(turn: _Round, withdrawal: Withdrawal) -> None:
    """Give a queued withdrawal its next transfer when the former is over without paying."""
    with turn.world.ledger.read() as session:
        former = transfers.transfer(session, withdrawal.transfer_id or 0)
        tries = len(transfers.by_cause(session, f"withdrawal:{withdrawal.id}"))
    if former is None or former.state not in _UNPAID:
        return
    if former.state is TransferState.REVERTED or tries >= MOST_TRANSFERS:
        text = f"transfer {former.id} is {former.state.value} after {tries} in all"
        why = (Reason(code="not_paid", text=text), *former.reasons)
        _move(turn, withdrawal, WithdrawalState.CANCELLED, why)
        return
    _judge(turn, withdrawal)


def _judge(turn: _Round, withdrawal: Withdrawal) -> None:
    payment = _payment(turn, withdrawal)
    if isinstance(payment, Reason):
        _hold(turn, withdrawal, (payment,))
        return
    reasons = _obstacles(turn, payment)
    if is_refused_for_good(reasons) and withdrawal.state is not WithdrawalState.QUEUED:
        _move(turn, withdrawal, WithdrawalState.REFUSED, reasons)
    elif reasons:
        _hold(turn, withdrawal, reasons)
    else:
        _consent_or_queue(turn, payment)


def _payment(turn: _Round, withdrawal: Withdrawal) -> _Payment | Reason:
    pool = turn.law.pool(withdrawal.pool)
    asset = turn.law.asset_at(withdrawal.chain_id, withdrawal.asset)
    if pool is None or asset is None:
        return Reason(code="law_changed", text="the law does not know its pool or asset any more")
    with turn.world.ledger.read() as session:
        payer = standings.active_of(session, pool.name)
    if payer is None:
        return Reason(code="no_active_wallet", text=f"pool {pool.name} has no active wallet")
    return _Payment(withdrawal=withdrawal, pool=pool, asset=asset, payer=payer)


def _obstacles(turn: _Round, payment: _Payment) -> tuple[Reason, ...]:
    world, payer = turn.world, payment.payer
    reasons = []
    with world.ledger.read() as session:
        views = views_at(session, turn.law, world.settings, chain_id=world.chain_id, now=turn.now)
        if standings.is_halted(session):
            reasons.append(Reason(code="halted", text="exposure is halted"))
        if not payer.is_calm:
            text = f"{payer.name} is not calm: {payer.frozen_why or payer.hold_why}"
            reasons.append(Reason(code="not_calm", text=text))
        if views is None or not views[0].is_fresh():
            text = "the newest look at the chain is too old"
            reasons.append(Reason(code="stale", text=text))
        else:
            reasons.extend(views[0].objections(payment.asset))
            reasons.extend(_limits(session, views[0], payment))
    return tuple(reasons)


def _limits(session: Session, view: View, payment: _Payment) -> tuple[Reason, ...]:
    rule = payment.pool.withdrawals.get(payment.asset.symbol)
    if rule is None:
        text = f"the law has no withdrawal rule for {payment.asset.symbol}"
        return (Reason(code="no_withdrawal_rule", text=text),)
    facts = withdrawal_facts(
        session,
        view,
        payment.withdrawal,
        asset=payment.asset,
        payer=payment.payer,
        rule=rule,
    )
    return judge_withdrawal(facts, law=view.law, pool=payment.pool, in_signer=False)


def _consent_or_queue(turn: _Round, payment: _Payment) -> None:
    withdrawal, rule = payment.withdrawal, payment.pool.withdrawals[payment.asset.symbol]
    needed = approvals_needed(withdrawal.amount, rule)
    if not needed:
        _queue(turn, withdrawal, _draft(turn, payment, LASTS_S))
        return
    terms = withdrawal.terms
    if withdrawal.state is WithdrawalState.QUEUED:
        text = "its approvals were for the transfer that did not pay; ask anew"
        why = (Reason(code="consent_used", text=text),)
        _move(turn, withdrawal, WithdrawalState.CANCELLED, why)
    elif terms is None or (terms.source, terms.law_digest) != (
        payment.payer.address,
        law_digest(turn.law),
    ):
        _ask_treasurers(turn, withdrawal, _draft(turn, payment, CONSENT_LASTS_S), needed)
    elif turn.now >= terms.expires_at:
        text = "treasurers did not approve it in time"
        _move(turn, withdrawal, WithdrawalState.REFUSED, (Reason(code="expired", text=text),))
    else:
        _count(turn, withdrawal, terms)


def _draft(turn: _Round, payment: _Payment, lasts_s: int) -> TransferTerms:
    draft = Draft(
        purpose=Purpose.WITHDRAWAL,
        asset=payment.asset,
        source=payment.payer.address,
        destination=payment.withdrawal.destination,
        amount=payment.withdrawal.amount,
        lasts_s=lasts_s,
    )
    return draft_terms(draft, turn.law, salt=turn.world.draw_salt(), now=turn.now)


def _ask_treasurers(
    turn: _Round, withdrawal: Withdrawal, terms: TransferTerms, needed: int
) -> None:
    """Fix the terms that treasurers shall sign, and hold until they did."""
    text = f"{needed} treasurers must approve it"
    why = (Reason(code="needs_approval", text=text),)
    order_id = order_id_of(terms, turn.world.deployment)
    with turn.world.ledger.write() as session:
        if withdrawal.state is WithdrawalState.ACCEPTED:
            moves.move(
                session,
                withdrawal,
                WithdrawalState.HELD,
                actor=Owner.RELEASE,
                why=why,
                now=turn.now,
                terms=terms,
                order_id=order_id,
            )
        else:
            marks.renew_terms(session, withdrawal, terms, order_id, now=turn.now)
            marks.write_reasons(session, withdrawal, why)
    turn.deeds.add(f"held withdrawal {withdrawal.id}: {text}")


def _count(turn: _Round, withdrawal: Withdrawal, terms: TransferTerms) -> None:
    """Queue a held withdrawal when the signer calls its quorum reached; end it when vetoed."""
    order_id = withdrawal.order_id or ""
    digest = bytes.fromhex(order_id[2:])
    with turn.world.ledger.read() as session:
        signatures = [a.signature for a in refills.approvals(session, order_id)]
    vetoed = heed_vetoes(turn.world, turn.law, order_id)
    if vetoed:
        _move(turn, withdrawal, WithdrawalState.REFUSED, vetoed)
        return
    preview = tally_transfer(terms, digest, signatures, law=turn.law)
    if not preview.reached:
        _hold(turn, withdrawal, preview.reasons)
        return
    answer = turn.world.signer.lodge(terms, signatures)
    if isinstance(answer, Lodged) and answer.reached:
        _queue(turn, withdrawal, terms)
    else:
        _hold(turn, withdrawal, answer.reasons)


def _queue(turn: _Round, withdrawal: Withdrawal, terms: TransferTerms) -> None:
    """Queue the transfer; a withdrawal that is queued already changes only its transfer."""
    with turn.world.ledger.write() as session:
        number = len(transfers.by_cause(session, f"withdrawal:{withdrawal.id}")) + 1
        row = transfer_row(
            terms,
            deployment=turn.world.deployment,
            cause=f"withdrawal:{withdrawal.id}:{number}",
            now=turn.now,
        )
        why = f"pays withdrawal {withdrawal.id}"
        transfer = moves.create(session, Transfer, row, actor=Owner.RELEASE, why=why, now=turn.now)
        if withdrawal.state is WithdrawalState.QUEUED:
            marks.pay_with(session, withdrawal, transfer)
        else:
            moves.move(
                session,
                withdrawal,
                WithdrawalState.QUEUED,
                actor=Owner.RELEASE,
                why="nothing holds it",
                now=turn.now,
                transfer_id=transfer.id,
                order_id=transfer.order_id,
                terms=terms,
                reasons=(),
            )
    turn.deeds.add(f"queued withdrawal {withdrawal.id} as transfer {transfer.id}")


def _hold(turn: _Round, withdrawal: Withdrawal, why: tuple[Reason, ...]) -> None:
    if withdrawal.state is WithdrawalState.ACCEPTED:
        _move(turn, withdrawal, WithdrawalState.HELD, why)
        return
    if withdrawal.reasons == why:
        return
    with turn.world.ledger.write() as session:
        marks.write_reasons(session, withdrawal, why)


def _move(
    turn: _Round, withdrawal: Withdrawal, to: WithdrawalState, why: tuple[Reason, ...]
) -> None:
    with turn.world.ledger.write() as session:
        moves.move(session, withdrawal, to, actor=Owner.RELEASE, why=why, now=turn.now)
    text = "; ".join(reason.text for reason in why)
    turn.deeds.add(f"withdrawal {withdrawal.id} is {to.value}: {text}")
