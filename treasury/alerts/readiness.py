"""Readiness: what a theft tonight would need and would not find.

A pool without a standby stops paying with its next isolation, tokens without a gas sponsor stay
with the thief, and a transfer that hangs keeps its wallet from paying. All three are found long
before anybody misses them, so they ring while there is time to mend them.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping

from policies.amounts import format_amount
from policies.law import Law, Pool, TopUpRule
from policies.lifecycles import TransferState, WalletState
from policies.succession import Candidate, choose_successor
from policies.terms import NATIVE
from treasury.alerts.conditions import Condition, Look
from treasury.ledger import Ledger, Session
from treasury.ledger.facts import Standing
from treasury.ledger.queries import standings, transfers, watch

STUCK_S = 1_800
"""A transfer that nobody mined for so long hangs, and needs a person."""


def standbys_are_ready(ledger: Ledger) -> Look:
    """Return a look at whether each active wallet has a successor that would not fall with it."""

    def look(_now: int) -> Iterable[Condition]:
        with ledger.read() as session:
            law = standings.law(session)
            known = {standing.name: standing for standing in standings.wallets(session)}
        for pool in law.pools if law else ():
            yield Condition(
                bad="no_standby",
                good="standby_ready",
                subject=f"pool:{pool.name}",
                why=_why_nobody(law, pool, known) if law else "",
            )

    return look


def _why_nobody(law: Law, pool: Pool, known: Mapping[str, Standing]) -> str:
    """Say why nobody could take over, or that nobody is active; empty when somebody could."""
    members = [(w, known[w.name]) for n in pool.members if (w := law.wallet(n)) and n in known]
    active = next((w for w, stands in members if stands.state is WalletState.ACTIVE), None)
    if active is None:
        return f"no wallet of {pool.name} is active: nothing is paid until a motion rotates to one"
    candidates = [
        Candidate(wallet=w, state=stands.state, is_healthy=stands.is_calm, balance=None)
        for w, stands in members
        if stands.state is not None and w.fate_group != active.fate_group
    ]
    if choose_successor(active, candidates).successor is not None:
        return ""
    return (
        f"nobody of another fate group could take over from {active.name}: "
        "add a standby with a key on another host, or reinstate one"
    )


def sponsors_have_gas(ledger: Ledger) -> Look:
    """Return a look at whether each gas sponsor can still pay one full top-up and its fee."""

    def look(_now: int) -> Iterable[Condition]:
        with ledger.read() as session:
            law = standings.law(session)
            found = list(_sponsors(session, law)) if law else []
        yield from found

    return look


def _sponsors(session: Session, law: Law) -> Iterator[Condition]:
    for rule in law.top_ups:
        chain, wallet = law.chain(rule.chain), law.wallet(rule.sponsor)
        if chain is None or wallet is None:
            continue
        has = watch.balance(session, chain.chain_id, wallet.address, NATIVE)
        if has is not None:
            yield Condition(
                bad="sponsor_low",
                good="sponsor_filled",
                subject=f"wallet:{rule.sponsor}",
                why=_why_low(law, rule, has, rule.ceiling + chain.fee_ceiling),
            )


def _why_low(law: Law, rule: TopUpRule, has: int, needs: int) -> str:
    if has >= needs:
        return ""
    coin = next(a for a in law.assets if a.chain == rule.chain and a.is_native)
    shown = [format_amount(n, coin.symbol, coin.decimals) for n in (has, needs)]
    return f"{rule.sponsor} has {shown[0]}, a top-up with its fee may take {shown[1]}: send it gas"


def transfers_are_mined(ledger: Ledger) -> Look:
    """Return a look at transfers that were sent long ago; their own journal line ends each."""

    def look(now: int) -> Iterable[Condition]:
        with ledger.read() as session:
            chains = {s.chain_id for s in standings.wallets(session)}
            sent = [
                transfer
                for chain_id in chains
                for transfer in transfers.in_states(session, chain_id, TransferState.IN_FLIGHT)
            ]
        for transfer in sent:
            age_s = now - transfer.changed_at
            why = f"{transfer.terms.what}: sent {age_s} s ago and not mined"
            yield Condition(
                bad="transfer_stuck",
                good="transfer_moves",
                subject=f"transfer:{transfer.id}",
                why=why if age_s > STUCK_S else "",
                is_patient=False,
            )

    return look
