"""Tend: look after transfers that wait for a block.

Their stored bytes are sent again after a while, because nodes forget, and as soon as the wallet can
pay again for what a node refused for want of funds. Later they bid higher,
within the order's `max_fee`; above that they wait, visibly. What may no longer arrive, because an
end of it was isolated, is cancelled on its own nonce at once. So is what its wallet can no longer
pay: no node takes it at any price, and everything behind its nonce would wait for ever; most of
all the next evacuation of a wallet that a thief was at. Where an evacuation has taken the nonce
over, nobody cancels there, unless it is outbid for good. A token that goes home is given as long as
before a higher bid, because the sponsor brings gas.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from datetime import datetime

from hsm.errors import HsmError
from hsm.wire.answers import Signed
from policies import fees
from policies.lifecycles import TransferState
from policies.terms import NATIVE, Address, Purpose
from treasury.chain.errors import ChainError
from treasury.chain.port import SendKind
from treasury.ledger.facts import Attempt, Transfer
from treasury.ledger.queries import transfers, watch
from treasury.orders.sending import (
    Desk,
    broadcast,
    desk_for,
    fees_of,
    is_cut_off,
    keep_and_send,
    leave,
)
from treasury.safety.contending import bid_of, contend, is_outbid
from treasury.safety.halting import EXPOSING
from treasury.world import NO_LAW, Deeds, Outcome, World

_NAME = "tend"
_CANCEL = "cancel"


def tend(world: World, now: datetime) -> Outcome:
    """Send again, bid higher or cancel every unmined transfer that needs it."""
    deeds = Deeds(_NAME)
    with world.ledger.read() as session:
        waiting = transfers.in_states(session, world.chain_id, TransferState.IN_FLIGHT)
        attempts = transfers.attempts_of(session, [transfer.id for transfer in waiting])
    if not waiting:
        return deeds.outcome()
    try:
        desk = desk_for(world, now, deeds)
        if desk is None:
            return deeds.broken_off(NO_LAW)
        # All are sent before the first one needs the signer, which may be away.
        _send_again(desk, [(transfer, attempts[transfer.id][-1]) for transfer in waiting])
        leaving = {
            (t.source, t.nonce)
            for t in waiting
            if t.purpose is Purpose.EVACUATION and not is_outbid(desk, t, attempts[t.id][-1])
        }
        for transfer in waiting:
            contend(desk, transfer)
            _replace(desk, transfer, attempts[transfer.id][-1], leaving)
    except (HsmError, ChainError) as error:
        return deeds.broken_off(error)
    return deeds.outcome()


def _send_again(desk: Desk, waiting: Sequence[tuple[Transfer, Attempt]]) -> None:
    due = [
        (transfer, newest)
        for transfer, newest in waiting
        if _is_due(desk, newest) or _got_gas(desk, transfer, newest)
    ]
    if due:
        broadcast(desk, due)


def _is_due(desk: Desk, newest: Attempt) -> bool:
    after_s = desk.world.settings.resend_after_s
    return newest.sent_at is None or desk.now - newest.sent_at >= after_s


def _got_gas(desk: Desk, transfer: Transfer, newest: Attempt) -> bool:
    """Say whether its wallet can pay for what a node refused; asked about once a second."""
    if not newest.answer.startswith(SendKind.FUNDS.value) or newest.sent_at == desk.now:
        return False
    return not _cannot_be_paid(desk, transfer, newest)


def _replace(
    desk: Desk,
    transfer: Transfer,
    newest: Attempt,
    leaving: Collection[tuple[Address, int | None]],
) -> None:
    is_old = desk.now - newest.signed_at >= desk.world.settings.bump_after_s
    is_cancel = newest.kind == _CANCEL
    is_stopped = desk.is_halted and transfer.purpose in EXPOSING and not is_cancel
    may_get_gas = transfer.purpose is Purpose.EVACUATION and transfer.asset != NATIVE and not is_old
    is_unpaid = not may_get_gas and _cannot_be_paid(desk, transfer, newest)
    is_hopeless = is_unpaid or is_cut_off(desk, transfer)
    if transfer.purpose is not Purpose.EVACUATION and (transfer.source, transfer.nonce) in leaving:
        return  # an evacuation has its nonce: a cancel would only bid against that
    if is_hopeless and not is_cancel:
        _bid(desk, transfer, fees.make_cancel(bid_of(newest), desk.market), is_cancel=True)
    elif is_old and not is_stopped:
        raised = fees.make_cancel if is_cancel else fees.make_bump
        _bid(desk, transfer, raised(bid_of(newest), desk.market), is_cancel=is_cancel)


def _cannot_be_paid(desk: Desk, transfer: Transfer, newest: Attempt) -> bool:
    """Say whether a node refused it for want of funds, and the newest look at the head agrees."""
    if not newest.answer.startswith(SendKind.FUNDS.value):
        return False
    with desk.world.ledger.read() as session:
        look = watch.newest(session, desk.world.chain_id)
    if look is None or transfer.nonce is None:
        return False
    _, head, _ = look
    coins, nonce = head.balance(transfer.source, NATIVE), head.nonces.get(transfer.source)
    if coins is None or nonce is None or nonce > transfer.nonce:
        return False
    cost = newest.gas_limit * newest.max_fee_per_gas + newest.l1_fee
    return coins < cost + (transfer.amount if transfer.asset == NATIVE else 0)


def _bid(desk: Desk, transfer: Transfer, bid: fees.Bid, *, is_cancel: bool) -> None:
    blocks = fees.judge_bid(bid, max_fee=transfer.max_fee, fee_ceiling=desk.chain.fee_ceiling)
    if blocks:
        leave(desk, transfer, blocks)
        return
    signer = desk.world.signer
    ask = signer.cancel if is_cancel else signer.bump
    answer = ask(bytes.fromhex(transfer.order_id[2:]), fees_of(bid))
    if isinstance(answer, Signed):
        keep_and_send(desk, transfer, answer, "cancelled" if is_cancel else "bid higher")
    else:
        leave(desk, transfer, answer.reasons)
