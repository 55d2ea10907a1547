"""Sense: look at every account of ours for code, which nobody can put there without its key.

A wallet that signs for us is an ordinary account. Code on it is a delegation (EIP-7702): somebody
signed one with our key, and from then on its balance falls without any transaction of ours, while
nodes let the account have one waiting transaction only. So code alone, agreed by the read quorum,
is proof: a hot wallet is isolated at once, the vault or the gas sponsor halts exposure. One call
looks at all accounts of the chain at the block of the newest look.
"""

from __future__ import annotations

from datetime import datetime

from policies.law import Law, Wallet
from policies.lifecycles import WalletState
from policies.outflow.proof import Agreement, ProofFacts, judge_proof
from treasury.chain.errors import ChainError
from treasury.chain.port import ReadRequest
from treasury.clock import unix
from treasury.ledger.queries import standings, watch
from treasury.payouts.judging import reasons_of
from treasury.safety.isolation import act_on_proof
from treasury.world import NO_LAW, Deeds, Outcome, World, law_of

_NAME = "sense"
_CUT_OFF = frozenset({WalletState.ISOLATED, WalletState.RETIRED})


def sense(world: World, now: datetime) -> Outcome:
    """Look at every account of the chain once, and act on those that carry code."""
    deeds = Deeds(_NAME)
    with world.ledger.read() as session:
        found = law_of(session, world.chain_id)
        tick = watch.last_good_tick(session, world.chain_id)
        known = standings.in_states(session, world.chain_id, *_CUT_OFF)
    if found is None:
        return Outcome(station=_NAME, unavailable=NO_LAW)
    law, chain = found
    if tick is None or tick.head is None:
        return deeds.broken_off("the chain was never seen")
    cut_off = {standing.name for standing in known}
    ours = [w for w in law.wallets if w.chain == chain.name and w.name not in cut_off]
    if not ours:
        return deeds.outcome()
    request = ReadRequest(wallets=tuple(w.address for w in ours), assets=(), with_code=True)
    try:
        codes = world.chain.read_balances(request, tick.head).codes
    except ChainError as error:
        return deeds.broken_off(error)
    for wallet in ours:
        code = codes.get(wallet.address)
        if code:
            _act(world, law, wallet, code, unix(now), deeds)
    return deeds.outcome()


def _act(  # noqa: PLR0917 - one wallet with what was seen of it
    world: World, law: Law, wallet: Wallet, code: bytes, now: int, deeds: Deeds
) -> None:
    agreement = Agreement(sources=world.settings.quorum, quorum=world.settings.quorum)
    judgement = judge_proof(ProofFacts(agreement=agreement, code=code))
    done = act_on_proof(world, law, wallet, reasons_of(judgement), now=now)
    if done:
        deeds.add(done)
