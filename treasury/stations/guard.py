"""Guard: judge whether everything that left our wallets is explained by what we did ourselves.

For every wallet (where a payout engine signs too, only the second, and what it registered counts as
ours up to what the law lets be missing):
- a nonce above what our books signed is somebody else's signature. It is read once more, then
  there is no grace.
- a drop that our own transfers do not explain is held for two blocks, because a receipt may be
  late; then it is proof. Where nothing of ours is on its way that a receipt could be late for, and
  a second reading of the same block says the same, there is nothing to wait for. Nothing is
  proposed, approved or released towards a wallet that is held or frozen: a theft looks exactly
  like a wallet that needs a refill.
A hot wallet with such a finding is isolated with its whole fate group
(`treasury.safety.isolation`), and `respond` swaps and evacuates; only a quorum reinstates it. While
the signer does not answer it is frozen, which a person lifts. At the vault or the gas sponsor the
same findings halt all exposure.

`_judge` is the seam: what `policies.outflow` says joins the findings there, as reasons.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from datetime import datetime

from hsm.errors import HsmError
from policies.law import Band, Custody, Role, Wallet
from policies.lifecycles import Owner, TransferState, WalletState
from policies.terms import NATIVE, Address, Reason
from treasury.briefing.scenes import Scene, gather, signed_nonces
from treasury.chain.errors import ChainError
from treasury.chain.port import ReadRequest
from treasury.clock import unix
from treasury.ledger import cell_marks, marks
from treasury.ledger.cell_marks import Cell
from treasury.ledger.facts import Standing
from treasury.ledger.queries import standings
from treasury.safety.halting import halt
from treasury.safety.isolation import isolate
from treasury.world import NO_LAW, Deeds, Outcome, World, law_of

_NAME = "guard"
GRACE_BLOCKS = 2
_DROP, _DUST, _FOREIGN = "unexplained_drop", "unexplained_dust", "foreign_nonce"
_PROOF = frozenset({_DROP, _FOREIGN})
"""What isolates; dust (below the band's minimum move) only freezes: a token may round."""
_CUT_OFF = frozenset({WalletState.ISOLATED, WalletState.RETIRED})
_LATE = frozenset({TransferState.IN_FLIGHT, TransferState.MINED})


@dataclass(frozen=True, slots=True, kw_only=True)
class _Desk:
    """What the guard works with in one tick; `anchors` gathers those that it may move up."""

    world: World
    scene: Scene
    deeds: Deeds
    anchors: list[Cell] = field(default_factory=list)


def guard(world: World, now: datetime) -> Outcome:
    """Judge every wallet of the chain by the newest look at it."""
    deeds = Deeds(_NAME)
    with world.ledger.read() as session:
        found = law_of(session, world.chain_id)
        if found is None:
            return Outcome(station=_NAME, unavailable=NO_LAW)
        law, chain = found
        ours = [wallet for wallet in law.wallets if wallet.chain == chain.name]
        addresses = {wallet.address for wallet in ours}
        scene = gather(session, law, world.chain_id, unix(now), addresses)
    if scene is None:
        return deeds.broken_off("the chain was never seen")
    desk = _Desk(world=world, scene=scene, deeds=deeds)
    unavailable = ""
    try:
        for wallet in ours:
            _judge(desk, wallet)
    except ChainError as error:
        unavailable = str(error)
    _write_anchors(desk)
    return deeds.broken_off(unavailable) if unavailable else deeds.outcome()


def _judge(desk: _Desk, wallet: Wallet) -> None:
    standing = desk.scene.standings.get(wallet.name)
    if standing is None or standing.state in _CUT_OFF:
        return  # what is isolated is watched by `respond`, what is retired by nobody
    foreign = _foreign_nonce(desk, wallet)
    is_quiet = wallet.address not in desk.scene.stirred and standing.hold_since is None
    if is_quiet and not foreign:
        return
    lost = _lost(desk.scene, wallet)
    drops = _drops(desk.scene, wallet, lost) if lost else ()
    if foreign or (drops and _is_proven(desk, wallet, lost, standing)):
        findings = (*foreign, *drops)
        is_proof = wallet.role is Role.HOT and any(r.code in _PROOF for r in findings)
        if not is_proof or not _isolated(desk, wallet, findings):
            _alarm(desk, wallet, standing, findings)
    elif drops:
        _hold(desk, standing, drops)
    else:
        _relax(desk, wallet, standing)


def _lost(scene: Scene, wallet: Wallet) -> Mapping[Address, int]:
    """Return what is missing; in shared custody only what is more than the law lets be missing."""
    lost = scene.lost(wallet.address)
    if wallet.custody is Custody.EXCLUSIVE:
        return lost
    return {a: n for a, n in lost.items() if n > _most_unexplained(scene, wallet, a)}


def _most_unexplained(scene: Scene, wallet: Wallet, asset: Address) -> int:
    band = _band(scene, wallet, asset)
    if band is None:
        return 0
    return band.minimum_move if band.unexplained_max is None else band.unexplained_max


def _foreign_nonce(desk: _Desk, wallet: Wallet) -> tuple[Reason, ...]:
    world, scene = desk.world, desk.scene
    seen = scene.head.nonces.get(wallet.address)
    is_ours = wallet.custody is Custody.EXCLUSIVE
    if not is_ours or seen is None or seen <= scene.signed[wallet.name]:
        return ()
    # Once more, chain first: between the look and now our own lane may have signed and been mined.
    again = world.chain.transaction_nonce(wallet.address, world.chain.head())
    with world.ledger.read() as session:
        law = standings.law(session)
        signed = signed_nonces(session, law, world.chain_id) if law else scene.signed
    if again <= signed.get(wallet.name, 0) or again <= (_assigned(world, wallet) or 0):
        return ()
    text = f"{wallet.name} has used {again} nonces, our books signed {signed.get(wallet.name, 0)}"
    return (Reason(code=_FOREIGN, text=text),)


def _assigned(world: World, wallet: Wallet) -> int | None:
    """Return how many nonces the signer's book has assigned; None while nobody answers.

    It is ahead of a ledger that lost lines, until `adopt` has taken over what was signed.
    """
    try:
        return world.signer.status().nonces.get(wallet.name, 0)
    except HsmError:
        return None


def _drops(scene: Scene, wallet: Wallet, lost: Mapping[Address, int]) -> tuple[Reason, ...]:
    reasons = []
    for asset, amount in sorted(lost.items()):
        text = f"{amount} base units of {asset} left {wallet.name} without an order of ours"
        code = _DUST if _is_dust(scene, wallet, asset, amount) else _DROP
        reasons.append(Reason(code=code, text=text))
    return tuple(reasons)


def _is_proven(
    desk: _Desk, wallet: Wallet, lost: Mapping[Address, int], standing: Standing
) -> bool:
    """Say whether the grace is over, or whether there is nothing to wait for."""
    since = standing.hold_since
    if since is not None and desk.scene.head.stamp.number - since >= GRACE_BLOCKS:
        return True
    if wallet.custody is Custody.SHARED:
        return False  # what the engine registers may be late
    large = [asset for asset in lost if not _is_dust(desk.scene, wallet, asset, lost[asset])]
    return bool(large) and not _is_something_late(desk, wallet, large) and _reads_so(desk, wallet)


def _is_something_late(desk: _Desk, wallet: Wallet, lost: Collection[Address]) -> bool:
    """Say whether a receipt that is not here yet may explain what left."""
    open_ones = [
        move
        for move in desk.scene.movements.get(wallet.address, ())
        if move.source == wallet.address and move.state in _LATE
    ]
    if any(move.asset in lost or NATIVE in lost for move in open_ones):
        return True
    # The book may have signed what our ledger has lost, or has not written down yet.
    return _assigned(desk.world, wallet) != desk.scene.signed[wallet.name]


def _reads_so(desk: _Desk, wallet: Wallet) -> bool:
    """Read the wallet once more at the same block, each cell by a call of its own."""
    head, world = desk.scene.head, desk.world
    for asset in desk.scene.assets:
        request = ReadRequest(wallets=(wallet.address,), assets=(asset,))
        again = world.chain.read_balances(request, head.stamp)
        if again.balance(wallet.address, asset) != head.balance(wallet.address, asset):
            return False
    return True


def _is_dust(scene: Scene, wallet: Wallet, asset: Address, amount: int) -> bool:
    """Say whether it is less than the band would ever move: a token may round."""
    band = _band(scene, wallet, asset)
    is_exclusive = wallet.custody is Custody.EXCLUSIVE
    return is_exclusive and band is not None and amount < band.minimum_move


def _band(scene: Scene, wallet: Wallet, asset: Address) -> Band | None:
    pool, found = scene.law.pool_of(wallet.name), scene.law.asset_at(scene.chain_id, asset)
    return pool.bands.get(found.symbol) if pool and found else None


def _hold(desk: _Desk, standing: Standing, drops: tuple[Reason, ...]) -> None:
    if standing.hold_since is not None:
        return
    why, block = _sentence(drops), desk.scene.head.stamp.number
    with desk.world.ledger.write() as session:
        marks.hold(session, standing, block_number=block, why=why, now=desk.scene.now)
    desk.deeds.add(f"held {standing.name}: {why}")


def _isolated(desk: _Desk, wallet: Wallet, findings: tuple[Reason, ...]) -> bool:
    """Isolate the wallet; say no when the signer did not answer, so that it is frozen instead."""
    try:
        names = isolate(desk.world, desk.scene.law, wallet, findings, now=desk.scene.now)
    except HsmError as error:
        desk.deeds.add(f"could not isolate {wallet.name} at the signer: {error}")
        return False
    desk.deeds.add(f"isolated {', '.join(names)}: {_sentence(findings)}")
    return True


def _alarm(desk: _Desk, wallet: Wallet, standing: Standing, findings: tuple[Reason, ...]) -> None:
    """Freeze the wallet; at the vault or the sponsor, halt as well. Once, not at each tick."""
    why, now = _sentence(findings), desk.scene.now
    with desk.world.ledger.write() as session:
        if wallet.role is not Role.HOT and halt(session, actor=Owner.GUARD, why=findings, now=now):
            desk.deeds.add(f"halted: {why}")
        if not standing.frozen:
            marks.freeze(session, standing, actor=Owner.GUARD.value, why=why, now=now)
            desk.deeds.add(f"froze {standing.name}: {why}")


def _relax(desk: _Desk, wallet: Wallet, standing: Standing) -> None:
    """Let the anchors move up to finality, and end a hold that resolved itself."""
    if wallet.custody is Custody.EXCLUSIVE or not desk.scene.lost(wallet.address):
        # What shared custody lets be missing adds up; an anchor that moved would forget it.
        desk.anchors.extend(desk.scene.renewed(wallet.address))
    if standing.hold_since is None:
        return
    # What could not be read explains nothing: the hold stays until a whole look says otherwise.
    in_doubt = [asset for asset in desk.scene.assets if asset in standing.hold_why]
    if not all(desk.scene.is_seen(wallet.address, asset) for asset in in_doubt):
        return
    with desk.world.ledger.write() as session:
        marks.calm(session, standing, now=desk.scene.now)
    desk.deeds.add(f"let go of {standing.name}: everything is explained")


def _write_anchors(desk: _Desk) -> None:
    if desk.anchors:
        with desk.world.ledger.write() as session:
            cell_marks.write_newest(session, desk.world.chain_id, desk.anchors)


def _sentence(reasons: tuple[Reason, ...]) -> str:
    return "; ".join(reason.text for reason in reasons)
