"""Carry: bring motions that treasurers signed to the signer, and write down what it says.

The signer counts; what it carried takes effect in its book first, and `adopt` brings the ledger
after it (wallets, law). Two effects are the ledger's own and stand in the same commit as CARRIED:
`resume` ends a halt, every freeze and every quarantine, `close` ends an incident and takes its
wallet where the outcome says.

What would retire a wallet is brought only when the chain shows that nothing is left of it; until
then the motion stays PROPOSED and shows what is.
"""

from __future__ import annotations

import json
from datetime import datetime

from hsm.wire.answers import Refused
from policies.consent import Tally, tally_motion
from policies.law import law_digest
from policies.lifecycles import (
    ExposureState,
    IncidentOutcome,
    IncidentState,
    MotionState,
    Owner,
    WalletState,
)
from policies.terms import MotionKind, Reason
from treasury.errors import StaleRowError
from treasury.ledger import Session, marks, moves, token_marks
from treasury.ledger.facts import Incident, Motion
from treasury.ledger.queries import refills, requests, standings, tokens
from treasury.orders.signing import place_of
from treasury.orders.vetoes import heed_vetoes
from treasury.safety import retiring
from treasury.turn import Turn, take_turn
from treasury.world import Outcome, World


def carry(world: World, now: datetime) -> Outcome:
    """Take every proposed motion once; several lanes may do so, the first one wins."""
    return take_turn(
        world,
        now,
        "carry",
        waiting=lambda session: requests.motions_in(session, MotionState.PROPOSED),
        judge=_judge,
    )


def _judge(turn: Turn, motion: Motion) -> None:
    try:
        vetoed = heed_vetoes(turn.world, turn.law, motion.digest)
        if vetoed:
            _move(turn, motion, MotionState.REJECTED, vetoed)
        elif turn.now >= motion.expires_at:
            text = "too few treasurers signed it in time"
            why = (Reason(code="expired", text=text),)
            _move(turn, motion, MotionState.EXPIRED, why)
        else:
            _count(turn, motion)
    except StaleRowError:
        turn.deeds.add(f"left motion {motion.id}: it was moved meanwhile")


def _count(turn: Turn, motion: Motion) -> None:
    with turn.world.ledger.read() as session:
        signatures = [a.signature for a in refills.approvals(session, motion.digest)]
    if motion.terms.law_digest != law_digest(turn.law):
        text = "the law changed after it was proposed; propose again"
        why = (Reason(code="law_changed", text=text),)
        _move(turn, motion, MotionState.REJECTED, why)
        return
    preview = tally_motion(motion.terms, bytes.fromhex(motion.digest[2:]), signatures, law=turn.law)
    if not preview.reached:
        _note(turn, motion, preview, preview.reasons)
    elif motion.kind == MotionKind.ADOPT:
        text = "hand the law itself to the signer, with these signatures: it is too long for here"
        _note(turn, motion, preview, (Reason(code="law_text_missing", text=text),))
    else:
        _bring(turn, motion, preview, signatures)


def _obstacles(turn: Turn, motion: Motion) -> tuple[Reason, ...]:
    """Say why a motion that the quorum signed cannot take effect yet."""
    name, is_retiring = str(motion.payload.get("wallet")), motion.kind == MotionKind.RETIRE
    if motion.kind == MotionKind.CLOSE:
        with turn.world.ledger.read() as session:
            incident = _incident(session, motion)
        if incident is None or incident.wallet != name:
            text = "no such incident of this wallet is contained"
            return (Reason(code="not_contained", text=text),)
        is_retiring = motion.payload.get("outcome") == IncidentOutcome.COMPROMISE
    wallet = turn.law.wallet(name) if is_retiring else None
    return () if wallet is None else retiring.objections(turn.world, turn.law, wallet)


def _bring(turn: Turn, motion: Motion, preview: Tally, signatures: list[bytes]) -> None:
    obstacles = _obstacles(turn, motion)
    if obstacles:
        _note(turn, motion, preview, obstacles)
        return
    payload = json.dumps(motion.payload, sort_keys=True, separators=(",", ":"))
    answer = turn.world.signer.motion(motion.terms, payload, signatures)
    if isinstance(answer, Refused):
        _note(turn, motion, preview, answer.reasons)
        return
    with turn.world.ledger.write(place_of(answer.book)) as session:
        moves.move(
            session,
            motion,
            MotionState.CARRIED,
            actor=Owner.TALLY,
            why="the signer carried it",
            now=turn.now,
            required=preview.required,
            counted=tuple(person.address for person in preview.counted),
            reasons=(),
        )
        _take_effect(session, motion, turn.now)
    turn.deeds.add(f"carried motion {motion.id}: {motion.terms.what}")


def _take_effect(session: Session, motion: Motion, now: int) -> None:
    why = f"motion {motion.id}"
    match motion.kind:
        case MotionKind.RESUME:
            _resume(session, why, now)
        case MotionKind.CLOSE:
            _close(session, motion, why, now)
        case _:
            return


def _resume(session: Session, why: str, now: int) -> None:
    """End the halt, and what was frozen or quarantined: the quorum has looked at it.

    Guard and inspect begin anew from what is there.
    """
    exposure = standings.exposure(session)
    if exposure is not None and exposure.is_halted:
        moves.move(
            session,
            exposure,
            ExposureState.RUNNING,
            actor=Owner.TALLY,
            why=why,
            now=now,
            who=why,
        )
    for standing in standings.wallets(session):
        if standing.frozen:
            marks.unfreeze(session, standing, actor=Owner.TALLY.value, why=why, now=now)
    for token in tokens.quarantined(session):
        token_marks.release(session, token, why=why, now=now)


def _incident(session: Session, motion: Motion) -> Incident | None:
    """Return the contained incident that a motion closes."""
    number = str(motion.payload.get("incident"))
    found = standings.incidents(session, only_open=True)
    contained = (one for one in found if one.state is IncidentState.CONTAINED)
    return next((one for one in contained if str(one.id) == number), None)


def _close(session: Session, motion: Motion, why: str, now: int) -> None:
    incident, outcome = _incident(session, motion), str(motion.payload.get("outcome"))
    if incident is None:
        return
    moves.move(
        session,
        incident,
        IncidentState.CLOSED,
        actor=Owner.TALLY,
        why=why,
        now=now,
        outcome=outcome,
    )
    standing = standings.wallet(session, incident.wallet)
    if standing is not None and standing.state is WalletState.ISOLATED:
        is_lost = outcome == IncidentOutcome.COMPROMISE
        to = WalletState.RETIRED if is_lost else WalletState.STANDBY
        moves.move(session, standing, to, actor=Owner.TALLY, why=why, now=now)


def _note(turn: Turn, motion: Motion, count: Tally, reasons: tuple[Reason, ...]) -> None:
    counted = tuple(person.address for person in count.counted)
    if (motion.required, motion.counted, motion.reasons) == (count.required, counted, reasons):
        return
    with turn.world.ledger.write() as session:
        marks.count_consent(
            session, motion, required=count.required, counted=counted, reasons=reasons
        )


def _move(turn: Turn, motion: Motion, to: MotionState, why: tuple[Reason, ...]) -> None:
    with turn.world.ledger.write() as session:
        moves.move(session, motion, to, actor=Owner.TALLY, why=why, now=turn.now)
    turn.deeds.add(f"motion {motion.id} is {to.value}: " + "; ".join(r.text for r in why))
