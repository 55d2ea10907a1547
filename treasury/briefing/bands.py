"""Gather what `policies.bands` judges, for one wallet and asset, from one stamp of the ledger.

Asked by `assess` at the head, and by `release` at the head and at finality. A view never mixes
stamps: balances and what is on its way belong to the same block.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace

from config.settings import ChainSettings
from policies.bands import BandFacts
from policies.law import Asset, Band, Law, Pool, Wallet
from policies.lifecycles import TransferState, WalletState
from policies.runway import is_within
from policies.schedule import is_open, parse_schedule
from policies.succession import took_over
from policies.terms import NATIVE, Address, Reason
from treasury.briefing.pace import Pace
from treasury.briefing.projection import OnTheWay, OpenRefills, on_the_way, open_refills
from treasury.ledger import Session
from treasury.ledger.facts import Cells, Refill, SignedRefill, Standing, Tick, Token, Transfer
from treasury.ledger.queries import flows, refills, standings, tokens, transfers, watch

_OPEN = (TransferState.QUEUED, TransferState.IN_FLIGHT, TransferState.MINED)


@dataclass(frozen=True, slots=True, kw_only=True)
class View:
    """Everything of one chain as seen from one stamp, read in one session.

    What is asked for while it is in use is counted with `count_refill` and `count_transfer`.
    """

    law: Law
    settings: ChainSettings
    tick: Tick
    cells: Cells
    way: OnTheWay
    standings: Mapping[str, Standing]
    refills: OpenRefills
    last_changes: Mapping[tuple[str, Address], int | None]
    signed_refills: Mapping[tuple[Address, Address], Sequence[SignedRefill]]
    tokens: Mapping[Address, Token]
    now: int
    pace: Pace = field(default_factory=Pace)
    open_schedules: dict[str, bool] = field(default_factory=dict)

    def count_refill(self, refill: Refill) -> None:
        """Let a refill that was just proposed count against its vault and its wallet."""
        self.refills.count(refill)

    def count_transfer(self, transfer: Transfer) -> None:
        """Let a transfer that was just queued count at both its ends."""
        self.way.count(transfer)

    def standing(self, wallet: str) -> Standing | None:
        """Return how a wallet stands; None means unknown."""
        return self.standings.get(wallet)

    def objections(self, asset: Asset) -> tuple[Reason, ...]:
        """Say why nothing may move toward exposure in an asset."""
        return tokens.objections(self.tokens, asset)

    def is_fresh(self) -> bool:
        """Say whether the facts are young enough to move money on."""
        return 0 <= self.now - self.tick.at <= int(self.settings.stale_after_s)

    def seen(self, wallet: Address, asset: Address) -> int | None:
        """Return a balance, None when it or what it contains is unknown."""
        return None if wallet in self.way.doubtful else self.cells.balance(wallet, asset)

    def is_open(self, schedule: str) -> bool:
        """Say whether a refill schedule is open now."""
        if schedule not in self.open_schedules:
            self.open_schedules[schedule] = is_open(parse_schedule(schedule), self.now)
        return self.open_schedules[schedule]

    def left(self, wallet: Address, asset: Address) -> int | None:
        """Return a balance less everything of ours that is on its way out; None when unknown."""
        seen = self.seen(wallet, asset)
        if seen is None:
            return None
        claimed = self.way.out_of(wallet, asset) + self.way.fees_of(wallet, asset)
        return max(seen - claimed, 0)


def views_at(
    session: Session, law: Law, settings: ChainSettings, *, chain_id: int, now: int
) -> tuple[View, View] | None:
    """Return the newest views at head and at finality; None before the first good look.

    They tell no pace: only `head_view` does.
    """
    found = watch.newest(session, chain_id)
    if found is None:
        return None
    tick, head, final = found
    view = _view(session, law, settings, tick=tick, cells=head, now=now)
    return view, replace(view, cells=final, way=_way(session, final, chain_id))


def head_view(
    session: Session, law: Law, settings: ChainSettings, *, chain_id: int, now: int, pace: Pace
) -> View | None:
    """Return the newest view at the head, with a measured pace; None before the first good look."""
    found = watch.newest(session, chain_id)
    if found is None:
        return None
    tick, head, _ = found
    return replace(_view(session, law, settings, tick=tick, cells=head, now=now), pace=pace)


def band_facts(
    view: View, pool: Pool, wallet: Wallet, asset: Asset, *, besides: Refill | None = None
) -> BandFacts | None:
    """Return the facts for one wallet and asset; `besides` is the refill that is being judged.

    None when the law does not know the pool's vault or chain.
    """
    vault, chain = view.law.wallet(pool.vault), view.law.chain(pool.chain)
    if vault is None or chain is None:
        return None
    number = None if besides is None else besides.id
    standing = view.standing(wallet.name)
    state = standing.state if standing else None

    def vault_gives(cell: Address) -> int | None:
        left, claimed = (
            view.left(vault.address, cell),
            view.refills.claimed(vault.address, cell, besides=number),
        )
        return None if left is None else max(left - claimed, 0)

    return BandFacts(
        asset=asset,
        now=view.now,
        stale_after_s=int(view.settings.stale_after_s),
        observed=view.seen(wallet.address, asset.address),
        observed_at=view.tick.at,
        inbound=view.way.into(wallet.address, asset.address),
        outbound=view.way.out_of(wallet.address, asset.address),
        fees_claimed=view.way.fees_of(wallet.address, asset.address),
        wallet_state=state or WalletState.STANDBY,
        is_calm=_is_calm(view, wallet) and _is_calm(view, vault),
        has_open_refill=(wallet.name, asset.address) in view.refills.towards,
        last_refill_at=view.last_changes.get((wallet.name, asset.address)),
        is_window_open=view.is_open(pool.refills[asset.symbol].schedule),
        vault_balance=vault_gives(asset.address),
        vault_native=vault_gives(NATIVE),
        wallet_native=view.left(wallet.address, NATIVE),
        fee_ceiling=chain.fee_ceiling,
        window_left=_window_left(view, pool, wallet, asset),
        outflow_per_h=view.pace.outflow(wallet.address, asset.address) or 0,
        is_quarantined=bool(view.objections(asset)),
        lead_time_s=view.pace.waits.get(pool.name, 0),
        emergency_left=_emergency_left(view, pool, wallet, asset),
    )


def is_emergency(standings: Mapping[str, Standing], pool: Pool, wallet: Wallet) -> bool:
    """Say whether a wallet took over from an isolated one of its pool."""
    states = {name: s.state for name in pool.members if (s := standings.get(name)) is not None}
    isolated = [name for name, state in states.items() if state is WalletState.ISOLATED]
    active = next((name for name, state in states.items() if state is WalletState.ACTIVE), None)
    return took_over(wallet, pool, active=active, isolated=isolated)


def is_at_rest(view: View, cell: tuple[Address, Address], band: Band, pool: str) -> bool:
    """Say whether a balance asks for nothing, or is unknown, so that no other fact matters."""
    seen, way = view.cells.balances.get(cell), view.way
    if seen is None or cell[0] in way.doubtful:
        return True
    projected = seen + way.inbound.get(cell, 0) - way.outbound.get(cell, 0)
    outflow = view.pace.outflows.get(cell, 0)
    wait = view.pace.waits.get(pool, 0) if outflow else 0
    return is_within(band, projected, outflow, wait)


def moving(view: View) -> Collection[tuple[Address, Address]]:
    """Return the cells of which more must be known than what is there."""
    return {*view.way.inbound, *view.way.outbound, *view.pace.outflows}


def _view(
    session: Session,
    law: Law,
    settings: ChainSettings,
    *,
    tick: Tick,
    cells: Cells,
    now: int,
) -> View:
    chain_id = tick.chain_id
    pools = [rule for pool in law.pools for rule in pool.refills.values()]
    window = max((rule.window_s for rule in pools), default=0)
    cooldown = max((b.cooldown_s for pool in law.pools for b in pool.bands.values()), default=0)
    return View(
        law=law,
        settings=settings,
        tick=tick,
        cells=cells,
        way=_way(session, cells, chain_id),
        standings={s.name: s for s in standings.wallets(session, chain_id)},
        refills=open_refills(refills.open_ones(session, chain_id)),
        last_changes=refills.last_changes(session, chain_id, now - cooldown),
        signed_refills=_by_cell(transfers.signed_refills(session, chain_id, now - window)),
        tokens=tokens.tokens(session, chain_id),
        now=now,
    )


def _by_cell(
    signed: Iterable[SignedRefill],
) -> Mapping[tuple[Address, Address], Sequence[SignedRefill]]:
    cells: dict[tuple[Address, Address], list[SignedRefill]] = {}
    for refill in signed:
        cells.setdefault((refill.destination, refill.asset), []).append(refill)
    return cells


def _window_left(view: View, pool: Pool, wallet: Wallet, asset: Asset) -> int:
    """Return what the signer would still sign toward the wallet in the rule's window."""
    return max(pool.bands[asset.symbol].cap - _signed_towards(view, pool, wallet, asset), 0)


