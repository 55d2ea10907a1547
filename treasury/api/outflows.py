"""Registered outflows: what a payout engine that shares a key with us is about to send.

The engine registers a transaction's hash and what it moves before it broadcasts. What leaves a
shared wallet without having been registered counts as stolen, so a registration is taken in once
and never changed; the same one again gets the same answer.
"""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter, Query
from pydantic import Field

from policies.crypto import BadAddressError, parse_address
from policies.law import Custody, Law, Wallet
from policies.terms import UINT256_MAX
from treasury.api.asking import TheOffice
from treasury.api.consent import law_in_force
from treasury.api.errors import ApiError
from treasury.api.models import Body, Name
from treasury.api.scopes import Reach, TheReach
from treasury.ledger import registered
from treasury.ledger.registered import Envelope, Part, Registered

reading = APIRouter(prefix="/v1/outflows", tags=["outflows"])
registering = APIRouter(prefix="/v1/outflows", tags=["outflows"])
MOST_WAITING = 20_000
"""So many movements of one wallet may be on their way: each look asks for their receipts."""
_Hex = Annotated[str, Field(pattern=r"^0x[0-9a-fA-F]{40}$")]


class Movement(Body):
    """One movement; `amount` is in base units, as a decimal string."""

    asset: Name
    destination: _Hex
    amount: Annotated[str, Field(pattern=r"^(0|[1-9][0-9]{0,77})$")]


class Registration(Body):
    """A transaction that is about to be sent, and everything that it moves out of the wallet."""

    wallet: Name
    hash: Annotated[str, Field(pattern=r"^0x[0-9a-f]{64}$")]
    movements: Annotated[list[Movement], Field(min_length=1, max_length=200)]


@reading.get("")
def list_outflows(
    office: TheOffice, reach: TheReach, limit: Annotated[int, Query(ge=1, le=1000)] = 100
) -> dict[str, Any]:
    """List what was registered, newest first, and what the chain shows of it."""
    law = law_in_force(office)
    within = [w for w in law.wallets if (pool := law.pool_of(w.name)) and reach.covers(pool.name)]
    with office.ledger.read() as session:
        found = registered.newest(session, [wallet.address for wallet in within], limit)
    return {"outflows": [_shown(one, law) for one in found]}


@registering.post("", status_code=201)
def register_outflow(office: TheOffice, body: Registration, reach: TheReach) -> dict[str, Any]:
    """Take in what a transaction of a shared wallet moves; then it may be broadcast."""
    law = law_in_force(office)
    wallet = _shared(body.wallet, law, reach)
    chain = law.chain(wallet.chain)
    assert chain is not None, "a wallet of a parsed law has a chain"
    parts = [_part(movement, wallet, law) for movement in body.movements]
    envelope = Envelope(
        chain_id=chain.chain_id, wallet=wallet.address, hash=body.hash, service=reach.service
    )
    with office.ledger.write() as session:
        known = registered.by_hash(session, chain.chain_id, body.hash)
        if known:
            _require_same(known, wallet, parts)
        elif registered.count_unsettled(session, chain.chain_id, wallet.address) >= MOST_WAITING:
            text = f"{MOST_WAITING} movements of {wallet.name} are on their way: wait for blocks"
            raise ApiError(429, "too_many_waiting", text)
        else:
            known = registered.register(session, envelope, parts, now=office.now())
    return {"hash": body.hash, "movements": [_shown(one, law) for one in known]}


def _shared(name: str, law: Law, reach: Reach) -> Wallet:
    wallet, pool = law.wallet(name), law.pool_of(name)
    if wallet is None or pool is None:
        raise ApiError(422, "unknown_wallet", f"the law knows no hot wallet {name!r}")
    reach.require(pool.name)
    if wallet.custody is not Custody.SHARED:
        text = f"{name} is in exclusive custody: only the signer pays from it, ask for withdrawals"
        raise ApiError(422, "exclusive_custody", text)
    return wallet


def _part(movement: Movement, wallet: Wallet, law: Law) -> Part:
    asset, amount = law.asset(wallet.chain, movement.asset), int(movement.amount)
    if asset is None:
        raise ApiError(422, "unknown_asset", f"the law knows no asset {movement.asset!r} there")
    if amount > UINT256_MAX:
        raise ApiError(422, "amount", "no asset has amounts above 2^256 - 1")
    try:
        destination = parse_address(movement.destination)
    except BadAddressError as error:
        raise ApiError(422, "bad_address", str(error)) from error
    return Part(asset=asset.address, destination=destination, amount=amount)


def _require_same(known: tuple[Registered, ...], wallet: Wallet, parts: list[Part]) -> None:
    before = [(one.asset, one.destination, one.amount) for one in known]
    now = [(part.asset, part.destination, part.amount) for part in parts]
    if known[0].wallet != wallet.address or before != now:
        text = f"{known[0].hash} was registered with other movements: they never change"
        raise ApiError(409, "registered_otherwise", text)


def _shown(one: Registered, law: Law) -> dict[str, Any]:
    asset = law.asset_at(one.chain_id, one.asset)
    state = "void" if one.is_void else "final" if one.settled_at is not None else "registered"
    if state == "registered" and one.block_number is not None:
        state = "mined"
    return {
        "hash": one.hash,
        "part": one.part,
        "wallet": one.wallet,
        "asset": asset.symbol if asset else one.asset,
        "destination": one.destination,
        "amount": str(one.amount),
        "service": one.service,
        "registered_at": one.registered_at,
        "state": state,
        "block_number": one.block_number,
    }
