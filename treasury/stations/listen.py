"""Listen: heed what single endpoints say against the others, and notice when a chain stands still.

A quorum decides what is true, and one credible voice is enough to stop. What an endpoint says
against the others is an alarm, told once an hour. Where it concerns a wallet of ours, or where
there is no quorum at all, every endpoint is asked again what it sees at its own head; a nonce
that our books never signed, code on the account, or a balance that our own movements do not
explain freezes the wallet, whoever else denies it. A freeze is reversible, and one person lifts
it. Nothing is moved or isolated here: that takes a quorum.

A finality or a head that stands still, and a look that found no quorum, ring when they begin and
say when they are over. Nothing waits for that: what needs final facts waits by itself.

Nobody else takes dissents: a word about a wallet that another lane took would freeze nothing.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime

from policies.law import Chain as ChainLaw
from policies.law import Custody, Law, Wallet
from policies.lifecycles import WalletState
from policies.terms import Address
from treasury.briefing.explained import Sight, missing
from treasury.briefing.scenes import Scene, gather
from treasury.chain.port import Dissent, Readings, ReadRequest, Sighting, Topic
from treasury.clock import unix
from treasury.ledger import marks
from treasury.ledger.queries import standings, watch
from treasury.world import NO_LAW, Deeds, Outcome, World, law_of

_NAME = "listen"
_ACTOR = "guard"
_TROUBLES = ("quorum", "head", "finality")
_TOLD_AGAIN_S = 3_600
_ABOUT_WALLETS = frozenset({Topic.BALANCE, Topic.NONCE, Topic.CODE})
_CUT_OFF = frozenset({WalletState.ISOLATED, WalletState.RETIRED})


def listen(world: World, now: datetime) -> Outcome:
    """Tell dissents, freeze what a single endpoint sees robbed, and ring for what stands still."""
    with world.ledger.read() as session:
        found = law_of(session, world.chain_id)
        look = watch.last_tick(session, world.chain_id)
        was = {what: standings.remembered(session, _key(world, what)) for what in _TROUBLES}
    if found is None:
        return Outcome(station=_NAME, unavailable=NO_LAW)
    deeds, at = Deeds(_NAME), unix(now)
    dissents = world.chain.take_dissents()
    _tell_dissents(world, dissents, deeds, at)
    is_blind = look is not None and not look.ok
    _ring(world, look.error if look and is_blind else "", was, deeds, at)
    if is_blind or any(dissent.topic in _ABOUT_WALLETS for dissent in dissents):
        _heed(world, *found, deeds, at)
    return deeds.outcome()


def _tell_dissents(world: World, dissents: Iterable[Dissent], deeds: Deeds, now: int) -> None:
    """Write the newest dissent of each endpoint and topic, at most once an hour."""
    for (endpoint, topic), dissent in {(d.endpoint, d.topic): d for d in dissents}.items():
        key = f"dissent:{world.chain_id}:{endpoint}:{topic}"
        with world.ledger.read() as session:
            told_at = int(standings.remembered(session, key) or "0")
        if now - told_at < _TOLD_AGAIN_S:
            continue
        body = {"topic": topic.value, "subject": dissent.subject, "said": dissent.said}
        with world.ledger.write() as session:
            marks.remember(session, key, str(now))
            marks.tell(
                session,
                "endpoint_dissented",
                f"endpoint:{endpoint}",
                {**body, "agreed": dissent.agreed},
                now=now,
                actor=_ACTOR,
            )
        deeds.add(f"{endpoint} alone says {topic} {dissent.subject}: {dissent.said}")


def _ring(
    world: World, blindness: str, was: Mapping[str, str | None], deeds: Deeds, now: int
) -> None:
    """Ring for a lost quorum and for blocks that do not move, once; `was` is what rings already."""
    troubles = {"quorum": blindness}
    stalled = {stall.what: stall for stall in world.chain.stalls()}
    for what in _TROUBLES[1:]:
        stall = stalled.get(what)
        is_long = stall is not None and stall.unmoved_s >= world.settings.stale_after_s
        text = f"{what} has not moved for {stall.unmoved_s:.0f} s" if stall and is_long else ""
        troubles[what] = text
    for what, trouble in troubles.items():
        if bool(was[what]) != bool(trouble):
            _toggle(world, what, (was[what] or "", trouble), deeds, now)


def _toggle(world: World, what: str, change: tuple[str, str], deeds: Deeds, now: int) -> None:
    """Tell that a trouble begins or is over: since when it was, and what it is now."""
    was, trouble = change
    kind = f"{what}_lost" if trouble else f"{what}_back"
    body = {"why": trouble} if trouble else {"after_s": str(now - int(was))}
    with world.ledger.write() as session:
        marks.remember(session, _key(world, what), str(now) if trouble else "")
        subject = f"chain:{world.chain_id}"
        marks.tell(session, kind, subject, body, now=now, actor=_ACTOR)
    deeds.add(trouble or f"{what} is back")


def _key(world: World, what: str) -> str:
    return f"trouble:{world.chain_id}:{what}"


def _heed(world: World, law: Law, chain: ChainLaw, deeds: Deeds, now: int) -> None:
    wallets = [
        wallet
        for wallet in law.wallets
        if wallet.chain == chain.name and wallet.custody is Custody.EXCLUSIVE
    ]
    addresses = tuple(wallet.address for wallet in wallets)
    assets = tuple(asset.address for asset in law.assets if asset.chain == chain.name)
    sightings = world.chain.sightings(ReadRequest(wallets=addresses, assets=assets, with_code=True))
    with world.ledger.read() as session:
        # After the sightings: what our own lane signed meanwhile must not look foreign.
        scene = gather(session, law, world.chain_id, now, addresses)
    if scene is None:
        return
    for wallet in wallets:
        signs = [text for sighting in sightings for text in _signs(scene, sighting, wallet)]
        standing = scene.standings.get(wallet.name)
        if signs and standing and not standing.frozen and standing.state not in _CUT_OFF:
            with world.ledger.write() as session:
                marks.freeze(session, standing, actor=_ACTOR, why="; ".join(signs), now=now)
            deeds.add(f"froze {wallet.name}: " + "; ".join(signs))


def _signs(scene: Scene, sighting: Sighting, wallet: Wallet) -> list[str]:
    """Say by what one endpoint's report of a wallet looks like a theft."""
    told, seen = f"{sighting.endpoint} alone reports", sighting.readings
    nonce, code = seen.nonces.get(wallet.address), seen.codes.get(wallet.address)
    signed = scene.signed[wallet.name]
    found = []
    if nonce is not None and nonce > signed:
        found.append(f"{told} {nonce} used nonces, our books signed {signed}")
    if code:
        found.append(f"{told} {len(code)} bytes of code on the account")
    for asset, lost in _lost(scene, seen, wallet).items():
        if lost >= _least_drop(scene.law, wallet, asset):
            found.append(f"{told} {lost} base units less of {asset} than our books explain")
    return found


def _lost(scene: Scene, seen: Readings, wallet: Wallet) -> Mapping[Address, int]:
    nonce = seen.nonces.get(wallet.address)
    if nonce is None:
        return {}
    # An endpoint that stands before the anchor tells of a time that is explained already.
    anchored = [
        asset
        for asset in scene.assets
        if (anchor := scene.anchors.get((wallet.address, asset))) is not None
        and anchor.block_number <= seen.stamp.number
    ]
    sight = Sight(
        wallet=wallet.address,
        nonce=nonce,
        block_number=seen.stamp.number,
        balances=seen.balances,
    )
    return missing(scene.anchors, sight, anchored, scene.movements.get(wallet.address, ()))


def _least_drop(law: Law, wallet: Wallet, asset: Address) -> int:
    """Return the least drop that means anything: a token may round."""
    pool = law.pool_of(wallet.name)
    symbol = next(
        (a.symbol for a in law.assets if (a.chain, a.address) == (wallet.chain, asset)), ""
    )
    band = pool.bands.get(symbol) if pool else None
    return band.minimum_move if band else 1
