"""Guard: judge whether everything that left our wallets is explained by what we did ourselves.

For every wallet that only we sign for:
- a nonce above what our books signed is somebody else's signature. It is read once more, then
  there is no grace.
- a drop that our own transfers do not explain is held for two blocks, because a receipt may be
  late; then the wallet is frozen. Nothing is proposed, approved or released towards a wallet that
  is held or frozen: a theft looks exactly like a wallet that needs a refill.
A hot wallet with such a finding is isolated with its whole fate group (`treasury.isolation`), and
`respond` swaps and evacuates; only a quorum reinstates it. While the signer does not answer it is
frozen, which a person lifts. At the vault or the gas sponsor the same findings halt all exposure.

`_judge` is the seam: what `policies.outflow` says joins the findings there, as reasons.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from hsm.errors import HsmError
from policies.law import Custody, Law, Role, Wallet
from policies.lifecycles import Owner, TransferState, WalletState
from policies.terms import Address, Reason
from treasury.chain.errors import ChainError
from treasury.clock import unix
from treasury.explained import Anchor, Sight, is_settled, missing
from treasury.halting import halt
from treasury.isolation import isolate
from treasury.ledger import Session, marks
from treasury.ledger.facts import Cells, Standing, Transfer
from treasury.ledger.queries import standings, transfers, watch
from treasury.ledger.queries.watch import Depth
from treasury.world import NO_LAW, Deeds, Outcome, World, law_here

_NAME = "guard"
GRACE_BLOCKS = 2
_DROP, _DUST, _FOREIGN = "unexplained_drop", "unexplained_dust", "foreign_nonce"
_PROOF = frozenset({_DROP, _FOREIGN})
"""What isolates; dust (below the band's minimum move) only freezes: a token may round."""
_CUT_OFF = frozenset({WalletState.ISOLATED, WalletState.RETIRED})
_RENEW_BLOCKS = 1_000
_Anchors = Mapping[tuple[Address, str], tuple[int, int]]


@dataclass(frozen=True, slots=True, kw_only=True)
class _Scene:
    """What one look at the chain shows, beside what our books say."""

    chain_id: int
    now: int
    deeds: Deeds
    head: Cells
    final: Cells
    anchors: _Anchors
    movements: Sequence[Transfer]
    assets: Sequence[Address]
    standings: Mapping[str, Standing]
    signed: Mapping[str, int]


def guard(world: World, now: datetime) -> Outcome:
    """Judge every exclusive wallet of the chain by the newest look at it."""
    found = law_here(world)
    if found is None:
        return Outcome(station=_NAME, unavailable=NO_LAW)
    law, chain = found
    deeds = Deeds(_NAME)
    with world.ledger.read() as session:
        scene = _scene(session, law, world.chain_id, unix(now), deeds)
    if scene is None:
        return deeds.broken_off("the chain was never seen")
    for wallet in law.wallets:
        if wallet.chain != chain.name or wallet.custody is not Custody.EXCLUSIVE:
            continue
        try:
            _judge(world, law, wallet, scene)
        except ChainError as error:
            return deeds.broken_off(error)
    return deeds.outcome()


def _scene(session: Session, law: Law, chain_id: int, now: int, deeds: Deeds) -> _Scene | None:
    found = watch.newest(session, chain_id)
    if found is None:
        return None
    _, head, final = found
    anchors = watch.anchors(session, chain_id)
    oldest = min((block for _, block in anchors.values()), default=final.stamp.number)
    waiting = transfers.in_states(session, chain_id, TransferState.IN_FLIGHT)
    chain = law.chain_by_id(chain_id)
    return _Scene(
        chain_id=chain_id,
        now=now,
        deeds=deeds,
        head=head,
        final=final,
        anchors=anchors,
        movements=(*waiting, *transfers.mined_after(session, chain_id, oldest)),
        assets=tuple(a.address for a in law.assets if chain and a.chain == chain.name),
        standings={s.name: s for s in standings.wallets(session, chain_id)},
        signed=_signed_nonces(session, law, chain_id),
    )


def _judge(world: World, law: Law, wallet: Wallet, scene: _Scene) -> None:
    standing = scene.standings.get(wallet.name)
    if standing is None or standing.state in _CUT_OFF:
        return  # what is isolated is watched by `respond`, what is retired by nobody
    foreign = _foreign_nonce(world, wallet, scene)
    drops = _drops(law, wallet, scene)
    if foreign or (drops and _is_over_grace(standing, scene)):
        findings = (*foreign, *drops)
        is_proof = wallet.role is Role.HOT and any(r.code in _PROOF for r in findings)
        if not is_proof or not _isolated(world, law, wallet, findings, scene):
            _alarm(world, wallet, standing, findings, scene)
    elif drops:
        _hold(world, standing, drops, scene)
    else:
        _relax(world, wallet, standing, scene)


def _foreign_nonce(world: World, wallet: Wallet, scene: _Scene) -> tuple[Reason, ...]:
    seen = scene.head.nonces.get(wallet.address)
    if seen is None or seen <= scene.signed[wallet.name]:
        return ()
    # Once more, chain first: between the look and now our own lane may have signed and been mined.
    again = world.chain.transaction_nonce(wallet.address, world.chain.head())
    with world.ledger.read() as session:
        law = standings.law(session)
        signed = _signed_nonces(session, law, world.chain_id) if law else scene.signed
    if again <= signed.get(wallet.name, 0):
        return ()
    text = f"{wallet.name} has used {again} nonces, our books signed {signed.get(wallet.name, 0)}"
    return (Reason(code=_FOREIGN, text=text),)


def _signed_nonces(session: Session, law: Law, chain_id: int) -> Mapping[str, int]:
    """Return how many nonces of each wallet our books account for.

    The signer's book counts too: it assigns nonces, and people may have it skip some.
    """
    last, book = transfers.last_nonces(session, chain_id), standings.next_nonces(session)
    return {
        wallet.name: max(
            last.get(wallet.address, -1) + 1, wallet.start_nonce, book.get(wallet.name, 0)
        )
        for wallet in law.wallets
    }


def _drops(law: Law, wallet: Wallet, scene: _Scene) -> tuple[Reason, ...]:
    pool = law.pool_of(wallet.name)
    reasons = []
    for asset in scene.assets:
        anchor = scene.anchors.get((wallet.address, asset))
        sight = _sight(scene.head, wallet, asset)
        final = _sight(scene.final, wallet, asset)
        if anchor is None or sight is None or final is None:
            continue
        start = Anchor(value=anchor[0], block_number=anchor[1])
        lost = missing(start, sight, scene.movements)
        if not lost and is_settled(final, scene.movements):
            lost = missing(start, final, scene.movements)
        if lost:
            text = f"{lost} base units of {asset} left {wallet.name} without an order of ours"
            found = law.asset_at(scene.chain_id, asset)
            band = pool.bands.get(found.symbol) if pool and found else None
            code = _DUST if band is not None and lost < band.minimum_move else _DROP
            reasons.append(Reason(code=code, text=text))
    return tuple(reasons)


def _sight(cells: Cells, wallet: Wallet, asset: Address) -> Sight | None:
    value, nonce = cells.balance(wallet.address, asset), cells.nonces.get(wallet.address)
    if value is None or nonce is None:
        return None
    return Sight(
        wallet=wallet.address,
        asset=asset,
        value=value,
        nonce=nonce,
        block_number=cells.stamp.number,
    )


def _is_over_grace(standing: Standing, scene: _Scene) -> bool:
    since = standing.hold_since
    return since is not None and scene.head.stamp.number - since >= GRACE_BLOCKS


def _hold(world: World, standing: Standing, drops: tuple[Reason, ...], scene: _Scene) -> None:
    if standing.hold_since is not None:
        return
    why = "; ".join(reason.text for reason in drops)
    with world.ledger.write() as session:
        marks.hold(session, standing, block_number=scene.head.stamp.number, why=why, now=scene.now)
    scene.deeds.add(f"held {standing.name}: {why}")


def _isolated(
    world: World, law: Law, wallet: Wallet, findings: tuple[Reason, ...], scene: _Scene
) -> bool:
    """Isolate the wallet; say no when the signer did not answer, so that it is frozen instead."""
    try:
        names = isolate(world, law, wallet, findings, now=scene.now)
    except HsmError as error:
        scene.deeds.add(f"could not isolate {wallet.name} at the signer: {error}")
        return False
    why = "; ".join(reason.text for reason in findings)
    scene.deeds.add(f"isolated {', '.join(names)}: {why}")
    return True


def _alarm(
    world: World,
    wallet: Wallet,
    standing: Standing,
    findings: tuple[Reason, ...],
    scene: _Scene,
) -> None:
    """Freeze the wallet; at the vault or the sponsor, halt as well. Once, not at each tick."""
    why = "; ".join(reason.text for reason in findings)
    with world.ledger.write() as session:
        if wallet.role is not Role.HOT and halt(
            session, actor=Owner.GUARD, why=findings, now=scene.now
        ):
            scene.deeds.add(f"halted: {why}")
        if not standing.frozen:
            marks.freeze(session, standing, actor=Owner.GUARD.value, why=why, now=scene.now)
            scene.deeds.add(f"froze {standing.name}: {why}")


def _relax(world: World, wallet: Wallet, standing: Standing, scene: _Scene) -> None:
    """Move the anchors up to finality, and end a hold that resolved itself."""
    anchors = [cell for asset in scene.assets if (cell := _anchor(wallet, asset, scene))]
    # What could not be read explains nothing: the hold stays until a whole look says otherwise.
    in_doubt = [asset for asset in scene.assets if asset in standing.hold_why]
    is_blind = any(_sight(scene.head, wallet, asset) is None for asset in in_doubt)
    if not anchors and (standing.hold_since is None or is_blind):
        return
    with world.ledger.write() as session:
        for cell in anchors:
            marks.write_cell(session, world.chain_id, cell)
        if standing.hold_since is not None and not is_blind:
            marks.calm(session, standing, now=scene.now)
            scene.deeds.add(f"let go of {standing.name}: everything is explained")


def _anchor(wallet: Wallet, asset: Address, scene: _Scene) -> marks.Cell | None:
    final = _sight(scene.final, wallet, asset)
    if final is None or not is_settled(final, scene.movements):
        return None
    old = scene.anchors.get((wallet.address, asset))
    if old is not None and final.block_number <= old[1]:
        return None
    is_old = old is None or final.block_number - old[1] >= _RENEW_BLOCKS
    if not is_old and old is not None and old[0] == final.value:
        return None
    return marks.Cell(
        depth=Depth.CALM,
        address=wallet.address,
        cell=asset,
        value=final.value,
        block_number=final.block_number,
    )
