"""Withdrawals: a service asks once under a key; the same key and body get the same answer for ever.

The daemon only takes the request in; limits, freezes and the signer decide what becomes of it.
"""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter, Header, Query, Response

from policies.crypto import BadAddressError, keccak256, parse_address
from policies.law import Asset, Law, Pool
from policies.lifecycles import Owner, WithdrawalState
from policies.terms import NATIVE, UINT256_MAX, Address, TransferTerms
from treasury.api import answers
from treasury.api.answers import Glossary
from treasury.api.asking import Narrowed, TheOffice, found_by
from treasury.api.consent import (
    accept_approval,
    accept_veto,
    bytes_of,
    keep_signature,
    law_in_force,
)
from treasury.api.errors import ApiError
from treasury.api.models import Signed, WithdrawalRequest
from treasury.api.office import Office
from treasury.api.scopes import EVERYWHERE, Reach, TheReach
from treasury.errors import TwinError
from treasury.ledger import Session, facts, listings, moves, queries
from treasury.ledger.columns import canonical_json
from treasury.ledger.tables import WithdrawalRow
from treasury.payouts.orders import recognise

reading = APIRouter(prefix="/v1/withdrawals", tags=["withdrawals"])
asking = APIRouter(prefix="/v1/withdrawals", tags=["withdrawals"])
consenting = APIRouter(prefix="/v1/withdrawals", tags=["withdrawals"])
_UNPAID = (WithdrawalState.ACCEPTED, WithdrawalState.HELD)

Key = Annotated[
    str,
    Header(alias="Idempotency-Key", min_length=1, max_length=200, pattern=r"^[!-~]+$"),
]


@reading.get("")
def list_withdrawals(
    office: TheOffice,
    narrowed: Narrowed,
    reach: TheReach,
    pool: Annotated[str, Query(max_length=40)] = "",
    key: Annotated[str, Query(max_length=250)] = "",
) -> dict[str, Any]:
    """List withdrawals, newest first, of one pool or one idempotency key."""
    if pool:
        reach.require(pool)
    words = Glossary(office.law())
    wanted = narrowed.filter(WithdrawalState, words)
    with office.ledger.read() as session:
        pools = (pool,) if pool else reach.pools
        found = listings.withdrawals(session, wanted, pools=pools, key=key and reach.key(key))
    return {"withdrawals": [_told(w, words, reach) for w in found]}


@reading.get("/{number}")
def show_withdrawal(office: TheOffice, number: str, reach: TheReach) -> dict[str, Any]:
    """Show one withdrawal with its terms and approvals, once treasurers are asked."""
    with office.ledger.read() as session:
        return _shown(session, _found(session, number, reach), office, reach)


@asking.post("", status_code=201)
def ask_withdrawal(
    office: TheOffice, body: WithdrawalRequest, key: Key, reach: TheReach
) -> dict[str, Any]:
    """Take in a payout under its Idempotency-Key."""
    reach.require(body.pool)
    digest = "0x" + keccak256(canonical_json(body.model_dump()).encode()).hex()
    with office.ledger.read() as session:
        known = queries.requests.by_key(session, reach.key(key))
    if known is not None:
        # Answered before the law is asked: what was taken in stays so under every later law.
        return _same_answer(known, digest, body, key)
    law = law_in_force(office)
    pool, asset, destination = _understood(body, law)
    row = _row(pool, asset, destination, int(body.amount), office.now(), law)
    row.idempotency_key, row.body_digest = reach.key(key), digest
    try:
        found = _take_in(office, row)
    except TwinError:
        # Another process took the same key in at this very moment; its row is the answer.
        found = _take_in(office, row)
    office.wake()
    return _same_answer(found, digest, body, key)


@asking.post("/{number}/cancel")
def cancel_withdrawal(office: TheOffice, number: str, reach: TheReach) -> dict[str, Any]:
    """Take a withdrawal back before anything was queued for it.

    Nothing was, unless the signer's book knows an order for it which the ledger had lost.
    """
    with office.ledger.write() as session:
        found = _found(session, number, reach)
        found = recognise(session, office.deployment, found, now=office.now())
        if found.state is not WithdrawalState.CANCELLED:
            _require_unpaid(found)
            found = moves.move(
                session,
                found,
                WithdrawalState.CANCELLED,
                actor=Owner.API,
                why="the service took it back",
                now=office.now(),
            )
        return _shown(session, found, office, reach)


@consenting.post("/{number}/approvals", status_code=201)
def approve_withdrawal(
    office: TheOffice, number: str, body: Signed, response: Response
) -> dict[str, Any]:
    """Take in one treasurer's approval of a withdrawal that waits for it."""
    signature = bytes_of(body.signature)
    with office.ledger.write() as session:
        found = _found(session, number)
        digest, terms = _to_sign(found)
        person = accept_approval(terms, signature, office)
        response.status_code = keep_signature(
            session, "approval", digest, person, signature, office.now()
        )
        shown = _shown(session, found, office)
    office.wake()
    return shown


