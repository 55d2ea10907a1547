"""Amounts between people and machines: "12.5 ETH" on one side, integer base units on the other.

Integers all the way: exponents, signs, separators and excess digits are
refused, because a misread amount is money.
"""

from __future__ import annotations

import re

from policies.terms import UINT256_MAX

MAX_DECIMALS = 27
_AMOUNT = re.compile(
    r"(?P<whole>[0-9]{1,78})(?:\.(?P<part>[0-9]{1,60}))?(?: (?P<symbol>\S{1,40}))?\Z"
)


class AmountError(ValueError):
    """The text is not an amount of the asset; the message says how to write it."""


def parse_amount(text: str, symbol: str, decimals: int) -> int:
    """Parse "12.5" or "12.5 ETH" into base units.

    Raises `AmountError` for another symbol, too many decimals, a sign, an exponent or overflow.
    """
    match = _AMOUNT.match(text)
    if match is None:
        msg = f'{text!r} is not an amount: write "12.5" or "12.5 {symbol}"'
        raise AmountError(msg)
    if match["symbol"] not in (None, symbol):
        msg = f"{text!r} is in {match['symbol']}, expected {symbol}"
        raise AmountError(msg)
    part = (match["part"] or "").rstrip("0")
    if len(part) > decimals:
        msg = f"{text!r} has more than the {decimals} decimals of {symbol}"
        raise AmountError(msg)
    unit: int = 10**decimals
    amount = int(match["whole"]) * unit + int(part.ljust(decimals, "0") or "0")
    if amount > UINT256_MAX:
        msg = f"{text!r} is larger than 2^256 - 1 base units"
        raise AmountError(msg)
    return amount


def format_amount(amount: int, symbol: str, decimals: int) -> str:
    """Write base units as "12.5 ETH", exactly: no rounding, no trailing zeros, no separators."""
    sign, magnitude = ("-", -amount) if amount < 0 else ("", amount)
    whole, part = divmod(magnitude, 10**decimals)
    digits = str(part).rjust(decimals, "0").rstrip("0") if decimals else ""
    number = f"{whole}.{digits}" if digits else str(whole)
    return f"{sign}{number} {symbol}"
