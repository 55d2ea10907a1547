"""Gather everything known of one incident: from the ledger in one view, from the signer's book."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from hsm.client import SignerClient
from hsm.errors import HsmError
from hsm.wire.answers import OrderRecord
from policies.law import Law
from policies.terms import Address
from treasury.incident_file.figures import Figure, reckon
from treasury.ledger import Session, journal, listings
from treasury.ledger.facts import Approval, Attempt, Entry, Incident, Refill, Standing, Transfer
from treasury.ledger.queries import evidence, refills, standings, transfers
from treasury.ledger.queries.evidence import Seen

LOOK_BACK_S = 3_600
"""How much of the time before the first verdict belongs to the file."""
_MOST_ROWS = 2_000
_MOST_PAGES = 100
_EVERYWHERE = ("exposure_halted", "exposure_running", "live_wallets_published", "law_in_force")


@dataclass(frozen=True, slots=True, kw_only=True)
class Evidence:
    """All of it; `book` is empty when the signer did not answer, and then `book_why` says so."""

    incident: Incident
    wallet: Standing
    law: Law
    head: Entry | None
    figures: Sequence[Figure]
    timeline: Sequence[Entry]
    seen: Sequence[Seen]
    transfers: Sequence[Transfer]
    attempts: Mapping[int, Sequence[Attempt]]
    refills: Sequence[Refill]
    approvals: Sequence[Approval]
    vetoes: Sequence[Approval]
    book: Sequence[OrderRecord] = ()
    book_why: str = ""


def gather(session: Session, incident: Incident) -> Evidence | None:
    """Gather what the ledger knows; None while there is no law or no such wallet."""
    law, wallet = standings.law(session), standings.wallet(session, incident.wallet)
    if law is None or wallet is None:
        return None
    since = incident.opened_at - LOOK_BACK_S
    wanted = listings.Filter(since=since, limit=_MOST_ROWS)
    moved = listings.transfers(session, wanted, address=wallet.address)
    filled = listings.refills(session, wanted, wallet=wallet.name)
    digests = [t.order_id for t in moved] + [r.order_id for r in filled]
    return Evidence(
        incident=incident,
        wallet=wallet,
        law=law,
        head=journal.head(session),
        figures=reckon(session, law, wallet, moved),
        timeline=evidence.lines_about(
            session, _subjects(incident, moved, filled), _EVERYWHERE, since=since
        ),
        seen=evidence.history(session, wallet.chain_id, wallet.address, since=since),
        transfers=moved,
        attempts=transfers.attempts_of(session, [transfer.id for transfer in moved]),
        refills=filled,
        approvals=[a for digest in digests for a in refills.approvals(session, digest)],
        vetoes=[v for digest in digests for v in refills.vetoes(session, digest)],
    )


def ask_book(
    signer: SignerClient | None, wallet: Address, after: int
) -> tuple[Sequence[OrderRecord], str]:
    """Ask the signer's book for its orders from or to a wallet since an entry of it.

    Returns them, and why there are none when it does not answer.
    """
    if signer is None:
        return (), "the signer was not asked"
    found: list[OrderRecord] = []
    try:
        for _ in range(_MOST_PAGES):
            page = signer.orders_since(after)
            found += [o for o in page.orders if wallet in (o.order["from"], o.order["to"])]
            if not page.more or not page.orders:
                break
            after = page.orders[-1].seq
    except HsmError as error:
        return (), f"the signer did not answer: {error}"
    return found, ""


def _subjects(
    incident: Incident, moved: Sequence[Transfer], filled: Sequence[Refill]
) -> frozenset[str]:
    named = [f"wallet:{incident.wallet}", f"incident:{incident.id}"]
    named += [f"transfer:{transfer.id}" for transfer in moved]
    named += [f"refill:{refill.id}" for refill in filled]
    return frozenset(named)
