"""Parse a law document into a `Law`, or refuse it with every problem at once.

The document is what `tomllib` or `json` returned; this file knows the keys and their types,
`policies.law.checks` knows what must hold between them.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from policies.amounts import MAX_DECIMALS
from policies.document import Table
from policies.law.checks import check_law
from policies.law.model import (
    Asset,
    Band,
    Chain,
    Custody,
    Law,
    LawError,
    Pool,
    Profile,
    Receiver,
    RefillRule,
    Role,
    Roster,
    Tier,
    TopUpRule,
    Treasurer,
    Wallet,
    WithdrawalRule,
)
from policies.terms import NATIVE

_YEAR_S = 366 * 86_400
_NATIVE_DECIMALS = 18


def parse_law(document: Mapping[str, object], source: str = "law.toml") -> Law:
    """Parse a law strictly.

    Raises `LawError` with all problems: unknown or missing keys, wrong types, bad checksums,
    duplicate addresses, bands out of order, a quorum that cannot be reached.
    """
    problems: list[str] = []
    root = Table(document, source=source, path="", problems=problems)
    law = _law(root)
    root.finish()
    if not problems:
        problems.extend(f"{source}: {line}" for line in check_law(law))
    if problems:
        raise LawError(tuple(problems))
    return law


def _law(root: Table) -> Law:
    chains, assets, top_ups, losses = [], [], [], {}
    for name, table in root.tables("chains").items():
        chain = _chain(name, table)
        chains.append(chain)
        assets.append(
            Asset(chain=name, symbol=chain.native, address=NATIVE, decimals=_NATIVE_DECIMALS)
        )
        assets.extend(_tokens(name, table))
        if table.has("top_up"):
            top_ups.append(_top_up(chain, table.table("top_up")))
        losses.update(_max_loss(name, table, assets))
        table.finish()
    by_symbol = {(asset.chain, asset.symbol): asset for asset in assets}
    return Law(
        version=root.integer("version", least=1, most=1),
        profile=root.choice("profile", Profile),
        activation_s=root.integer("activation_s", least=0, most=_YEAR_S),
        roster=_roster(root.table("roster")),
        chains=tuple(chains),
        assets=tuple(assets),
        wallets=tuple(_wallet(name, table) for name, table in root.tables("wallets").items()),
        pools=tuple(_pools(root, by_symbol)),
        top_ups=tuple(top_ups),
        max_loss=losses,
    )


def _chain(name: str, table: Table) -> Chain:
    native = table.name("native")
    return Chain(
        name=name,
        chain_id=table.integer("id", least=1, most=2**53),
        native=native,
        fee_ceiling=table.amount("fee_ceiling", native, _NATIVE_DECIMALS),
        receivers=_receivers(table),
    )


def _receivers(table: Table) -> tuple[Receiver, ...]:
    found = []
    for row in table.rows("receivers") if table.has("receivers") else ():
        found.append(Receiver(address=row.address("address"), code_hash=row.digest("code_hash")))
        row.finish()
    return tuple(found)


def _tokens(chain: str, table: Table) -> list[Asset]:
    tokens = []
    for symbol, token in table.tables("tokens", optional=True).items():
        decimals = token.integer("decimals", least=0, most=MAX_DECIMALS)
        tokens.append(
            Asset(chain=chain, symbol=symbol, address=token.address("address"), decimals=decimals)
        )
        token.finish()
    return tokens


def _top_up(chain: Chain, table: Table) -> TopUpRule:
    rule = TopUpRule(
        chain=chain.name,
        sponsor=table.name("sponsor"),
        ceiling=table.amount("ceiling", chain.native, _NATIVE_DECIMALS),
        window_s=table.integer("window_s", least=1, most=_YEAR_S),
        window_amount=table.amount("window_amount", chain.native, _NATIVE_DECIMALS),
    )
    table.finish()
    return rule


def _max_loss(chain: str, table: Table, assets: list[Asset]) -> dict[str, int]:
    losses = table.table("max_loss", optional=True)
    found = {
        f"{chain}/{asset.symbol}": losses.amount(asset.symbol, asset.symbol, asset.decimals)
        for asset in assets
        if asset.chain == chain and losses.has(asset.symbol)
    }
    losses.finish()
    return found


def _roster(table: Table) -> Roster:
    people = []
    for row in table.rows("treasurers"):
        people.append(Treasurer(name=row.name("name"), address=row.address("address")))
        row.finish()
    roster = Roster(treasurers=tuple(people), quorum=table.integer("quorum", least=1, most=100))
    table.finish()
    return roster


def _wallet(name: str, table: Table) -> Wallet:
    wallet = Wallet(
        name=name,
        chain=table.name("chain"),
        role=table.choice("role", Role),
        address=table.address("address"),
        key=table.name("key"),
        custody=table.choice("custody", Custody, Custody.EXCLUSIVE),
        fate_group=table.name("fate_group"),
        start_nonce=table.integer("start_nonce", least=0, default=0),
    )
    table.finish()
    return wallet


def _pools(root: Table, assets: Mapping[tuple[str, str], Asset]) -> Iterator[Pool]:
    coins = {asset.chain: asset.symbol for asset in assets.values() if asset.is_native}
    for name, table in root.tables("pools").items():
        chain = table.name("chain")
        if chain in coins:
            yield _pool(name, table, assets, coins[chain])
        else:
            table.refuse("chain", f"no such chain; add [chains.{chain}]")


def _pool(name: str, table: Table, assets: Mapping[tuple[str, str], Asset], coin: str) -> Pool:
    chain = table.name("chain")
    bands, refills, withdrawals = {}, {}, {}
    for symbol, entry in table.tables("assets").items():
        asset = assets.get((chain, symbol))
        if asset is None:
            table.refuse("assets", f"{symbol} is no asset of chain {chain}; add it to its tokens")
            continue
        bands[symbol] = _band(entry.table("band"), asset, coin)
        refills[symbol] = _refill(entry.table("refill"), asset)
        if entry.has("withdrawal"):
            withdrawals[symbol] = _withdrawal(entry.table("withdrawal"), asset)
        entry.finish()
    pool = Pool(
        name=name,
        chain=chain,
        vault=table.name("vault"),
        members=table.names("members"),
        active=table.name("active"),
        gas_reserve=table.amount("gas_reserve", coin, _NATIVE_DECIMALS, default=0),
        bands=bands,
        refills=refills,
        withdrawals=withdrawals,
        allow=table.addresses("allow"),
        deny=table.addresses("deny"),
    )
    table.finish()
    return pool


def _band(table: Table, asset: Asset, coin: str) -> Band:
    def read(key: str, default: int | None = None) -> int:
        return table.amount(key, asset.symbol, asset.decimals, default)

    target = read("target")
    band = Band(
        floor=read("floor"),
        target=target,
        cap=read("cap"),
        minimum_move=read("minimum_move"),
        cooldown_s=table.integer("cooldown_s", least=0, most=_YEAR_S),
        fee_headroom=table.amount("fee_headroom", coin, _NATIVE_DECIMALS),
        urgent_floor=read("urgent_floor", 0),
        sweep_to=read("sweep_to", target),
        unexplained_max=read("unexplained_max") if table.has("unexplained_max") else None,
    )
    table.finish()
    return band


def _refill(table: Table, asset: Asset) -> RefillRule:
    rule = RefillRule(
        tiers=tuple(_tier(row, asset, is_bounded=row.has("up_to")) for row in table.rows("tiers")),
        expiry_s=table.integer("expiry_s", least=1, most=_YEAR_S),
        window_s=table.integer("window_s", least=1, most=_YEAR_S),
        schedule=table.text("schedule", "always"),
        emergency=_tier(table.table("emergency"), asset, is_bounded=True)
        if table.has("emergency")
        else None,
    )
    table.finish()
    return rule


def _tier(table: Table, asset: Asset, *, is_bounded: bool) -> Tier:
    tier = Tier(
        up_to=table.amount("up_to", asset.symbol, asset.decimals) if is_bounded else None,
        approvals=table.integer("approvals", least=1, most=100),
        time_lock_s=table.integer("time_lock_s", least=0, most=_YEAR_S),
    )
    table.finish()
    return tier


def _withdrawal(table: Table, asset: Asset) -> WithdrawalRule:
    def read(key: str) -> int:
        return table.amount(key, asset.symbol, asset.decimals)

    rule = WithdrawalRule(
        per_transfer=read("per_transfer"),
        window_s=table.integer("window_s", least=1, most=_YEAR_S),
        window_amount=read("window_amount"),
        window_count=table.integer("window_count", least=1, most=10**9),
        first_use_amount=read("first_use_amount"),
        hold_above=read("hold_above") if table.has("hold_above") else None,
        hold_approvals=table.integer("hold_approvals", least=1, most=100, default=1),
        balance_percent=table.integer("balance_percent", least=1, most=100, default=100),
    )
    table.finish()
    return rule
