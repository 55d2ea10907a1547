"""Preview what the signer will say to withdrawals, from the ledger alone.

What is queued counts as if it were signed: the preview must never admit more than the signer
will, or customers would wait for refusals. A preview is read once for a whole round of paying and
counts on by itself, so that one more withdrawal costs the same however many are open.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from policies.law import Asset, Law, Pool
from policies.limits import (
    SAFETY_FEE_WINDOW_S,
    WindowFacts,
    WithdrawalFacts,
    fee_window,
    judge_token_fee,
    judge_withdrawal,
)
from policies.terms import NATIVE, Address, Reason, TransferTerms
from treasury.briefing.bands import View
from treasury.ledger import Session
from treasury.ledger.facts import Payout, Withdrawal
from treasury.ledger.queries import payouts


@dataclass(slots=True, kw_only=True)
class _Sums:
    """One window of one wallet and asset, added up."""

    asset: Address
    since: int
    amount: int = 0
    count: int = 0
    first_use: int = 0

    def add(self, payout: Payout, first_paid: int | None) -> None:
        if payout.signed_at is not None and payout.signed_at <= self.since:
            return
        self.count += 1
        if self.asset == NATIVE:
            self.amount += payout.max_fee
        if payout.asset != self.asset:
            return
        self.amount += payout.amount
        if first_paid is None or first_paid > self.since:
            self.first_use += payout.amount


@dataclass(slots=True, kw_only=True)
class Preview:
    """The signer's windows of one chain as the ledger knows them, and what this round adds."""

    view: View
    first_paid: Mapping[Address, int]
    counted: Mapping[Address, tuple[Payout, ...]]
    _queued: dict[Address, list[Payout]] = field(default_factory=dict)
    _taken: Counter[tuple[Address, Address]] = field(default_factory=Counter)
    _sums: dict[tuple[Address, Address, int], _Sums] = field(default_factory=dict)

    def judge(
        self, withdrawal: Withdrawal, *, pool: Pool, asset: Asset, payer: Address
    ) -> tuple[Reason, ...]:
        """Say why the signer would not sign it now, or why the wallet cannot pay it."""
        law = self.view.law
        rule, chain = pool.withdrawals.get(asset.symbol), law.chain(asset.chain)
        if rule is None or chain is None:
            text = f"the law has no withdrawal rule for {asset.symbol}"
            return (Reason(code="no_withdrawal_rule", text=text),)
        since = self.view.now - rule.window_s
        first = self.first_paid.get(withdrawal.destination)
        facts = WithdrawalFacts(
            asset=asset,
            destination=withdrawal.destination,
            amount=withdrawal.amount,
            max_fee=chain.fee_ceiling,
            window=self._window(payer, asset.address, since),
            is_first_use=first is None or first > since,
            balance=self._left(payer, asset.address),
        )
        reasons = judge_withdrawal(facts, law=law, pool=pool, in_signer=False)
        if asset.is_native:
            return reasons
        window_s, bound = fee_window(pool.withdrawals.get(chain.native), chain.fee_ceiling)
        native = self._window(payer, NATIVE, self.view.now - window_s)
        return (
            *reasons,
            *judge_token_fee(bound, max_fee=chain.fee_ceiling, native_window=native),
        )

    def count(self, terms: TransferTerms) -> None:
        """Count what was just queued, in every window and against the balance."""
        payout = Payout(
            destination=terms.destination,
            asset=terms.asset,
            amount=terms.amount,
            max_fee=terms.max_fee,
            signed_at=None,
        )
        self._queued.setdefault(terms.source, []).append(payout)
        self._taken[terms.source, terms.asset] += terms.amount
        self._taken[terms.source, NATIVE] += terms.max_fee
        for (payer, _, _), sums in self._sums.items():
            if payer == terms.source:
                sums.add(payout, self.first_paid.get(payout.destination))

    def _window(self, payer: Address, asset: Address, since: int) -> WindowFacts:
        sums = self._sums.get((payer, asset, since))
        if sums is None:
            sums = self._sums[payer, asset, since] = _Sums(asset=asset, since=since)
            for payout in (*self.counted.get(payer, ()), *self._queued.get(payer, ())):
                sums.add(payout, self.first_paid.get(payout.destination))
        return WindowFacts(amount=sums.amount, count=sums.count, first_use_amount=sums.first_use)

    def _left(self, payer: Address, asset: Address) -> int | None:
        left = self.view.left(payer, asset)
        return None if left is None else max(left - self._taken[payer, asset], 0)


def preview_of(
    session: Session, view: View, waiting: Iterable[Withdrawal], payers: Iterable[Address]
) -> Preview:
    """Read once what judging some withdrawals, paid by some wallets, will ask for."""
    chain_id, since = (
        view.tick.chain_id,
        view.now - max(_longest_window(view.law), SAFETY_FEE_WINDOW_S),
    )
    counted = {payer: payouts.counted(session, chain_id, payer, since) for payer in set(payers)}
    people = {withdrawal.destination for withdrawal in waiting}
    people |= {payout.destination for found in counted.values() for payout in found}
    first_paid = payouts.first_paid(session, chain_id, people)
    return Preview(view=view, first_paid=first_paid, counted=counted)


def _longest_window(law: Law) -> int:
    windows = [rule.window_s for pool in law.pools for rule in pool.withdrawals.values()]
    return max(windows, default=0)
