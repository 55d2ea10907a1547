"""The verbs toward safety, which any one may ask, and those about a token's PIN."""

from __future__ import annotations

from hsm.book import consent as book_consent
from hsm.book import law as book_law
from hsm.book.book import Book
from hsm.book.law import Laws, Mark
from hsm.errors import HsmError
from hsm.guard.rules import no
from hsm.settings import UnlockMode
from hsm.verbs.room import Room
from hsm.wire import fields
from hsm.wire.message import Answer, Body
from policies.consent import veto_digest
from policies.crypto import BadSignatureError, recover_address
from policies.terms import Reason

MOST_MINUTES = 480
MOST_PIN = 256


def isolate(room: Room, body: Body) -> Answer:
    """Mark a wallet as isolated; remembered until a quorum lifts it."""
    fields.only(body, frozenset({"wallet", "why"}), frozenset({"epoch"}))
    name, why = fields.text(body, "wallet"), fields.words(body, "why")
    if all(law.wallet(name) is None for law in room.binding_laws):
        return room.refuse(no("unknown_wallet", f"{name!r} is not in the law"))
    if name not in book_law.marks(room.book):
        book_law.set_mark(room.book, name, Mark.ISOLATED, why, room.now)
    return room.ok({"wallet": name})


def lose_key(book: Book, laws: Laws, key: str, now: int) -> Reason:
    """Isolate every wallet of a key that used one r for two digests: anybody can compute it."""
    known = book_law.marks(book)
    for law in (laws.present, laws.coming):
        for wallet in law.wallets if law else ():
            if wallet.key == key and wallet.name not in known:
                why = "the token used one r twice: the key is compromised"
                book_law.set_mark(book, wallet.name, Mark.ISOLATED, why, now)
    return no("r_reused", f"key {key} used one r for two digests: it is compromised")


def freeze(room: Room, body: Body) -> Answer:
    """Stop everything toward exposure until a motion resumes it."""
    fields.only(body, frozenset({"why"}))
    if not book_law.is_frozen(room.book):
        book_law.set_frozen(room.book, fields.words(body, "why") or "unsaid", room.now)
    return room.ok({})


def activate(room: Room, body: Body) -> Answer:
    """Swap: make a standby wallet active when the pool's active one is out of service."""
    fields.only(body, frozenset({"wallet"}), frozenset({"epoch"}))
    name = fields.text(body, "wallet")
    pools = [law.pool_of(name) for law in room.binding_laws]
    pool = pools[0] if pools and None not in pools else None
    if pool is None:
        return room.refuse(no("unknown_wallet", f"{name!r} is no member of a pool in the law"))
    active, marks = book_law.active_wallets(room.book).get(pool.name, ""), book_law.marks(room.book)
    if active == name and name not in marks:
        return room.ok({"pool": pool.name, "wallet": name})
    reasons = []
    if name in marks:
        reasons.append(no(f"wallet_{marks[name].value}", f"{name} is {marks[name].value}"))
    if active != name and active not in marks:
        reasons.append(
            no("active_is_well", f"{active} is active and not isolated: carry a motion to rotate")
        )
    if reasons:
        return room.refuse(*reasons)
    book_law.set_active(room.book, pool.name, name, room.now)
    return room.ok({"pool": pool.name, "wallet": name})


def lead(room: Room, body: Body) -> Answer:
    """Let a daemon say its epoch before it asks for anything: older ones are refused from now on.

    The desk compares it, as for every verb that an older daemon may not use.
    """
    fields.only(body, frozenset({"epoch"}))
    return room.ok({"epoch": room.book.get("epoch", "0")})


def veto(room: Room, body: Body) -> Answer:
    """Take a treasurer's signed veto; it also drops a law that waits to come into force."""
    fields.only(body, frozenset({"digest", "signature"}))
    digest, signature = fields.blob(body, "digest", length=32), fields.blob(body, "signature")
    try:
        signer = recover_address(veto_digest(digest, room.book.deployment), signature)
    except BadSignatureError as error:
        return room.refuse(no("bad_signature", f"the veto's signature is bad: {error}"))
    if all(law.treasurer_at(signer) is None for law in room.binding_laws):
        return room.refuse(
            no("not_in_roster", f"{signer} is no treasurer, or signed something else")
        )
    book_consent.keep_veto(room.book, digest, signer, signature, room.now)
    book_law.drop_waiting_laws(room.book, room.now, digest)
    return room.ok({"digest": fields.to_hex(digest), "signer": signer})


def unlock(room: Room, body: Body) -> Answer:
    """Log in to an attended token for some minutes, or for a number of signatures as well."""
    fields.only(body, frozenset({"token", "pin", "minutes"}), frozenset({"signatures"}))
    name, minutes = fields.text(body, "token"), fields.integer(body, "minutes")
    if not _is_attended(room, name):
        return room.refuse(no("unknown_token", f"{name!r} is no attended token"))
    if not 1 <= minutes <= MOST_MINUTES:
        return room.refuse(no("minutes", f"unlock for 1 to {MOST_MINUTES} minutes"))
    try:
        room.tokens.unlock(
            name,
            fields.text(body, "pin", limit=MOST_PIN),
            seconds=minutes * 60.0,
            signatures=fields.maybe_integer(body, "signatures"),
        )
    except HsmError as error:
        return room.refuse(no("not_unlocked", str(error)))
    room.book.write("token_unlocked", {"token": name, "minutes": str(minutes)}, room.now)
    return room.ok({"token": name})


def lock(room: Room, body: Body) -> Answer:
    """Log out of an attended token now; any other would open itself again for the next order."""
    fields.only(body, frozenset({"token"}))
    name = fields.text(body, "token")
    if not _is_attended(room, name):
        text = f"{name!r} is no attended token: freeze stops what exposes"
        return room.refuse(no("unknown_token", text))
    room.tokens.lock(name)
    return room.ok({"token": name})


def _is_attended(room: Room, token: str) -> bool:
    plan = room.settings.tokens.get(token)
    return plan is not None and plan.mode is UnlockMode.ATTENDED
