"""The last steps before a node: compare signed bytes, commit them, and only then send them.

Used by the stations that ask the signer for bytes (`dispatch` for queued transfers, `tend` for
those that wait for a block). The order of steps is the safety: what the signer answers is read
back and compared, nonce and bytes are committed, and after that commit a node sees them. Sending
stored bytes is safe to repeat for ever; what a node says to them is never an outcome.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import partial

from hsm.wire.answers import Fees, Signed
from policies import fees
from policies.law import Chain as ChainLaw
from policies.law import Law
from policies.lifecycles import AttemptState, Owner, WalletState
from policies.terms import Address, Purpose, Reason, Stamp
from treasury.chain.port import SendAnswer
from treasury.clock import unix
from treasury.errors import StaleRowError, TwinError
from treasury.ledger import Session, marks, moves
from treasury.ledger.facts import Attempt, Standing, Token, Transfer
from treasury.ledger.queries import standings, tokens, transfers
from treasury.orders.signing import differences, place_of, store_signed
from treasury.orders.together import write_together
from treasury.orders.twins import end_twin, twin_of
from treasury.safety.halting import halt
from treasury.world import Deeds, World, law_here

_RAW_BYTES = 250
"""More than any raw transaction of ours: a token's transfer takes about 180 bytes."""
_CANCEL = "cancel"
_NEEDS_A_PIN = "token_locked"
"""The signer's code for a token whose PIN a treasurer has to type."""
_CUT_OFF = frozenset({WalletState.ISOLATED, WalletState.RETIRED})


@dataclass(slots=True, kw_only=True)
class Desk:
    """What one tick of signing and sending works with; all of it is read again next tick."""

    world: World
    law: Law
    chain: ChainLaw
    market: fees.MarketFacts
    head: Stamp
    is_halted: bool
    standings: Mapping[Address, Standing]
    tokens: Mapping[Address, Token]
    now: int
    deeds: Deeds


@dataclass(frozen=True, slots=True, kw_only=True)
class Handed:
    """Bytes that the signer handed out for a transfer; `why` is a past-tense verb."""

    transfer: Transfer
    signed: Signed
    why: str


def desk_for(world: World, now: datetime, deeds: Deeds) -> Desk | None:
    """Ask the chain for the price of gas and gather the rest; None when no law is in force.

    Raises `ChainError`.
    """
    found = law_here(world)
    if found is None:
        return None
    market, l1_fee = world.chain.fee_market(), world.chain.l1_fee(_RAW_BYTES)
    with world.ledger.read() as session:
        return Desk(
            world=world,
            law=found[0],
            chain=found[1],
            market=fees.MarketFacts(
                base_fee=market.base_fee, priority_fee=market.priority_fee, l1_fee=l1_fee
            ),
            head=market.stamp,
            is_halted=standings.is_halted(session),
            standings={s.address: s for s in standings.wallets(session, world.chain_id)},
            tokens=tokens.tokens(session, world.chain_id),
            now=unix(now),
            deeds=deeds,
        )


def keep_and_send(desk: Desk, transfer: Transfer, signed: Signed, why: str) -> None:
    """Take bytes from the signer: compared, committed, sent. Wrong bytes halt exposure."""
    keep_and_send_all(desk, [Handed(transfer=transfer, signed=signed, why=why)])


def keep_and_send_all(desk: Desk, handed: Sequence[Handed]) -> None:
    """Take what the signer handed out together: one commit before all of it is sent."""
    right = [one for one in handed if _is_right(desk, one)]
    if not right:
        return
    newest = max((one.signed.book for one in right), key=lambda place: place.seq)
    pieces = [partial(_store, one=one, now=desk.now) for one in right]
    kept = write_together(desk.world.ledger, pieces, place_of(newest))
    ready = []
    for one, stored in zip(right, kept, strict=True):
        if isinstance(stored, TwinError):
            _answer_twin(desk, one, stored)
        elif isinstance(stored, StaleRowError):
            desk.deeds.add(f"left transfer {one.transfer.id}: {stored}")
        else:
            desk.deeds.add(f"{one.why} transfer {one.transfer.id} on nonce {one.signed.nonce}")
            ready.append(stored)
    broadcast(desk, ready)


def _is_right(desk: Desk, one: Handed) -> bool:
    wrong = differences(one.transfer.terms, one.transfer.order_id, one.signed)
    if wrong:
        _reject(desk, one.transfer, wrong)
    return not wrong


