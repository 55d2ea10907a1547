"""Trace: look for the receipts of what a payout engine registered, before the guard judges.

A registered transaction explains what left its wallet from the moment that its receipt is there,
and no more than it really moved out: who may register could otherwise hide a theft behind a large
number. A reorg takes that back, finality keeps it. What did not come within a day explains nothing
any more: the engine registers it again if it still means it. Chains without a wallet in shared
custody cost nothing here.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime

from policies.law import Custody
from policies.terms import Stamp
from policies.tokens import Spending
from treasury.chain.errors import ChainError
from treasury.chain.port import Receipt
from treasury.clock import unix
from treasury.ledger import registered
from treasury.ledger.queries import watch
from treasury.ledger.registered import Registered, Seen
from treasury.world import NO_LAW, Deeds, Outcome, World, law_of

_NAME = "trace"
LASTS_S = 86_400
"""How long a registered transaction may take to come."""


def trace(world: World, now: datetime) -> Outcome:
    """Ask for the receipts that are missing, and for those that a reorg may have taken."""
    deeds = Deeds(_NAME)
    with world.ledger.read() as session:
        found = law_of(session, world.chain_id)
        if found is None:
            return Outcome(station=_NAME, unavailable=NO_LAW)
        law, chain = found
        is_shared = any(w.custody is Custody.SHARED for w in law.wallets if w.chain == chain.name)
        waiting = registered.unsettled(session, world.chain_id) if is_shared else ()
        look = watch.last_good_tick(session, world.chain_id) if waiting else None
    if not waiting or look is None or look.final is None:
        return deeds.outcome()
    try:
        due = _due(world, waiting, look.final.number)
        receipts = world.chain.receipts(list(dict.fromkeys(one.hash for one in due)))
        spending = _spending(world, due, receipts)
    except ChainError as error:
        # The guard sees a drop without its explanation, holds the wallet, and waits with us.
        deeds.add(f"left {len(waiting)} registered movements: {error}")
        return deeds.outcome()
    news = {d: _seen(r, spending.get(d), look.final.number) for d, r in receipts.items()}
    _write(world, due, news, unix(now), deeds)
    return deeds.outcome()


def _due(world: World, waiting: Sequence[Registered], final: int) -> list[Registered]:
    """Return those to ask about: not seen yet, about to be final, or of a block that is gone."""
    numbers = sorted({n for one in waiting if (n := one.block_number) is not None and n > final})
    stamps = world.chain.stamps_at(numbers) if numbers else {}
    return [one for one in waiting if not _stands(one, stamps)]


def _stands(one: Registered, stamps: Mapping[int, Stamp | None]) -> bool:
    stamp = None if one.block_number is None else stamps.get(one.block_number)
    return stamp is not None and stamp.hash == one.block_hash


def _spending(
    world: World,
    due: Sequence[Registered],
    receipts: Mapping[str, Receipt | None],
) -> Mapping[str, Spending]:
    """Ask what the mined ones took out of the wallets that they were registered for."""
    wallets = {one.hash: one.wallet for one in due}
    mined = {digest: receipt for digest, receipt in receipts.items() if receipt is not None}
    if not mined:
        return {}
    assets = tuple(dict.fromkeys(one.asset for one in due))
    payments = [(wallets[digest], receipt) for digest, receipt in mined.items()]
    return dict(zip(mined, world.chain.spending(payments, assets), strict=True))


def _write(
    world: World,
    waiting: Sequence[Registered],
    told: Mapping[str, Seen | None],
    now: int,
    deeds: Deeds,
) -> None:
    news: dict[str, Seen | None] = {}
    late: dict[str, None] = {}
    for one in waiting:
        seen = told.get(one.hash)
        if _differs(one, seen):
            news[one.hash] = seen
        elif seen is None and now - one.registered_at > LASTS_S:
            late[one.hash] = None
    if not news and not late:
        return
    with world.ledger.write() as session:
        registered.note_seen(session, world.chain_id, news, now)
        for digest in late:
            registered.make_void(session, world.chain_id, digest, now=now)
    deeds.add(f"traced {len(news)} registered transactions, gave up {len(late)}")


def _seen(receipt: Receipt | None, spending: Spending | None, final: int) -> Seen | None:
    if receipt is None or spending is None:
        return None
    return Seen(
        block_number=receipt.block_number,
        block_hash=receipt.block_hash,
        succeeded=receipt.succeeded,
        fee=receipt.fee_paid if spending.is_sender else 0,
        moved=spending.amounts,
        is_final=receipt.block_number <= final,
    )


def _differs(one: Registered, seen: Seen | None) -> bool:
    if seen is None:
        return one.block_number is not None
    return seen.is_final or seen.block_hash != one.block_hash
