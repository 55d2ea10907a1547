"""How much may go out: per transfer, per window, to whom, and how much may come in.

Every rule gives all its reasons and says where it runs. `Side.BOTH` rules need only the terms, the
law and the signer's own book, so they run in the daemon (a preview) and in the signer (whose
verdict counts). `Side.DAEMON_ONLY` rules need facts of the chain, which the signer cannot know.

A window holds what was signed less than `window_s` ago: an entry exactly that old has left it.
Windows count from the moment a nonce is assigned, and nothing is ever given back. Withdrawals and
top-ups count with the most that their fees may be; so the native coin's window also counts the
fees of token withdrawals. A limit is inclusive: exactly the limit may go.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from enum import StrEnum

from policies.amounts import format_amount
from policies.law import Asset, Band, Law, Pool, TopUpRule, WithdrawalRule
from policies.terms import NATIVE, Address, Reason

SAFETY_FEES = 200
"""Fee ceilings that one wallet may spend within a window of fees that the law has no rule for."""
SAFETY_FEE_WINDOW_S = 86_400

_ALL_PERCENT = 100


class Side(StrEnum):
    """Where a rule runs."""

    BOTH = "both"
    DAEMON_ONLY = "daemon_only"


@dataclass(frozen=True, slots=True, kw_only=True)
class WindowFacts:
    """What was signed within the window for one wallet and asset.

    `amount`: with all fees where native; `count`: withdrawals of every asset; `first_use_amount`:
    without fees, which go to nobody new.
    """

    amount: int = 0
    count: int = 0
    first_use_amount: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class WithdrawalFacts:
    """One withdrawal to be judged.

    `is_first_use`: the destination was never paid before this window. `balance`: the wallet's
    projected balance of the asset, None when unknown or, in the signer, unknowable.
    """

    asset: Asset
    destination: Address
    amount: int
    max_fee: int
    window: WindowFacts
    is_first_use: bool
    balance: int | None = None

    @property
    def cost(self) -> int:
        """Return what leaves the wallet in this asset at most: with the fee where native."""
        return self.amount + self.max_fee if self.asset.is_native else self.amount


@dataclass(frozen=True, slots=True, kw_only=True)
class _Case:
    """A withdrawal with the rule of its asset."""

    facts: WithdrawalFacts
    rule: WithdrawalRule

    def show(self, amount: int) -> str:
        return format_amount(amount, self.facts.asset.symbol, self.facts.asset.decimals)


@dataclass(frozen=True, slots=True)
class Limit:
    """One rule for withdrawals, and where it runs."""

    name: str
    side: Side
    judge: Callable[[_Case], Iterator[Reason]]


def judge_withdrawal(
    facts: WithdrawalFacts, *, law: Law, pool: Pool, in_signer: bool
) -> tuple[Reason, ...]:
    """Say why a withdrawal must not be signed now; empty means that it may."""
    rule = pool.withdrawals.get(facts.asset.symbol)
    if rule is None or facts.asset.chain != pool.chain:
        text = f"the law has no withdrawal rule for {facts.asset.symbol} in pool {pool.name}"
        return (Reason(code="no_withdrawal_rule", text=text),)
    return (
        *judge_amount(facts, rule, in_signer=in_signer),
        *judge_destination(facts.destination, law=law, pool=pool),
    )


def judge_amount(
    facts: WithdrawalFacts, rule: WithdrawalRule, *, in_signer: bool
) -> tuple[Reason, ...]:
    """Say why so much must not be withdrawn now, whoever receives it."""
    case = _Case(facts=facts, rule=rule)
    limits = (x for x in WITHDRAWAL_LIMITS if x.side is Side.BOTH or not in_signer)
    return tuple(reason for limit in limits for reason in limit.judge(case))


def judge_destination(to: Address, *, law: Law, pool: Pool) -> tuple[Reason, ...]:
    """Say why an address must not receive withdrawals of a pool."""
    return (*_unlisted(to, pool), *_not_a_person(to, law, pool))


def is_refused_for_good(reasons: tuple[Reason, ...]) -> bool:
    """Say whether waiting cannot help: some reason is about the withdrawal itself."""
    return any(reason.code in _FOR_GOOD for reason in reasons)


def approvals_needed(amount: int, rule: WithdrawalRule) -> int:
    """Return how many treasurers must approve a withdrawal; exactly `hold_above` needs none."""
    is_held = rule.hold_above is not None and amount > rule.hold_above
    return rule.hold_approvals if is_held else 0


def judge_moves(amount: int) -> tuple[Reason, ...]:
    """Say why an amount is none: something must move."""
    if amount > 0:
        return ()
    return (Reason(code="nothing_moves", text="the amount must be above zero"),)


def judge_refill(
    asset: Asset, band: Band, *, amount: int, window: WindowFacts
) -> tuple[Reason, ...]:
    """Say why a refill must not be signed: signed refills per wallet and window stay within cap.

    Its fee is left out on both sides: the vault pays it, and it never reaches the hot key.
    """
    reasons = list(judge_moves(amount))
    left = band.cap - window.amount
    if amount > left:
        shown = format_amount(max(left, 0), asset.symbol, asset.decimals)
        text = f"the refill window of this wallet has {shown} left"
        reasons.append(Reason(code="refill_window", text=text))
    return tuple(reasons)


def judge_top_up(
    asset: Asset, rule: TopUpRule, *, amount: int, max_fee: int, window: WindowFacts
) -> tuple[Reason, ...]:
    """Say why a gas top-up must not be signed."""
    reasons = list(judge_moves(amount))
    if not asset.is_native or asset.chain != rule.chain:
        reasons.append(Reason(code="not_native", text="a top-up is in the chain's own coin"))
    if amount > rule.ceiling:
        shown = format_amount(rule.ceiling, asset.symbol, asset.decimals)
        text = f"a top-up never exceeds {shown}"
        reasons.append(Reason(code="per_transfer", text=text))
    left = rule.window_amount - window.amount
    if amount + max_fee > left:
        shown = format_amount(max(left, 0), asset.symbol, asset.decimals)
        text = f"the top-up window has {shown} left, fees included"
        reasons.append(Reason(code="window_amount", text=text))
    return tuple(reasons)


def fee_window(rule: WithdrawalRule | None, fee_ceiling: int) -> tuple[int, int]:
    """Return seconds and wei of the window that pays for token withdrawals' fees.

    `rule` is that of the chain's own coin in the same pool, None where the law has none.
    """
    if rule is None:
        return SAFETY_FEE_WINDOW_S, SAFETY_FEES * fee_ceiling
    return rule.window_s, rule.window_amount


def judge_token_fee(bound: int, *, max_fee: int, native_window: WindowFacts) -> tuple[Reason, ...]:
    """Say why the fee of a token withdrawal must not be spent from the native coin's window."""
    left = bound - native_window.amount
    if max_fee <= left:
        return ()
    text = f"the native coin's window has {max(left, 0)} wei left for fees of {max_fee} wei"
    return (Reason(code="fee_window", text=text),)


