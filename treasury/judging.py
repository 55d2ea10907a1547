"""Judge every payout before it is queued, and so before it is signed: is it like its pool's past.

The explicit bounds and the learned judgement look at each withdrawal once. The row that keeps the
verdict is the decision and the lesson in one, so a crash neither repeats nor loses either. The
rungs: *alert* is told; *throttle* lets the pool pay one withdrawal a minute for a while; *hold*
has treasurers approve exactly this one; *freeze* lets nothing leave the wallet until a person
lifts it. What statistics alone say never isolates: an order that came through our own door is no
proof that the key is gone.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace

from policies.consent import Tally
from policies.law import Pool
from policies.outflow import Judgement, Outflow, Verdict, strictest
from policies.terms import Reason
from treasury.ledger import Session, marks, outflow_marks
from treasury.ledger.facts_outflow import JudgedOutflow
from treasury.ledger.queries import outflows, standings, transfers, watch
from treasury.paying import Payment, Round
from treasury.watches import LIMIT_SIZE, Mind, event_of, keep, request_of
from treasury.world import World

THROTTLED_FOR_S = 600
"""How long a pool pays slowly after a verdict of throttle or worse."""
THROTTLE_GAP_S = 60
"""How far apart its withdrawals are then."""
_SLOW = tuple(v.word for v in Verdict if v >= Verdict.THROTTLE)
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
    subject = f"withdrawal:{payment.withdrawal.id}"
    with turn.world.ledger.read() as session:
        judged = outflows.by_subject(session, subject)
        waits = _waits(session, payment, turn.now)
    if judged is None:
        judged = _judge(turn, payment, subject)
        if judged.verdict in _SLOW:
            with turn.world.ledger.read() as session:
                waits = _waits(session, payment, turn.now)
    rule = payment.pool.withdrawals[payment.asset.symbol]
    verdict = Verdict[judged.verdict.upper()]
    approvals = max(1, rule.hold_approvals) if verdict >= Verdict.HOLD else 0
    return Ruling(verdict=verdict, approvals=approvals, reasons=judged.reasons, waits=waits)


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


def _judge(turn: Round, payment: Payment, subject: str) -> JudgedOutflow:
    """Judge and write down in one commit: the verdict, what was learned, and a freeze."""
    world, pool = turn.world, payment.pool.name
    watches = world.watches
    asked = _asked(turn, payment, subject)
    with world.ledger.write() as session:
        past = _past(session, world, payment.pool)
        mind = watches.take(session, pool, past, salt=_salt(world))
        balance = _balance(session, payment)
        most = Verdict[watches.settings.strictest.name]
        judged = _said(asked, _judgement(mind, asked, balance, most))
        mind.upto_id = outflow_marks.keep_outflow(session, judged)
        keep(session, pool, mind, now=turn.now)
        if judged.verdict == Verdict.FREEZE.word:
            _freeze(session, payment.payer.name, judged)
    watches.put(pool, mind)
    return judged


def _judgement(mind: Mind, asked: JudgedOutflow, balance: int | None, most: Verdict) -> Judgement:
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
    held = watch.balance(session, payer.chain_id, payer.address, payment.asset.address)
    return None if held is None else _size(held, payment)


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
    for at, to, asset, amount in outflows.paid_before_judging(session, world.chain_id, members):
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
