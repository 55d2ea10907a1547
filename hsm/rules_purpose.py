"""Rules of each purpose: where money may go from where, and how much in which window."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from types import MappingProxyType

from hsm.book_law import Mark
from hsm.facts import Facts
from hsm.rules import Rule, no
from policies.amounts import format_amount
from policies.law import Role, WithdrawalRule
from policies.limits import SAFETY_FEES, fee_window
from policies.terms import NATIVE, Purpose, Reason


def refill_route(facts: Facts) -> Iterator[Reason]:
    """Require that a refill goes from the pool's own vault to a hot wallet of the pool."""
    pool, source = facts.pool, facts.source
    if pool is None:
        yield no("not_a_hot_wallet", f"{facts.terms.destination} is no hot wallet of any pool")
    elif source is None or source.name != pool.vault:
        yield no("not_the_vault", f"refills of pool {pool.name} come from its vault {pool.vault}")


def refill_window(facts: Facts) -> Iterator[Reason]:
    """Require that refills signed toward a wallet within the window never exceed its cap."""
    pool, asset = facts.pool, facts.asset
    if pool is None or asset is None:
        return
    rule, band = pool.refills.get(asset.symbol), pool.bands.get(asset.symbol)
    if rule is None or band is None:
        yield no("no_refill_rule", f"pool {pool.name} has no refill rule for {asset.symbol}")
        return
    total = facts.totals.refilled + facts.terms.amount
    if total > band.cap:
        shown = format_amount(total, asset.symbol, asset.decimals)
        yield no(
            "refill_window",
            f"with this, {shown} would be refilled within {rule.window_s} s, above the cap",
        )


def home_route(facts: Facts) -> Iterator[Reason]:
    """Require that a sweep or evacuation goes from a hot wallet to its own pool's vault."""
    pool, destination = facts.pool, facts.destination
    if pool is None:
        yield no("not_a_hot_wallet", f"{facts.terms.source} is no hot wallet of any pool")
    elif destination is None or destination.name != pool.vault:
        yield no("not_the_vault", f"from pool {pool.name} it goes home to {pool.vault} only")


def home_fees(facts: Facts) -> Iterator[Reason]:
    """Require that moves to safety cost a bounded sum of fees a day.

    So a stolen daemon cannot burn a wallet in fees on the way to safety.
    """
    chain = facts.chain
    if chain is None:
        return
    if facts.totals.home_fees + facts.terms.max_fee > SAFETY_FEES * chain.fee_ceiling:
        yield no("fee_window", "fees of sweeps and evacuations have reached the day's bound")


def evacuation_needs_isolation(facts: Facts) -> Iterator[Reason]:
    """Require that only an isolated wallet is evacuated; a healthy one is swept."""
    if facts.source is not None and facts.mark_of(facts.source) is not Mark.ISOLATED:
        yield no("not_isolated", f"{facts.source.name} is not isolated: isolate it, or sweep")


def withdrawal_source(facts: Facts) -> Iterator[Reason]:
    """Require that a withdrawal leaves the active wallet of its pool."""
    pool, source = facts.pool, facts.source
    if pool is None or source is None:
        yield no("not_a_hot_wallet", f"{facts.terms.source} is no hot wallet of any pool")
    elif facts.active.get(pool.name) != source.name:
        yield no("not_active", f"{source.name} is not the active wallet of pool {pool.name}")


def withdrawal_destination(facts: Facts) -> Iterator[Reason]:
    """Require that a withdrawal goes to an outside address that the law does not deny."""
    pool, target = facts.pool, facts.terms.destination
    if pool is None:
        return
    if target in pool.deny:
        yield no("denied", f"{target} is denied by the law")
    if pool.allow and target not in pool.allow:
        yield no("not_allowed", f"{target} is not on the law's list")
    if facts.destination is not None:
        yield no("own_wallet", f"{target} is our wallet {facts.destination.name}")
    tokens = {asset.address for asset in facts.law.assets if asset.chain == pool.chain}
    if target == NATIVE or target in tokens:
        yield no("not_a_person", f"{target} is the zero address or a token contract")