@consenting.post("/{number}/veto", status_code=201)
def veto_withdrawal(
    office: TheOffice, number: str, body: Signed, response: Response
) -> dict[str, Any]:
    """Take in one treasurer's veto, which ends the withdrawal."""
    signature = bytes_of(body.signature)
    with office.ledger.write() as session:
        found = _found(session, number)
        digest, _ = _to_sign(found)
        person = accept_veto(bytes.fromhex(digest[2:]), signature, office)
        response.status_code = keep_signature(
            session, "veto", digest, person, signature, office.now()
        )
        shown = _shown(session, found, office)
    office.wake()
    return shown


def _understood(body: WithdrawalRequest, law: Law) -> tuple[Pool, Asset, Address]:
    pool = law.pool(body.pool)
    if pool is None:
        raise ApiError(422, "unknown_pool", f"the law knows no pool {body.pool!r}")
    asset = law.asset(pool.chain, body.asset)
    if asset is None or body.asset not in pool.withdrawals:
        text = f"pool {pool.name} pays no {body.asset}: the law has no withdrawal rule for it"
        raise ApiError(422, "unknown_asset", text)
    try:
        destination = parse_address(body.destination)
    except BadAddressError as error:
        raise ApiError(422, "bad_address", str(error)) from error
    if destination == NATIVE:
        raise ApiError(422, "bad_address", "the zero address is nobody's: nothing is paid to it")
    if int(body.amount) > UINT256_MAX:
        raise ApiError(422, "bad_amount", "the amount is larger than 2^256 - 1 base units")
    return pool, asset, destination


def _row(  # noqa: PLR0917 - the parts of one row
    pool: Pool, asset: Asset, destination: Address, amount: int, now: int, law: Law
) -> WithdrawalRow:
    chain = law.chain(pool.chain)
    assert chain is not None
    return WithdrawalRow(
        idempotency_key="",
        body_digest="",
        chain_id=chain.chain_id,
        pool=pool.name,
        destination=destination,
        asset=asset.address,
        amount=amount,
        state=WithdrawalState.ACCEPTED.value,
        created_at=now,
        changed_at=now,
        reasons=[],
    )


def _take_in(office: Office, row: WithdrawalRow) -> facts.Withdrawal:
    with office.ledger.write() as session:
        known = queries.requests.by_key(session, row.idempotency_key)
        if known is not None:
            return known
        why = "asked for by a service"
        return moves.create(
            session, facts.Withdrawal, row, actor=Owner.API, why=why, now=row.created_at
        )


def _same_answer(
    found: facts.Withdrawal, digest: str, body: WithdrawalRequest, key: str
) -> dict[str, Any]:
    """Write only what never changes, so that the answer to a repetition is the same for ever.

    Names are those of the request itself: a later law may call the asset something else.
    """
    if found.body_digest != digest:
        text = f"the key {key} was used for withdrawal {found.id} with another body: use a new key"
        raise ApiError(409, "key_reused", text)
    return {
        "id": found.id,
        "idempotency_key": key,
        "chain_id": found.chain_id,
        "pool": body.pool,
        "destination": found.destination,
        "asset": body.asset,
        "asset_address": found.asset,
        "amount": body.amount,
        "created_at": found.created_at,
        "state": WithdrawalState.ACCEPTED.value,
        "see": f"/v1/withdrawals/{found.id}",
    }


def _found(session: Session, number: str, reach: Reach = EVERYWHERE) -> facts.Withdrawal:
    """Find a withdrawal; one that is out of reach is answered as if it were not there."""

    def within_reach(key: int) -> facts.Withdrawal | None:
        found = queries.requests.withdrawal(session, key)
        return found if found is not None and reach.covers(found.pool) else None

    return found_by(number, "withdrawal", by_number=within_reach, by_digest=lambda _digest: None)


def _require_unpaid(found: facts.Withdrawal) -> None:
    if found.state not in _UNPAID:
        text = f"withdrawal {found.id} is {found.state}: only {' or '.join(_UNPAID)} takes this"
        raise ApiError(409, "not_open", text, found.reasons)


def _to_sign(found: facts.Withdrawal) -> tuple[str, TransferTerms]:
    _require_unpaid(found)
    if found.terms is None or found.order_id is None:
        text = f"withdrawal {found.id} waits for no treasurer: it has no terms to sign"
        raise ApiError(409, "no_terms", text, found.reasons)
    return found.order_id, found.terms


def _told(found: facts.Withdrawal, words: Glossary, reach: Reach) -> dict[str, Any]:
    kept = found.idempotency_key
    return {**answers.withdrawal(found, words), "idempotency_key": reach.own_key(kept)}


def _shown(
    session: Session, found: facts.Withdrawal, office: Office, reach: Reach = EVERYWHERE
) -> dict[str, Any]:
    words = Glossary(office.law())
    digest = found.order_id or ""
    approvals = queries.refills.approvals(session, digest)
    vetoes = queries.refills.vetoes(session, digest)
    return {
        **_told(found, words, reach),
        "deployment": "0x" + office.deployment.hex(),
        "approvals": [answers.signature(approval, words) for approval in approvals],
        "vetoes": [answers.signature(veto, words) for veto in vetoes],
    }
