"""Respond: bring what is left of an isolated wallet to safety, and a successor into its place.

Everything is derived from the newest look at the head and from the ledger, so the same ticks go
on after a crash, and a wallet that a person isolated at the signer is treated alike:
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

from hsm.answers import Refused
from hsm.errors import HsmError
from policies.evacuation import Load, plan_evacuation
from policies.law import Law, Pool, Role, Wallet
from policies.lifecycles import IncidentState, Owner, TransferState, WalletState
from policies.succession import Candidate, choose_successor
from policies.terms import Purpose, Reason
from treasury.clock import unix
from treasury.ledger import moves
from treasury.ledger.facts import Standing, Transfer
from treasury.ledger.queries import standings, transfers, watch
from treasury.orders.drafts import Draft, draft_terms, transfer_row
from treasury.records import live_wallets
from treasury.safety.evacuating import Case, cause_of, evacuation_facts
from treasury.safety.isolation import has_incident, open_incident
from treasury.safety.rescuing import rescue
from treasury.world import NO_LAW, Deeds, Outcome, World, law_of

_NAME = "respond"
EVACUATION_LASTS_S = 86_400
"""How long an evacuation may wait for its first signature."""
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
    pool = law.pool_of(wallet.name)
    assert pool is not None, "a hot wallet of a parsed law has a pool"
    _succeed(world, law, wallet, pool, deeds)
    case = _case(world, wallet, pool, now)
    if case is None:
        return
    facts = evacuation_facts(world, law, case, now)
    loads = plan_evacuation(facts)
    if rescue(world, law, case, facts, now):
        deeds.add(f"queued gas for {wallet.name}, whose tokens cannot pay their way")
        world.hurry()
    for load in loads:
        _evacuate(world, law, case, load, now)
        deeds.add(f"queued the evacuation of {wallet.name} in {load.asset.symbol}")
    if loads:
        world.hurry()
    _judge_contained(world, law, case, deeds, now, is_leaving=bool(loads))


def _case(world: World, wallet: Wallet, pool: Pool, now: int) -> Case | None:
    """Gather the facts, opening the incident when there is none; None before a fresh look."""
    with world.ledger.write() as session:
        incident = has_incident(standings.incidents(session, only_open=True), wallet.name)
        if incident is None:
            incident = open_incident(session, wallet.name, _FOUND_ISOLATED, now=now)
    with world.ledger.read() as session:
        newest = watch.newest(session, world.chain_id)
        open_ones = transfers.open_ones(session, world.chain_id)
    if newest is None or now - newest[0].at > world.settings.stale_after_s:
        return None
    ours = [t for t in open_ones if wallet.address in (t.source, t.destination)]
    return Case(
        wallet=wallet,
        pool=pool,
        incident=incident,
        head=newest[1],
        final=newest[2],
        on_the_way=ours,
    )


def _succeed(world: World, law: Law, fallen: Wallet, pool: Pool, deeds: Deeds) -> None:
    """Have the signer activate the fittest standby; `adopt` follows the book in the money lane."""
    with world.ledger.read() as session:
        if standings.active_of(session, pool.name) is not None:
            return
        members = [(law.wallet(name), standings.wallet(session, name)) for name in pool.members]
    candidates = [_candidate(w, s) for w, s in members if w is not None and s is not None]
    successor = choose_successor(fallen, candidates).successor
    if successor is None:
        return
    answer = world.signer.activate(successor.name)
    if not isinstance(answer, Refused):
        deeds.add(f"activated {successor.name} in the place of {fallen.name}")


def _candidate(wallet: Wallet, standing: Standing) -> Candidate:
    return Candidate(
        wallet=wallet,
        state=standing.state or WalletState.STANDBY,
        is_healthy=standing.is_calm,
        balance=None,
    )


def _evacuate(world: World, law: Law, case: Case, load: Load, now: int) -> None:
    """Queue the evacuation of one asset."""
    vault = law.wallet(case.pool.vault)
    assert vault is not None, "a pool of a parsed law has a vault"
    prefix = cause_of(case, load.asset)
    with world.ledger.read() as session:
        number = len(transfers.by_cause(session, prefix)) + 1
    draft = Draft(
        purpose=Purpose.EVACUATION,
        asset=load.asset,
        source=case.wallet.address,
        destination=vault.address,
        amount=load.amount,
        lasts_s=EVACUATION_LASTS_S,
        max_fee=load.max_fee,
    )
    terms = draft_terms(draft, law, salt=world.draw_salt(), now=now)
    row = transfer_row(terms, deployment=world.deployment, cause=f"{prefix}:{number}", now=now)
    why = f"{case.wallet.name} is isolated"
    with world.ledger.write() as session:
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
