"""Write the content of an evidence file: numbers as texts, bytes as 0x-hex, times in unix."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from policies.consent import motion_to_json, terms_to_json
from policies.law import Law, law_from_canonical
from treasury.evidence_file.keys import Key
from treasury.evidence_file.reckoning import reckon
from treasury.ledger import Session, journal
from treasury.ledger.facts import Approval, Attempt, Entry, Motion, Refill, Transfer, Withdrawal
from treasury.ledger.queries import everything, standings
from treasury.ledger.queries.everything import AdoptedLaw

FORMAT = "treasury-evidence/1"
Json = dict[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class Gathered:
    """What one view of the ledger holds; `head` is the newest journal line in it."""

    head: Entry
    laws: Sequence[AdoptedLaw]
    states: dict[str, str]
    body: Json


def gather(session: Session) -> Gathered | None:
    """Read everything in one view; None before the first journal line."""
    head = journal.head(session)
    if head is None:
        return None
    laws, moved = everything.laws(session), everything.transfers(session)
    attempts: dict[int, list[Attempt]] = {}
    for attempt in everything.attempts(session):
        attempts.setdefault(attempt.transfer_id, []).append(attempt)
    known = standings.wallets(session)
    return Gathered(
        head=head,
        laws=laws,
        states={s.name: s.state.value for s in known if s.state is not None},
        body={
            "approvals": [_signature(one) for one in everything.approvals(session)],
            "vetoes": [_signature(one) for one in everything.vetoes(session)],
            "refills": [_refill(one) for one in everything.refills(session)],
            "withdrawals": [_withdrawal(one) for one in everything.withdrawals(session)],
            "motions": [_motion(one) for one in everything.motions(session)],
            "transfers": [_transfer(one, attempts.get(one.id, ())) for one in moved],
            "reconciliation": list(reckon(session, parsed(laws), moved)),
        },
    )


def parsed(laws: Sequence[AdoptedLaw]) -> list[Law]:
    """Read the laws, the one in force last."""
    ordered = sorted(laws, key=lambda law: law.current)
    return [law_from_canonical(law.text.encode("ascii")) for law in ordered]


def write_content(found: Gathered, keys: Sequence[Key], *, deployment: bytes, now: int) -> Json:
    """Put the content together."""
    return {
        "format": FORMAT,
        "deployment": "0x" + deployment.hex(),
        "written_at": str(now),
        "as_of": {"seq": str(found.head.seq), "hash": found.head.hash},
        "laws": [
            {
                "digest": law.digest,
                "text": law.text,
                "adopted_at": str(law.adopted_at),
                "in_force": law.current,
            }
            for law in found.laws
        ],
        "keys": [_key(key, found.states) for key in keys],
        **found.body,
    }


def write_lines(session: Session, last: int) -> Iterator[Json]:
    """Yield the journal from the first line to line `last`, as it is hashed."""
    after = 0
    while after < last:
        for entry in journal.tail(session, after=after, limit=min(500, last - after)):
            after = entry.seq
            yield _line(entry)


def _line(entry: Entry) -> Json:
    return {
        "seq": entry.seq,
        "at": entry.at,
        "actor": entry.actor,
        "kind": entry.kind,
        "subject": entry.subject,
        "body": entry.body,
        "book_seq": entry.book_seq,
        "book_head": entry.book_head,
        "prev": entry.prev,
        "hash": entry.hash,
    }


def _key(key: Key, states: dict[str, str]) -> Json:
    wallet = key.wallet
    return {
        "wallet": wallet.name,
        "chain_id": str(key.chain_id),
        "address": wallet.address,
        "role": wallet.role.value,
        "custody": wallet.custody.value,
        "key": wallet.key,
        "fate_group": wallet.fate_group,
        "state": states.get(wallet.name),
        "challenge": "0x" + key.challenge.hex(),
        "proof": "0x" + key.proof.hex() if key.proof else None,
        "missing": key.missing,
    }


def _signature(one: Approval) -> Json:
    return {
        "digest": one.digest,
        "treasurer": one.treasurer,
        "signature": "0x" + one.signature.hex(),
        "received_at": str(one.received_at),
    }


def _refill(one: Refill) -> Json:
    return {
        "id": str(one.id),
        "order_id": one.order_id,
        "state": one.state.value,
        "transfer": None if one.transfer_id is None else str(one.transfer_id),
        "terms": terms_to_json(one.terms),
    }


def _withdrawal(one: Withdrawal) -> Json:
    return {
        "id": str(one.id),
        "order_id": one.order_id,
        "state": one.state.value,
        "transfer": None if one.transfer_id is None else str(one.transfer_id),
        "terms": None if one.terms is None else terms_to_json(one.terms),
    }


def _motion(one: Motion) -> Json:
    return {
        "id": str(one.id),
        "digest": one.digest,
        "state": one.state.value,
        "terms": motion_to_json(one.terms),
        "payload": dict(one.payload),
    }


def _transfer(one: Transfer, attempts: Sequence[Attempt]) -> Json:
    def text(value: int | None) -> str | None:
        return None if value is None else str(value)

    return {
        "id": str(one.id),
        "order_id": one.order_id,
        "cause": one.cause,
        "state": one.state.value,
        "terms": terms_to_json(one.terms),
        "nonce": text(one.nonce),
        "block_number": text(one.block_number),
        "block_hash": one.block_hash,
        "fee": text(one.settled_fee),
        "moved_out": text(one.moved_out),
        "moved_in": text(one.moved_in),
        "attempts": [
            {
                "number": str(attempt.number),
                "kind": attempt.kind,
                "state": attempt.state.value,
                "hash": attempt.hash,
                "raw": "0x" + attempt.raw.hex(),
            }
            for attempt in attempts
        ],
    }
