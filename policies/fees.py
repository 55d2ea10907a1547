"""EIP-1559 fees: what to bid, how to replace a bid, and what may never be exceeded.

A bid above a ceiling is refused, never lowered: a transaction that is quietly too cheap is stuck,
and a stuck nonce blocks the wallet. Fees count as total native cost,
gas limit times max fee per gas plus the layer-1 data fee. Prices are wei per gas, totals wei.
"""

from __future__ import annotations

from dataclasses import dataclass

from policies.law import Asset
from policies.terms import UINT256_MAX, Reason

NATIVE_GAS = 21_000
"""What a plain transfer of native coin to an address without code costs on an EVM chain."""

TOKEN_GAS = 150_000
"""Room for the `transfer` of common tokens, proxies and block lists included."""

_BASE_FEE_ROOM = 2
_BUMP_NUMERATOR, _BUMP_DENOMINATOR = 9, 8
_MEASURED_NUMERATOR, _MEASURED_DENOMINATOR = 5, 4


@dataclass(frozen=True, slots=True, kw_only=True)
class MarketFacts:
    """The price of gas now: the next block's base fee and the usual tip; `l1_fee` is a total."""

    base_fee: int
    priority_fee: int
    l1_fee: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Bid:
    """What one attempt offers for its inclusion."""

    gas_limit: int
    max_fee_per_gas: int
    max_priority_fee_per_gas: int
    l1_fee: int = 0

    @property
    def total(self) -> int:
        """Return the most that the attempt can cost, in wei."""
        return self.gas_limit * self.max_fee_per_gas + self.l1_fee


def gas_limit_for(
    asset: Asset, measured: int | None = None, *, is_to_contract: bool = False
) -> int:
    """Return the gas limit of a transfer; an estimate above the usual gets a quarter of room.

    Native coin `is_to_contract` runs that contract's code, which needs as much room as a token's.
    """
    usual = NATIVE_GAS if asset.is_native and not is_to_contract else TOKEN_GAS
    if measured is None or measured <= usual:
        return usual
    return _ceiling_division(measured * _MEASURED_NUMERATOR, _MEASURED_DENOMINATOR)


def make_bid(market: MarketFacts, gas_limit: int) -> Bid:
    """Bid twice the base fee plus the tip: still good after five full blocks in a row."""
    return Bid(
        gas_limit=gas_limit,
        max_fee_per_gas=_BASE_FEE_ROOM * market.base_fee + market.priority_fee,
        max_priority_fee_per_gas=market.priority_fee,
        l1_fee=market.l1_fee,
    )


def make_bump(previous: Bid, market: MarketFacts) -> Bid:
    """Replace a bid on the same nonce: both prices rise by 12.5 % at least, or to the market.

    Nodes ask for 10 % and strictly more, on both fields; some ask for 12.5 %.
    """
    fresh = make_bid(market, previous.gas_limit)
    return Bid(
        gas_limit=previous.gas_limit,
        max_fee_per_gas=max(_raised(previous.max_fee_per_gas), fresh.max_fee_per_gas),
        max_priority_fee_per_gas=max(
            _raised(previous.max_priority_fee_per_gas), fresh.max_priority_fee_per_gas
        ),
        l1_fee=max(previous.l1_fee, fresh.l1_fee),
    )


def make_urgent_bid(market: MarketFacts, gas_limit: int, *, times: int, max_fee: int) -> Bid:
    """Bid several times the market's price, tip and all, but no more than `max_fee` in all.

    For moves to safety that race with a thief on the same nonce: the dearer one is mined.
    """
    usual = make_bid(market, gas_limit)
    most = max(max_fee - usual.l1_fee, 0) // gas_limit
    price = min(times * usual.max_fee_per_gas, max(most, usual.max_fee_per_gas))
    return Bid(
        gas_limit=gas_limit,
        max_fee_per_gas=price,
        max_priority_fee_per_gas=max(price - _BASE_FEE_ROOM * market.base_fee, 0),
        l1_fee=usual.l1_fee,
    )


def make_counter_bid(previous: Bid, market: MarketFacts, *, max_fee: int) -> Bid:
    """Double a bid that a node called too low, as far as `max_fee` goes; else raise it a little."""
    bump = make_bump(previous, market)
    doubled = Bid(
        gas_limit=previous.gas_limit,
        max_fee_per_gas=max(2 * previous.max_fee_per_gas, bump.max_fee_per_gas),
        max_priority_fee_per_gas=max(
            2 * previous.max_priority_fee_per_gas, bump.max_priority_fee_per_gas
        ),
        l1_fee=bump.l1_fee,
    )
    return doubled if doubled.total <= max_fee else bump


def make_cancel(previous: Bid, market: MarketFacts) -> Bid:
    """Replace a bid by one for nothing to oneself, which needs only a plain transfer's gas."""
    bump = make_bump(previous, market)
    return Bid(
        gas_limit=NATIVE_GAS,
        max_fee_per_gas=bump.max_fee_per_gas,
        max_priority_fee_per_gas=bump.max_priority_fee_per_gas,
        l1_fee=bump.l1_fee,
    )


def judge_bid(bid: Bid, *, max_fee: int, fee_ceiling: int) -> tuple[Reason, ...]:
    """Say why a bid must not be signed; empty means that it may.

    `max_fee` comes from the signed terms, `fee_ceiling` from the law; both are totals in wei.
    """
    reasons = []
    values = (bid.gas_limit, bid.max_fee_per_gas, bid.max_priority_fee_per_gas, bid.l1_fee)
    if min(values) < 0 or max(values) > UINT256_MAX or bid.gas_limit < NATIVE_GAS:
        text = f"the fees are out of range; the least gas limit is {NATIVE_GAS}"
        reasons.append(Reason(code="fee_malformed", text=text))
    if bid.max_priority_fee_per_gas > bid.max_fee_per_gas:
        text = "the tip per gas is above the whole fee per gas; no node accepts that"
        reasons.append(Reason(code="tip_above_fee", text=text))
    if bid.total > max_fee:
        text = f"fees of {bid.total} wei exceed the {max_fee} wei of the signed terms"
        reasons.append(Reason(code="fee_above_terms", text=text))
    if bid.total > fee_ceiling:
        text = f"fees of {bid.total} wei exceed the law's ceiling of {fee_ceiling} wei"
        reasons.append(Reason(code="fee_above_ceiling", text=text))
    return tuple(reasons)


def judge_bump(previous: Bid, bump: Bid) -> tuple[Reason, ...]:
    """Say why a bid cannot replace another on the same nonce; empty means that it can."""
    pairs = (
        ("fee per gas", previous.max_fee_per_gas, bump.max_fee_per_gas),
        ("tip per gas", previous.max_priority_fee_per_gas, bump.max_priority_fee_per_gas),
    )
    return tuple(
        Reason(code="bump_too_small", text=f"the {name} must be {_raised(old)} wei at least")
        for name, old, new in pairs
        if new < _raised(old)
    )


def _raised(price: int) -> int:
    return max(_ceiling_division(price * _BUMP_NUMERATOR, _BUMP_DENOMINATOR), price + 1)


def _ceiling_division(dividend: int, divisor: int) -> int:
    return -(-dividend // divisor)
