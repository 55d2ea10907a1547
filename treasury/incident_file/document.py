"""The incident file as one JSON document: numbers as texts, times in UTC and in unix seconds."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

from hsm.wire.answers import OrderRecord
from policies.amounts import format_amount
from policies.consent import terms_to_json
from policies.law import Asset, Law, law_digest
from policies.terms import Address
from treasury.incident_file.evidence import Evidence
from treasury.incident_file.figures import Figure
from treasury.ledger.columns import canonical_json
from treasury.ledger.facts import Approval, Entry, Transfer
from treasury.ledger.queries.evidence import Seen

FORMAT = "treasury-incident/1"
Json = dict[str, Any]


def write_document(found: Evidence, *, deployment: bytes, now: int) -> Json:
    """Write everything; the order of keys does not matter, `as_text` sorts them."""
    incident, wallet, law = found.incident, found.wallet, found.law
    known = law.wallet(wallet.name)
    return {
        "format": FORMAT,
        "deployment": "0x" + deployment.hex(),
        "law_digest": "0x" + law_digest(law).hex(),
        "written_at": _moment(now),
        "journal_head": None
        if found.head is None
        else {"seq": str(found.head.seq), "hash": found.head.hash},
        "incident": {
            "id": str(incident.id),
            "state": incident.state.value,
            "outcome": incident.outcome,
            "opened_at": _moment(incident.opened_at),
            "changed_at": _moment(incident.changed_at),
            "reasons": [{"code": r.code, "text": r.text} for r in incident.reasons],
        },
        "wallet": {
            "name": wallet.name,
            "address": wallet.address,
            "chain_id": str(wallet.chain_id),
            "pool": wallet.pool,
            "state": wallet.state.value if wallet.state else None,
            "fate_group": known.fate_group if known else None,
            "custody": known.custody.value if known else None,
        },
        "figures": [_figure(figure) for figure in found.figures],
        "foreign_nonces": [str(nonce) for nonce in _foreign(found)],
        "timeline": [_line(entry) for entry in found.timeline],
        "seen": [_seen(seen, wallet.chain_id, law) for seen in found.seen],
        "transfers": [_transfer(transfer, found) for transfer in found.transfers],
        "refills": [_refill(found, number) for number in range(len(found.refills))],
        "approvals": [_signature(approval, law) for approval in found.approvals],
        "vetoes": [_signature(veto, law) for veto in found.vetoes],
        "signer_book": [_order(order) for order in found.book],
        "signer_book_missing": found.book_why,
    }


def as_text(document: Json) -> str:
    """Return the bytes that are sealed: canonical JSON, one line at the end."""
    return canonical_json(document) + "\n"


def _moment(at: int) -> Json:
    text = datetime.fromtimestamp(at, UTC).strftime("%Y-%m-%d %H:%M:%S UTC")
    return {"unix": str(at), "utc": text}


def _figure(figure: Figure) -> Json:
    amounts = {
        "before": figure.before,
        "lost": figure.lost,
        "saved": figure.saved,
        "arriving": figure.arriving,
        "fees": figure.fees,
        "left": figure.left,
    }
    asset = figure.asset
    return {
        "asset": asset.symbol,
        "asset_address": asset.address,
        "before_block": None if figure.before_block is None else str(figure.before_block),
        **{name: None if n is None else str(n) for name, n in amounts.items()},
        **{
            f"{name}_text": "unknown"
            if n is None
            else format_amount(n, asset.symbol, asset.decimals)
            for name, n in amounts.items()
        },
    }


def _amount(amount: int, asset: Asset) -> str:
    return format_amount(amount, asset.symbol, asset.decimals)


def _foreign(found: Evidence) -> Iterator[int]:
    """Yield every nonce that the chain has seen spent and our books did not sign, in this time."""
    ours = {t.nonce for t in found.transfers if t.source == found.wallet.address}
    ours -= {None}
    seen = [s.value for s in found.seen if s.cell == "nonce" and s.value is not None]
    if not seen:
        return
    first = min(ours | {min(seen)}, key=lambda nonce: nonce or 0) or 0
    usurped = {t.nonce for t in found.transfers if t.state.value == "USURPED"}
    yield from (n for n in range(first, max(seen)) if n not in ours or n in usurped)


def _line(entry: Entry) -> Json:
    return {
        "seq": str(entry.seq),
        "at": _moment(entry.at),
        "actor": entry.actor,
        "kind": entry.kind,
        "subject": entry.subject,
        "body": json.loads(entry.body),
        "book_seq": None if entry.book_seq is None else str(entry.book_seq),
        "hash": entry.hash,
    }


def _seen(seen: Seen, chain_id: int, law: Law) -> Json:
    asset = law.asset_at(chain_id, Address(seen.cell))
    return {
        "at": _moment(seen.at),
        "depth": seen.depth,
        "block": None if seen.block_number is None else str(seen.block_number),
        "block_hash": seen.block_hash,
        "what": asset.symbol if asset else seen.cell,
        "value": None if seen.value is None else str(seen.value),
    }


def _transfer(transfer: Transfer, found: Evidence) -> Json:
    asset = found.law.asset_at(transfer.chain_id, transfer.asset)
    return {
        "id": str(transfer.id),
        "order_id": transfer.order_id,
        "purpose": transfer.purpose.value,
        "cause": transfer.cause,
        "state": transfer.state.value,
        "terms": terms_to_json(transfer.terms),
        "asset": asset.symbol if asset else transfer.asset,
        "amount": str(transfer.amount),
        "from": transfer.source,
        "to": transfer.destination,
        "nonce": None if transfer.nonce is None else str(transfer.nonce),
        "block": None if transfer.block_number is None else str(transfer.block_number),
        "block_hash": transfer.block_hash,
        "attempts": [
            {
                "kind": attempt.kind,
                "state": attempt.state.value,
                "hash": attempt.hash,
                "raw": "0x" + attempt.raw.hex(),
                "signed_at": _moment(attempt.signed_at),
                "node_said": attempt.answer,
            }
            for attempt in found.attempts.get(transfer.id, ())
        ],
    }


def _refill(found: Evidence, number: int) -> Json:
    refill = found.refills[number]
    return {
        "id": str(refill.id),
        "order_id": refill.order_id,
        "state": refill.state.value,
        "amount": str(refill.amount),
        "terms": terms_to_json(refill.terms),
    }


def _signature(one: Approval, law: Law) -> Json:
    person = law.treasurer_at(one.treasurer)
    return {
        "digest": one.digest,
        "treasurer": one.treasurer,
        "name": person.name if person else None,
        "signature": "0x" + one.signature.hex(),
        "received_at": _moment(one.received_at),
    }


def _order(order: OrderRecord) -> Json:
    return {
        "book_seq": str(order.seq),
        "order_id": "0x" + order.order_id.hex(),
        "order": dict(order.order),
        "state": order.state.value,
        "nonce": None if order.nonce is None else str(order.nonce),
        "attempts": [
            {"kind": attempt.kind.value, "hash": "0x" + attempt.hash.hex()}
            for attempt in order.attempts
        ],
    }
