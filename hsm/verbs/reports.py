"""The verbs that tell, and the two proofs in fixed domains that are no transactions."""

from __future__ import annotations

import hashlib

from hsm.book import law as book_law
from hsm.book import orders as book_orders
from hsm.book import spends as book_spends
from hsm.book.law import Mark
from hsm.book.orders import Order
from hsm.guard.rules import no
from hsm.settings import KeyPurpose
from hsm.token.bench import TokenState
from hsm.verbs import people as verbs_people
from hsm.verbs.orders import attempt_body
from hsm.verbs.room import Room
from hsm.wire import fields
from hsm.wire.answers import OrderState
from hsm.wire.message import Answer, Body, Json, Result, encode
from policies.consent import terms_to_json
from policies.crypto import address_bytes, keccak256
from policies.law import Law, law_digest

MOST_ORDERS = 100
MOST_WINDOWS = 200
PAGE_BYTES = 48_000
MOST_STATUS_BYTES = 60_000
_BESIDE_WALLET, _BESIDE_POOL = 21, 6
"""Quotes, colons and commas, and a nonce of twelve digits."""
_CHECKPOINT = b"Treasury checkpoint\n"
_POSSESSION = b"\x19Treasury possession\n"
_WORST_FIRST = (TokenState.BLOCKED, TokenState.DOWN, TokenState.DEGRADED, TokenState.LOCKED)


def status(room: Room, body: Body) -> Answer:
    """Tell how the signer is.

    A caller may say which entry it saw last, by number and hash. When the book has another one
    there, or none, it was rewound or swapped: exposure freezes until a motion resumes it.
    """
    fields.only(body, frozenset(), frozenset({"seq", "head"}))
    if body:
        _judge_seen(room, fields.integer(body, "seq"), fields.blob(body, "head", length=32))
    laws, marks = room.laws, book_law.marks(room.book)
    tokens = {name: room.tokens.state_of(name) for name in room.settings.tokens}
    health = next((s for s in _WORST_FIRST if s in tokens.values()), TokenState.READY)
    told: dict[str, Json] = {
        "deployment": fields.to_hex(room.book.deployment),
        "lawDigest": fields.to_hex(law_digest(laws.present)) if laws.present else "0x",
        "nextLawDigest": fields.to_hex(law_digest(laws.coming)) if laws.coming else "0x",
        "nextLawFrom": "" if laws.coming_from is None else str(laws.coming_from),
        "profile": room.settings.profile.value,
        "epoch": room.book.get("epoch", "0"),
        "health": health.value,
        "tokens": {name: state.value for name, state in tokens.items()},
        "nonces": _nonces(room),
        "isolated": [name for name, mark in marks.items() if mark is Mark.ISOLATED],
        "retired": [name for name, mark in marks.items() if mark is Mark.RETIRED],
        "active": dict(book_law.active_wallets(room.book)),
        "frozen": fields.to_flag(book_law.is_frozen(room.book)),
        "waivers": [*room.tokens.waivers(), *room.warnings],
        "now": str(room.now),
    }
    # Windows are for people's eyes: a law of very many wallets leaves no room for them.
    windows = _windows(room)
    fits = len(encode(told)) + len(encode(windows)) < MOST_STATUS_BYTES
    return room.ok({**told, "windows": windows if fits else {}})


def _judge_seen(room: Room, seq: int, head: bytes) -> None:
    if room.book.head_at(min(seq, 2**62)) != head and not book_law.is_frozen(room.book):
        why = f"somebody has seen another entry {seq} than this book has: rewound or swapped?"
        book_law.set_frozen(room.book, why, room.now)


def most_told(law: Law) -> int:
    """Return the most bytes that the wallets of a law ever take in an answer to `status`.

    Each may be named with its next nonce and as cut off, and one as the active one of each pool.
    """
    wallets = sum(2 * len(wallet.name) + _BESIDE_WALLET for wallet in law.wallets)
    pools = (len(pool.name) + max(map(len, pool.members)) + _BESIDE_POOL for pool in law.pools)
    return wallets + sum(pools)


def _nonces(room: Room) -> dict[str, str]:
    law, found = room.laws.present, {}
    for wallet in law.wallets if law else ():
        chain = law.chain(wallet.chain) if law else None
        if chain is not None:
            nonce = book_orders.next_nonce(
                room.book, chain.chain_id, wallet.address, wallet.start_nonce
            )
            found[wallet.name] = str(nonce)
    return found


