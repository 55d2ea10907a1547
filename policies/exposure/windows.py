"""What windows and fees let out of one wallet without a person."""

from __future__ import annotations

from collections.abc import Iterator

from policies.exposure.facts import ExposureFacts, Part
from policies.law import Asset, Pool, WithdrawalRule

SAFETY_FEES = 200
SAFETY_FEE_WINDOW_S = 86_400
"""The signer's own bound: so many fee ceilings a day for one wallet's moves to safety."""


def windows_within(reaction_s: int, window_s: int) -> int:
    """Return how many full windows an attack of that length sees at most; 0 never opens again."""
    return 1 if window_s <= 0 else reaction_s // window_s + 1


def window_parts(facts: ExposureFacts, pool: Pool, wallet: str, asset: Asset) -> Iterator[Part]:
    """Tell what the windows of one wallet let out without a person, within the reaction time."""
    rule = pool.withdrawals.get(asset.symbol)
    if rule is None:
        return
    each = min(rule.window_amount, _most_by_count(facts, pool, rule, asset))
    count = windows_within(facts.reaction_s, rule.window_s)
    how = "the window" if each == rule.window_amount else f"{rule.window_count} of the largest"
    yield Part(f"{wallet}: {count} x {how} of {rule.window_s} s", count * each)


def _most_by_count(facts: ExposureFacts, pool: Pool, rule: WithdrawalRule, asset: Asset) -> int:
    """Return what the number of withdrawals in a window lets out, fees of the native coin too."""
    single = rule.per_transfer
    if rule.hold_above is not None and rule.hold_approvals > 0:
        single = min(single, rule.hold_above)
    if not asset.is_native:
        return rule.window_count * single
    chain = facts.law.chain(pool.chain)
    assert chain is not None, "a pool of a parsed law has a chain"
    # Withdrawals of tokens pay their fees from this window, and have counts of their own.
    is_alone = len(pool.withdrawals) == 1
    return rule.window_count * (single + chain.fee_ceiling) if is_alone else rule.window_amount


def fee_parts(facts: ExposureFacts, pool: Pool, wallet: str) -> Iterator[Part]:
    """Return the native coin that a wallet can be made to burn on fees."""
    chain = facts.law.chain(pool.chain)
    assert chain is not None, "a pool of a parsed law has a chain"
    bound = SAFETY_FEES * chain.fee_ceiling
    count = windows_within(facts.reaction_s, SAFETY_FEE_WINDOW_S)
    yield Part(f"{wallet}: {SAFETY_FEES} fee ceilings of moves to safety a day", count * bound)
    if pool.withdrawals and chain.native not in pool.withdrawals:
        yield Part(f"{wallet}: {SAFETY_FEES} fee ceilings of token withdrawals", count * bound)
