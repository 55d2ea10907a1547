"""Write the whole answer to a theft in one commit, or nothing of it.

What stands in that commit: the wallets ISOLATED, their open refills WITHDRAWN, queued transfers to
or from them CANCELLED and those in flight marked for a cancel on their own nonce, an incident OPEN
for each, the successors ACTIVE, the evacuations QUEUED, the live wallets published. The journal
lines of all that ring the alarms and fill the outbox in the same transaction. Whoever dies around
it finds either the world before or the world after, and the next tick goes on from there.

What needs a signer or a node is done before (`preparing`), never inside: the signer has isolated
already, activates the successors, and tells which queued orders its book has. What it does not
have it will not sign any more, from or to an isolated wallet, so those end without further asking.
What could not be learned in time is left to the stations that do it anyway: `respond` plans an
evacuation at its next look, `dispatch` and `tend` cancel what an end of was cut off.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from policies.evacuation import plan_evacuation
from policies.law import Law, Role, Wallet
from policies.lifecycles import (
    IncidentState,
    Owner,
    RefillState,
    TransferState,
    WalletState,
)
from policies.terms import Reason
from treasury.ledger import Session, marks, moves
from treasury.ledger.facts import Incident, Transfer
from treasury.ledger.queries import refills, standings, transfers
from treasury.ledger.reading import reasons_to_json
from treasury.ledger.tables import IncidentRow
from treasury.records import live_wallets
from treasury.safety.evacuating import evacuation_facts, evacuation_row, look_into
from treasury.safety.preparing import Prepared, is_stopped

_FALLS = frozenset({WalletState.ACTIVE, WalletState.STANDBY})
_OPEN_REFILLS = (RefillState.PROPOSED, RefillState.APPROVED)
_CUT_OFF = (Reason(code="cut_off", text="an end of it was isolated: its nonce is to be cancelled"),)


@dataclass(frozen=True, slots=True, kw_only=True)
class Fall:
    """One hot wallet that is cut off, and why."""

    wallet: Wallet
    why: tuple[Reason, ...]


def write_response(
    session: Session, law: Law, falls: Sequence[Fall], prepared: Prepared, *, now: int
) -> tuple[str, ...]:
    """Write everything in the caller's transaction; return the names of those that fell now."""
    fell = [fall for fall in falls if _isolate(session, fall, now)]
    for fall in fell:
        _withdraw_refills(session, fall.wallet, now)
        _stop_transfers(session, law, fall.wallet, prepared, now)
    for name in prepared.successors if fell else ():
        _promote(session, name, fell[0].wallet.name, now)
    for fall in fell:
        incident = _incident_of(session, fall, now)
        _queue_evacuation(session, law, incident, prepared, now)
    if fell:
        live_wallets.announce(session, now=now)
    return tuple(fall.wallet.name for fall in fell)


def open_incident(
    session: Session, wallet: str, findings: tuple[Reason, ...], *, now: int
) -> Incident:
    """Open the incident of an isolated wallet in the caller's transaction."""
    row = IncidentRow(
        wallet=wallet,
        state=IncidentState.OPEN.value,
        opened_at=now,
        changed_at=now,
        reasons=reasons_to_json(findings),
    )
    return moves.create(session, Incident, row, actor=Owner.GUARD, why=findings, now=now)


def has_incident(incidents: Iterable[Incident], wallet: str) -> Incident | None:
    """Return the incident of a wallet that is not closed."""
    return next((i for i in incidents if i.wallet == wallet), None)


def _isolate(session: Session, fall: Fall, now: int) -> bool:
    standing = standings.wallet(session, fall.wallet.name)
    if standing is None or standing.state not in _FALLS or fall.wallet.role is not Role.HOT:
        return False
    moves.move(session, standing, WalletState.ISOLATED, actor=Owner.GUARD, why=fall.why, now=now)
    return True


def _withdraw_refills(session: Session, wallet: Wallet, now: int) -> None:
    standing = standings.wallet(session, wallet.name)
    assert standing is not None, "it was isolated a moment ago"
    for refill in refills.in_states(session, standing.chain_id, *_OPEN_REFILLS):
        if refill.wallet == wallet.name:
            why = f"{wallet.name} is isolated"
            moves.move(session, refill, RefillState.WITHDRAWN, actor=Owner.GUARD, why=why, now=now)


def _stop_transfers(
    session: Session, law: Law, wallet: Wallet, prepared: Prepared, now: int
) -> None:
    """End what was never signed; mark what was, so that its nonce is cancelled."""
    chain = law.chain(wallet.chain)
    assert chain is not None, "a wallet of a parsed law has a chain"
    for transfer in transfers.in_states(
        session, chain.chain_id, TransferState.QUEUED, TransferState.IN_FLIGHT
    ):
        if not is_stopped(transfer, {wallet.address}):
            continue
        is_unsigned = transfer.state is TransferState.QUEUED and transfer.nonce is None
        if not is_unsigned or prepared.signed is None or transfer.order_id in prepared.signed:
            marks.write_reasons(session, transfer, _CUT_OFF)
            continue
        why = f"{wallet.name} is isolated"
        moves.move(session, transfer, TransferState.CANCELLED, actor=Owner.GUARD, why=why, now=now)
        refill = refills.by_transfer(session, transfer.id)
        if refill is not None and refill.state is RefillState.RELEASED:
            moves.move(session, refill, RefillState.FAILED, actor=Owner.GUARD, why=why, now=now)


def _promote(session: Session, name: str, fallen: str, now: int) -> None:
    standing = standings.wallet(session, name)
    if standing is not None and standing.state is WalletState.STANDBY:
        why = f"it takes over for {fallen}"
        moves.move(session, standing, WalletState.ACTIVE, actor=Owner.GUARD, why=why, now=now)


def _incident_of(session: Session, fall: Fall, now: int) -> Incident:
    known = has_incident(standings.incidents(session, only_open=True), fall.wallet.name)
    return known or open_incident(session, fall.wallet.name, fall.why, now=now)


def _queue_evacuation(
    session: Session, law: Law, incident: Incident, prepared: Prepared, now: int
) -> None:
    world, wallet = prepared.world, law.wallet(incident.wallet)
    if world is None or wallet is None:
        return
    stale_after_s = world.settings.stale_after_s
    case = look_into(session, law, incident, stale_after_s=stale_after_s, now=now)
    if case is None:
        return
    facts = evacuation_facts(session, law, case, prepared.prices[wallet.chain], now)
    for load in plan_evacuation(facts):
        row = evacuation_row(session, law, case, load, world=world, now=now)
        why = f"{wallet.name} is isolated"
        moves.create(session, Transfer, row, actor=Owner.GUARD, why=why, now=now)