def _emergency_left(view: View, pool: Pool, wallet: Wallet, asset: Asset) -> int | None:
    tier = pool.refills[asset.symbol].emergency
    if tier is None or tier.up_to is None or not is_emergency(view.standings, pool, wallet):
        return None
    return max(tier.up_to - _signed_towards(view, pool, wallet, asset), 0)


def _signed_towards(view: View, pool: Pool, wallet: Wallet, asset: Asset) -> int:
    """Return what the signer signed toward the wallet in the rule's window."""
    since = view.now - pool.refills[asset.symbol].window_s
    towards = view.signed_refills.get((wallet.address, asset.address), ())
    return sum(refill.amount for refill in towards if refill.signed_at > since)


def _is_calm(view: View, wallet: Wallet) -> bool:
    """Say whether nothing about a wallet is unexplained; without its nonce nobody could tell.

    A nonce of ours that was spent without a receipt may have been spent by a thief: until the
    receipt comes, what left the wallet is not explained by our own transfer.
    """
    standing = view.standing(wallet.name)
    is_judged = view.cells.nonces.get(wallet.address) is not None
    is_judged = is_judged and wallet.address not in view.way.unreceipted
    return standing is not None and standing.is_calm and is_judged


def _way(session: Session, cells: Cells, chain_id: int) -> OnTheWay:
    queued, later = (
        flows.open_flows(session, chain_id, *_OPEN),
        flows.flows_after(session, chain_id, cells.stamp.number),
    )
    return on_the_way(flows.distinct(queued, later), cells.nonces)
