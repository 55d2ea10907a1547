"""Evacuate: have what leaves an isolated wallet signed and sent in the tick that queued it.

A thief takes one asset per block, and the other lane may be in the middle of a thousand payouts.
So the first try does not wait for it, neither for what the isolation queued nor for what a later
look planned, when gas came, nor for that gas itself. Whatever does not go now (a node that is away,
a token that is locked, a refusal) stays queued, and `dispatch` and `tend` go on with it as with
every transfer.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection
from datetime import datetime

from hsm.errors import HsmError
from policies import fees
from policies.lifecycles import TransferState
from policies.terms import Address, Purpose
from treasury.chain.errors import ChainError
from treasury.clock import unix
from treasury.ledger.facts import Transfer
from treasury.ledger.queries import transfers, watch
from treasury.orders.handing import sign_and_send
from treasury.orders.sending import Desk, desk_for
from treasury.safety.contending import first_bid, most_at_once
from treasury.safety.evacuating import is_spent
from treasury.safety.rescuing import is_rescue
from treasury.world import NO_LAW, Deeds, Outcome, World

_NAME = "evacuate"


def evacuate(world: World, now: datetime) -> Outcome:
    """Take every queued evacuation of the chain once."""
    deeds = Deeds(_NAME)
    with world.ledger.read() as session:
        queued = transfers.homeward(session, world.chain_id)
    waiting = [
        t
        for t in queued
        if t.nonce is None and unix(now) < t.expires_at and (_is_evacuation(t) or is_rescue(t))
    ]
    if not waiting:
        return deeds.outcome()
    try:
        desk = desk_for(world, now, deeds)
        if desk is None:
            return deeds.broken_off(NO_LAW)
        sign_and_send(desk, _bids(desk, waiting))
    except (HsmError, ChainError) as error:
        # The rest of the lane goes on: other wallets are watched, and the money lane tries too.
        deeds.add(f"left the evacuation to the other lane: {error}")
    return deeds.outcome()


def _bids(desk: Desk, waiting: list[Transfer]) -> list[tuple[Transfer, fees.Bid]]:
    """Return those that may go now with what they bid: so many of a sender, and not too dear."""
    with desk.world.ledger.read() as session:
        unmined = transfers.in_states(session, desk.world.chain_id, TransferState.IN_FLIGHT)
        look = watch.newest(session, desk.world.chain_id)
    leaving = Counter(
        t.source for t in unmined if _is_evacuation(t) and not (look and is_spent(t, look[1]))
    )
    # In the order of the transfers: a set would ask the chain in another order at every start.
    robbed = dict.fromkeys(t.source for t in waiting if _is_evacuation(t))
    most = {source: most_at_once(desk, source) for source in robbed}
    # Gas for an isolated wallet keeps to the rules of `dispatch`, which takes what is left here.
    busy = {t.source for t in unmined}
    most |= {t.source: int(_may_help(desk, t, busy)) for t in waiting if is_rescue(t)}
    bids = []
    for transfer in waiting:
        asset = desk.law.asset_at(transfer.chain_id, transfer.asset)
        if asset is None or leaving[transfer.source] >= most[transfer.source]:
            continue
        bid = first_bid(desk, transfer, fees.gas_limit_for(asset))
        ceiling = desk.chain.fee_ceiling
        if not fees.judge_bid(bid, max_fee=transfer.max_fee, fee_ceiling=ceiling):
            leaving[transfer.source] += 1
            bids.append((transfer, bid))
    return bids


def _is_evacuation(transfer: Transfer) -> bool:
    return transfer.purpose is Purpose.EVACUATION


def _may_help(desk: Desk, transfer: Transfer, busy: Collection[Address]) -> bool:
    """Say whether the sponsor may send gas now: calm, not halted, nothing of it waits already."""
    sponsor = desk.standings.get(transfer.source)
    is_calm = sponsor is not None and sponsor.is_calm
    return is_calm and not desk.is_halted and transfer.source not in busy
