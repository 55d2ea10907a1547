"""A token is trusted while its contract and its transfers do what the law and the order say."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from policies.crypto import checksum_address
from policies.law import Asset
from policies.tokens import Movement, TokenFacts, judge_movement, judge_token

ADDRESS = checksum_address(b"\x70" * 20)
EURO = Asset(chain="devnet", symbol="EUR", address=ADDRESS, decimals=6)
WHOLE = Asset(chain="devnet", symbol="ONE", address=ADDRESS, decimals=0)
EMPTY = bytes(32)
FACTS = TokenFacts(
    asset=ADDRESS, decimals=6, symbol="EUR", code=b"\x01" * 32, behind=(EMPTY, EMPTY, EMPTY)
)


def _codes(facts: TokenFacts, before: TokenFacts | None = None) -> list[str]:
    return [reason.code for reason in judge_token(EURO, facts, before)]


def test_the_token_of_the_law_is_trusted() -> None:
    """R4.16: decimals and symbol as in the law, code as before: no reason."""
    assert judge_token(EURO, FACTS) == ()
    assert judge_token(EURO, FACTS, FACTS) == ()


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        ({"decimals": 18}, ["token_decimals"]),
        ({"symbol": "EURO"}, ["token_symbol"]),
        ({"decimals": 0, "symbol": "eur"}, ["token_decimals", "token_symbol"]),
        ({"code": b"", "decimals": None, "symbol": None}, ["token_missing"]),
        ({"code": None}, ["token_unknown"]),
        ({"decimals": None}, ["token_unknown"]),
        ({"symbol": None}, ["token_unknown"]),
        ({"behind": (None, EMPTY, EMPTY)}, ["token_unknown"]),
    ],
)
def test_a_token_that_differs_or_is_unknown_is_quarantined(
    change: dict[str, object], expected: list[str]
) -> None:
    """R4.16: every difference from the law is a reason, and so is what cannot be read."""
    assert _codes(replace(FACTS, **change)) == expected  # type: ignore[arg-type]


def test_another_implementation_is_a_reason() -> None:
    """R4.10: code or what stands behind a proxy changed; what was unknown before says nothing."""
    upgraded = replace(FACTS, behind=(b"\x02" * 32, EMPTY, EMPTY))
    assert _codes(upgraded, FACTS) == ["token_upgraded"]
    assert _codes(replace(FACTS, code=b"\x09" * 32), FACTS) == ["token_code"]
    assert _codes(upgraded, replace(FACTS, behind=(None, EMPTY, EMPTY))) == []


def test_reasons_name_the_token_and_the_difference() -> None:
    """A person reads what is wrong."""
    (reason,) = judge_token(EURO, replace(FACTS, decimals=18))
    assert reason.text == "EUR has 18 decimals, the law says 6"


def test_a_transfer_that_did_what_it_said_is_trusted() -> None:
    """R4.10: log and both balances agree; rounding by two units is the token's habit."""
    exact = Movement(asked=10**6, logged=10**6, left=10**6, arrived=10**6)
    assert judge_movement(EURO, exact) == ()
    assert judge_movement(EURO, replace(exact, left=10**6 - 2, arrived=10**6 + 2)) == ()


def test_a_unit_of_an_indivisible_token_is_not_rounding() -> None:
    """With no decimals, two units are two whole tokens."""
    short = Movement(asked=10, logged=10, left=10, arrived=9)
    assert [r.code for r in judge_movement(WHOLE, short)] == ["token_arrived"]


def test_a_fee_on_transfer_is_told_in_amounts() -> None:
    """The reason says what arrived and what was sent."""
    taxed = Movement(asked=10**6, logged=990_000, left=10**6, arrived=990_000)
    assert [reason.text for reason in judge_movement(EURO, taxed)] == [
        "the log of the transfer says 0.99 EUR where 1 EUR was sent",
        "the recipient got 0.99 EUR where 1 EUR was sent",
    ]


@given(
    asked=st.integers(1, 2**200),
    amounts=st.tuples(*[st.none() | st.integers(-(2**200), 2**200)] * 3),
)
def test_unknown_or_different_is_never_trusted(
    asked: int, amounts: tuple[int | None, int | None, int | None]
) -> None:
    """No reason means that log and balances are known and right within rounding."""
    logged, left, arrived = amounts
    movement = Movement(asked=asked, logged=logged, left=left, arrived=arrived)
    if judge_movement(EURO, movement) == ():
        assert logged == asked
        assert left is not None
        assert arrived is not None
        assert max(abs(left - asked), abs(arrived - asked)) <= 2
