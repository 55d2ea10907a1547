"""The verb on motions, which a quorum of treasurers carries: all but the adoption of a law.

Whoever brings the message gains nothing by it: only the signatures count, under the roster in
force and, while an adopted law waits, under the waiting one too.
"""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Callable, Mapping, Sequence

from hsm.book import consent as book_consent
from hsm.book import law as book_law
from hsm.book import orders as book_orders
from hsm.book.law import Mark
from hsm.guard.rules import CLOCK_SKEW_S, no
from hsm.settings import Settings
from hsm.verbs.reports import most_told
from hsm.verbs.room import Room, pinned_addresses
from hsm.wire import fields
from hsm.wire.message import Answer, Body
from policies.consent import (
    describe_motion,
    motion_digest,
    motion_from_json,
    motion_to_json,
    payload_digest,
    tally_motion,
)
from policies.law import Law, LawError, Pool, Profile, Role, law_digest
from policies.lifecycles import IncidentOutcome
from policies.terms import MotionKind, MotionTerms, Reason

LONGEST_MOTION_S = 7 * 86_400
MOST_SIGNATURES = 64
MOST_PAYLOAD = 4096
MOST_TOLD = 56_000
"""Bytes of a status that wallets may take: a signer that cannot tell how it is serves nobody."""
NO_LAW = bytes(32)

Payload = Mapping[str, str]


def motion(room: Room, body: Body) -> Answer:
    """Carry a motion of any kind but adoption."""
    fields.only(body, frozenset({"motion", "payload", "signatures"}))
    terms = motion_from_json(fields.table(body, "motion"))
    payload = _payload(fields.text(body, "payload", limit=MOST_PAYLOAD))
    act = _ACTS.get(terms.kind)
    if act is None or payload is None or room.laws.present is None:
        return room.refuse(
            no("bad_motion", "the motion needs a law, a kind with an act, and a canonical payload")
        )
    motion_id = motion_digest(terms, room.book.deployment)
    if book_law.has_motion(room.book, motion_id):
        return room.ok({"motionId": fields.to_hex(motion_id)})
    reasons = [
        *motion_problems(room, terms, terms.kind, payload),
        *quorum_problems(room, terms, motion_id, body),
    ]
    if reasons:
        return room.refuse(*reasons)
    refusal = act(room, payload)
    if refusal is not None:
        return room.refuse(refusal)
    book_law.write_motion(
        room.book, motion_id, terms.kind.value, {**motion_to_json(terms), **payload}, room.now
    )
    return room.ok({"motionId": fields.to_hex(motion_id)})


def _payload(text: str) -> Payload | None:
    try:
        payload = json.loads(text)
    except ValueError:
        return None
    flat = isinstance(payload, dict) and all(isinstance(v, str) for v in payload.values())
    canonical = flat and json.dumps(payload, sort_keys=True, separators=(",", ":")) == text
    return payload if canonical else None


def motion_problems(
    room: Room,
    terms: MotionTerms,
    kind: MotionKind,
    payload: Payload,
    *,
    genesis_law: Law | None = None,
) -> Sequence[Reason]:
    """Return why a motion's terms do not carry a payload of a kind now."""
    found = []
    present = room.laws.present
    if terms.kind is not kind:
        found.append(no("wrong_kind", f"this verb carries motions of kind {kind.value}"))
    expected = NO_LAW if present is None and genesis_law else law_digest(present or _missing())
    if terms.law_digest != expected:
        found.append(no("law_changed", "the motion was made under another law; propose again"))
    if terms.payload_digest != payload_digest(payload):
        found.append(no("payload_differs", "the payload is not the one that was signed"))
    words = describe_motion(kind, payload)
    if terms.what != words:
        found.append(no("words_differ", f"the motion says {terms.what!r} but means {words!r}"))
    if room.now >= terms.expires_at:
        found.append(no("expired", f"the motion expired at {terms.expires_at}"))
    if terms.proposed_at > room.now + CLOCK_SKEW_S:
        found.append(no("from_the_future", f"the motion was proposed at {terms.proposed_at}"))
    if terms.expires_at - terms.proposed_at > LONGEST_MOTION_S:
        found.append(no("lives_too_long", f"motions live at most {LONGEST_MOTION_S} s"))
    return found


def _missing() -> Law:
    raise LawError(("no law is adopted",))


def quorum_problems(
    room: Room,
    terms: MotionTerms,
    motion_id: bytes,
    body: Body,
    *,
    genesis_law: Law | None = None,
) -> Sequence[Reason]:
    """Count the signatures under every law that binds; at genesis under the law's own roster."""
    signatures = fields.blobs(body, "signatures", limit=MOST_SIGNATURES)
    vetoed_by = book_consent.vetoes_of(room.book, motion_id)
    laws = room.binding_laws or ([genesis_law] if genesis_law else [])
    found: list[Reason] = []
    for law in laws:
        # Which law the terms must name is judged elsewhere; here only this roster matters.
        counted = dataclasses.replace(terms, law_digest=law_digest(law))
        tally = tally_motion(counted, motion_id, signatures, law=law, vetoed_by=vetoed_by)
        if not tally.reached:
            found.extend(tally.reasons)
    if not laws:
        found.append(no("no_law", "no law is adopted"))
    return list(dict.fromkeys(found))


