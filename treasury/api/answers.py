"""Facts of the ledger as JSON: amounts as decimal strings of base units, and once more for people.

`<name>` is exact, `<name>_text` is "12.5 ETH". Times are unix seconds, digests 0x-hex. What the
daemon believes about the chain is never mixed with what people sign: it stands under `reported`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from policies.amounts import format_amount
from policies.consent import motion_to_json, terms_to_json
from policies.law import Asset, Law
from policies.terms import NATIVE, Address, Reason
from treasury.api.consent import maker_name
from treasury.ledger import facts

Json = dict[str, Any]


class Glossary:
    """Turns ids and addresses into the names that the law gives them."""

    def __init__(self, law: Law | None) -> None:
        """Speak the words of that law; without one, of none."""
        self.law = law

    def chain(self, chain_id: int) -> str:
        """Return a chain's name, or its id when the law does not know it."""
        chain = self.law.chain_by_id(chain_id) if self.law else None
        return chain.name if chain else f"chain {chain_id}"

    def asset(self, chain_id: int, address: Address) -> Asset | None:
        """Return an asset."""
        return self.law.asset_at(chain_id, address) if self.law else None

    def symbol(self, chain_id: int, address: Address) -> str:
        """Return an asset's symbol, or its address when the law does not know it."""
        asset = self.asset(chain_id, address)
        return asset.symbol if asset else address

    def text(self, amount: int, chain_id: int, address: Address) -> str:
        """Write an amount in token units, or in base units of an unknown asset."""
        asset = self.asset(chain_id, address)
        return exactly(amount, asset) if asset else f"{amount} base units"

    def wallet(self, chain_id: int, address: Address) -> str:
        """Return the name of our wallet at an address, or nothing."""
        wallet = self.law.wallet_at(chain_id, address) if self.law else None
        return wallet.name if wallet else ""

    def person(self, address: Address) -> str:
        """Return a treasurer's name, or nothing."""
        person = self.law.treasurer_at(address) if self.law else None
        return person.name if person else ""

    def assets_named(self, symbol: str) -> tuple[Address, ...]:
        """Return the addresses of all assets with that symbol, on any chain."""
        known = self.law.assets if self.law else ()
        return tuple(asset.address for asset in known if asset.symbol == symbol)


def exactly(amount: int, asset: Asset) -> str:
    """Write an amount of a known asset in token units, without rounding."""
    return format_amount(amount, asset.symbol, asset.decimals)


def reasons(found: Sequence[Reason]) -> list[Json]:
    """Write reasons."""
    return [{"code": reason.code, "text": reason.text} for reason in found]


def refill(found: facts.Refill, words: Glossary, approved_by: Sequence[str]) -> Json:
    """Write a refill as it stands in lists."""
    checkers = [address for address in approved_by if address != found.maker]
    return {
        "id": found.id,
        "order_id": found.order_id,
        "state": found.state.value,
        "chain": words.chain(found.chain_id),
        "chain_id": found.chain_id,
        "pool": found.pool,
        "wallet": found.wallet,
        "asset": words.symbol(found.chain_id, found.asset),
        "asset_address": found.asset,
        "amount": str(found.amount),
        "amount_text": words.text(found.amount, found.chain_id, found.asset),
        "max_fee": str(found.max_fee),
        "max_fee_text": words.text(found.max_fee, found.chain_id, NATIVE),
        "maker": found.maker,
        "maker_name": maker_name(found.maker, words.law),
        "proposed_at": found.proposed_at,
        "expires_at": found.expires_at,
        "changed_at": found.changed_at,
        "required": found.required,
        "approved_by": checkers,
        "release_at": found.release_at,
        "transfer_id": found.transfer_id,
        "reasons": reasons(found.reasons),
    }


