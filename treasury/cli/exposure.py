"""`exposure`: what a theft could cost under the law in force, by wallet and by fate group.

Stolen key: all that the wallet holds, or may come to hold while nobody notices: an active wallet
its cap (or its balance, when that is more) and the refills on their way; any other its balance,
or the cap while the balance is unknown. A fate group falls together, so its wallets are summed.

Stolen daemon: what the signer would still sign without a quorum, which is the window of
withdrawals and top-ups, for every window that passes until somebody halts it.

Figures come from the treasurer's own copy of the law when there is one; balances and refills are
as the daemon reports them.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any

from policies.amounts import format_amount
from policies.law import Asset, Law
from policies.terms import NATIVE
from treasury.cli import consent
from treasury.cli.screen import brief, duration, plain, table

if TYPE_CHECKING:
    from treasury.cli.main import Call

Json = dict[str, Any]
_MOST = 500


def show(call: Call) -> None:
    """Print the figures; a group above the law's `max_loss` is said in capitals."""
    law = consent.known_law(call).law
    wallets = call.api.get("/v1/wallets")["wallets"]
    query = {"state": "RELEASED", "limit": _MOST}
    in_flight = call.api.get("/v1/refills", query)["refills"]
    keys = [row for wallet in wallets for row in _stolen_key(wallet, in_flight, law)]
    groups = list(_groups(keys, law))
    windows = list(_windows(law))
    lines = [
        "STOLEN KEY, by wallet",
        *table(
            ("WALLET", "STATE", "ASSET", "BALANCE", "IN FLIGHT", "AT MOST"),
            [_key_cells(row, law) for row in keys],
        ),
        "",
        "STOLEN TOGETHER, by fate group",
        *table(
            ("GROUP", "ASSET", "AT MOST", "MAX LOSS", ""),
            [_group_cells(row, law) for row in groups],
        ),
        "",
        "STOLEN DAEMON, until somebody halts it",
        *table(("PAYER", "ASSET", "AT MOST", "IN EVERY"), [_window_cells(r, law) for r in windows]),
    ]
    call.show({"stolen_key": keys, "stolen_together": groups, "stolen_daemon": windows}, lines)


def _stolen_key(wallet: Json, in_flight: list[Json], law: Law) -> Iterator[Json]:
    known = law.wallet(wallet["name"])
    pool = law.pool_of(wallet["name"])
    if known is None or pool is None:
        return
    for held in wallet["assets"]:
        band = pool.bands.get(held["asset"])
        asset = law.asset(pool.chain, held["asset"])
        if band is None or asset is None:
            continue
        balance = None if held["balance"] is None else int(held["balance"])
        coming = sum(
            int(refill["amount"])
            for refill in in_flight
            if (refill["wallet"], refill["asset"]) == (wallet["name"], asset.symbol)
        )
        is_active = wallet["state"] == "ACTIVE"
        most = max(band.cap, balance or 0) if is_active or balance is None else balance
        yield {
            "wallet": wallet["name"],
            "state": wallet["state"],
            "group": known.fate_group,
            "chain": pool.chain,
            "asset": asset.symbol,
            "balance": None if balance is None else str(balance),
            "in_flight": str(coming),
            "at_most": str(most + coming),
        }


def _groups(keys: list[Json], law: Law) -> Iterator[Json]:
    sums: dict[tuple[str, str, str], int] = {}
    for row in keys:
        key = (row["group"], row["chain"], row["asset"])
        sums[key] = sums.get(key, 0) + int(row["at_most"])
    for (group, chain, symbol), most in sums.items():
        limit = law.max_loss.get(f"{chain}/{symbol}")
        yield {
            "group": group,
            "chain": chain,
            "asset": symbol,
            "at_most": str(most),
            "max_loss": None if limit is None else str(limit),
            "is_above": limit is not None and most > limit,
        }


def _windows(law: Law) -> Iterator[Json]:
    for pool in law.pools:
        for symbol, rule in pool.withdrawals.items():
            for member in pool.members:
                yield {
                    "payer": member,
                    "chain": pool.chain,
                    "asset": symbol,
                    "at_most": str(rule.window_amount),
                    "window_s": rule.window_s,
                }
    for top_up in law.top_ups:
        chain = law.chain(top_up.chain)
        yield {
            "payer": top_up.sponsor,
            "chain": top_up.chain,
            "asset": chain.native if chain else "?",
            "at_most": str(top_up.window_amount),
            "window_s": top_up.window_s,
        }


def _key_cells(row: Mapping[str, Any], law: Law) -> tuple[str, ...]:
    return (
        plain(row["wallet"]),
        plain(row["state"]),
        plain(row["asset"]),
        _text(row, "balance", law),
        _text(row, "in_flight", law),
        _text(row, "at_most", law),
    )


def _group_cells(row: Mapping[str, Any], law: Law) -> tuple[str, ...]:
    verdict = "ABOVE MAX LOSS" if row["is_above"] else ""
    limit = "none in the law" if row["max_loss"] is None else _text(row, "max_loss", law)
    return plain(row["group"]), plain(row["asset"]), _text(row, "at_most", law), limit, verdict


def _window_cells(row: Mapping[str, Any], law: Law) -> tuple[str, ...]:
    window = duration(row["window_s"])
    return plain(row["payer"]), plain(row["asset"]), _text(row, "at_most", law), window


def _text(row: Mapping[str, Any], name: str, law: Law) -> str:
    if row[name] is None:
        return "unknown"
    asset = law.asset(row["chain"], row["asset"]) or Asset(
        chain=row["chain"], symbol="base units", address=NATIVE, decimals=0
    )
    return brief(format_amount(int(row[name]), asset.symbol, asset.decimals))
