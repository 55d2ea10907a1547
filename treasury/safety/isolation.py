"""Cut a wallet off: the signer first, then one commit that nobody has to approve.

The signer's book remembers the isolation whatever becomes of the daemon, so it is told before the
ledger; if the process dies between the two, `adopt` follows the book. Wallets of the same fate
group share a host or a token, so they fall together, on every chain. A signer that does not
answer cannot sign either: then the wallet is merely frozen, and the next tick tries again.
"""

from __future__ import annotations

from collections.abc import Iterable

from hsm.errors import HsmError
from policies.law import Law, Role, Wallet
from policies.lifecycles import IncidentState, Owner, RefillState, WalletState
from policies.terms import Reason
from treasury.ledger import Session, marks, moves
from treasury.ledger.facts import Incident, Standing
from treasury.ledger.queries import refills, standings
from treasury.ledger.reading import reasons_to_json
from treasury.ledger.tables import IncidentRow
from treasury.safety.halting import halt
from treasury.world import World

_FALLS = frozenset({WalletState.ACTIVE, WalletState.STANDBY})
_OPEN_REFILLS = (RefillState.PROPOSED, RefillState.APPROVED)


def isolate(
    world: World, law: Law, wallet: Wallet, findings: tuple[Reason, ...], *, now: int
) -> tuple[str, ...]:
    """Isolate a hot wallet and its whole fate group; return their names.

    Raises a leaf of `hsm.errors.HsmError` when the signer does not answer; nothing is written then.
    """
    why = "; ".join(reason.text for reason in findings)
    fallen = [w for w in law.wallets if w.role is Role.HOT and w.fate_group == wallet.fate_group]
    for member in fallen:
        world.signer.isolate(member.name, why)
    with world.ledger.write() as session:
        return tuple(
            member.name for member in fallen if _fell(session, member, wallet, findings, now=now)
        )


def act_on_proof(
    world: World, law: Law, wallet: Wallet, findings: tuple[Reason, ...], *, now: int
) -> str:
    """Isolate a hot wallet, or freeze it when the signer does not answer; else halt exposure.

    Returns what was done, empty when it was done before.
    """
    why = "; ".join(reason.text for reason in findings)
    if wallet.role is Role.HOT:
        try:
            return f"isolated {', '.join(isolate(world, law, wallet, findings, now=now))}: {why}"
        except HsmError as error:
            why = f"{why} (the signer did not isolate it: {error})"
    with world.ledger.write() as session:
        done = []
        if wallet.role is not Role.HOT and halt(session, actor=Owner.GUARD, why=findings, now=now):
            done.append("halted exposure")
        standing = standings.wallet(session, wallet.name)
        if standing is not None and not standing.frozen:
            marks.freeze(session, standing, actor=Owner.GUARD.value, why=why, now=now)
            done.append(f"froze {wallet.name}")
    return f"{' and '.join(done)}: {why}" if done else ""


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


def _fell(
    session: Session, member: Wallet, cause: Wallet, findings: tuple[Reason, ...], *, now: int
) -> bool:
    standing = standings.wallet(session, member.name)
    if standing is None or standing.state not in _FALLS:
        return False
    why = findings if member.name == cause.name else _shared_fate(member, cause)
    moves.move(session, standing, WalletState.ISOLATED, actor=Owner.GUARD, why=why, now=now)
    _withdraw_refills(session, standing, now)
    if has_incident(standings.incidents(session, only_open=True), member.name) is None:
        open_incident(session, member.name, why, now=now)
    return True


def _withdraw_refills(session: Session, standing: Standing, now: int) -> None:
    for refill in refills.in_states(session, standing.chain_id, *_OPEN_REFILLS):
        if refill.wallet == standing.name:
            why = f"{standing.name} is isolated"
            moves.move(session, refill, RefillState.WITHDRAWN, actor=Owner.GUARD, why=why, now=now)


def _shared_fate(member: Wallet, cause: Wallet) -> tuple[Reason, ...]:
    text = f"{member.name} shares the fate group {cause.fate_group} of {cause.name}"
    return (Reason(code="fate_group", text=text),)
