"""Dispatch: have queued transfers signed and sent, or give them up.

The signer decides and assigns the nonce. `not_ready` leaves a transfer queued. A refusal, an
expiry or an isolation ends it, unless the book has given it a nonce already: then that nonce is
filled by a cancel, because a gap would stop every later transfer of the wallet. The number of
unmined transfers per sender is bounded, and nothing is put behind a gap in its nonces; what holds a
nonce goes first, then safety before exposure, then older before younger.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from functools import partial

from hsm.errors import HsmError
from hsm.wire.answers import NotReady, Signed
from policies import fees
from policies.law import Role
from policies.lifecycles import Owner, RefillState, TransferState, WithdrawalState
from policies.limits import is_refused_for_good
from policies.terms import Address, Purpose, Reason
from treasury.chain.errors import ChainError
from treasury.errors import StaleRowError
from treasury.ledger import moves
from treasury.ledger.facts import Cells, Transfer
from treasury.ledger.queries import refills, requests, tokens, transfers, watch
from treasury.orders.gaps import gaps
from treasury.orders.handing import sign_and_send
from treasury.orders.sending import Desk, desk_for, fees_of, is_cut_off, keep_and_send, leave
from treasury.orders.signing import place_of
from treasury.payouts.receivers import objections
from treasury.safety.contending import first_bid, most_at_once
from treasury.safety.evacuating import is_spent
from treasury.safety.halting import EXPOSING
from treasury.safety.rescuing import is_rescue
from treasury.world import NO_LAW, Deeds, Outcome, World

_NAME = "dispatch"
_UNKNOWN_TO_BOOK = "unknown_order"
_GWEI = 10**9


def dispatch(world: World, now: datetime) -> Outcome:
    """Take every queued transfer of the chain once."""
    deeds = Deeds(_NAME)
    with world.ledger.read() as session:
        queued = transfers.in_states(session, world.chain_id, TransferState.QUEUED)
        unmined = transfers.in_states(session, world.chain_id, TransferState.IN_FLIGHT)
        seen = watch.newest(session, world.chain_id)
    if not queued:
        return deeds.outcome()
    try:
        desk = desk_for(world, now, deeds)
        if desk is None:
            return deeds.broken_off(NO_LAW)
        turn = _Turn(
            desk=desk,
            others=Counter(t.source for t in (*queued, *unmined)),
            receivers=objections(world, desk.law, {t.destination for t in queued}, desk.head),
            gaps=gaps(world, desk.law, {t.source for t in queued if t.nonce is None}),
        )
        holders = [transfer for transfer in queued if transfer.nonce is not None]
        turn.in_flight.update(transfer.source for transfer in (*unmined, *holders))
        turn.evacuating.update(t.source for t in unmined if seen and _is_under_way(t, seen[1]))
        for transfer in sorted(queued, key=_rank):
            _take(turn, transfer)
        _sign_all(turn.desk, turn.to_sign)
    except (HsmError, ChainError) as error:
        return deeds.broken_off(error)
    return deeds.outcome()


@dataclass(frozen=True, slots=True, kw_only=True)
class _Turn:
    """One round: how many transfers of each sender are open, and how many hold a nonce.

    `to_sign` has those that nothing stands against, in their order, with what they bid;
    `receivers` has what stands against contracts that are not what the law says, `gaps` which
    senders have a nonce before their next one that may never be spent.
    """

    desk: Desk
    others: Counter[Address]
    in_flight: Counter[Address] = field(default_factory=Counter)
    evacuating: Counter[Address] = field(default_factory=Counter)
    to_sign: list[tuple[Transfer, fees.Bid]] = field(default_factory=list)
    receivers: Mapping[Address, tuple[Reason, ...]] = field(default_factory=dict)
    gaps: Mapping[Address, Reason] = field(default_factory=dict)


def _is_under_way(transfer: Transfer, head: Cells) -> bool:
    """Say whether an evacuation may still be mined: a thief spends nonces of ours one by one."""
    return transfer.purpose is Purpose.EVACUATION and not is_spent(transfer, head)


def _rank(transfer: Transfer) -> tuple[bool, int, bool, int]:
    has_none = transfer.nonce is None
    return has_none, transfer.nonce or 0, transfer.purpose in EXPOSING, transfer.id


def _take(turn: _Turn, transfer: Transfer) -> None:
    _try(turn.desk, transfer, partial(_judge, turn, transfer))


def _try(desk: Desk, transfer: Transfer, step: Callable[[], None]) -> None:
    try:
        step()
    except StaleRowError as error:
        desk.deeds.add(f"left transfer {transfer.id}: {error}")


def _judge(turn: _Turn, transfer: Transfer) -> None:
    """Do what one queued transfer needs now: give it up, leave it, or have it signed."""
    desk, holds_nonce = turn.desk, transfer.nonce is not None
    ends, stops = _ends(desk, transfer), _stops(turn, transfer)
    is_in_the_way = holds_nonce and turn.others[transfer.source] > 1
    waits = () if holds_nonce else (*_dearness(desk, transfer), *_waits(turn, transfer))
    if ends or (stops and is_in_the_way):
        # A sweep behind a nonce that may not be signed would never be mined.
        _give_up(desk, transfer, (*ends, *stops))
    elif stops or waits:
        leave(desk, transfer, (*stops, *waits))
    else:
        turn.in_flight[transfer.source] += not holds_nonce
        turn.evacuating[transfer.source] += transfer.purpose is Purpose.EVACUATION
        _bid(turn, transfer)


def _ends(desk: Desk, transfer: Transfer) -> tuple[Reason, ...]:
    reasons = []
    if desk.now >= transfer.expires_at:
        text = "its consent expired before the first signature"
        reasons.append(Reason(code="expired", text=text))
    if is_cut_off(desk, transfer):
        text = "its source or destination is isolated or retired"
        reasons.append(Reason(code="cut_off", text=text))
    return tuple(reasons)


def _waits(turn: _Turn, transfer: Transfer) -> tuple[Reason, ...]:
    """Bound the unmined transfers of one sender, and put none behind a gap in its nonces."""
    source = turn.desk.standings.get(transfer.source)
    is_vault = source is not None and source.role == Role.VAULT
    desk, settings = turn.desk, turn.desk.world.settings
    depth = settings.vault_in_flight if is_vault else settings.hot_in_flight
    # An evacuation waits for its like only: it may take the nonce of whatever else hangs there.
    evacuates = transfer.purpose is Purpose.EVACUATION
    if transfer.source in turn.gaps and not evacuates:
        return (turn.gaps[transfer.source],)
    unmined = (turn.evacuating if evacuates else turn.in_flight)[transfer.source]
    if unmined < depth or (evacuates and unmined < most_at_once(desk, transfer.source)):
        return ()
    text = f"{unmined} transfers of this sender are not mined yet"
    return (Reason(code="in_flight", text=text),)


def _stops(turn: _Turn, transfer: Transfer) -> tuple[Reason, ...]:
    """Say what stands against an exposing transfer as long as it lasts."""
    desk = turn.desk
    if transfer.purpose not in EXPOSING:
        return ()
    reasons = []
    if desk.is_halted:
        reasons.append(Reason(code="halted", text="exposure is halted"))
    reasons.extend(turn.receivers.get(transfer.destination, ()))
    asset = desk.law.asset_at(transfer.chain_id, transfer.asset)
    reasons.extend(tokens.objections(desk.tokens, asset) if asset else ())
    for address in (transfer.source, transfer.destination):
        standing = desk.standings.get(address)
        if standing is None or (is_rescue(transfer) and address == transfer.destination):
            continue  # an isolated wallet is never calm, and gas brings its tokens home
        if not standing.is_calm:
            text = f"{standing.name} is not calm: {standing.frozen_why or standing.hold_why}"
            reasons.append(Reason(code="not_calm", text=text))
    return tuple(reasons)


def _bid(turn: _Turn, transfer: Transfer) -> None:
    """Put a transfer among those to be signed, unless its fees stand against it."""
    desk = turn.desk
    asset = desk.law.asset_at(transfer.chain_id, transfer.asset)
    if asset is None:
        text = "the law does not know its asset any more"
        _give_up(desk, transfer, (Reason(code="unknown_asset", text=text),))
        return
    is_to_contract = desk.chain.expects_code_at(transfer.destination)
    bid = first_bid(desk, transfer, fees.gas_limit_for(asset, is_to_contract=is_to_contract))
    blocks = fees.judge_bid(bid, max_fee=transfer.max_fee, fee_ceiling=desk.chain.fee_ceiling)
    if blocks:
        leave(desk, transfer, blocks)
        return
    turn.to_sign.append((transfer, bid))


def _dearness(desk: Desk, transfer: Transfer) -> tuple[Reason, ...]:
    """Let a sweep wait for cheaper gas: it only puts money where it is safer still."""
    gwei = desk.world.settings.sweep_below_gwei
    is_dear = gwei is not None and desk.market.base_fee > gwei * _GWEI
    if transfer.purpose is not Purpose.SWEEP or not is_dear:
        return ()
    text = f"sweeps wait until the base fee is not above {gwei} gwei"
    return (Reason(code="fee_wait", text=text),)


def _sign_all(desk: Desk, to_sign: Sequence[tuple[Transfer, fees.Bid]]) -> None:
    """Have them signed and sent; what the signer refuses for good is given up."""
    for transfer, refusal in sign_and_send(desk, to_sign):
        _try(desk, transfer, partial(_give_up, desk, transfer, refusal.reasons))


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
