"""Rules of each purpose: where money may go from where, and how much in which window.

How much is decided in `policies/limits.py` alone, for the daemon's preview too; here are only the
facts that the signer itself knows.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from types import MappingProxyType

from hsm.book.law import Mark
from hsm.guard.facts import Facts
from hsm.guard.rules import Rule, no
from policies import limits
from policies.law import Role, WithdrawalRule
from policies.limits import WindowFacts, WithdrawalFacts
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
    window = WindowFacts(amount=facts.totals.refilled)
    yield from limits.judge_refill(asset, band, amount=facts.terms.amount, window=window)


def home_route(facts: Facts) -> Iterator[Reason]:
    """Require that a sweep or evacuation goes from a hot wallet to its own pool's vault."""
    pool, destination = facts.pool, facts.destination
    if pool is None:
        yield no("not_a_hot_wallet", f"{facts.terms.source} is no hot wallet of any pool")
    elif destination is None or destination.name != pool.vault:
        yield no("not_the_vault", f"from pool {pool.name} it goes home to {pool.vault} only")


def home_fees(facts: Facts) -> Iterator[Reason]:
    """Require that moves to safety cost a bounded sum of fees a day."""
    chain, fee = facts.chain, facts.terms.max_fee
    if chain is not None:
        yield from limits.judge_safety_fee(
            facts.totals.home_fees, max_fee=fee, fee_ceiling=chain.fee_ceiling
        )


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
    pool = facts.pool
    if pool is not None:
        yield from limits.judge_destination(facts.terms.destination, law=facts.law, pool=pool)


def withdrawal_limits(facts: Facts) -> Iterator[Reason]:
    """Require that amount, count and amount to new recipients stay within their limits."""
    asset, rule, terms = facts.asset, _withdrawal_rule(facts), facts.terms
    if rule is None or asset is None:
        yield no("no_withdrawal_rule", "the law has no withdrawal rule for this pool and asset")
        return
    totals = facts.totals
    window = WindowFacts(
        amount=totals.withdrawn + (totals.withdrawal_fees if asset.is_native else 0),
        count=totals.withdrawals,
        first_use_amount=totals.withdrawn_new,
    )
    wanted = WithdrawalFacts(
        asset=asset,
        destination=terms.destination,
        amount=terms.amount,
        max_fee=terms.max_fee,
        window=window,
        is_first_use=facts.is_first_use,
    )
    yield from limits.judge_amount(wanted, rule, in_signer=True)


def withdrawal_fees(facts: Facts) -> Iterator[Reason]:
    """Require that a token withdrawal's fees fit into the native coin's own window."""
    pool, chain = facts.pool, facts.chain
    if pool is None or chain is None or facts.terms.asset == NATIVE:
        return
    _, bound = limits.fee_window(pool.withdrawals.get(chain.native), chain.fee_ceiling)
    window = WindowFacts(amount=facts.totals.native_cost)
    yield from limits.judge_token_fee(bound, max_fee=facts.terms.max_fee, native_window=window)


def _withdrawal_rule(facts: Facts) -> WithdrawalRule | None:
    pool, asset = facts.pool, facts.asset
    return pool.withdrawals.get(asset.symbol) if pool and asset else None


def top_up_route(facts: Facts) -> Iterator[Reason]:
    """Require that gas goes from the chain's sponsor to a listed wallet."""
    chain, source = facts.chain, facts.source
    rule = facts.law.top_up(chain.name) if chain else None
    if rule is None:
        yield no("no_top_up_rule", "the law has no top-up rule for this chain")
        return
    if source is None or source.name != rule.sponsor:
        yield no("not_the_sponsor", f"top-ups come from {rule.sponsor}")
    target = facts.destination
    if target is None or target.role not in (Role.HOT, Role.VAULT):
        yield no("not_our_wallet", f"{facts.terms.destination} is no wallet that moves tokens")


def top_up_limits(facts: Facts) -> Iterator[Reason]:
    """Require that a top-up is native, under its ceiling, and all of them under the window."""
    chain, asset, terms = facts.chain, facts.asset, facts.terms
    rule = facts.law.top_up(chain.name) if chain else None
    if rule is None or asset is None:
        return
    window = WindowFacts(amount=facts.totals.topped_up)
    yield from limits.judge_top_up(
        asset, rule, amount=terms.amount, max_fee=terms.max_fee, window=window
    )


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
