"""The verbs on the law: read it, bring one in pieces, put one in force.

A law may be longer than a message, so that it is read and brought in pieces; what adopts it are
the signatures over its digest.
"""

from __future__ import annotations

from collections.abc import Sequence

from hsm.book import consent as book_consent
from hsm.book import law as book_law
from hsm.guard.rules import no
from hsm.verbs.motions import law_problems, motion_problems, quorum_problems
from hsm.verbs.room import Door, Room
from hsm.wire import fields
from hsm.wire.draft import MOST_LAW, PIECE
from hsm.wire.message import Answer, Body
from policies.consent import motion_digest, motion_from_json, motion_to_json
from policies.crypto import keccak256
from policies.law import Law, LawError, canonical_law, law_digest, law_from_canonical
from policies.terms import MotionKind, MotionTerms, Reason

_ADOPT_FIELDS = frozenset({"motion", "law", "signatures"})


def law_text(room: Room, body: Body) -> Answer:
    """Return the law in force as canonical JSON: a piece of it, and how long it is."""
    fields.only(body, frozenset(), frozenset({"offset"}))
    law, offset = room.laws.present, fields.maybe_integer(body, "offset") or 0
    if law is None:
        return room.refuse(no("no_law", "no law is adopted"))
    text = canonical_law(law).decode()
    piece = text[offset : offset + PIECE]
    digest = fields.to_hex(law_digest(law))
    return room.ok({"law": piece, "length": str(len(text)), "digest": digest})


def law_piece(room: Room, body: Body) -> Answer:
    """Take a piece of a law that `adopt` will name by an empty text."""
    fields.only(body, frozenset({"offset", "law"}))
    offset, text = fields.integer(body, "offset"), fields.text(body, "law", limit=PIECE)
    if not room.draft.add(offset, text, room.now):
        have = f"{room.draft.length} characters came so far, a law has at most {MOST_LAW}"
        return room.refuse(no("piece_does_not_fit", f"{have}: begin again at 0"))
    return room.ok({"length": str(room.draft.length)})


def adopt(room: Room, body: Body) -> Answer:
    """Put a law in force: at once on an empty book (genesis), else after the present delay.

    Genesis is taken at the treasurers' door alone: whoever comes first brings the first roster,
    and that must not be a stolen daemon.
    """
    fields.only(body, _ADOPT_FIELDS)
    terms = motion_from_json(fields.table(body, "motion"))
    if room.laws.present is None and room.door is not Door.PEOPLE:
        return room.refuse(no("genesis_door", "the first law is brought to people.sock"))
    motion_id = motion_digest(terms, room.book.deployment)
    text = fields.text(body, "law", limit=MOST_LAW)
    if not text:
        text = room.draft.text(room.now)
        unsigned = _draft_problems(room, terms, motion_id, body, text)
        if unsigned:
            return room.refuse(*unsigned)
    try:
        law = law_from_canonical(text.encode())
    except LawError as error:
        return room.refuse(*(no("bad_law", line) for line in error.problems))
    dropped = book_consent.vetoes_of(room.book, motion_id)
    if book_law.has_motion(room.book, motion_id) and not dropped:
        return room.ok({"lawDigest": fields.to_hex(law_digest(law))})
    payload = {"lawDigest": fields.to_hex(law_digest(law))}
    reasons = [
        *motion_problems(room, terms, MotionKind.ADOPT, payload, genesis_law=law),
        *law_problems(room.settings, law),
        *quorum_problems(room, terms, motion_id, body, genesis_law=law),
    ]
    if reasons:
        return room.refuse(*reasons)
    return _put_in_force(room, law, terms, motion_id)


def _draft_problems(
    room: Room, terms: MotionTerms, motion_id: bytes, body: Body, text: str
) -> Sequence[Reason]:
    """Return why a law that came in pieces is not even read: reading a long one takes long."""
    if not text:
        return [no("no_draft", "bring the law first, in pieces")]
    if room.laws.present is None:
        return []
    payload = {"lawDigest": fields.to_hex(keccak256(text.encode()))}
    return [
        *motion_problems(room, terms, MotionKind.ADOPT, payload),
        *quorum_problems(room, terms, motion_id, body),
    ]


def _put_in_force(room: Room, law: Law, terms: MotionTerms, motion_id: bytes) -> Answer:
    present = room.laws.present
    if present is None:
        serials = {token.name: token.serial for token in room.settings.tokens.values()}
        book_law.pin_tokens(room.book, serials, room.now)
    active_from = room.now + (0 if present is None else present.activation_s)
    book_law.write_motion(room.book, motion_id, terms.kind.value, motion_to_json(terms), room.now)
    book_law.adopt_law(room.book, law, motion_id=motion_id, active_from=active_from, now=room.now)
    room.draft.forget()
    digest = fields.to_hex(law_digest(law))
    return room.ok({"lawDigest": digest, "activeFrom": str(active_from)})
