"""Gather what `policies.bands` judges, for one wallet and asset, from one stamp of the ledger.

Asked by `assess` at the head, and by `release` at the head and at finality. A view never mixes
stamps: balances and what is on its way belong to the same block.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from config.settings import ChainSettings
from policies.bands import BandFacts
from policies.law import Asset, Law, Pool, Wallet
from policies.lifecycles import TransferState, WalletState
from policies.schedule import is_open, parse_schedule
from policies.terms import NATIVE, Address, Reason
from treasury.ledger import Session
from treasury.ledger.facts import Cells, Refill, SignedRefill, Standing, Tick, Token
from treasury.ledger.queries import flows, refills, standings, tokens, transfers, watch
from treasury.pace import Pace, measure
from treasury.projection import OnTheWay, claims_on_vault, on_the_way


@dataclass(frozen=True, slots=True, kw_only=True)
class View:
    """Everything of one chain as seen from one stamp, read in one session."""

    law: Law
    settings: ChainSettings
    tick: Tick
    cells: Cells
    way: OnTheWay
    standings: dict[str, Standing]
    open_refills: tuple[Refill, ...]
    last_changes: dict[tuple[str, Address], int | None]
    signed_refills: tuple[SignedRefill, ...]
    tokens: dict[Address, Token]
    now: int
    pace: Pace = field(default_factory=Pace)

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

    def left(self, wallet: Address, asset: Address) -> int | None:
        """Return a balance less everything of ours that is on its way out; None when unknown."""
        seen = self.seen(wallet, asset)
        if seen is None:
            return None
        claimed = self.way.out_of(wallet, asset) + self.way.fees_of(wallet, asset)
        return max(seen - claimed, 0)


def views_at(
    session: Session,
    law: Law,
    settings: ChainSettings,
    *,
    chain_id: int,
    now: int,
    with_pace: bool = False,
) -> tuple[View, View] | None:
    """Return the newest views at head and at finality; None before the first good look.

    The pace is measured on demand only: it asks for everything that was paid in a day.
    """
    found = watch.newest(session, chain_id)
    if found is None:
        return None
    tick, head, final = found
    open_refills = refills.open_ones(session, chain_id)
    standing = {s.name: s for s in standings.wallets(session, chain_id)}
    changes = refills.last_changes(session, chain_id)
    signed = transfers.signed_refills(session, chain_id, now - _longest_window(law))
    judged = tokens.tokens(session, chain_id)
    pace = measure(session, law, chain_id, now) if with_pace else Pace()

    def view(cells: Cells) -> View:
        return View(
            law=law,
            settings=settings,
            tick=tick,
            cells=cells,
            way=_way(session, chain_id, cells),
            standings=standing,
            open_refills=open_refills,
            last_changes=changes,
            signed_refills=signed,
            tokens=judged,
            now=now,
            pace=pace,
        )

    return view(head), view(final)


def band_facts(
    view: View, pool: Pool, wallet: Wallet, asset: Asset, *, besides: Refill | None = None
) -> BandFacts | None:
    """Return the facts for one wallet and asset; `besides` is the refill that is being judged.

    None when the law does not know the pool's vault or chain.
    """
    vault, chain = view.law.wallet(pool.vault), view.law.chain(pool.chain)
    if vault is None or chain is None:
        return None
    claims = claims_on_vault(view.open_refills, besides=None if besides is None else besides.id)
    standing = view.standing(wallet.name)
    state = standing.state if standing else None

    def vault_gives(cell: Address) -> int | None:
        left = view.left(vault.address, cell)
        return None if left is None else max(left - claims.get((vault.address, cell), 0), 0)

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
        has_open_refill=_has_open_refill(view, wallet, asset),
        last_refill_at=view.last_changes.get((wallet.name, asset.address)),
        is_window_open=is_open(parse_schedule(pool.refills[asset.symbol].schedule), view.now),
        vault_balance=vault_gives(asset.address),
        vault_native=vault_gives(NATIVE),
        wallet_native=view.left(wallet.address, NATIVE),
        fee_ceiling=chain.fee_ceiling,
        window_left=_window_left(view, pool, wallet, asset),
        outflow_per_h=view.pace.outflow(wallet.address, asset.address) or 0,
        is_quarantined=bool(view.objections(asset)),
        lead_time_s=view.pace.waits.get(pool.name, 0),
    )


def _window_left(view: View, pool: Pool, wallet: Wallet, asset: Asset) -> int:
    """Return what the signer would still sign toward the wallet in the rule's window."""
    since = view.now - pool.refills[asset.symbol].window_s
    signed = sum(
        refill.amount
        for refill in view.signed_refills
        if refill.destination == wallet.address
        and refill.asset == asset.address
        and refill.signed_at > since
    )
    return max(pool.bands[asset.symbol].cap - signed, 0)


def _longest_window(law: Law) -> int:
    rules = [rule.window_s for pool in law.pools for rule in pool.refills.values()]
    return max(rules, default=0)


def _is_calm(view: View, wallet: Wallet) -> bool:
    """Say whether nothing about a wallet is unexplained; without its nonce nobody could tell.

    A nonce of ours that was spent without a receipt may have been spent by a thief: until the
    receipt comes, what left the wallet is not explained by our own transfer.
    """
    standing = view.standing(wallet.name)
    is_judged = view.cells.nonces.get(wallet.address) is not None
    is_judged = is_judged and wallet.address not in view.way.unreceipted
    return standing is not None and standing.is_calm and is_judged


def _has_open_refill(view: View, wallet: Wallet, asset: Asset) -> bool:
    return any(
        refill.wallet == wallet.name and refill.asset == asset.address
        for refill in view.open_refills
    )


def _way(session: Session, chain_id: int, cells: Cells) -> OnTheWay:
    unsettled = flows.open_flows(
        session,
        chain_id,
        TransferState.QUEUED,
        TransferState.IN_FLIGHT,
        TransferState.MINED,
    )
    later = flows.flows_after(session, chain_id, cells.stamp.number)
    return on_the_way(flows.distinct(unsettled, later), cells)
