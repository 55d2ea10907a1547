"""The belt end to end, without crashes: balances outside their band come back into it."""

from __future__ import annotations

from pathlib import Path

import pytest

from policies.lifecycles import RefillState
from tests.fakes.belt import Belt
from tests.laws import ETH, address_of


@pytest.fixture
def belt(directory: Path, quiet: None) -> Belt:
    """A belt whose active hot wallet is below its floor."""
    return Belt(directory)


def test_a_refill_settles_with_two_approvals(belt: Belt) -> None:
    """Below the floor, two treasurers sign, and the wallet is at its target."""
    refill = belt.settle_one()

    assert RefillState.SETTLED is refill.state
    assert 60 * ETH == belt.chain.balance(address_of("hot-a"))
    assert 1 == belt.paid("vault", address_of("hot-a"))
