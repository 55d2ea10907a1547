"""Overhear: look into nodes' pools for transactions of our accounts that we did not sign.

A thief's transaction waits there before it is in a block, and whoever reads it first may answer
before anything is gone. Its bytes are proof whoever hands them out, because nobody can make up our
signature: a hot wallet is isolated at once, the vault or the gas sponsor halts exposure. A node
that only counts more transactions than we signed, and has no bytes to show, is one credible voice:
that freezes, and moves nothing.

Accounts take turns when there are very many, so that a look stays short.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import datetime

from hsm.errors import HsmError
from policies.law import Custody, Law, Wallet
from policies.lifecycles import WalletState
from policies.terms import Address, Reason
from treasury.briefing.scenes import signed_nonces
from treasury.chain.errors import BadAnswerError
from treasury.chain.port import Waiting
from treasury.chain.signed_by import SignedBy, signed_by
from treasury.clock import unix
from treasury.ledger import marks
from treasury.ledger.queries import standings, transfers
from treasury.safety.isolation import act_on_proof
from treasury.world import NO_LAW, Deeds, Outcome, World, law_of

_NAME = "overhear"
MOST_AT_ONCE = 128
_CUT_OFF = frozenset({WalletState.ISOLATED, WalletState.RETIRED})


def overhear(world: World, now: datetime) -> Outcome:
    """Count what waits from every account of ours, and act on what is not ours."""
    deeds = Deeds(_NAME)
    with world.ledger.read() as session:
        found = law_of(session, world.chain_id)
        if found is None:
            return Outcome(station=_NAME, unavailable=NO_LAW)
        law, chain = found
        gone = {s.name for s in standings.in_states(session, world.chain_id, *_CUT_OFF)}
        ours = [
            wallet
            for wallet in law.wallets
            if wallet.chain == chain.name
            and wallet.custody is Custody.EXCLUSIVE
            and wallet.name not in gone
        ]
        signed = signed_nonces(session, law, world.chain_id)
    turn = {wallet.address: wallet for wallet in _turn(ours, unix(now))}
    heard = world.chain.waiting({a: signed[wallet.name] for a, wallet in turn.items()})
    for one in heard:
        wallet = turn.get(one.wallet)
        if wallet is not None:
            _heed(world, law, wallet, one, deeds, unix(now))
    return deeds.outcome()


def _turn(ours: list[Wallet], now: int) -> list[Wallet]:
    if len(ours) <= MOST_AT_ONCE:
        return ours
    start = now * MOST_AT_ONCE % len(ours)
    return (ours + ours)[start : start + MOST_AT_ONCE]


def _heed(  # noqa: PLR0917 - one wallet with what was heard of it
    world: World, law: Law, wallet: Wallet, heard: Waiting, deeds: Deeds, now: int
) -> None:
    limit = _signed_by_now(world, law, wallet)
    if heard.nonces <= limit:
        return  # our own lane signed meanwhile
    proof = next(_foreign(world, wallet.address, heard, limit), None)
    if proof is not None:
        text = f"{proof.hash} waits on nonce {proof.nonce}, signed by {wallet.name}, not by us"
        why = (Reason(code="foreign_pending", text=text),)
        done = act_on_proof(world, law, wallet, why, now=now)
    else:
        done = _freeze(world, wallet, heard, limit, now)
    if done:
        deeds.add(done)


def _signed_by_now(world: World, law: Law, wallet: Wallet) -> int:
    """Return how many nonces our books or the signer's gave out, asked after the pool."""
    with world.ledger.read() as session:
        known = signed_nonces(session, law, world.chain_id)
    try:
        book: Mapping[str, int] = world.signer.status().nonces
    except HsmError:
        book = {}
    return max(known[wallet.name], book.get(wallet.name, 0))


def _foreign(world: World, address: Address, heard: Waiting, limit: int) -> Iterator[SignedBy]:
    """Yield what carries our signature on a nonce that neither book gave out."""
    for raw in heard.raws:
        try:
            found = signed_by(raw)
        except BadAnswerError:
            continue
        if found.sender != address or found.nonce < limit:
            continue
        with world.ledger.read() as session:
            is_ours = transfers.has_hash(session, found.hash)
        if not is_ours:
            yield found


def _freeze(world: World, wallet: Wallet, heard: Waiting, limit: int, now: int) -> str:
    why = f"{heard.endpoint} counts {heard.nonces} transactions of it, our books signed {limit}"
    with world.ledger.write() as session:
        standing = standings.wallet(session, wallet.name)
        if standing is None or standing.frozen:
            return ""
        marks.freeze(session, standing, actor="guard", why=why, now=now)
    return f"froze {wallet.name}: {why}"
