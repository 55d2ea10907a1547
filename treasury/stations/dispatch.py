"""Dispatch: have queued transfers signed and sent, or give them up.

The signer decides and assigns the nonce. `not_ready` leaves a transfer queued. A refusal, an
expiry or an isolation ends it, unless the book has given it a nonce already: then that nonce is
filled by a cancel, because a gap would stop every later transfer of the wallet. The number of
unmined transfers per sender is bounded, safety goes before exposure, older before younger.
"""

from __future__ import annotations

from collections import Counter
from datetime import datetime

from hsm.answers import NotReady, Refused, Signed
from hsm.errors import HsmError
from policies import fees
from policies.law import Role
from policies.lifecycles import Owner, RefillState, TransferState, WithdrawalState
from policies.limits import is_refused_for_good
from policies.terms import Address, Reason
from treasury.chain.errors import ChainError
from treasury.errors import StaleRowError
from treasury.halting import EXPOSING
from treasury.ledger import moves
from treasury.ledger.facts import Transfer
from treasury.ledger.queries import refills, requests, tokens, transfers
from treasury.sending import Desk, desk_for, fees_of, is_cut_off, keep_and_send, leave
from treasury.signing import place_of
from treasury.world import NO_LAW, Deeds, Outcome, World

_NAME = "dispatch"
_UNKNOWN_TO_BOOK = "unknown_order"


def dispatch(world: World, now: datetime) -> Outcome:
    """Take every queued transfer of the chain once."""
    deeds = Deeds(_NAME)
    with world.ledger.read() as session:
        queued = transfers.in_states(session, world.chain_id, TransferState.QUEUED)
        unmined = transfers.in_states(session, world.chain_id, TransferState.IN_FLIGHT)
    if not queued:
        return deeds.outcome()
    try:
        desk = desk_for(world, now, deeds)
        if desk is None:
            return deeds.broken_off(NO_LAW)
        in_flight = Counter(transfer.source for transfer in unmined)
        for transfer in sorted(queued, key=lambda t: (t.purpose in EXPOSING, t.id)):
            _take(desk, transfer, in_flight)
    except (HsmError, ChainError) as error:
        return deeds.broken_off(error)
    return deeds.outcome()


def _take(desk: Desk, transfer: Transfer, in_flight: Counter[Address]) -> None:
    try:
        _judge(desk, transfer, in_flight)
    except StaleRowError as error:
        desk.deeds.add(f"left transfer {transfer.id}: {error}")


def _judge(desk: Desk, transfer: Transfer, in_flight: Counter[Address]) -> None:
    """Do what one queued transfer needs now: give it up, leave it, or have it signed."""
    ends = _ends(desk, transfer)
    if ends:
        _give_up(desk, transfer, ends)
        return
    waits = _waits(desk, transfer, in_flight[transfer.source])
    if waits:
        leave(desk, transfer, waits)
        return
    in_flight[transfer.source] += 1
    _sign(desk, transfer)


def _ends(desk: Desk, transfer: Transfer) -> tuple[Reason, ...]:
    reasons = []
    if desk.now >= transfer.expires_at:
        text = "its consent expired before the first signature"
        reasons.append(Reason(code="expired", text=text))
    if is_cut_off(desk, transfer):
        text = "its source or destination is isolated or retired"
        reasons.append(Reason(code="cut_off", text=text))
    return tuple(reasons)


def _waits(desk: Desk, transfer: Transfer, unmined: int) -> tuple[Reason, ...]:
    reasons = []
    source = desk.standings.get(transfer.source)
    is_vault = source is not None and source.role == Role.VAULT
    settings = desk.world.settings
    depth = settings.vault_in_flight if is_vault else settings.hot_in_flight
    if unmined >= depth:
        text = f"{unmined} transfers of this sender are not mined yet"
        reasons.append(Reason(code="in_flight", text=text))
    if transfer.purpose in EXPOSING:
        reasons.extend(_exposure_waits(desk, transfer))
    return tuple(reasons)


def _exposure_waits(desk: Desk, transfer: Transfer) -> list[Reason]:
    reasons = []
    if desk.is_halted:
        reasons.append(Reason(code="halted", text="exposure is halted"))
    asset = desk.law.asset_at(transfer.chain_id, transfer.asset)
    reasons.extend(tokens.objections(desk.tokens, asset) if asset else ())
    for address in (transfer.source, transfer.destination):
        standing = desk.standings.get(address)
        if standing is not None and not standing.is_calm:
            text = f"{standing.name} is not calm: {standing.frozen_why or standing.hold_why}"
            reasons.append(Reason(code="not_calm", text=text))
    return reasons


def _sign(desk: Desk, transfer: Transfer) -> None:
    asset = desk.law.asset_at(transfer.chain_id, transfer.asset)
    if asset is None:
        text = "the law does not know its asset any more"
        _give_up(desk, transfer, (Reason(code="unknown_asset", text=text),))
        return
    bid = fees.make_bid(desk.market, fees.gas_limit_for(asset))
    blocks = fees.judge_bid(bid, max_fee=transfer.max_fee, fee_ceiling=desk.chain.fee_ceiling)
    if blocks:
        leave(desk, transfer, blocks)
        return
    with desk.world.ledger.read() as session:
        approvals = [a.signature for a in refills.approvals(session, transfer.order_id)]
    answer = desk.world.signer.sign(
        bytes.fromhex(transfer.order_id[2:]),
        fees_of(bid),
        order=transfer.terms,
        approvals=approvals,
    )
    match answer:
        case Signed():
            keep_and_send(desk, transfer, answer, "signed")
        case NotReady():
            leave(desk, transfer, answer.reasons)
        case Refused():
            _give_up(desk, transfer, answer.reasons)


def _give_up(desk: Desk, transfer: Transfer, why: tuple[Reason, ...]) -> None:
    """End a queued transfer; a nonce that the book gave it is filled by a cancel instead."""
    bid = fees.make_bid(desk.market, fees.NATIVE_GAS)
    answer = desk.world.signer.cancel(bytes.fromhex(transfer.order_id[2:]), fees_of(bid))
    if isinstance(answer, Signed):
        keep_and_send(desk, transfer, answer, "cancelled")
        return
    is_unknown = any(reason.code == _UNKNOWN_TO_BOOK for reason in answer.reasons)
    if isinstance(answer, NotReady) or not is_unknown:
        leave(desk, transfer, (*why, *answer.reasons))
        return
    with desk.world.ledger.write(place_of(answer.book)) as session:
        moves.move(
            session,
            transfer,
            TransferState.CANCELLED,
            actor=Owner.DISPATCH,
            why=why,
            now=desk.now,
        )
        refill = refills.by_transfer(session, transfer.id)
        if refill is not None and refill.state is RefillState.RELEASED:
            moves.move(
                session, refill, RefillState.FAILED, actor=Owner.DISPATCH, why=why, now=desk.now
            )
        withdrawal = requests.by_transfer(session, transfer.id)
        if withdrawal is not None and _is_refusal(why):
            moves.move(
                session,
                withdrawal,
                WithdrawalState.REFUSED,
                actor=Owner.DISPATCH,
                why=why,
                now=desk.now,
            )
    desk.deeds.add(f"cancelled transfer {transfer.id} before it was signed")


def _is_refusal(why: tuple[Reason, ...]) -> bool:
    """Say whether a withdrawal is over; for any other reason it gets another transfer."""
    return is_refused_for_good(why) or any(reason.code == "vetoed" for reason in why)
