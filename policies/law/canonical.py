"""One law, one text, one digest.

The canonical text is the law's own document with every key present, sorted, and every amount
written exactly ("12.5 ETH"), so that the same strict parser reads files and canonical texts.
"""

from __future__ import annotations

import json
from functools import lru_cache

from policies.amounts import format_amount
from policies.crypto import keccak256
from policies.law.model import Asset, Band, Law, LawError, Pool, RefillRule, Tier, WithdrawalRule
from policies.law.parse import parse_law


def canonical_law(law: Law) -> bytes:
    """Write a law canonically: JSON, sorted keys, ASCII, no spaces."""
    return json.dumps(_document(law), sort_keys=True, separators=(",", ":")).encode()


@lru_cache(maxsize=16)
def law_digest(law: Law) -> bytes:
    """Return the 32-byte Keccak-256 digest of the canonical law."""
    return keccak256(canonical_law(law))


def law_from_canonical(text: bytes) -> Law:
    """Read a canonical law back.

    Raises `LawError` when the text is no law or is not in canonical form.
    """
    try:
        document = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise LawError((f"the law is not JSON: {error}",)) from error
    if not isinstance(document, dict):
        raise LawError(("the law must be one JSON object",))
    law = parse_law(document)
    if canonical_law(law) != text:
        raise LawError(("the law is not written in canonical form",))
    return law


def _document(law: Law) -> dict[str, object]:
    return {
        "version": law.version,
        "profile": law.profile.value,
        "activation_s": law.activation_s,
        "roster": {
            "quorum": law.roster.quorum,
            "treasurers": [
                {"name": person.name, "address": person.address} for person in law.roster.treasurers
            ],
        },
        "chains": {chain.name: _chain(law, chain.name) for chain in law.chains},
        "wallets": {
            wallet.name: {
                "chain": wallet.chain,
                "role": wallet.role.value,
                "address": wallet.address,
                "key": wallet.key,
                "custody": wallet.custody.value,
                "fate_group": wallet.fate_group,
                "start_nonce": wallet.start_nonce,
            }
            for wallet in law.wallets
        },
        "pools": {pool.name: _pool(law, pool) for pool in law.pools},
    }


def _chain(law: Law, name: str) -> dict[str, object]:
    chain = next(chain for chain in law.chains if chain.name == name)
    document: dict[str, object] = {
        "id": chain.chain_id,
        "native": chain.native,
        "fee_ceiling": format_amount(chain.fee_ceiling, chain.native, 18),
        "tokens": {
            asset.symbol: {"address": asset.address, "decimals": asset.decimals}
            for asset in law.assets
            if asset.chain == name and not asset.is_native
        },
    }
    if chain.receivers:
        document["receivers"] = [
            {"address": receiver.address, "code_hash": "0x" + receiver.code_hash.hex()}
            for receiver in chain.receivers
        ]
    losses = {
        symbol.partition("/")[2]: format_amount(amount, asset.symbol, asset.decimals)
        for symbol, amount in law.max_loss.items()
        if symbol.partition("/")[0] == name
        and (asset := law.asset(name, symbol.partition("/")[2])) is not None
    }
    if losses:
        document["max_loss"] = losses
    rule = law.top_up(name)
    if rule is not None:
        document["top_up"] = {
            "sponsor": rule.sponsor,
            "ceiling": format_amount(rule.ceiling, chain.native, 18),
            "window_s": rule.window_s,
            "window_amount": format_amount(rule.window_amount, chain.native, 18),
        }
    return document


def _pool(law: Law, pool: Pool) -> dict[str, object]:
    native = next(a for a in law.assets if a.chain == pool.chain and a.is_native)
    assets: dict[str, object] = {}
    for symbol, band in pool.bands.items():
        asset = law.asset(pool.chain, symbol)
        if asset is None:  # unreachable for a parsed law
            raise LawError((f"pools.{pool.name} names an unknown asset {symbol}",))
        entry: dict[str, object] = {
            "band": _band(band, asset, native),
            "refill": _refill(pool.refills[symbol], asset),
        }
        if symbol in pool.withdrawals:
            entry["withdrawal"] = _withdrawal(pool.withdrawals[symbol], asset)
        assets[symbol] = entry
    return {
        "chain": pool.chain,
        "vault": pool.vault,
        "members": list(pool.members),
        "active": pool.active,
        "gas_reserve": format_amount(pool.gas_reserve, native.symbol, 18),
        "allow": list(pool.allow),
        "deny": list(pool.deny),
        "assets": assets,
    }


def _band(band: Band, asset: Asset, native: Asset) -> dict[str, object]:
    def write(amount: int) -> str:
        return format_amount(amount, asset.symbol, asset.decimals)

    document: dict[str, object] = {
        "floor": write(band.floor),
        "target": write(band.target),
        "cap": write(band.cap),
        "minimum_move": write(band.minimum_move),
        "cooldown_s": band.cooldown_s,
        "fee_headroom": format_amount(band.fee_headroom, native.symbol, 18),
        "urgent_floor": write(band.urgent_floor),
        "sweep_to": write(band.sweep_to),
    }
    if band.unexplained_max is not None:
        document["unexplained_max"] = write(band.unexplained_max)
    return document


def _refill(rule: RefillRule, asset: Asset) -> dict[str, object]:
    document: dict[str, object] = {
        "tiers": [_tier(tier, asset) for tier in rule.tiers],
        "expiry_s": rule.expiry_s,
        "window_s": rule.window_s,
        "schedule": rule.schedule,
    }
    if rule.emergency is not None:
        document["emergency"] = _tier(rule.emergency, asset)
    return document


def _tier(tier: Tier, asset: Asset) -> dict[str, object]:
    entry: dict[str, object] = {"approvals": tier.approvals, "time_lock_s": tier.time_lock_s}
    if tier.up_to is not None:
        entry["up_to"] = format_amount(tier.up_to, asset.symbol, asset.decimals)
    return entry


def _withdrawal(rule: WithdrawalRule, asset: Asset) -> dict[str, object]:
    def write(amount: int) -> str:
        return format_amount(amount, asset.symbol, asset.decimals)

    document: dict[str, object] = {
        "per_transfer": write(rule.per_transfer),
        "window_s": rule.window_s,
        "window_amount": write(rule.window_amount),
        "window_count": rule.window_count,
        "first_use_amount": write(rule.first_use_amount),
        "hold_approvals": rule.hold_approvals,
        "balance_percent": rule.balance_percent,
    }
    if rule.hold_above is not None:
        document["hold_above"] = write(rule.hold_above)
    return document
