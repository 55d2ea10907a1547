"""What the bands look at, and the three things that they may ask for."""

from __future__ import annotations

from dataclasses import dataclass

from policies.amounts import format_amount
from policies.law import Asset
from policies.lifecycles import WalletState
from policies.terms import Reason


@dataclass(frozen=True, slots=True, kw_only=True)
class BandFacts:
    """Everything that `assess` looks at, from the one stamp at which `observed` was read.

    `observed`: balance, None when unknown; `observed_at`: our clock when it was read.
    `inbound`, `outbound`: our own transfers QUEUED, IN_FLIGHT or MINED after the stamp.
    `fees_claimed`: the most that those of this wallet may cost, for the native coin; kept back from
    a sweep, never a reason to refill, because almost all of it is never spent.
    `last_refill_at`: when the last refill settled or failed.
    `vault_balance` (of the asset), `vault_native`: less what open refills and transfers claim.
    `wallet_native`: native coin of the hot wallet itself, which pays for its sweeps.
    `fee_ceiling`: the most wei that this transfer may cost.
    `window_left`: what the signer's refill window still allows, None when not asked.
    `is_quarantined`: the asset's contract did something else than the law says.
    `outflow_per_h`, `lead_time_s`: measured outflow, and how long approval usually takes; with
    both, a refill is wanted as soon as the runway above the floor is shorter than the wait.
    `emergency_left`: what the emergency tier still gives a wallet that took over from an isolated
    one; None when there is no emergency, or no such tier. Times are unix seconds.
    """

    asset: Asset
    now: int
    stale_after_s: int
    observed: int | None
    observed_at: int | None
    inbound: int
    outbound: int
    wallet_state: WalletState
    is_calm: bool
    has_open_refill: bool
    last_refill_at: int | None
    is_window_open: bool
    vault_balance: int | None
    vault_native: int | None
    wallet_native: int | None
    fee_ceiling: int
    window_left: int | None = None
    outflow_per_h: int = 0
    lead_time_s: int = 0
    fees_claimed: int = 0
    is_quarantined: bool = False
    emergency_left: int | None = None

    @property
    def projected(self) -> int | None:
        """Return the balance once everything of ours is mined, None when it is unknown."""
        if self.observed is None:
            return None
        return self.observed + self.inbound - self.outbound

    def show(self, amount: int) -> str:
        """Write an amount of this asset for people."""
        return format_amount(amount, self.asset.symbol, self.asset.decimals)


@dataclass(frozen=True, slots=True, kw_only=True)
class Hold:
    """Move nothing, for these reasons."""

    reasons: tuple[Reason, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Refill:
    """Propose to bring `amount` from the vault."""

    amount: int
    reasons: tuple[Reason, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Sweep:
    """Send `amount` home to the vault."""

    amount: int
    reasons: tuple[Reason, ...]
