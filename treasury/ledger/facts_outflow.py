"""Frozen facts about judged outflow."""

from __future__ import annotations

from dataclasses import dataclass

from policies.terms import Address, Reason


@dataclass(frozen=True, slots=True, kw_only=True)
class JudgedOutflow:
    """What left or asked to leave, and how it was judged; `verdict` is the rung's word.

    `size` is the amount in billionths of the law's limit for one withdrawal, so that sizes of
    different assets compare; `at` is unix, `amount` base units, `score` decades as a decimal text.
    `balance` is what the paying wallet held of the asset at the newest look before, in base units;
    None: nobody knew.
    """

    id: int
    subject: str
    pool: str
    wallet: str
    at: int
    recipient: Address
    asset: Address
    amount: int
    size: int
    is_first_use: bool
    verdict: str
    score: str
    reasons: tuple[Reason, ...]
    balance: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Learned:
    """What a pool's watch had learned up to and including the outflow of that number."""

    upto_id: int
    state: str
