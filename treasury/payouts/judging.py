"""Judge every payout before it is queued, and so before it is signed: is it like its pool's past.

The explicit bounds and the learned judgement look at each withdrawal once. The row that keeps the
verdict is the decision and the lesson in one, so a crash neither repeats nor loses either. The
rungs: *alert* is told; *throttle* lets the pool pay one withdrawal a minute for a while; *hold*
has treasurers approve exactly this one; *freeze* lets nothing leave the wallet until a person
lifts it. What statistics alone say never isolates: an order that came through our own door is no
proof that the key is gone.

What was learned asks about a recipient once and then only slows its payouts, as if a person had
agreed. Whether one did stands in the ledger: until then nothing more goes to that recipient.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace

from policies.consent import Tally
from policies.law import Pool
from policies.lifecycles import WithdrawalState
from policies.outflow import Judgement, Outflow, Verdict, strictest
from policies.terms import Reason
from treasury.ledger import Session, marks, outflow_marks
from treasury.ledger.facts import Withdrawal
from treasury.ledger.facts_outflow import JudgedOutflow
from treasury.ledger.queries import outflows, standings, transfers, watch
from treasury.payouts.paying import Payment, Round
from treasury.payouts.watches import LIMIT_SIZE, Mind, event_of, keep, request_of
from treasury.world import World

THROTTLED_FOR_S = 600
"""How long a pool pays slowly after a verdict of throttle or worse."""
THROTTLE_GAP_S = 60
"""How far apart its withdrawals are then."""
_SLOW = tuple(v.word for v in Verdict if v >= Verdict.THROTTLE)
_ASKED = tuple(v.word for v in Verdict if v >= Verdict.HOLD)
_OPEN = (WithdrawalState.ACCEPTED, WithdrawalState.HELD)
_ACTOR = "judge"
_SIZE_MAX = 2**62


@dataclass(frozen=True, slots=True, kw_only=True)
class Ruling:
    """What the judgement asks for: so many treasurers, and to wait if `waits` says why."""

    verdict: Verdict
    approvals: int
    reasons: tuple[Reason, ...]
    waits: tuple[Reason, ...] = ()


def rule_on(turn: Round, payment: Payment) -> Ruling:
    """Return the ruling on a withdrawal that nothing else holds, judging it if it was not yet."""
    subject = f"{outflows.WITHDRAWAL}{payment.withdrawal.id}"
    with turn.world.ledger.read() as session:
        judged = outflows.by_subject(session, subject)
        if judged is not None:
            return _ruling(session, payment, judged, now=turn.now)
    return _judge(turn, payment, subject)


def _ruling(session: Session, payment: Payment, judged: JudgedOutflow, *, now: int) -> Ruling:
    """Return what the verdict asks for, and what an open question about its recipient adds."""
    rule = payment.pool.withdrawals[payment.asset.symbol]
    verdict = Verdict[judged.verdict.upper()]
    undecided, denied = _doubts(session, judged)
    is_asked = verdict >= Verdict.HOLD or bool(denied)
    return Ruling(
        verdict=verdict,
        approvals=max(1, rule.hold_approvals) if is_asked else 0,
        reasons=(*judged.reasons, *denied),
        waits=(*undecided, *_waits(session, payment, now)),
    )


def _doubts(
    session: Session, judged: JudgedOutflow
) -> tuple[tuple[Reason, ...], tuple[Reason, ...]]:
    """Return why it waits for an answer about its recipient, or why it needs one of its own.

    Without a yes treasurers are asked about what waited meanwhile, and what is odd by itself.
    """
    doubted = outflows.not_agreed_before(session, judged, _ASKED)
    for one in doubted:
        if one.state in _OPEN:
            text = f"withdrawal {one.id} to the same recipient is held and not decided yet"
            return (Reason(code="recipient_in_question", text=text),), ()
    denied = [one for one in doubted if _still_counts(one, judged)]
    if not denied:
        return (), ()
    text = f"nobody agreed to withdrawal {denied[-1].id} to the same recipient"
    return (), (Reason(code="recipient_not_agreed", text=text),)


def _still_counts(denied: Withdrawal, judged: JudgedOutflow) -> bool:
    return denied.changed_at >= judged.at or judged.verdict in _SLOW


def with_ruling(tally: Tally, ruling: Ruling) -> Tally:
    """Return the tally with the treasurers that the ruling asks for, and its reasons."""
    if len(tally.counted) >= ruling.approvals:
        return tally
    text = f"{len(tally.counted)} of {ruling.approvals} approvals"
    missing = Reason(code="quorum_missing", text=text)
    others = tuple(reason for reason in tally.reasons if reason.code != missing.code)
    return replace(
        tally,
        required=max(tally.required, ruling.approvals),
        reached=False,
        reasons=(*ruling.reasons, *others, missing),
    )


def _judge(turn: Round, payment: Payment, subject: str) -> Ruling:
    """Judge and write down in one commit: the verdict, what was learned, and a freeze."""
    world, pool = turn.world, payment.pool.name
    watches = world.watches
    with world.ledger.write() as session:
        asked = replace(_asked(turn, payment, subject), balance=_balance(session, payment))
        past = _past(session, world, payment.pool)
        mind = watches.take(session, pool, past, salt=_salt(world))
        most = Verdict[watches.settings.strictest.name]
        judged = _said(asked, _judgement(mind, asked, payment, most))
        mind.upto_id = outflow_marks.keep_outflow(session, judged)
        ruling = _ruling(session, payment, replace(judged, id=mind.upto_id), now=turn.now)
        keep(session, pool, mind, now=turn.now)
        if judged.verdict == Verdict.FREEZE.word:
            _freeze(session, payment.payer.name, judged)
    watches.put(pool, mind)
    return ruling


def _judgement(mind: Mind, asked: JudgedOutflow, payment: Payment, most: Verdict) -> Judgement:
    balance = None if asked.balance is None else _size(asked.balance, payment)
    bounded = mind.bounds.judge(request_of(asked, balance=balance))
    learned = mind.learned.judge(event_of(asked))
    learned = learned._replace(verdict=min(learned.verdict, most))
    judgement = strictest((bounded, learned))
    return judgement._replace(verdict=min(judgement.verdict, Verdict.FREEZE))


def _said(asked: JudgedOutflow, judgement: Judgement) -> JudgedOutflow:
    return replace(
        asked,
        verdict=judgement.verdict.word,
        score=str(judgement.score),
        reasons=reasons_of(judgement),
    )


def _freeze(session: Session, wallet: str, judged: JudgedOutflow) -> None:
    standing = standings.wallet(session, wallet)
    if standing is not None and not standing.frozen:
        why = f"{judged.subject}: " + "; ".join(reason.text for reason in judged.reasons)
        marks.freeze(session, standing, actor=_ACTOR, why=why, now=judged.at)


def _asked(turn: Round, payment: Payment, subject: str) -> JudgedOutflow:
    withdrawal = payment.withdrawal
    known = {} if turn.preview is None else turn.preview.first_paid
    return JudgedOutflow(
        id=0,
        subject=subject,
        pool=payment.pool.name,
        wallet=payment.payer.name,
        at=turn.now,
        recipient=withdrawal.destination,
        asset=withdrawal.asset,
        amount=withdrawal.amount,
        size=_size(withdrawal.amount, payment),
        is_first_use=withdrawal.destination not in known,
        verdict=Verdict.CALM.word,
        score="0",
        reasons=(),
    )


def _balance(session: Session, payment: Payment) -> int | None:
    payer = payment.payer
    return watch.balance(session, payer.chain_id, payer.address, payment.asset.address)


def reasons_of(judgement: Judgement) -> tuple[Reason, ...]:
    """Return the findings as reasons in plain words."""
    return tuple(
        Reason(code=found.rule, text=f"{found.observed}; expected: {found.expected}")
        for found in judgement.findings
    )


def _size(amount: int, payment: Payment) -> int:
    limit = payment.pool.withdrawals[payment.asset.symbol].per_transfer
    return min(amount * LIMIT_SIZE // max(limit, 1), _SIZE_MAX)


def _salt(world: World) -> int:
    return int.from_bytes(world.deployment[:8], "big")


def _past(session: Session, world: World, pool: Pool) -> Iterator[Outflow]:
    """Yield what the pool paid before anything was judged, in the order of time."""
    known = (standings.wallet(session, name) for name in pool.members)
    members = tuple(standing.address for standing in known if standing is not None)
    paid = outflows.paid_before_judging(session, pool.name, world.chain_id, members)
    for at, to, asset, amount in paid:
        yield Outflow(time=at, recipient=to, asset=asset, amount=float(amount))


def _waits(session: Session, payment: Payment, now: int) -> tuple[Reason, ...]:
    """Say why a withdrawal has to wait although it was judged: the pool pays slowly."""
    slowed = outflows.newest_of(session, payment.pool.name, _SLOW, now - THROTTLED_FOR_S)
    if slowed is None:
        return ()
    last = transfers.last_queued_at(session, payment.payer.chain_id, payment.payer.address)
    if last is None or now - last >= THROTTLE_GAP_S:
        return ()
    text = f"{payment.pool.name} pays one withdrawal a minute since {slowed.subject}"
    return (Reason(code="throttled", text=text),)
