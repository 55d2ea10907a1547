"""Amounts between people and machines: exact, or refused."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from policies.amounts import MAX_DECIMALS, AmountError, format_amount, parse_amount
from policies.terms import UINT256_MAX

SYMBOLS = st.from_regex(r"[A-Za-z0-9][A-Za-z0-9._-]{0,39}", fullmatch=True)


@pytest.mark.parametrize(
    ("text", "decimals", "expected"),
    [
        ("12.5", 18, 12_500_000_000_000_000_000),
        ("12.5 ETH", 18, 12_500_000_000_000_000_000),
        ("0", 18, 0),
        ("0.000000000000000001", 18, 1),
        ("007", 0, 7),
        ("1.000", 0, 1),
        ("1.10", 1, 11),
        (str(UINT256_MAX), 0, UINT256_MAX),
    ],
)
def test_what_people_write_is_read_exactly(text: str, decimals: int, expected: int) -> None:
    """Digits, one optional point, one optional symbol; trailing zeros are harmless."""
    assert expected == parse_amount(text, "ETH", decimals)


@pytest.mark.parametrize(
    "text",
    [
        "",
        " 1",
        "1 ",
        "-1",
        "+1",
        "1e3",
        "1,000",
        "1_000",
        "1.",
        ".5",
        "0x10",
        "1  ETH",
        "1\tETH",
        "1 ETH\n",
        "1\n",
        "١٢",
        "\uff11\uff12",
        "NaN",
        "inf",
        "1 ETH ETH",
        "1" * 79,
    ],
)
def test_what_could_be_misread_is_refused(text: str) -> None:
    """Signs, exponents, separators, blanks and foreign digits are no amounts."""
    with pytest.raises(AmountError, match=r'is not an amount: write "12.5" or "12.5 ETH"'):
        parse_amount(text, "ETH", 18)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("1 USDC", "'1 USDC' is in USDC, expected ETH"),
        ("1 eth", "'1 eth' is in eth, expected ETH"),
        ("0.1234567", "'0.1234567' has more than the 6 decimals of ETH"),
        (str(UINT256_MAX), "is larger than 2^256 - 1 base units"),
    ],
)
def test_another_symbol_too_many_decimals_and_overflow(text: str, message: str) -> None:
    """An amount in another asset, finer than its unit, or too large is refused."""
    with pytest.raises(AmountError) as caught:
        parse_amount(text, "ETH", 6)

    assert message in str(caught.value)


@pytest.mark.parametrize(
    ("amount", "decimals", "expected"),
    [
        (0, 18, "0 ETH"),
        (1, 18, "0.000000000000000001 ETH"),
        (12_500_000_000_000_000_000, 18, "12.5 ETH"),
        (10**21, 18, "1000 ETH"),
        (15, 0, "15 ETH"),
        (-15, 1, "-1.5 ETH"),
    ],
)
def test_machines_write_exactly(amount: int, decimals: int, expected: str) -> None:
    """Nothing is rounded, no zero is padded, no thousand is separated."""
    assert expected == format_amount(amount, "ETH", decimals)


@settings(max_examples=300, deadline=None)
@given(st.integers(0, UINT256_MAX), st.integers(0, MAX_DECIMALS), SYMBOLS)
def test_whatever_is_written_is_read_back(amount: int, decimals: int, symbol: str) -> None:
    """R4.16: every amount of every unit survives the way to people and back, to the base unit."""
    assert amount == parse_amount(format_amount(amount, symbol, decimals), symbol, decimals)


@settings(max_examples=300, deadline=None)
@given(st.text(max_size=30), st.integers(0, MAX_DECIMALS))
def test_no_text_breaks_the_parser(text: str, decimals: int) -> None:
    """R6.7: any text is an amount within bounds or an `AmountError`."""
    try:
        amount = parse_amount(text, "ETH", decimals)
    except AmountError:
        return
    assert 0 <= amount <= UINT256_MAX
