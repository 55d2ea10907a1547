"""Status: everything that matters at a glance, in one answer."""

from __future__ import annotations

from typing import Any

from fastapi import APIRouter

from treasury.alerts.conditions import LAST_DRILL
from treasury.api import answers
from treasury.api.answers import Glossary
from treasury.api.asking import TheOffice
from treasury.api.office import Office
from treasury.api.scopes import Reach, TheReach
from treasury.api.wallets import pools
from treasury.ledger import Session, journal, listings, queries

reading = APIRouter(prefix="/v1", tags=["status"])


@reading.get("/status")
def show_status(office: TheOffice, reach: TheReach) -> dict[str, Any]:
    """Show exposure, signer, chains, pools, what waits for people, and what is in trouble.

    A service of another machine sees whether its own pools can pay, and nothing else.
    """
    if reach.pools is not None:
        return _within(office, reach)
    law = office.law()
    health = office.health()
    with office.ledger.read() as session:
        head = journal.head(session)
        return {
            "now": office.now(),
            "deployment": "0x" + office.deployment.hex(),
            "law_digest": "0x" + office.law_digest().hex(),
            "profile": law.profile.value if law else None,
            "exposure": _exposure(session),
            "signer": {
                "health": health.signer,
                "frozen": health.signer_frozen,
                "waivers": list(health.waivers),
                "book_seq": head.book_seq if head else None,
            },
            "findings": list(health.findings),
            "drill": _drill(session),
            "chains": _chains(session, office),
            "pools": pools(session, law, office.now()) if law else [],
            "trouble": _trouble(session),
            "counts": listings.state_counts(session),
            "journal": {
                "entries": head.seq if head else 0,
                "head": head.hash if head else journal.GENESIS,
            },
        }


def _within(office: TheOffice, reach: Reach) -> dict[str, Any]:
    law = office.law()
    with office.ledger.read() as session:
        found = pools(session, law, office.now()) if law else []
        return {
            "now": office.now(),
            "exposure": _exposure(session),
            "signer": {"health": office.health().signer},
            "pools": [pool for pool in found if reach.covers(pool["name"])],
        }


def _drill(session: Session) -> dict[str, Any]:
    at = queries.standings.remembered(session, LAST_DRILL)
    kind = queries.standings.remembered(session, f"{LAST_DRILL}:kind")
    return {"at": None if at is None else int(at), "kind": kind}


def _exposure(session: Session) -> dict[str, Any]:
    found = queries.standings.exposure(session)
    if found is None:
        return {
            "state": "HALTED",
            "why": "the daemon has not started yet",
            "who": "",
            "since": None,
        }
    return {
        "state": found.state.value,
        "why": found.why,
        "who": found.who,
        "since": found.changed_at,
    }


def _chains(session: Session, office: Office) -> list[dict[str, Any]]:
    law = office.law()
    words = Glossary(law)
    ticks = listings.last_ticks(session)
    known = [chain.chain_id for chain in law.chains] if law else list(ticks)
    return [
        {
            "name": words.chain(chain_id),
            "chain_id": chain_id,
            **answers.tick(ticks.get(chain_id), office.now()),
        }
        for chain_id in known
    ]


def _trouble(session: Session) -> list[dict[str, Any]]:
    found = [
        {
            "kind": "incident",
            "subject": incident.wallet,
            "text": f"#{incident.id} is {incident.state}",
        }
        for incident in queries.standings.incidents(session, only_open=True)
    ]
    for token in queries.tokens.quarantined(session):
        text = "; ".join(reason.text for reason in token.reasons)
        found.append({"kind": "quarantined", "subject": token.symbol, "text": text})
    for wallet in queries.standings.wallets(session):
        if wallet.frozen:
            found.append({"kind": "frozen", "subject": wallet.name, "text": wallet.frozen_why})
        if wallet.hold_since is not None:
            found.append({"kind": "hold", "subject": wallet.name, "text": wallet.hold_why})
        if wallet.state == "ISOLATED":
            found.append({"kind": "isolated", "subject": wallet.name, "text": wallet.why})
    return found