def withdrawal_limits(facts: Facts) -> Iterator[Reason]:
    """Require that amount, count and amount to new recipients stay within their limits."""
    rule = _withdrawal_rule(facts)
    if rule is None:
        yield no("no_withdrawal_rule", "the law has no withdrawal rule for this pool and asset")
        return
    terms = facts.terms
    if terms.amount > rule.per_transfer:
        yield no("per_transfer", f"{terms.amount} is above {rule.per_transfer} per transfer")
    totals = facts.totals
    if totals.withdrawals + 1 > rule.window_count:
        yield no("window_count", f"{rule.window_count} withdrawals per {rule.window_s} s are used")
    total = totals.withdrawn + terms.amount
    if terms.asset == NATIVE:
        total += totals.withdrawal_fees + terms.max_fee
    if total > rule.window_amount:
        yield no("window_amount", f"{total} with fees is above the window's {rule.window_amount}")
    new = totals.withdrawn_new + terms.amount
    if facts.is_first_use and new > rule.first_use_amount:
        yield no("first_use", f"{new} to new recipients is above {rule.first_use_amount}")


def withdrawal_fees(facts: Facts) -> Iterator[Reason]:
    """Require that a token withdrawal's fees fit into the native coin's own window."""
    pool, chain = facts.pool, facts.chain
    if pool is None or chain is None or facts.terms.asset == NATIVE:
        return
    _, bound = fee_window(pool.withdrawals.get(chain.native), chain.fee_ceiling)
    total = facts.totals.native_cost + facts.terms.max_fee
    if total > bound:
        yield no("fee_window", f"with fees, {total} is above {bound}")


def _withdrawal_rule(facts: Facts) -> WithdrawalRule | None:
    pool, asset = facts.pool, facts.asset
    return pool.withdrawals.get(asset.symbol) if pool and asset else None


def top_up_route(facts: Facts) -> Iterator[Reason]:
    """Require that gas goes from the chain's sponsor to a listed wallet, in native coin."""
    chain, source = facts.chain, facts.source
    rule = facts.law.top_up(chain.name) if chain else None
    if rule is None:
        yield no("no_top_up_rule", "the law has no top-up rule for this chain")
        return
    if source is None or source.name != rule.sponsor:
        yield no("not_the_sponsor", f"top-ups come from {rule.sponsor}")
    if facts.terms.asset != NATIVE:
        yield no("not_native", "a top-up is native coin")
    target = facts.destination
    if target is None or target.role not in (Role.HOT, Role.VAULT):
        yield no("not_our_wallet", f"{facts.terms.destination} is no wallet that moves tokens")


def top_up_limits(facts: Facts) -> Iterator[Reason]:
    """Require that a top-up stays under its ceiling, and all of them under the window."""
    chain = facts.chain
    rule = facts.law.top_up(chain.name) if chain else None
    if rule is None:
        return
    if facts.terms.amount > rule.ceiling:
        yield no("per_transfer", f"{facts.terms.amount} is above the ceiling {rule.ceiling}")
    total = facts.totals.topped_up + facts.terms.amount + facts.terms.max_fee
    if total > rule.window_amount:
        yield no("window_amount", f"{total} with fees is above the window's {rule.window_amount}")


BY_PURPOSE: Mapping[Purpose, tuple[Rule, ...]] = MappingProxyType(
    {
        Purpose.REFILL: (
            Rule(name="refill_route", check=refill_route),
            Rule(name="refill_window", check=refill_window),
        ),
        Purpose.SWEEP: (
            Rule(name="home_route", check=home_route),
            Rule(name="home_fees", check=home_fees),
        ),
        Purpose.EVACUATION: (
            Rule(name="home_route", check=home_route),
            Rule(name="evacuation_needs_isolation", check=evacuation_needs_isolation),
            Rule(name="home_fees", check=home_fees),
        ),
        Purpose.WITHDRAWAL: (
            Rule(name="withdrawal_source", check=withdrawal_source),
            Rule(name="withdrawal_destination", check=withdrawal_destination),
            Rule(name="withdrawal_limits", check=withdrawal_limits),
            Rule(name="withdrawal_fees", check=withdrawal_fees),
        ),
        Purpose.TOP_UP: (
            Rule(name="top_up_route", check=top_up_route),
            Rule(name="top_up_limits", check=top_up_limits),
        ),
    }
)
LIMITS = frozenset(
    {"refill_window", "home_fees", "withdrawal_limits", "withdrawal_fees", "top_up_limits"}
)
"""Rules that count an order in a window: they bind its first recording only, because a recorded
order is in the window already."""
