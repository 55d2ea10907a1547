"""Motions on a belt: handed in, and approved by people."""

from __future__ import annotations

from policies.consent import motion_digest, motion_to_json
from policies.crypto import recover_address
from policies.lifecycles import Owner
from policies.terms import MotionKind
from tests.fakes.belt import Belt
from tests.laws import sign
from treasury.ledger import marks, moves
from treasury.ledger.facts import Motion
from treasury.ledger.tables import MotionRow


def propose(belt: Belt, kind: MotionKind, payload: dict[str, str]) -> Motion:
    """Hand in a motion, as the API does."""
    terms = belt.room.motion_terms(kind, payload)
    row = MotionRow(
        digest="0x" + motion_digest(terms, belt.world.deployment).hex(),
        kind=kind.value,
        terms=motion_to_json(terms),
        payload=payload,
        state="PROPOSED",
        maker=terms.maker,
        proposed_at=terms.proposed_at,
        expires_at=terms.expires_at,
        changed_at=terms.proposed_at,
        counted=[],
        reasons=[],
    )
    with belt.ledger.write() as session:
        return moves.create(
            session, Motion, row, actor=Owner.API, why="proposed", now=belt.clock.unix()
        )


def approve(belt: Belt, motion: Motion, *people: str) -> None:
    """Hand in approvals of a motion."""
    digest = bytes.fromhex(motion.digest[2:])
    for name in people:
        signature = sign(name, digest)
        with belt.ledger.write() as session:
            marks.receive_signature(
                session,
                "approval",
                digest=motion.digest,
                treasurer=recover_address(digest, signature),
                signature=signature,
                now=belt.clock.unix(),
            )
