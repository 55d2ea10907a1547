"""Respond: bring what is left of an isolated wallet to safety, and a successor into its place.

The commit that isolates has done most of it already (`treasury.safety.response`). Here the same is
derived anew from the newest look at the head and from the ledger, tick after tick, so that what
could not be done then is done now:
- an isolated wallet has an incident;
- a pool without an active wallet gets its fittest standby, if there is one;
- what lies in an isolated wallet is evacuated to its pool's vault, tokens before the native coin,
  one transfer per asset at a time, and again whenever something is left or comes in. A token whose
  evacuation reverted is left behind and told, so that it does not hold up the others;
- an incident is CONTAINED when the wallet is empty at finality, nothing of ours is on its way to
  or from it, and payout services that listen follow the new live wallet; a wallet that bleeds
  again opens it again.

Not done here: closing an incident, reinstating a wallet. Those are motions.
"""

from __future__ import annotations

from datetime import datetime

from hsm.errors import HsmError
from hsm.wire.answers import Refused
from policies.evacuation import Load, plan_evacuation
from policies.law import Law, Pool, Role, Wallet
from policies.lifecycles import IncidentState, Owner, TransferState
from policies.terms import Purpose, Reason
from treasury.clock import unix
from treasury.ledger import moves
from treasury.ledger.facts import Transfer
from treasury.ledger.queries import standings
from treasury.records import live_wallets
from treasury.safety.evacuating import (
    Case,
    Price,
    evacuation_facts,
    evacuation_row,
    look_into,
    price_of,
)
from treasury.safety.preparing import successor_for
from treasury.safety.rescuing import is_rescue, rescue
from treasury.safety.response import has_incident, open_incident
from treasury.world import NO_LAW, Deeds, Outcome, World, law_of

_NAME = "respond"
_HASTE_S = 120
"""Gas that is not in a block by then hangs: who asks on and on only tires the node."""
_FOUND_ISOLATED = (Reason(code="found_isolated", text="the signer's book has it as isolated"),)


def respond(world: World, now: datetime) -> Outcome:
    """Look after every isolated wallet of the chain once."""
    deeds = Deeds(_NAME)
    with world.ledger.read() as session:
        found = law_of(session, world.chain_id)
        cut_off = standings.isolated(session, world.chain_id)
    if found is None:
        return Outcome(station=_NAME, unavailable=NO_LAW)
    law, _ = found
    found_isolated = {standing.name for standing in cut_off}
    isolated = [w for w in law.wallets if w.name in found_isolated and w.role is Role.HOT]
    try:
        for wallet in isolated:
            _respond_to(world, law, wallet, deeds, unix(now))
    except HsmError as error:
        return deeds.broken_off(error)
    return deeds.outcome()


def _respond_to(world: World, law: Law, wallet: Wallet, deeds: Deeds, now: int) -> None:
    pool, chain = law.pool_of(wallet.name), law.chain(wallet.chain)
    assert pool is not None, "a hot wallet of a parsed law has a pool"
    assert chain is not None, "a wallet of a parsed law has a chain"
    _succeed(world, law, pool, deeds)
    case = _case(world, law, wallet, now)
    if case is None:
        return
    price = price_of(world, chain.fee_ceiling) if _holds_something(law, case) else Price(per_gas=0)
    with world.ledger.read() as session:
        facts = evacuation_facts(session, law, case, price, now)
    loads = plan_evacuation(facts)
    if rescue(world, law, case, facts, now):
        deeds.add(f"queued gas for {wallet.name}, whose tokens cannot pay their way")
        world.hurry()
        deeds.hasten()
    for load in loads:
        _evacuate(world, law, case, load, now)
        deeds.add(f"queued the evacuation of {wallet.name} in {load.asset.symbol}")
    if any(is_rescue(t) and now < t.created_at + _HASTE_S for t in case.on_the_way):
        # The thief waits for the block of that gas too, and not every node tells of blocks.
        deeds.hasten()
    if loads or case.on_the_way:
        world.hurry()
    _judge_contained(world, law, case, deeds, now, is_leaving=bool(loads))


def _case(world: World, law: Law, wallet: Wallet, now: int) -> Case | None:
    """Gather the facts, opening the incident when there is none; None before a fresh look."""
    with world.ledger.read() as session:
        incident = has_incident(standings.incidents(session, only_open=True), wallet.name)
    if incident is None:
        with world.ledger.write() as session:
            incident = open_incident(session, wallet.name, _FOUND_ISOLATED, now=now)
    with world.ledger.read() as session:
        stale_after_s = world.settings.stale_after_s
        return look_into(session, law, incident, stale_after_s=stale_after_s, now=now)


def _holds_something(law: Law, case: Case) -> bool:
    ours = (asset.address for asset in law.assets if asset.chain == case.wallet.chain)
    return any(case.head.balance(case.wallet.address, asset) for asset in ours)


def _succeed(world: World, law: Law, pool: Pool, deeds: Deeds) -> None:
    """Have the signer activate the fittest standby; `adopt` follows the book in the money lane."""
    with world.ledger.read() as session:
        successor = successor_for(session, law, pool, ())
    if successor is None:
        return
    answer = world.signer.activate(successor.name)
    if not isinstance(answer, Refused):
        deeds.add(f"activated {successor.name} in pool {pool.name}")


def _evacuate(world: World, law: Law, case: Case, load: Load, now: int) -> None:
    """Queue the evacuation of one asset."""
    why = f"{case.wallet.name} is isolated"
    with world.ledger.write() as session:
        row = evacuation_row(session, law, case, load, world=world, now=now)
        moves.create(session, Transfer, row, actor=Owner.GUARD, why=why, now=now)


def _judge_contained(
    world: World, law: Law, case: Case, deeds: Deeds, now: int, *, is_leaving: bool
) -> None:
    is_safe = not is_leaving and not any(map(_matters, case.on_the_way)) and _is_empty(law, case)
    state = case.incident.state
    if is_safe and state is IncidentState.OPEN and not _is_followed(world):
        return
    if is_safe and state is IncidentState.OPEN:
        to, why = IncidentState.CONTAINED, f"what is left of {case.wallet.name} is below its fees"
    elif not is_safe and state is IncidentState.CONTAINED:
        to, why = IncidentState.OPEN, f"{case.wallet.name} moves again"
    else:
        return
    with world.ledger.write() as session:
        moves.move(session, case.incident, to, actor=Owner.GUARD, why=why, now=now)
    deeds.add(f"incident {case.incident.id} is {to.value}: {why}")


def _matters(transfer: Transfer) -> bool:
    """Say whether a transfer may still change an empty wallet.

    An evacuation that the thief left nothing to pay for hangs there for ever, and does no harm.
    """
    is_hanging = transfer.state is TransferState.IN_FLIGHT
    return not (is_hanging and transfer.purpose is Purpose.EVACUATION)


def _is_followed(world: World) -> bool:
    """Say whether payout services that listen pay from the new wallet already."""
    with world.ledger.read() as session:
        return live_wallets.is_followed(session)


def _is_empty(law: Law, case: Case) -> bool:
    """Say whether the final balances are known and worth less than a transfer costs."""
    chain = law.chain(case.wallet.chain)
    assert chain is not None, "a wallet of a parsed law has a chain"
    for asset in law.assets:
        if asset.chain != chain.name:
            continue
        seen = case.final.balance(case.wallet.address, asset.address)
        if seen is None or seen > (chain.fee_ceiling if asset.is_native else 0):
            return False
    return True
