"""Pay: let withdrawals go, hold them, or refuse them, with all reasons.

What can never be paid is REFUSED; what cannot be paid now is HELD and looked at again at each tick;
the rest gets a transfer, in one commit with QUEUED. Above the law's threshold treasurers must
approve exactly these terms first, and likewise when the payout is unlike the pool's past
(`treasury.payouts.judging`). One that is held lets younger ones pass, unless it waited a whole
window for room: then they wait for it (`note_elder`). A withdrawal has one transfer at a time: the
next one begins only when the former is over at finality without having paid. An order that was
adopted from the signer's book and has the salt of a withdrawal here is taken over instead of a new
one.

What the limits look at is read once per round and counted on, so a round costs the same for every
withdrawal. What stops money at once (a halt, a freeze, an isolation) is asked again in the very
transaction that queues.
"""

from __future__ import annotations

from datetime import datetime

from hsm.errors import HsmError
from hsm.wire.answers import Lodged
from policies.consent import tally_transfer
from policies.law import law_digest
from policies.lifecycles import Owner, TransferState, WalletState, WithdrawalState
from policies.limits import approvals_needed, is_refused_for_good
from policies.terms import Purpose, Reason, TransferTerms
from treasury.chain.errors import ChainError
from treasury.clock import unix
from treasury.errors import StaleRowError, TwinError
from treasury.ledger import Session, marks, moves
from treasury.ledger.facts import Standing, Transfer, Withdrawal
from treasury.ledger.queries import refills, standings, transfers
from treasury.orders.drafts import Draft, draft_terms, order_id_of, transfer_row
from treasury.orders.vetoes import heed_vetoes
from treasury.payouts.judging import Ruling, rule_on, with_ruling
from treasury.payouts.orders import (
    MOST_TRANSFERS,
    SALT_USED,
    newest_order,
    payout_salt,
    placed_cause,
    take_over,
)
from treasury.payouts.paying import (
    Payment,
    Round,
    begin_round,
    note_elder,
    obstacles,
    payment_of,
    with_receivers,
)
from treasury.world import NO_LAW, Deeds, Outcome, World, law_here

_NAME = "pay"
LASTS_S = 3_600
"""How long a withdrawal's transfer may wait for its first signature."""
CONSENT_LASTS_S = 86_400
"""How long treasurers have to approve a withdrawal above the threshold."""
MOST_DEEDS = 500
"""How much one round does, so that a flood of requests never outlasts the tick's deadline."""


def pay(world: World, now: datetime) -> Outcome:
    """Take every open withdrawal of the chain once, oldest first."""
    deeds = Deeds(_NAME)
    found = law_here(world)
    if found is None:
        return deeds.broken_off(NO_LAW)
    try:
        turn = with_receivers(begin_round(world, found[0], unix(now), deeds))
        for withdrawal in turn.waiting:
            if len(deeds.done) >= MOST_DEEDS:
                break
            _take(turn, withdrawal)
    except (HsmError, ChainError) as error:
        return deeds.broken_off(error)
    return deeds.outcome()


def _take(turn: Round, withdrawal: Withdrawal) -> None:
    try:
        if withdrawal.state is WithdrawalState.QUEUED:
            _look_after(turn, withdrawal)
        else:
            _begin(turn, withdrawal)
    except (StaleRowError, TwinError) as error:
        turn.deeds.add(f"left withdrawal {withdrawal.id}: {error}")


def _look_after(turn: Round, withdrawal: Withdrawal) -> None:
    """Give a queued withdrawal whose transfer did not pay its next one, or give it up."""
    with turn.world.ledger.read() as session:
        former = transfers.transfer(session, withdrawal.transfer_id or 0)
        number, newest = newest_order(session, turn.world.deployment, withdrawal)
    if former is None or newest is None:
        return
    if newest.id != former.id:
        _take_over(turn, withdrawal, newest)
    elif any(reason.code == SALT_USED for reason in former.reasons):
        # The book has an order for it that we do not know: another one might pay twice.
        _hold(turn, withdrawal, former.reasons)
    elif former.state is TransferState.REVERTED or number >= MOST_TRANSFERS:
        text = f"transfer {former.id} is {former.state.value} after {number} in all"
        why = (Reason(code="not_paid", text=text), *former.reasons)
        _move(turn, withdrawal, WithdrawalState.CANCELLED, why)
    else:
        _judge(turn, withdrawal, number + 1)


def _begin(turn: Round, withdrawal: Withdrawal) -> None:
    """Judge a withdrawal that has no transfer, or find the one that only the book knew."""
    newest = None
    if turn.has_adopted:
        with turn.world.ledger.read() as session:
            _, newest = newest_order(session, turn.world.deployment, withdrawal)
    if newest is None:
        _judge(turn, withdrawal, 1)
    else:
        _take_over(turn, withdrawal, newest)


def _take_over(turn: Round, withdrawal: Withdrawal, transfer: Transfer) -> None:
    with turn.world.ledger.write() as session:
        now = take_over(session, withdrawal, transfer, now=turn.now)
    turn.deeds.add(f"withdrawal {now.id} is {now.state.value}: it was transfer {transfer.id}")