def transfer(found: facts.Transfer, words: Glossary) -> Json:
    """Write a transfer as it stands in lists."""
    chain_id = found.chain_id
    fee = found.settled_fee
    return {
        "id": found.id,
        "order_id": found.order_id,
        "cause": found.cause,
        "purpose": found.purpose.value,
        "state": found.state.value,
        "chain": words.chain(chain_id),
        "chain_id": chain_id,
        "source": found.source,
        "source_name": words.wallet(chain_id, found.source),
        "destination": found.destination,
        "destination_name": words.wallet(chain_id, found.destination),
        "asset": words.symbol(chain_id, found.asset),
        "asset_address": found.asset,
        "amount": str(found.amount),
        "amount_text": words.text(found.amount, chain_id, found.asset),
        "max_fee": str(found.max_fee),
        "max_fee_text": words.text(found.max_fee, chain_id, NATIVE),
        "fee": None if fee is None else str(fee),
        "fee_text": None if fee is None else words.text(fee, chain_id, NATIVE),
        "nonce": found.nonce,
        "created_at": found.created_at,
        "expires_at": found.expires_at,
        "changed_at": found.changed_at,
        "block_number": found.block_number,
        "block_hash": found.block_hash,
        "reasons": reasons(found.reasons),
    }


def attempt(found: facts.Attempt) -> Json:
    """Write an attempt, without its raw bytes."""
    return {
        "number": found.number,
        "kind": found.kind,
        "state": found.state.value,
        "hash": found.hash,
        "gas_limit": found.gas_limit,
        "max_fee_per_gas": str(found.max_fee_per_gas),
        "max_priority_fee_per_gas": str(found.max_priority_fee_per_gas),
        "signed_at": found.signed_at,
        "sent_at": found.sent_at,
        "answer": found.answer,
    }


def withdrawal(found: facts.Withdrawal, words: Glossary) -> Json:
    """Write a withdrawal; `terms` and `digest` are there once treasurers can sign them."""
    return {
        "id": found.id,
        "idempotency_key": found.idempotency_key,
        "state": found.state.value,
        "chain": words.chain(found.chain_id),
        "chain_id": found.chain_id,
        "pool": found.pool,
        "destination": found.destination,
        "asset": words.symbol(found.chain_id, found.asset),
        "asset_address": found.asset,
        "amount": str(found.amount),
        "amount_text": words.text(found.amount, found.chain_id, found.asset),
        "created_at": found.created_at,
        "changed_at": found.changed_at,
        "transfer_id": found.transfer_id,
        "digest": found.order_id,
        "terms": None if found.terms is None else terms_to_json(found.terms),
        "reasons": reasons(found.reasons),
    }


def motion(found: facts.Motion, words: Glossary, approved_by: Sequence[str]) -> Json:
    """Write a motion with its terms and the payload that they bind."""
    return {
        "id": found.id,
        "digest": found.digest,
        "kind": found.kind,
        "what": found.terms.what,
        "state": found.state.value,
        "maker": found.maker,
        "maker_name": maker_name(found.maker, words.law),
        "proposed_at": found.proposed_at,
        "expires_at": found.expires_at,
        "changed_at": found.changed_at,
        "required": found.required or (words.law.roster.quorum if words.law else None),
        "approved_by": [address for address in approved_by if address != found.maker],
        "terms": motion_to_json(found.terms),
        "payload": dict(found.payload),
        "reasons": reasons(found.reasons),
    }


def signature(found: facts.Approval, words: Glossary) -> Json:
    """Write an approval or a veto; whoever counts it recovers its signer again."""
    return {
        "treasurer": found.treasurer,
        "name": words.person(found.treasurer),
        "signature": "0x" + found.signature.hex(),
        "received_at": found.received_at,
    }


def entry(found: facts.Entry) -> Json:
    """Write a journal line; `body` is its canonical JSON text, as it was hashed."""
    return {
        "seq": found.seq,
        "at": found.at,
        "actor": found.actor,
        "kind": found.kind,
        "subject": found.subject,
        "body": found.body,
        "book_seq": found.book_seq,
        "book_head": found.book_head,
        "prev": found.prev,
        "hash": found.hash,
    }


def tick(found: facts.Tick | None, now: int) -> Mapping[str, Any]:
    """Write how well a chain is seen."""
    if found is None:
        return {"ok": False, "error": "not looked at yet", "at": None}
    head, final = found.head, found.final
    return {
        "ok": found.ok,
        "error": found.error,
        "at": found.at,
        "age_s": max(0, now - found.at),
        "head": head.number if head else None,
        "head_hash": head.hash if head else None,
        "head_time": head.time if head else None,
        "final": final.number if final else None,
    }
