"""Tokens as they are: is the contract that of the law, and did a transfer do what it said.

What a token's `transfer` returns proves nothing: some return nothing, some return false and move
the money, some return true and keep a part. A transfer is judged by what it logged and by what the
balances of both sides did. Every reason quarantines the asset: nothing moves toward exposure in it
until people have looked. Unknown is a reason too.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from policies.amounts import format_amount
from policies.law import Asset
from policies.terms import Address, Reason

# Tokens that keep shares round a unit or two; with fewer decimals a unit is money.
_ROUNDING = 2
_ROUNDING_FROM_DECIMALS = 6


@dataclass(frozen=True, slots=True, kw_only=True)
class TokenFacts:
    """What a token's contract says of itself at one block; `None` is unknown.

    `code` is the Keccak-256 of its code, empty when there is none; `behind` are the words in the
    storage slots in which proxies keep the address of their implementation.
    """

    asset: Address
    decimals: int | None
    symbol: str | None
    code: bytes | None
    behind: tuple[bytes | None, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Movement:
    """What one mined transfer of a token did, in base units; `None` is unknown.

    `logged` from source to destination; `left` the source and `arrived` at the destination as
    their balances tell, other transactions of the block taken out.
    """

    asked: int
    logged: int | None
    left: int | None
    arrived: int | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Spending:
    """What one mined transaction took out of a wallet, in base units by asset, fees apart.

    `is_sender`: the wallet itself sent it, and paid its fee.
    """

    is_sender: bool
    amounts: Mapping[Address, int]


def judge_token(
    asset: Asset, facts: TokenFacts, before: TokenFacts | None = None
) -> tuple[Reason, ...]:
    """Return why the contract is not the token of the law, or not the one that it was before."""
    if facts.code == b"":
        return (_reason("token_missing", f"{asset.symbol} has no contract at {asset.address}"),)
    reasons = []
    if facts.code is None or facts.decimals is None or facts.symbol is None or None in facts.behind:
        reasons.append(_reason("token_unknown", f"{asset.symbol} could not be read as a token"))
    if facts.decimals not in (None, asset.decimals):
        text = f"{asset.symbol} has {facts.decimals} decimals, the law says {asset.decimals}"
        reasons.append(_reason("token_decimals", text))
    if facts.symbol not in (None, asset.symbol):
        text = f"the law's {asset.symbol} calls itself {facts.symbol}"
        reasons.append(_reason("token_symbol", text))
    if before is not None:
        reasons += _changes(asset, facts, before)
    return tuple(reasons)


def judge_movement(asset: Asset, movement: Movement) -> tuple[Reason, ...]:
    """Return in what the transfer did something else than it was asked for."""
    found = {
        "token_logged": ("the log of the transfer says", movement.logged, 0),
        "token_left": ("the sender lost", movement.left, _rounding(asset)),
        "token_arrived": ("the recipient got", movement.arrived, _rounding(asset)),
    }
    reasons = []
    for code, (words, amount, slack) in found.items():
        if amount is None:
            reasons.append(_reason(code, f"{words} nothing that could be read"))
        elif abs(amount - movement.asked) > slack:
            was, asked = (
                format_amount(n, asset.symbol, asset.decimals) for n in (amount, movement.asked)
            )
            reasons.append(_reason(code, f"{words} {was} where {asked} was sent"))
    return tuple(reasons)


def _changes(asset: Asset, facts: TokenFacts, before: TokenFacts) -> list[Reason]:
    reasons = []
    if None not in (facts.code, before.code) and facts.code != before.code:
        reasons.append(_reason("token_code", f"the code of {asset.symbol} has changed"))
    pairs = zip(facts.behind, before.behind, strict=True)
    if any(None not in pair and pair[0] != pair[1] for pair in pairs):
        text = f"the implementation behind {asset.symbol} has changed"
        reasons.append(_reason("token_upgraded", text))
    return reasons


def _rounding(asset: Asset) -> int:
    return _ROUNDING if asset.decimals >= _ROUNDING_FROM_DECIMALS else 0


def _reason(code: str, text: str) -> Reason:
    return Reason(code=code, text=text)
