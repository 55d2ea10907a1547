"""Columns: amounts keep every digit and sort as numbers; JSON has one form."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy.dialects import sqlite

from policies.terms import UINT256_MAX
from treasury.ledger.columns import WEI_DIGITS, WeiText, canonical_json

DIALECT = sqlite.dialect()
WEI = WeiText()
AMOUNTS = st.integers(0, UINT256_MAX)


@given(AMOUNTS)
def test_every_amount_comes_back(amount: int) -> None:
    """From one base unit to 2^256 - 1, in 78 digits."""
    stored = WEI.process_bind_param(amount, DIALECT)

    assert stored is not None
    assert (WEI_DIGITS, amount) == (len(stored), WEI.process_result_value(stored, DIALECT))


@given(AMOUNTS, AMOUNTS)
def test_text_sorts_as_numbers_do(one: int, other: int) -> None:
    """The database can compare what it cannot count."""
    texts = [WEI.process_bind_param(amount, DIALECT) or "" for amount in (one, other)]

    assert (one < other) == (texts[0] < texts[1])


@pytest.mark.parametrize("bad", [-1, UINT256_MAX + 1, 1.0, "1", True])
def test_no_other_amount_is_stored(bad: object) -> None:
    """Negative, too large, float, text and bool are refused."""
    with pytest.raises(ValueError, match="not an amount"):
        WEI.process_bind_param(bad, DIALECT)  # type: ignore[arg-type]


def test_equal_facts_are_equal_text() -> None:
    """Key order and spacing do not matter, and nothing but ASCII is written."""
    assert '{"a":["\\u00e4",1],"b":null}' == canonical_json({"b": None, "a": ["ä", 1]})
