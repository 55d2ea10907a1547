"""Facts for tests of the bands: a calm, active wallet before a rich vault."""

from __future__ import annotations

from typing import Any

from policies.bands import BandFacts
from policies.law import Asset
from policies.lifecycles import WalletState
from policies.terms import NATIVE
from tests.laws import ETH, NOON, make_law

LAW = make_law().law
COIN = Asset(chain="devnet", symbol="ETH", address=NATIVE, decimals=18)
DOLLAR = Asset(chain="devnet", symbol="USDC", address=LAW.assets[1].address, decimals=6)
BAND = LAW.pools[0].bands["ETH"]
DOLLARS = LAW.pools[0].bands["USDC"]
FEE = ETH // 100


def facts(**changes: Any) -> BandFacts:  # noqa: ANN401  (a builder of tests)
    """Return calm facts of an active wallet before a rich vault, with changes."""
    values: dict[str, Any] = {
        "asset": COIN,
        "now": NOON,
        "stale_after_s": 30,
        "observed": 50 * ETH,
        "observed_at": NOON,
        "inbound": 0,
        "outbound": 0,
        "wallet_state": WalletState.ACTIVE,
        "is_calm": True,
        "has_open_refill": False,
        "last_refill_at": None,
        "is_window_open": True,
        "vault_balance": 1000 * ETH,
        "vault_native": 1000 * ETH,
        "wallet_native": 50 * ETH,
        "fee_ceiling": FEE,
    }
    return BandFacts(**{**values, **changes})
