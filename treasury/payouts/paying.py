"""One round of paying: which withdrawals wait, who would pay them, and what stands against each."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

from policies.law import Asset, Law, Pool
from policies.lifecycles import WithdrawalState
from policies.terms import Address, Reason
from treasury.briefing.bands import views_at
from treasury.ledger import Session
from treasury.ledger.denylists import listed_among
from treasury.ledger.facts import Standing, Withdrawal
from treasury.ledger.queries import requests, standings
from treasury.payouts import receivers
from treasury.payouts.orders import has_adopted
from treasury.payouts.preview import Preview, preview_of
from treasury.world import Deeds, World

_ROOM = frozenset({"window_amount", "window_count"})
_PATIENCE_WINDOWS = 3


@dataclass(frozen=True, slots=True, kw_only=True)
class Round:
    """One round of paying; `preview` is None before the first good look at the chain.

    `has_adopted` tells that some payout was adopted from the signer's book; `listed`, whose address
    stands on a list that an operator loaded; `receivers`, what stands against contracts; `elders`,
    which withdrawal of a wallet and asset the younger ones wait for.
    """

    world: World
    law: Law
    now: int
    deeds: Deeds
    waiting: tuple[Withdrawal, ...]
    payers: Mapping[str, Standing | None]
    is_halted: bool
    preview: Preview | None
    has_adopted: bool
    listed: Mapping[Address, Reason] = field(default_factory=dict)
    receivers: Mapping[Address, tuple[Reason, ...]] = field(default_factory=dict)
    elders: dict[tuple[Address, Address], int] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Payment:
    """A withdrawal with what it needs: pool, asset and the wallet that would pay.

    `number` is that of its next order.
    """

    withdrawal: Withdrawal
    number: int
    pool: Pool
    asset: Asset
    payer: Standing


def begin_round(world: World, law: Law, now: int, deeds: Deeds) -> Round:
    """Read once what every withdrawal of a round will be judged by."""
    with world.ledger.read() as session:
        asked = requests.withdrawals_in(
            session, world.chain_id, WithdrawalState.ACCEPTED, WithdrawalState.HELD
        )
        unpaid = requests.unpaid(session, world.chain_id)
        waiting = tuple(sorted((*asked, *unpaid), key=lambda withdrawal: withdrawal.id))
        pools = sorted({withdrawal.pool for withdrawal in waiting})
        payers = {pool: standings.active_of(session, pool) for pool in pools}
        return Round(
            world=world,
            law=law,
            now=now,
            deeds=deeds,
            waiting=waiting,
            payers=payers,
            is_halted=standings.is_halted(session),
            preview=_preview(session, world, law, now, waiting, payers) if waiting else None,
            has_adopted=bool(waiting) and has_adopted(session),
            listed=listed_among(session, {withdrawal.destination for withdrawal in waiting}),
        )


def with_receivers(turn: Round) -> Round:
    """Look at the final code of contracts that the law names and that wait for money.

    Raises `ChainError`.
    """
    chain = turn.law.chain_by_id(turn.world.chain_id)
    if not turn.waiting or chain is None or not chain.receivers:
        return turn
    final = turn.world.chain.finalised(turn.world.chain.head())
    destinations = {withdrawal.destination for withdrawal in turn.waiting}
    found = receivers.objections(turn.world, turn.law, destinations, final)
    return replace(turn, receivers=found)


def _preview(  # noqa: PLR0917 - one reading
    session: Session,
    world: World,
    law: Law,
    now: int,
    waiting: tuple[Withdrawal, ...],
    payers: Mapping[str, Standing | None],
) -> Preview | None:
    views = views_at(session, law, world.settings, chain_id=world.chain_id, now=now)
    if views is None:
        return None
    wallets = [payer.address for payer in payers.values() if payer is not None]
    return preview_of(session, views[0], waiting, wallets)


def payment_of(turn: Round, withdrawal: Withdrawal, number: int) -> Payment | Reason:
    """Return what a withdrawal needs, or why it cannot be had at present."""
    pool = turn.law.pool(withdrawal.pool)
    asset = turn.law.asset_at(withdrawal.chain_id, withdrawal.asset)
    if pool is None or asset is None:
        return Reason(code="law_changed", text="the law does not know its pool or asset any more")
    payer = turn.payers.get(pool.name)
    if payer is None:
        return Reason(code="no_active_wallet", text=f"pool {pool.name} has no active wallet")
    return Payment(withdrawal=withdrawal, number=number, pool=pool, asset=asset, payer=payer)


def obstacles(turn: Round, payment: Payment) -> tuple[Reason, ...]:
    """Say why a withdrawal cannot be paid now; empty means that it may."""
    payer, preview = payment.payer, turn.preview
    reasons = []
    if turn.is_halted:
        reasons.append(Reason(code="halted", text="exposure is halted"))
    if listed := turn.listed.get(payment.withdrawal.destination):
        reasons.append(listed)
    reasons.extend(turn.receivers.get(payment.withdrawal.destination, ()))
    if not payer.is_calm:
        text = f"{payer.name} is not calm: {payer.frozen_why or payer.hold_why}"
        reasons.append(Reason(code="not_calm", text=text))
    if preview is None or not preview.view.is_fresh():
        reasons.append(Reason(code="stale", text="the newest look at the chain is too old"))
        return tuple(reasons)
    if elder := turn.elders.get((payer.address, payment.asset.address)):
        text = f"withdrawal {elder} has waited for room in the window longer than a whole one"
        reasons.append(Reason(code="elder_first", text=text))
    limits = preview.judge(
        payment.withdrawal, pool=payment.pool, asset=payment.asset, payer=payer.address
    )
    return (*reasons, *preview.view.objections(payment.asset), *limits)


def note_elder(turn: Round, payment: Payment, reasons: tuple[Reason, ...]) -> None:
    """Let younger withdrawals wait for one that only lacks room, once it waited a whole window.

    Small ones would take for ever what a large one waits for. When nothing passes it for a window,
    there is room; the precedence ends after two, so that what never fits stands in nobody's way.
    """
    withdrawal, rule = payment.withdrawal, payment.pool.withdrawals.get(payment.asset.symbol)
    if rule is None or not {reason.code for reason in reasons} <= _ROOM:
        return
    waited_s = turn.now - withdrawal.created_at
    if rule.window_s <= waited_s < _PATIENCE_WINDOWS * rule.window_s:
        turn.elders.setdefault((payment.payer.address, payment.asset.address), withdrawal.id)