def _answer_twin(desk: Desk, one: Handed, error: TwinError) -> None:
    """End an evacuation that is another one's transaction; any other second order halts."""
    with desk.world.ledger.write(place_of(one.signed.book)) as session:
        present = transfers.by_order(session, one.transfer.order_id)
        other = twin_of(session, one.transfer.terms, one.signed)
        told = end_twin(session, present, other, desk.now) if present and other else ""
    if told:
        desk.deeds.add(told)
    else:
        _reject(desk, one.transfer, (Reason(code="nonce_twice", text=str(error)),))


def _store(session: Session, *, one: Handed, now: int) -> tuple[Transfer, Attempt]:
    return store_signed(session, one.transfer, one.signed, why=one.why, now=now)


def broadcast(desk: Desk, stored: Sequence[tuple[Transfer, Attempt]]) -> None:
    """Send stored bytes; safe to repeat for ever. What was cut off meanwhile is not sent."""
    world = desk.world
    with world.ledger.read() as session:
        desk.standings = {s.address: s for s in standings.wallets(session, world.chain_id)}
    ready = [(t, a) for t, a in stored if a.kind == _CANCEL or not is_cut_off(desk, t)]
    if not ready:
        return
    answers = world.chain.send_all([attempt.raw for _, attempt in ready])
    told = [f"{a.kind.value}: {a.text}" if a.text else a.kind.value for a in answers]
    pieces = [
        partial(_note_sent, attempt=attempt, answer=answer, told=words, now=desk.now)
        for (_, attempt), answer, words in zip(ready, answers, told, strict=True)
    ]
    written = write_together(world.ledger, pieces)
    for (transfer, attempt), words, found in zip(ready, told, written, strict=True):
        stale = f"; {found}" if isinstance(found, StaleRowError) else ""
        deed = f"sent attempt {attempt.number} of transfer {transfer.id}: {words}{stale}"
        desk.deeds.add(deed)


def _note_sent(
    session: Session, *, attempt: Attempt, answer: SendAnswer, told: str, now: int
) -> None:
    if not answer.kind.is_with_node or attempt.state is not AttemptState.SIGNED:
        marks.write_answer(session, attempt, sent_at=now, answer=told)
        return
    moves.move(
        session,
        attempt,
        AttemptState.BROADCAST,
        actor=Owner.DISPATCH,
        why=told,
        now=now,
        sent_at=now,
        answer=told,
    )


def leave(desk: Desk, transfer: Transfer, why: tuple[Reason, ...]) -> None:
    """Keep the transfer where it is, and say why where people look."""
    if transfer.reasons == why:
        return
    with desk.world.ledger.write() as session:
        marks.write_reasons(session, transfer, why)
        if any(reason.code == _NEEDS_A_PIN for reason in why):
            _call_a_treasurer(session, transfer, why, desk.now)
    desk.deeds.add(f"left transfer {transfer.id}: " + "; ".join(reason.text for reason in why))


def _call_a_treasurer(
    session: Session, transfer: Transfer, why: tuple[Reason, ...], now: int
) -> None:
    text = "; ".join(reason.text for reason in why)
    marks.tell(
        session,
        "unlock_awaited",
        f"transfer:{transfer.id}",
        {"why": text},
        now=now,
        actor=Owner.DISPATCH.value,
    )


def _reject(desk: Desk, transfer: Transfer, why: tuple[Reason, ...]) -> None:
    with desk.world.ledger.write() as session:
        halt(session, actor=Owner.DISPATCH, why=why, now=desk.now)
        marks.tell(
            session,
            "signature_rejected",
            f"transfer:{transfer.id}",
            {"why": "; ".join(reason.text for reason in why)},
            now=desk.now,
            actor=Owner.DISPATCH.value,
        )
    desk.is_halted = True
    desk.deeds.add(f"halted: the signature for transfer {transfer.id} is not what was asked for")


def is_cut_off(desk: Desk, transfer: Transfer) -> bool:
    """Say whether an end of the transfer may no longer pay or receive."""
    source = desk.standings.get(transfer.source)
    destination = desk.standings.get(transfer.destination)
    if destination is not None and destination.state in _CUT_OFF:
        # An isolated wallet may get gas, so that its tokens can be brought home.
        is_rescue = transfer.purpose is Purpose.TOP_UP
        return not (is_rescue and destination.state is WalletState.ISOLATED)
    is_evacuation = transfer.purpose is Purpose.EVACUATION
    return source is not None and source.state in _CUT_OFF and not is_evacuation


def fees_of(bid: fees.Bid) -> Fees:
    """Return a bid as the signer takes it."""
    return Fees(
        gas_limit=bid.gas_limit,
        max_fee_per_gas=bid.max_fee_per_gas,
        max_priority_fee_per_gas=bid.max_priority_fee_per_gas,
        l1_fee=bid.l1_fee,
    )
