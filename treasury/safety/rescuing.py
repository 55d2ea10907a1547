"""Give an isolated wallet the gas that brings its tokens home, when the thief took the coins first.

The sponsor pays exactly what is missing for the tokens that can still go, within the ceiling and
the window of the law, one top-up at a time and a few per incident: a thief may take the gas too.
"""

from __future__ import annotations

from policies.evacuation import EvacuationFacts, gas_for_all
from policies.law import Asset, Law, Wallet
from policies.lifecycles import Owner, TransferState
from policies.terms import NATIVE, Purpose
from treasury.ledger import moves
from treasury.ledger.facts import Transfer
from treasury.ledger.queries import standings, transfers
from treasury.orders.drafts import Draft, draft_terms, transfer_row
from treasury.safety.evacuating import Case
from treasury.world import World

RESCUE = "rescue:"
"""Every such top-up has a cause that begins so."""
MOST_RESCUES = 5
RESCUE_LASTS_S = 3_600
_OPEN = frozenset({TransferState.QUEUED, TransferState.IN_FLIGHT, TransferState.MINED})


def rescue(world: World, law: Law, case: Case, facts: EvacuationFacts, now: int) -> bool:
    """Queue a top-up of what is missing; say whether there was need and means for one."""
    rule = law.top_up(case.wallet.chain)
    sponsor = None if rule is None else law.wallet(rule.sponsor)
    native = next((h.asset for h in facts.holdings if h.asset.is_native), None)
    if rule is None or sponsor is None or native is None:
        return False
    amount = min(_missing(case, facts), rule.ceiling)
    if not amount or not _can_pay(world, case, sponsor, amount + facts.fee_ceiling):
        return False
    return _queue(world, law, case, (sponsor, native), amount, now)


def is_rescue(transfer: Transfer) -> bool:
    """Say whether a transfer is gas for the tokens of an isolated wallet."""
    return transfer.cause.startswith(RESCUE)


def _missing(case: Case, facts: EvacuationFacts) -> int:
    """Return the wei that the tokens lack to go; zero while the coins are unknown."""
    coins = case.head.balance(case.wallet.address, NATIVE)
    return 0 if coins is None else max(gas_for_all(facts) - coins, 0)


def _can_pay(world: World, case: Case, sponsor: Wallet, cost: int) -> bool:
    with world.ledger.read() as session:
        standing = standings.wallet(session, sponsor.name)
    coins = case.head.balance(sponsor.address, NATIVE)
    return standing is not None and standing.is_calm and coins is not None and coins >= cost


def _queue(  # noqa: PLR0917 - one top-up
    world: World, law: Law, case: Case, ends: tuple[Wallet, Asset], amount: int, now: int
) -> bool:
    sponsor, native = ends
    prefix = f"{RESCUE}{case.incident.id}"
    with world.ledger.read() as session:
        earlier = transfers.by_cause(session, prefix)
    if len(earlier) >= MOST_RESCUES or any(_is_open(t, case) for t in earlier):
        return False
    draft = Draft(
        purpose=Purpose.TOP_UP,
        asset=native,
        source=sponsor.address,
        destination=case.wallet.address,
        amount=amount,
        lasts_s=RESCUE_LASTS_S,
    )
    terms = draft_terms(draft, law, salt=world.draw_salt(), now=now)
    cause = f"{prefix}:{len(earlier) + 1}"
    row = transfer_row(terms, deployment=world.deployment, cause=cause, now=now)
    why = f"{case.wallet.name} is isolated and has no gas for its tokens"
    with world.ledger.write() as session:
        moves.create(session, Transfer, row, actor=Owner.ASSESS, why=why, now=now)
    return True


def _is_open(transfer: Transfer, case: Case) -> bool:
    """Say whether a top-up is on its way, or too young for the newest look to show it."""
    if transfer.state in _OPEN:
        return True
    return (transfer.block_number or 0) > case.head.stamp.number