def _judge(turn: Round, withdrawal: Withdrawal, number: int) -> None:
    """Decide what becomes of a withdrawal now; `number` is that of its next order."""
    payment = payment_of(turn, withdrawal, number)
    if isinstance(payment, Reason):
        _hold(turn, withdrawal, (payment,))
        return
    reasons = obstacles(turn, payment)
    if is_refused_for_good(reasons) and withdrawal.state is not WithdrawalState.QUEUED:
        _move(turn, withdrawal, WithdrawalState.REFUSED, reasons)
    elif reasons:
        note_elder(turn, payment, reasons)
        _hold(turn, withdrawal, reasons)
    else:
        _consent_or_queue(turn, payment)


def _consent_or_queue(turn: Round, payment: Payment) -> None:
    withdrawal, rule = payment.withdrawal, payment.pool.withdrawals[payment.asset.symbol]
    ruling = rule_on(turn, payment)
    needed = max(approvals_needed(withdrawal.amount, rule), ruling.approvals)
    if not needed and ruling.waits:
        _hold(turn, withdrawal, ruling.waits)
        return
    if not needed:
        _queue(turn, payment, _draft(turn, payment, LASTS_S))
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
        asked = (*ruling.reasons, _needs(needed))
        _ask_treasurers(turn, withdrawal, _draft(turn, payment, CONSENT_LASTS_S), asked)
    elif turn.now >= terms.expires_at:
        text = "treasurers did not approve it in time"
        _move(turn, withdrawal, WithdrawalState.REFUSED, (Reason(code="expired", text=text),))
    else:
        _count(turn, payment, terms, ruling)


def _needs(approvals: int) -> Reason:
    return Reason(code="needs_approval", text=f"{approvals} treasurers must approve it")


def _draft(turn: Round, payment: Payment, lasts_s: int) -> TransferTerms:
    draft = Draft(
        purpose=Purpose.WITHDRAWAL,
        asset=payment.asset,
        source=payment.payer.address,
        destination=payment.withdrawal.destination,
        amount=payment.withdrawal.amount,
        lasts_s=lasts_s,
    )
    key = payment.withdrawal.idempotency_key
    salt = payout_salt(turn.world.deployment, key, payment.number)
    return draft_terms(draft, turn.law, salt=salt, now=turn.now)


def _ask_treasurers(
    turn: Round, withdrawal: Withdrawal, terms: TransferTerms, why: tuple[Reason, ...]
) -> None:
    """Fix the terms that treasurers shall sign, and hold until they did."""
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
    text = "; ".join(reason.text for reason in why)
    turn.deeds.add(f"held withdrawal {withdrawal.id}: {text}")


def _count(turn: Round, payment: Payment, terms: TransferTerms, ruling: Ruling) -> None:
    """Queue a held withdrawal when the signer calls its quorum reached; end it when vetoed."""
    withdrawal = payment.withdrawal
    order_id = withdrawal.order_id or ""
    digest = bytes.fromhex(order_id[2:])
    with turn.world.ledger.read() as session:
        signatures = [a.signature for a in refills.approvals(session, order_id)]
    vetoed = heed_vetoes(turn.world, turn.law, order_id)
    if vetoed:
        _move(turn, withdrawal, WithdrawalState.REFUSED, vetoed)
        return
    preview = with_ruling(tally_transfer(terms, digest, signatures, law=turn.law), ruling)
    if not preview.reached:
        _hold(turn, withdrawal, preview.reasons)
        return
    answer = turn.world.signer.lodge(terms, signatures)
    if isinstance(answer, Lodged) and answer.reached:
        _queue(turn, payment, terms)
    else:
        _hold(turn, withdrawal, answer.reasons)


def _queue(turn: Round, payment: Payment, terms: TransferTerms) -> None:
    """Queue the transfer; a withdrawal that is queued already changes only its transfer."""
    withdrawal = payment.withdrawal
    with turn.world.ledger.write() as session:
        _require_free(session, payment.payer)
        row = transfer_row(
            terms,
            deployment=turn.world.deployment,
            cause=placed_cause(withdrawal, payment.number),
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
    if turn.preview is not None:
        turn.preview.count(terms)
    turn.deeds.add(f"queued withdrawal {withdrawal.id} as transfer {transfer.id}")


def _require_free(session: Session, payer: Standing) -> None:
    """Raise `StaleRowError` when money was stopped since the round began."""
    standing = standings.wallet(session, payer.name)
    if standings.is_halted(session):
        raise StaleRowError("exposure was halted meanwhile")
    if standing is None or standing.state is not WalletState.ACTIVE or not standing.is_calm:
        raise StaleRowError(f"{payer.name} may not pay any more")


def _hold(turn: Round, withdrawal: Withdrawal, why: tuple[Reason, ...]) -> None:
    if withdrawal.state is WithdrawalState.ACCEPTED:
        _move(turn, withdrawal, WithdrawalState.HELD, why)
        return
    if withdrawal.reasons == why:
        return
    with turn.world.ledger.write() as session:
        marks.write_reasons(session, withdrawal, why)


def _move(
    turn: Round, withdrawal: Withdrawal, to: WithdrawalState, why: tuple[Reason, ...]
) -> None:
    with turn.world.ledger.write() as session:
        moves.move(session, withdrawal, to, actor=Owner.RELEASE, why=why, now=turn.now)
    text = "; ".join(reason.text for reason in why)
    turn.deeds.add(f"withdrawal {withdrawal.id} is {to.value}: {text}")