def _windows(room: Room) -> dict[str, str]:
    """Return what may still be withdrawn from and refilled to each active wallet, in base units."""
    law = room.laws.present
    found: dict[str, str] = {}
    for pool in law.pools if law else ():
        wallet = law.wallet(book_law.active_wallets(room.book).get(pool.name, "")) if law else None
        chain = law.chain(pool.chain) if law else None
        if law is None or wallet is None or chain is None:
            continue
        for symbol in pool.bands:
            asset = law.asset(pool.chain, symbol)
            if asset is not None and len(found) < MOST_WINDOWS:
                left = book_spends.left(room.book, law, wallet, asset, room.now)
                found |= {f"{what} {wallet.name} {symbol}": str(n) for what, n in left.items()}
    return found


def orders_since(room: Room, body: Body) -> Answer:
    """Return orders that changed after an entry, as many as fit into one message.

    A caller that has seen more entries than the book holds is proof that the book was rewound or
    swapped: exposure freezes until a motion resumes it.
    """
    fields.only(body, frozenset({"seq", "limit"}))
    seq, limit = fields.integer(body, "seq"), min(fields.integer(body, "limit"), MOST_ORDERS)
    if seq > room.book.seq and not book_law.is_frozen(room.book):
        why = f"somebody has seen entry {seq} of a book that ends at {room.book.seq}: rewound?"
        book_law.set_frozen(room.book, why, room.now)
    found = book_orders.orders_after(room.book, min(seq, 2**62), limit + 1)
    rows: list[Json] = []
    size = 0
    for changed, order in found[:limit]:
        row = _order_body(changed, order)
        size += len(str(row))
        if rows and size > PAGE_BYTES:
            break
        rows.append(row)
    return room.ok({"orders": rows, "more": fields.to_flag(len(rows) < len(found))})


def _order_body(changed: int, order: Order) -> dict[str, Json]:
    state = OrderState.SIGNED if order.is_signed else OrderState.RECORDED
    signed = [attempt for attempt in order.attempts if attempt.raw is not None]
    return {
        "seq": str(changed),
        "orderId": fields.to_hex(order.order_id),
        "order": terms_to_json(order.terms),
        "state": state.value,
        "nonce": "" if order.nonce is None else str(order.nonce),
        "attempts": [attempt_body(attempt) for attempt in signed],
    }


def checkpoint(room: Room, body: Body) -> Answer:
    """Sign the daemon's journal head with the checkpoint key; the journal only ever grows."""
    fields.only(body, frozenset({"seq", "head"}))
    seq, head = fields.integer(body, "seq"), fields.blob(body, "head", length=32)
    key = next((k for k in room.settings.keys.values() if k.purpose is KeyPurpose.CHECKPOINT), None)
    if key is None or seq >= 2**63:
        return room.refuse(no("no_checkpoint_key", "the settings have no checkpoint key"))
    last_seq, _, last_head = room.book.get("checkpoint", "0:").partition(":")
    if seq < int(last_seq) or (seq == int(last_seq) and last_head not in ("", head.hex())):
        return room.refuse(
            no("journal_forked", f"a checkpoint of entry {last_seq} with another head was signed")
        )
    digest = hashlib.sha256(
        _CHECKPOINT + room.book.deployment + seq.to_bytes(8, "big") + head
    ).digest()
    answer = _proof(room, key.name, digest)
    if answer.result is Result.SIGNED:
        room.book.put("checkpoint", f"{seq}:{head.hex()}")
        room.book.write("checkpoint", {"seq": str(seq), "head": fields.to_hex(head)}, room.now)
    return answer


def possession(room: Room, body: Body) -> Answer:
    """Prove control of a wallet's key in a domain that no transaction can share."""
    fields.only(body, frozenset({"challenge", "wallet"}))
    challenge, name = fields.blob(body, "challenge", length=32), fields.text(body, "wallet")
    wallet = room.laws.present.wallet(name) if room.laws.present else None
    if wallet is None or wallet.key not in room.settings.keys:
        return room.refuse(no("unknown_wallet", f"{name!r} is not in the law"))
    # 0x19 begins no transaction: those start with their type, 0x02.
    digest = keccak256(
        _POSSESSION + room.book.deployment + address_bytes(wallet.address) + challenge
    )
    return _proof(room, wallet.key, digest)


def _proof(room: Room, key: str, digest: bytes) -> Answer:
    trouble = room.trouble_with(key)
    if trouble is not None:
        return trouble
    signature = room.tokens.sign(key, digest)
    if not book_orders.keep_signature(room.book, key, digest, signature, room.now):
        return room.refuse(verbs_people.lose_key(room.book, room.laws, key, room.now))
    plan = room.settings.keys[key]
    is_transaction_key = plan.purpose is KeyPurpose.TRANSACTION
    return Answer(
        result=Result.SIGNED,
        body={
            "signature": fields.to_hex(signature.rsv if is_transaction_key else signature.rs),
            "publicKey": fields.to_hex(plan.public_key),
        },
    )
