"""Holdings: what lies where it should not, or is missing where it will be needed.

A wallet above its cap is more than a theft may cost, a vault that cannot fill its wallets stops
the payouts of the coming day, and what an evacuation left behind is still within a thief's reach.
Sweeps, refills and evacuations mend all three by themselves as long as they work, so each rings
only when it stays.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from policies.amounts import format_amount
from policies.law import Asset, Band, Law, Pool, Role, Wallet
from policies.lifecycles import WalletState
from policies.terms import NATIVE
from treasury.alerts.conditions import Condition, Look
from treasury.ledger import Ledger, Session
from treasury.ledger.facts import Standing
from treasury.ledger.queries import standings, watch

STAYS_S = 1_800
"""A sweep and an evacuation have done their work within that time."""
_IN_USE = frozenset({WalletState.ACTIVE, WalletState.STANDBY})


@dataclass(frozen=True, slots=True, kw_only=True)
class _Books:
    """What one look works with."""

    session: Session
    law: Law
    standings: dict[str, Standing]
    now: int

    def balance(self, wallet: Wallet, asset: Asset) -> int | None:
        chain = self.law.chain(wallet.chain)
        if chain is None:
            return None
        return watch.balance(self.session, chain.chain_id, wallet.address, asset.address)

    def was(self, wallet: Wallet, asset: Asset) -> int | None:
        """Return what lay there `STAYS_S` seconds ago."""
        chain = self.law.chain(wallet.chain)
        if chain is None:
            return None
        place = (chain.chain_id, wallet.address, asset.address)
        return watch.balance_at(self.session, *place, self.now - STAYS_S)


def caps_are_kept(ledger: Ledger) -> Look:
    """Return a look at wallets that hold more than their cap and are not swept."""

    def look(now: int) -> Iterable[Condition]:
        with ledger.read() as session:
            books = _books(session, now)
            found = list(_above_caps(books)) if books else []
        yield from found

    return look


def vaults_can_fill(ledger: Ledger) -> Look:
    """Return a look at whether each vault has what its active wallets lack to their targets."""

    def look(now: int) -> Iterable[Condition]:
        with ledger.read() as session:
            books = _books(session, now)
            found = list(_vaults(books)) if books else []
        yield from found

    return look


def nothing_is_left_behind(ledger: Ledger) -> Look:
    """Return a look at what still lies in wallets that were isolated a while ago."""

    def look(now: int) -> Iterable[Condition]:
        with ledger.read() as session:
            books = _books(session, now)
            found = list(_left_behind(books)) if books else []
        yield from found

    return look


def _books(session: Session, now: int) -> _Books | None:
    law = standings.law(session)
    if law is None:
        return None
    known = {standing.name: standing for standing in standings.wallets(session)}
    return _Books(session=session, law=law, standings=known, now=now)


def _above_caps(books: _Books) -> Iterator[Condition]:
    for pool in books.law.pools:
        for wallet, standing in _members(books, pool):
            above = [
                f"{format_amount(has, asset.symbol, asset.decimals)} (cap "
                f"{format_amount(band.cap, asset.symbol, asset.decimals)})"
                for asset, band in _bands(books.law, pool)
                if (has := _lasting_excess(books, wallet, asset, band)) is not None
            ]
            is_in_use = standing.state in _IN_USE
            yield Condition(
                bad="above_cap",
                good="below_cap",
                subject=f"wallet:{wallet.name}",
                why=f"{wallet.name} holds {', '.join(above)}" if above and is_in_use else "",
                is_patient=False,
            )


def _lasting_excess(books: _Books, wallet: Wallet, asset: Asset, band: Band) -> int | None:
    has = books.balance(wallet, asset)
    if has is None or has <= band.cap:
        return None
    was = books.was(wallet, asset)
    return has if was is not None and was > band.cap else None


def _vaults(books: _Books) -> Iterator[Condition]:
    for vault in books.law.wallets:
        if vault.role is Role.VAULT:
            lacks = list(_lacking(books, vault))
            yield Condition(
                bad="vault_low",
                good="vault_filled",
                subject=f"wallet:{vault.name}",
                why=f"{vault.name} has {'; '.join(lacks)}" if lacks else "",
            )


def _lacking(books: _Books, vault: Wallet) -> Iterator[str]:
    """Say of which asset a vault has too little, and for how much."""
    pools = [pool for pool in books.law.pools if pool.vault == vault.name]
    chain = books.law.chain(vault.chain)
    needs: dict[Asset, int] = {}
    for pool in pools:
        for asset, band in _bands(books.law, pool):
            short = sum(_short(books, w, s, asset, band) for w, s in _members(books, pool))
            fees = band.fee_headroom + (chain.fee_ceiling if chain else 0)
            needs[asset] = needs.get(asset, 0) + short + (fees if short and asset.is_native else 0)
    for asset, need in needs.items():
        has = books.balance(vault, asset)
        if need and has is not None and has < need:
            shown = [format_amount(n, asset.symbol, asset.decimals) for n in (has, need)]
            yield f"{shown[0]}, and filling its wallets takes {shown[1]}"


def _short(books: _Books, wallet: Wallet, standing: Standing, asset: Asset, band: Band) -> int:
    has = books.balance(wallet, asset)
    if standing.state is not WalletState.ACTIVE or has is None:
        return 0
    return max(band.target - has, 0)


def _left_behind(books: _Books) -> Iterator[Condition]:
    for wallet in books.law.wallets:
        standing = books.standings.get(wallet.name)
        if wallet.role is Role.HOT and standing is not None:
            left = list(_leftovers(books, wallet)) if _is_long_isolated(books, standing) else []
            yield Condition(
                bad="residuals_left",
                good="residuals_gone",
                subject=f"wallet:{wallet.name}",
                why=f"{', '.join(left)} still in {wallet.name}, which is isolated" if left else "",
                is_patient=False,
            )


def _is_long_isolated(books: _Books, standing: Standing) -> bool:
    is_isolated = standing.state is WalletState.ISOLATED
    return is_isolated and books.now - standing.changed_at >= STAYS_S


def _leftovers(books: _Books, wallet: Wallet) -> Iterator[str]:
    chain = books.law.chain(wallet.chain)
    for asset in books.law.assets:
        has = books.balance(wallet, asset) if asset.chain == wallet.chain else None
        dust = chain.fee_ceiling if chain and asset.address == NATIVE else 0
        if has is not None and has > dust:
            yield format_amount(has, asset.symbol, asset.decimals)


def _members(books: _Books, pool: Pool) -> Iterator[tuple[Wallet, Standing]]:
    for name in pool.members:
        wallet, standing = books.law.wallet(name), books.standings.get(name)
        if wallet is not None and standing is not None:
            yield wallet, standing


def _bands(law: Law, pool: Pool) -> Iterator[tuple[Asset, Band]]:
    for symbol, band in pool.bands.items():
        asset = law.asset(pool.chain, symbol)
        if asset is not None:
            yield asset, band