def judge_safety_fee(spent: int, *, max_fee: int, fee_ceiling: int) -> tuple[Reason, ...]:
    """Say why a move to safety costs too much: fees of a wallet's sweeps and evacuations in a day.

    So a stolen daemon cannot burn a wallet in fees on the way to safety.
    """
    left = SAFETY_FEES * fee_ceiling - spent
    if max_fee <= left:
        return ()
    text = f"sweeps and evacuations have {max(left, 0)} wei of the day's fees left, not {max_fee}"
    return (Reason(code="fee_window", text=text),)


def _amount_is_real(case: _Case) -> Iterator[Reason]:
    yield from judge_moves(case.facts.amount)


def _per_transfer(case: _Case) -> Iterator[Reason]:
    if case.facts.amount > case.rule.per_transfer:
        text = f"one withdrawal never exceeds {case.show(case.rule.per_transfer)}"
        yield Reason(code="per_transfer", text=text)


def _window_amount(case: _Case) -> Iterator[Reason]:
    left = case.rule.window_amount - case.facts.window.amount
    if case.facts.cost > left:
        text = f"{case.show(max(left, 0))} are left in the window, fees included"
        yield Reason(code="window_amount", text=text)


def _window_count(case: _Case) -> Iterator[Reason]:
    if case.facts.window.count >= case.rule.window_count:
        text = f"{case.rule.window_count} withdrawals were signed in the window; that is all"
        yield Reason(code="window_count", text=text)


def _first_use(case: _Case) -> Iterator[Reason]:
    left = case.rule.first_use_amount - case.facts.window.first_use_amount
    if case.facts.is_first_use and case.facts.amount > left:
        text = f"{case.show(max(left, 0))} are left in the window for first-use recipients"
        yield Reason(code="first_use", text=text)


def _unlisted(to: Address, pool: Pool) -> Iterator[Reason]:
    if pool.allow and to not in pool.allow:
        text = f"{to} is not among the destinations that pool {pool.name} allows"
        yield Reason(code="not_allowed", text=text)
    if to in pool.deny:
        yield Reason(code="denied", text=f"{to} is denied by pool {pool.name}")


def _not_a_person(to: Address, law: Law, pool: Pool) -> Iterator[Reason]:
    chain = law.chain(pool.chain)
    if to == NATIVE:
        yield Reason(code="not_a_person", text="nobody holds the zero address")
    ours = law.wallet_at(chain.chain_id, to) if chain else None
    if ours is not None:
        text = f"{to} is our own wallet {ours.name}; a withdrawal goes to somebody else"
        yield Reason(code="own_wallet", text=text)
    asset = law.asset_at(chain.chain_id, to) if chain else None
    if asset is not None and not asset.is_native:
        text = f"{to} is the contract of {asset.symbol}; money sent there is lost"
        yield Reason(code="not_a_person", text=text)


def _balance(case: _Case) -> Iterator[Reason]:
    if case.facts.balance is None:
        yield Reason(code="balance_unknown", text="the wallet's balance is unknown")
        return
    if case.facts.cost > case.facts.balance:
        text = f"the wallet holds {case.show(case.facts.balance)} only; wait for a refill"
        yield Reason(code="balance_short", text=text)
    most = case.facts.balance * case.rule.balance_percent
    if case.facts.amount * _ALL_PERCENT > most:
        text = f"more than {case.rule.balance_percent} percent of the wallet's balance"
        yield Reason(code="balance_percent", text=text)


WITHDRAWAL_LIMITS: tuple[Limit, ...] = (
    Limit("amount", Side.BOTH, _amount_is_real),
    Limit("per_transfer", Side.BOTH, _per_transfer),
    Limit("window_amount", Side.BOTH, _window_amount),
    Limit("window_count", Side.BOTH, _window_count),
    Limit("first_use", Side.BOTH, _first_use),
    Limit("balance", Side.DAEMON_ONLY, _balance),
)

_FOR_GOOD = frozenset(
    {
        "no_withdrawal_rule",
        "nothing_moves",
        "per_transfer",
        "not_allowed",
        "denied",
        "listed",
        "own_wallet",
        "not_a_person",
    }
)
