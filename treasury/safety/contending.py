"""Contend: outbid whoever holds the nonce of an evacuation in the nodes' pools, at once.

A thief with the key has a transaction of his own on the same nonce, and a node keeps the dearer
one. So an evacuation that a node calls underpriced is doubled until a node takes it or its own fee
ceiling is reached; nothing but its fees changes, and every bid is stored before it is sent.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from hsm.wire.answers import Signed
from policies import fees
from policies.evacuation import AT_ONCE, FIRST_BID
from policies.lifecycles import TransferState
from policies.terms import NATIVE, Address, Purpose
from treasury.chain.errors import ChainError
from treasury.chain.port import ReadRequest, SendKind
from treasury.ledger.facts import Attempt, Cells, Transfer
from treasury.ledger.queries import transfers, watch
from treasury.orders.sending import Desk, fees_of, keep_and_send

MOST_ROUNDS = 5
"""How often one tick doubles: thirty-two times the first bid."""


def first_bid(desk: Desk, transfer: Transfer, gas_limit: int) -> fees.Bid:
    """Bid the market's price, for an evacuation several times as much."""
    if transfer.purpose is not Purpose.EVACUATION:
        return fees.make_bid(desk.market, gas_limit)
    return fees.make_urgent_bid(desk.market, gas_limit, times=FIRST_BID, max_fee=transfer.max_fee)


def most_at_once(desk: Desk, source: Address) -> int:
    """Return how many unmined transactions nodes let this account have.

    A delegated account (EIP-7702) may have one only: what is behind it would be refused.
    """
    world = desk.world
    request = ReadRequest(wallets=(source,), assets=(), with_code=True)
    try:
        code = world.chain.read_balances(request, desk.head).codes.get(source)
    except ChainError:
        return AT_ONCE
    return 1 if code else AT_ONCE


def claims(desk: Desk, coming: Sequence[Transfer]) -> Mapping[int, int]:
    """Return the nonce to claim for each evacuation, by its number: the first that is free.

    From the chain's next one on, because a thief may have spent what the book has next, and past
    those that other evacuations hold. One that asks for more coins than a thief has left holds
    nothing: it will never be mined, and what is behind it would wait. Raises `ChainError`.
    """
    urgent = [transfer for transfer in coming if transfer.purpose is Purpose.EVACUATION]
    if not urgent:
        return {}
    world, head = desk.world, desk.world.chain.head()
    with world.ledger.read() as session:
        # The block of a mined one may be gone while nobody has noticed yet, and the book may have
        # given a nonce to one that it could not sign: both hold theirs.
        live = (TransferState.QUEUED, TransferState.IN_FLIGHT, TransferState.MINED)
        holding = transfers.in_states(session, world.chain_id, *live)
        seen = watch.newest(session, world.chain_id)
    holders = [t for t in holding if t.purpose is Purpose.EVACUATION]
    taken = {(t.source, t.nonce) for t in holders if not (seen and _is_hollow(t, seen[1]))}
    following: dict[Address, int] = {}
    claimed = {}
    for transfer in urgent:
        if transfer.nonce is not None:
            continue  # the book gave it one before: that is the one it is signed with
        source = transfer.source
        if source not in following:
            following[source] = world.chain.transaction_nonce(source, head)
        while (source, following[source]) in taken:
            following[source] += 1
        claimed[transfer.id] = following[source]
        taken.add((source, following[source]))
    return claimed


def _is_hollow(transfer: Transfer, head: Cells) -> bool:
    """Say whether a transfer of coins asks for more than the newest look shows."""
    coins = head.balance(transfer.source, NATIVE)
    return transfer.asset == NATIVE and coins is not None and coins < transfer.amount


def contend(desk: Desk, transfer: Transfer) -> None:
    """Raise an evacuation's bid until a node takes it, or until nothing is left to bid.

    Raises what the signer's client raises.
    """
    if transfer.purpose is not Purpose.EVACUATION:
        return
    for _ in range(MOST_ROUNDS):
        with desk.world.ledger.read() as session:
            present = transfers.transfer(session, transfer.id)
            attempts = transfers.attempts(session, transfer.id)
        if present is None or present.state is not TransferState.IN_FLIGHT:
            return
        if not attempts or not attempts[-1].answer.startswith(SendKind.UNDERPRICED.value):
            return
        if not _raise(desk, present, attempts[-1]):
            return


def is_outbid(desk: Desk, transfer: Transfer, newest: Attempt) -> bool:
    """Say whether somebody holds an evacuation's nonce for more than it may ever bid."""
    if not newest.answer.startswith(SendKind.UNDERPRICED.value):
        return False
    bid = fees.make_counter_bid(bid_of(newest), desk.market, max_fee=transfer.max_fee)
    ceiling = desk.chain.fee_ceiling
    return bool(fees.judge_bid(bid, max_fee=transfer.max_fee, fee_ceiling=ceiling))


def bid_of(attempt: Attempt) -> fees.Bid:
    """Return what an attempt bid."""
    return fees.Bid(
        gas_limit=attempt.gas_limit,
        max_fee_per_gas=attempt.max_fee_per_gas,
        max_priority_fee_per_gas=attempt.max_priority_fee_per_gas,
        l1_fee=attempt.l1_fee,
    )


def _raise(desk: Desk, transfer: Transfer, newest: Attempt) -> bool:
    bid = fees.make_counter_bid(bid_of(newest), desk.market, max_fee=transfer.max_fee)
    ceiling = desk.chain.fee_ceiling
    if fees.judge_bid(bid, max_fee=transfer.max_fee, fee_ceiling=ceiling):
        return False
    answer = desk.world.signer.bump(bytes.fromhex(transfer.order_id[2:]), fees_of(bid))
    if not isinstance(answer, Signed):
        return False
    keep_and_send(desk, transfer, answer, "outbid the holder of the nonce with")
    return True
