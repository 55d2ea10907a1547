"""Tally: count the consent of refills, and believe the signer alone.

The daemon's own count is a preview that spares useless questions. APPROVED is written only when
the signer's `lodge` says that the quorum is reached; its earliest signing time is `release_at`.
A veto is shown to the signer first, then written. Nothing is approved while the wallet is held or
frozen: an unexplained drop looks exactly like a need.
"""

from __future__ import annotations

from datetime import datetime

from hsm.wire.answers import Lodged, Refused
from policies.consent import Tally, Towards, tally_transfer
from policies.law import Law, law_digest
from policies.lifecycles import Owner, RefillState, WalletState
from policies.terms import Reason
from treasury.briefing.bands import is_emergency
from treasury.errors import StaleRowError
from treasury.ledger import marks, moves
from treasury.ledger.facts import Refill
from treasury.ledger.journal import Place
from treasury.ledger.queries import refills, standings, transfers
from treasury.orders.signing import place_of
from treasury.orders.vetoes import heed_vetoes
from treasury.turn import Turn, take_turn
from treasury.world import Outcome, World


def tally(world: World, now: datetime) -> Outcome:
    """Count consent for every proposed and approved refill of the chain."""
    return take_turn(
        world,
        now,
        "tally",
        waiting=lambda session: refills.in_states(
            session, world.chain_id, RefillState.PROPOSED, RefillState.APPROVED
        ),
        judge=_judge,
    )


def _judge(turn: Turn, refill: Refill) -> None:
    with turn.world.ledger.read() as session:
        standing = standings.wallet(session, refill.wallet)
    vetoed_by = heed_vetoes(turn.world, turn.law, refill.order_id)
    try:
        if vetoed_by:
            _reject(turn, refill, vetoed_by)
        elif turn.now >= refill.expires_at:
            why = "its consent expired before it was released"
            _move(turn, refill, RefillState.EXPIRED, why)
        elif standing is None or standing.state is not WalletState.ACTIVE:
            why = f"{refill.wallet} is not ACTIVE"
            _move(turn, refill, RefillState.WITHDRAWN, why)
        elif refill.state is RefillState.PROPOSED:
            _count(turn, refill)
    except StaleRowError:
        turn.deeds.add(f"left refill {refill.id}: it was moved meanwhile")


def _count(turn: Turn, refill: Refill) -> None:
    with turn.world.ledger.read() as session:
        signatures = [a.signature for a in refills.approvals(session, refill.order_id)]
        standing = standings.wallet(session, refill.wallet)
        vault = standings.wallet_at(session, refill.chain_id, refill.terms.source)
    rolling = _rolling(turn, refill)
    preview = tally_transfer(
        refill.terms,
        bytes.fromhex(refill.order_id[2:]),
        signatures,
        law=turn.law,
        towards=Towards(rolling_amount=rolling, is_emergency=_is_emergency(turn, refill)),
    )
    hopeless = _hopeless(turn.law, refill, preview)
    troubled = any(s is None or not s.is_calm for s in (standing, vault))
    if hopeless:
        _reject(turn, refill, hopeless)
    elif troubled or not preview.reached:
        text = "an unexplained movement is looked at first"
        alarm = (Reason(code="not_calm", text=text),) if troubled else ()
        _note(turn, refill, preview, (*alarm, *preview.reasons))
    else:
        _ask(turn, refill, signatures)


def _rolling(turn: Turn, refill: Refill) -> int:
    law = turn.law
    pool, asset = law.pool(refill.pool), law.asset_at(refill.chain_id, refill.asset)
    rule = pool.refills.get(asset.symbol) if pool and asset else None
    if rule is None:
        return 0
    with turn.world.ledger.read() as session:
        return transfers.refilled_since(
            session, refill.terms.destination, refill.asset, turn.now - rule.window_s
        )


def _is_emergency(turn: Turn, refill: Refill) -> bool:
    pool, wallet = turn.law.pool(refill.pool), turn.law.wallet(refill.wallet)
    if pool is None or wallet is None:
        return False
    with turn.world.ledger.read() as session:
        known = {s.name: s for s in standings.wallets(session, refill.chain_id)}
    return is_emergency(known, pool, wallet)


def _hopeless(law: Law, refill: Refill, preview: Tally) -> tuple[Reason, ...]:
    """Say why the quorum can never be reached; empty means that it may be."""
    reasons = []
    if refill.terms.law_digest != law_digest(law):
        text = "the law changed after it was proposed; propose again"
        reasons.append(Reason(code="law_changed", text=text))
    checkers = [p for p in law.roster.treasurers if p.address != refill.maker]
    if preview.required > len(checkers):
        text = f"{preview.required} approvals are needed, {len(checkers)} people may approve"
        reasons.append(Reason(code="unreachable", text=text))
    return tuple(reasons)


def _ask(turn: Turn, refill: Refill, signatures: list[bytes]) -> None:
    answer = turn.world.signer.lodge(refill.terms, signatures)
    if isinstance(answer, Refused):
        _reject(turn, refill, answer.reasons, place_of(answer.book))
        return
    if not answer.reached:
        _note(turn, refill, answer, answer.reasons)
        return
    with turn.world.ledger.write(place_of(answer.book)) as session:
        moves.move(
            session,
            refill,
            RefillState.APPROVED,
            actor=Owner.TALLY,
            why=f"{len(answer.counted)} of {answer.required} approvals, says the signer",
            now=turn.now,
            required=answer.required,
            counted=answer.counted,
            release_at=answer.not_before if answer.not_before is not None else turn.now,
            reasons=(),
        )
    turn.deeds.add(f"approved refill {refill.id}")


def _note(turn: Turn, refill: Refill, count: Tally | Lodged, reasons: tuple[Reason, ...]) -> None:
    """Keep the count where people look, when it changed."""
    if isinstance(count, Lodged):
        counted = count.counted
    else:
        counted = tuple(person.address for person in count.counted)
    if (refill.required, refill.counted, refill.reasons) == (count.required, counted, reasons):
        return
    with turn.world.ledger.write() as session:
        marks.count_consent(
            session, refill, required=count.required, counted=counted, reasons=reasons
        )


def _reject(
    turn: Turn, refill: Refill, why: tuple[Reason, ...], place: Place | None = None
) -> None:
    with turn.world.ledger.write(place) as session:
        moves.move(session, refill, RefillState.REJECTED, actor=Owner.TALLY, why=why, now=turn.now)
    turn.deeds.add(f"rejected refill {refill.id}: " + "; ".join(reason.text for reason in why))


def _move(turn: Turn, refill: Refill, to: RefillState, why: str) -> None:
    with turn.world.ledger.write() as session:
        moves.move(session, refill, to, actor=Owner.TALLY, why=why, now=turn.now)
    turn.deeds.add(f"refill {refill.id} is {to.value}: {why}")
