"""Freezing a wallet: no withdrawal leaves it. One person sets it, one may lift it.

It cannot be lifted while an incident of the wallet is open: that takes the quorum's `close`.
"""

from __future__ import annotations

from typing import Any

from fastapi import APIRouter

from treasury.api.asking import TheOffice
from treasury.api.errors import ApiError
from treasury.api.models import Halt
from treasury.ledger import Session, facts, marks, queries

freezing = APIRouter(prefix="/v1/wallets", tags=["wallets"])
_WHO = "a person"


@freezing.post("/{name}/freeze")
def freeze_wallet(office: TheOffice, name: str, body: Halt) -> dict[str, Any]:
    """Let no withdrawal leave the wallet; frozen twice is frozen once, for the first reason."""
    with office.ledger.write() as session:
        wallet = _hot(session, name)
        if not wallet.frozen:
            marks.freeze(session, wallet, actor=_WHO, why=body.why, now=office.now())
            wallet = _hot(session, name)
    office.wake()
    return _shown(wallet)


@freezing.post("/{name}/unfreeze")
def unfreeze_wallet(office: TheOffice, name: str, body: Halt) -> dict[str, Any]:
    """Lift a freeze, unless an incident of the wallet is open."""
    with office.ledger.write() as session:
        wallet = _hot(session, name)
        if wallet.frozen:
            _require_no_incident(session, wallet)
            marks.unfreeze(session, wallet, actor=_WHO, why=body.why, now=office.now())
            wallet = _hot(session, name)
    office.wake()
    return _shown(wallet)


def _hot(session: Session, name: str) -> facts.Standing:
    wallet = queries.standings.wallet(session, name)
    if wallet is None:
        raise ApiError(404, "not_found", f"there is no wallet {name[:80]!r}: see `wallet list`")
    if wallet.state is None:
        raise ApiError(409, "not_hot", f"{name} is a {wallet.role}: only hot wallets are frozen")
    return wallet


def _require_no_incident(session: Session, wallet: facts.Standing) -> None:
    for incident in queries.standings.incidents(session, only_open=True):
        if incident.wallet == wallet.name:
            text = (
                f"incident #{incident.id} of {wallet.name} is {incident.state}: "
                "close it by `motion propose close` first"
            )
            raise ApiError(409, "incident_open", text, incident.reasons)


def _shown(wallet: facts.Standing) -> dict[str, Any]:
    return {
        "name": wallet.name,
        "frozen": wallet.frozen,
        "frozen_why": wallet.frozen_why,
        "frozen_at": wallet.frozen_at,
    }