def law_problems(settings: Settings, law: Law) -> Sequence[Reason]:
    """Return why these settings cannot serve a law."""
    found = []
    if law.profile is not settings.profile:
        found.append(
            no("profile_differs", f"the settings are {settings.profile}, the law {law.profile}")
        )
    pinned = pinned_addresses(settings)
    for wallet in law.wallets:
        if pinned.get(wallet.key) != wallet.address:
            text = (
                f"wallet {wallet.name}: the settings have no transaction key {wallet.key!r} "
                f"with address {wallet.address}"
            )
            found.append(no("key_differs", text))
    told = most_told(law)
    if told > MOST_TOLD:
        text = (
            f"the names of its {len(law.wallets)} wallets take {told} bytes of a status, which has "
            f"room for {MOST_TOLD}: shorten them, or split the deployment"
        )
        found.append(no("too_many_wallets", text))
    if law.profile is Profile.PRODUCTION:
        found.extend(_production_problems(settings, law))
    return found


def _production_problems(settings: Settings, law: Law) -> Sequence[Reason]:
    found = []
    tokens: dict[str, set[Role]] = {}
    for wallet in law.wallets:
        key = settings.keys.get(wallet.key)
        if key is not None:
            tokens.setdefault(key.token, set()).add(wallet.role)
    for token, roles in tokens.items():
        if Role.VAULT in roles and len(roles) > 1:
            text = f"token {token} holds the vault's key and others: production needs two tokens"
            found.append(no("shared_token", text))
    return found


def _rotate(room: Room, payload: Payload) -> Reason | None:
    pool, wallet = _pool(room, payload.get("pool", "")), payload.get("wallet", "")
    if pool is None or wallet not in pool.members:
        return no("unknown_wallet", f"{wallet!r} is no member of pool {payload.get('pool')!r}")
    if wallet in book_law.marks(room.book):
        return no("wallet_marked", f"{wallet} is isolated or retired")
    book_law.set_active(room.book, pool.name, wallet, room.now)
    return None


def _reinstate(room: Room, payload: Payload) -> Reason | None:
    wallet = payload.get("wallet", "")
    if book_law.marks(room.book).get(wallet) is not Mark.ISOLATED:
        return no("not_isolated", f"{wallet!r} is not isolated")
    book_law.lift_mark(room.book, wallet, room.now)
    return None


def _retire(room: Room, payload: Payload) -> Reason | None:
    wallet, present = payload.get("wallet", ""), room.laws.present
    if present is None or present.wallet(wallet) is None:
        return no("unknown_wallet", f"{wallet!r} is not in the law")
    marked = book_law.marks(room.book).get(wallet)
    if marked is Mark.RETIRED:
        return no("wallet_retired", f"{wallet} is retired already")
    if marked is None and wallet in book_law.active_wallets(room.book).values():
        return no("wallet_active", f"{wallet} is active: rotate first")
    book_law.set_mark(room.book, wallet, Mark.RETIRED, "motion", room.now)
    return None


def _resume(room: Room, _payload: Payload) -> Reason | None:
    """Let exposure go on, and listen to the next daemon whatever number it brings.

    A stolen daemon may have spoken with a number that no honest one will ever reach.
    """
    if book_law.is_frozen(room.book):
        book_law.set_frozen(room.book, "", room.now)
    if room.book.get("epoch", "0") != "0":
        book_law.set_epoch(room.book, 0, room.now)
    return None


def _skip_nonce(room: Room, payload: Payload) -> Reason | None:
    present = room.laws.present
    wallet = present.wallet(payload.get("wallet", "")) if present else None
    chain = present.chain(wallet.chain) if present and wallet else None
    digits = payload.get("nonce", "")
    if wallet is None or chain is None or not digits.isdecimal() or len(digits) > 18:
        return no("bad_motion", "name a wallet of the law and a nonce")
    nonce = int(digits)
    if book_orders.has_order_from(room.book, chain.chain_id, wallet.address, nonce):
        return no("nonce_taken", f"orders of {wallet.name} hold nonces from {nonce} on")
    book_orders.skip_to_nonce(room.book, chain.chain_id, wallet.address, nonce)
    return None


def _close(room: Room, payload: Payload) -> Reason | None:
    """Let a compromise retire the isolated wallet for ever, and a false alarm bring it back.

    The incident itself is the daemon's; a wallet that is not isolated any more stays as it is.
    """
    wallet, outcome = payload.get("wallet", ""), payload.get("outcome", "")
    if outcome not in list(IncidentOutcome):
        return no("bad_motion", f"an incident ends as {' or as '.join(IncidentOutcome)}")
    if book_law.marks(room.book).get(wallet) is Mark.ISOLATED:
        if outcome == IncidentOutcome.COMPROMISE:
            book_law.set_mark(room.book, wallet, Mark.RETIRED, "motion", room.now)
        else:
            book_law.lift_mark(room.book, wallet, room.now)
    return None


def _pool(room: Room, name: str) -> Pool | None:
    return None if room.laws.present is None else room.laws.present.pool(name)


_ACTS: Mapping[MotionKind, Callable[[Room, Payload], Reason | None]] = {
    MotionKind.ROTATE: _rotate,
    MotionKind.REINSTATE: _reinstate,
    MotionKind.RETIRE: _retire,
    MotionKind.RESUME: _resume,
    MotionKind.SKIP_NONCE: _skip_nonce,
    MotionKind.CLOSE: _close,
}
