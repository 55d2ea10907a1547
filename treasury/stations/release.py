"""Release: look once more, at head and at finality, and let an approved refill go.

Released are refills whose time-lock is over, whose wallet is ACTIVE and calm, whose schedule is
open, and for which both stamps still leave room up to the target. Both blocks must still be part of
the chain, nothing may be missing that a transfer on its way in could hide, and the signer must
still call the quorum reached. RELEASED and
its queued transfer are one commit, so neither exists alone. What may not go yet stays APPROVED and
shows all reasons.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime

from hsm.wire.answers import Lodged
from policies.bands import judge_release
from policies.lifecycles import Owner, RefillState
from policies.terms import Reason
from treasury.briefing.bands import View, band_facts, views_at
from treasury.briefing.scenes import hidden_drops
from treasury.chain.errors import ChainError
from treasury.errors import StaleRowError, TwinError
from treasury.ledger import marks, moves
from treasury.ledger.facts import Refill, Transfer
from treasury.ledger.queries import refills, standings, watch
from treasury.orders.drafts import transfer_row
from treasury.turn import Turn, take_turn
from treasury.world import Outcome, World


def release(world: World, now: datetime) -> Outcome:
    """Judge every approved refill of the chain once."""
    return take_turn(
        world,
        now,
        "release",
        waiting=lambda session: refills.in_states(session, world.chain_id, RefillState.APPROVED),
        judge=_judge,
    )


def _judge(turn: Turn, refill: Refill) -> None:
    try:
        if turn.now >= refill.expires_at:
            _expire(turn, refill)
            return
        reasons = _obstacles(turn, refill)
        if not reasons:
            reasons = _replaced(turn) or _signer_objects(turn, refill)
        if reasons:
            _note(turn, refill, reasons)
        else:
            _let_go(turn, refill)
    except (StaleRowError, TwinError):
        turn.deeds.add(f"left refill {refill.id}: it was moved meanwhile")


def _obstacles(turn: Turn, refill: Refill) -> tuple[Reason, ...]:
    """Return everything that stands against the refill now, seen from both stamps."""
    world = turn.world
    with world.ledger.read() as session:
        views = views_at(session, turn.law, world.settings, chain_id=world.chain_id, now=turn.now)
        halted = standings.is_halted(session)
    reasons = []
    if halted:
        reasons.append(Reason(code="halted", text="exposure is halted"))
    if refill.release_at is None or turn.now < refill.release_at:
        text = f"the time-lock lasts until {refill.release_at}"
        reasons.append(Reason(code="time_lock", text=text))
    if views is None:
        reasons.append(Reason(code="never_seen", text="the chain was never seen"))
        return tuple(reasons)
    for view in views:
        reasons.extend(_objections(view, refill))
    reasons.extend(_hidden_drops(turn, refill))
    return tuple(dict.fromkeys(reasons))


def _hidden_drops(turn: Turn, refill: Refill) -> Iterator[Reason]:
    """Say what an incoming transfer of ours may hide at the refill's wallet until it is final."""
    wallet = turn.law.wallet(refill.wallet)
    if wallet is None:
        return
    with turn.world.ledger.read() as session:
        hidden = hidden_drops(session, turn.law, turn.world.chain_id, turn.now, wallet)
    for asset, amount in hidden.items():
        text = f"{amount} base units of {asset} seem to have left {wallet.name} as others arrived"
        yield Reason(code="hidden_drop", text=text)


def _objections(view: View, refill: Refill) -> tuple[Reason, ...]:
    law = view.law
    pool, wallet = law.pool(refill.pool), law.wallet(refill.wallet)
    asset = law.asset_at(refill.chain_id, refill.asset)
    band = pool.bands.get(asset.symbol) if pool and asset else None
    if pool is None or wallet is None or asset is None or band is None:
        text = "the law does not know its pool, wallet or asset any more"
        return (Reason(code="law_changed", text=text),)
    facts = band_facts(view, pool, wallet, asset, besides=refill)
    if facts is None:
        return (Reason(code="law_changed", text="the law does not know the vault any more"),)
    return judge_release(facts, band, refill.amount)


def _replaced(turn: Turn) -> tuple[Reason, ...]:
    """Say which block of the newest look a reorganisation has taken away since, if any.

    What such a block showed never happened; the next look shows what did.
    """
    world = turn.world
    with world.ledger.read() as session:
        tick = watch.last_good_tick(session, world.chain_id)
    seen = [stamp for stamp in (tick.head, tick.final) if stamp] if tick else []
    try:
        there = world.chain.stamps_at([stamp.number for stamp in seen])
    except ChainError as error:
        text = f"nobody tells whether block {seen[0].number} is still there: {error}"
        return (Reason(code="block_unknown", text=text),)
    return tuple(
        Reason(code="block_replaced", text=f"block {stamp.number}, which was looked at, is gone")
        for stamp in seen
        if (now := there[stamp.number]) is None or now.hash != stamp.hash
    )


def _signer_objects(turn: Turn, refill: Refill) -> tuple[Reason, ...]:
    """Ask the signer once more: vetoes may have reached it past the daemon."""
    with turn.world.ledger.read() as session:
        signatures = [a.signature for a in refills.approvals(session, refill.order_id)]
    answer = turn.world.signer.lodge(refill.terms, signatures)
    if not isinstance(answer, Lodged):
        return answer.reasons
    if not answer.reached:
        return answer.reasons or (Reason(code="no_quorum", text="the quorum is not reached"),)
    if answer.not_before is not None and answer.not_before > turn.now:
        text = f"the time-lock lasts until {answer.not_before}"
        return (Reason(code="time_lock", text=text),)
    return ()


def _let_go(turn: Turn, refill: Refill) -> None:
    world = turn.world
    row = transfer_row(
        refill.terms, deployment=world.deployment, cause=f"refill:{refill.id}", now=turn.now
    )
    with world.ledger.write() as session:
        transfer = moves.create(
            session,
            Transfer,
            row,
            actor=Owner.RELEASE,
            why=f"refill {refill.id} is released",
            now=turn.now,
        )
        moves.move(
            session,
            refill,
            RefillState.RELEASED,
            actor=Owner.RELEASE,
            why="time-lock over, room at head and at finality",
            now=turn.now,
            transfer_id=transfer.id,
            reasons=(),
        )
    turn.deeds.add(f"released refill {refill.id} as transfer {transfer.id}")


def _expire(turn: Turn, refill: Refill) -> None:
    with turn.world.ledger.write() as session:
        moves.move(
            session,
            refill,
            RefillState.EXPIRED,
            actor=Owner.RELEASE,
            why="its consent expired before it was released",
            now=turn.now,
        )
    turn.deeds.add(f"refill {refill.id} expired")


def _note(turn: Turn, refill: Refill, reasons: tuple[Reason, ...]) -> None:
    if refill.reasons == reasons:
        return
    with turn.world.ledger.write() as session:
        marks.write_reasons(session, refill, reasons)
    turn.deeds.add(f"kept refill {refill.id}: " + "; ".join(r.text for r in reasons))
