"""`pool` and `wallet`: who stands where, with how much, against which band."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from treasury.cli import listing
from treasury.cli.api import HALT
from treasury.cli.screen import brief, fields, moment, plain, table

if TYPE_CHECKING:
    from treasury.cli.main import Call

Json = dict[str, Any]
_BANDS = ("BALANCE", "FLOOR", "TARGET", "CAP", "RUNWAY", "STANDING")


def list_pools(call: Call) -> None:
    """Print the pools against their bands."""
    found = call.api.get("/v1/pools")
    rows = [
        (pool["name"], pool["chain"], pool["active"] or "none", *_band(asset))
        for pool in found["pools"]
        for asset in pool["assets"]
    ]
    if listing.wants_csv(call):
        listing.print_csv([row for pool in found["pools"] for row in _flat(pool)])
        return
    headings = ("POOL", "CHAIN", "ACTIVE", *_BANDS)
    call.show(found["pools"], table(headings, rows) if rows else ["no pools: adopt a law"])


def list_wallets(call: Call) -> None:
    """Print all wallets, each address in full on its own line."""
    found = call.api.get("/v1/wallets")
    if listing.wants_csv(call):
        listing.print_csv([row for wallet in found["wallets"] for row in _flat(wallet)])
        return
    call.show(found["wallets"], list(_listed(found["wallets"])) or ["no wallets: adopt a law"])


def show_wallet(call: Call) -> None:
    """Print one wallet."""
    found = call.api.get(f"/v1/wallets/{quote(call.arguments.name, safe='')}")
    call.show(found, list(_shown(found, call.now)))


def _flat(place: Json) -> Iterator[Json]:
    """Yield a row for every asset of a pool or wallet, with the place's own columns in each."""
    for asset in place["assets"] or [{}]:
        yield {**place, **asset}


def freeze(call: Call) -> None:
    """Let no withdrawal leave a wallet."""
    _set_frozen(call, "freeze")


def unfreeze(call: Call) -> None:
    """Lift a freeze."""
    _set_frozen(call, "unfreeze")


def _set_frozen(call: Call, verb: str) -> None:
    path = f"/v1/wallets/{quote(call.arguments.name, safe='')}/{verb}"
    found = call.api.post(path, {"why": call.arguments.why}, HALT)
    standing = "is frozen: no withdrawal leaves it" if found["frozen"] else "is not frozen"
    call.show(found, [f"{plain(found['name'])} {standing}"])


def _listed(wallets: list[Json]) -> Iterator[str]:
    rows = [
        (
            wallet["name"],
            wallet["chain"],
            wallet["role"],
            wallet["state"],
            wallet["pool"],
            _flags(wallet),
            ", ".join(brief(asset["balance_text"]) for asset in wallet["assets"]),
        )
        for wallet in wallets
    ]
    if not rows:
        return
    lines = table(("NAME", "CHAIN", "ROLE", "STATE", "POOL", "FLAGS", "BALANCES"), rows)
    yield lines[0]
    for line, wallet in zip(lines[1:], wallets, strict=True):
        yield line
        yield f"  {plain(wallet['address'])}"


def _shown(wallet: Json, now: int) -> Iterator[str]:
    yield f"Wallet {plain(wallet['name'])}: {plain(wallet['state'] or wallet['role'])}"
    yield ""
    yield from fields(
        [
            ("address", wallet["address"]),
            ("chain", f"{wallet['chain']}, id {wallet['chain_id']}"),
            ("role", wallet["role"]),
            ("pool", wallet["pool"]),
            ("since", moment(wallet["changed_at"], now)),
            ("why", wallet["why"] or "-"),
            ("flags", _flags(wallet)),
            ("nonce", wallet["nonce"]),
            ("read at", f"block {plain(wallet['block'])}"),
        ]
    )
    for asset in wallet["assets"]:
        yield ""
        yield f"{plain(asset['asset'])}: {plain(asset['standing'])}"
        yield from fields(_amounts(asset))


def _amounts(asset: Json) -> Iterator[tuple[str, object]]:
    for name in ("balance", "floor", "target", "cap"):
        if name in asset:
            exact = asset[name]
            base = "" if exact is None else f" ({exact} base units)"
            yield f"  {name}", f"{asset[f'{name}_text']}{base}"
    if "runway_text" in asset:
        yield "  outflow", f"{asset['outflow_per_h_text']} per hour"
        yield "  runway", asset["runway_text"]


def _band(asset: Json) -> tuple[object, ...]:
    standing = asset["standing"]
    return (
        brief(asset["balance_text"]),
        brief(asset["floor_text"]),
        brief(asset["target_text"]),
        brief(asset["cap_text"]),
        brief(asset.get("runway_text", "-")),
        standing if standing == "in band" else standing.upper(),
    )


def _flags(wallet: Json) -> str:
    flags = []
    if wallet["frozen"]:
        flags.append("FROZEN")
    if wallet["hold_since_block"] is not None:
        flags.append("HOLD")
    return " ".join(flags) or "-"
