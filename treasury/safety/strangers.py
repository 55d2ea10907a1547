"""Strangers: orders that the signer's book holds and nobody here placed.

Every order of ours stands in the ledger before the signer hears of it. So one that the book holds
and the ledger does not was either forgotten by an older copy of the ledger, or asked for by
somebody else who may speak to the signer. The two are told apart by when it is found: the first
look of a daemon at the book takes over the whole past, and whatever appears later, while the
signer hears this daemon and no younger one, was ordered by a stranger. That is proof from our own
books, and needs no chain.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence

from hsm.wire.answers import SignerStatus
from policies.outflow.proof import Agreement, ProofFacts, judge_proof
from policies.terms import TransferTerms
from treasury.ledger import marks
from treasury.ledger.queries import standings
from treasury.payouts.judging import reasons_of
from treasury.safety.isolation import act_on_proof
from treasury.world import Books, World

_OWN_BOOKS = Agreement(sources=1, quorum=1)


def has_caught_up(world: Books, status: SignerStatus) -> bool:
    """Say whether this daemon leads, and has taken over the past of the book since it started."""
    epoch = world.signer.epoch
    if epoch is None or status.epoch != epoch:
        return False
    with world.ledger.read() as session:
        return standings.remembered(session, _key(world)) == str(epoch)


def note_caught_up(world: Books, status: SignerStatus) -> None:
    """Remember that whatever the book holds beyond this status is of this daemon's time."""
    if world.signer.epoch is None or has_caught_up(world, status):
        return
    with world.ledger.write() as session:
        marks.remember(session, _key(world), str(world.signer.epoch))


def answer_strangers(world: World, orders: Sequence[TransferTerms], now: int) -> Iterator[str]:
    """Isolate every wallet that signed for a stranger, or halt for a vault; yield what was done."""
    with world.ledger.read() as session:
        law = standings.law(session)
    if law is None:
        return
    signed = Counter(order.source for order in orders)
    for wallet in law.wallets:
        count = signed[wallet.address]
        chain = law.chain(wallet.chain)
        if count and chain is not None and chain.chain_id == world.chain_id:
            facts = ProofFacts(agreement=_OWN_BOOKS, unordered=count)
            done = act_on_proof(world, law, wallet, reasons_of(judge_proof(facts)), now=now)
            if done:
                yield done


def _key(world: Books) -> str:
    return f"caught_up:{world.chain_id}"
