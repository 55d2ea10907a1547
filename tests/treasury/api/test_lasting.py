"""Runway as people and programs read it."""

from __future__ import annotations

import pytest

from policies.terms import NATIVE
from tests.laws import ETH, address_of, make_law
from treasury.api.lasting import lasting
from treasury.briefing.pace import Pace

LAW = make_law().law
HOT = address_of("hot-a")
BAND = LAW.pools[0].bands["ETH"]
COIN = LAW.asset("devnet", "ETH")


@pytest.mark.parametrize(
    ("balance", "per_h", "hours", "text"),
    [
        (60 * ETH, 10 * ETH, 4.0, "4 h"),
        (25 * ETH, 9 * ETH, 0.5, "0.5 h"),
        (20 * ETH, 9 * ETH, 0.0, "0 h"),
        (3 * ETH, 9 * ETH, 0.0, "0 h"),
        (60 * ETH, 0, None, "no outflow"),
        (None, 9 * ETH, None, "unknown"),
        (60 * ETH, None, None, "unmeasured"),
    ],
)
def test_runway_is_the_hours_left_above_the_floor(
    balance: int | None, per_h: int | None, hours: float | None, text: str
) -> None:
    """Rounded down to tenths; where there is none to tell, the text says why."""
    assert COIN is not None
    pace = Pace(is_measured=per_h is not None, outflows={(HOT, NATIVE): per_h or 0})

    found = lasting(pace, HOT, COIN, BAND, balance=balance)

    assert (hours, text) == (found["runway_h"], found["runway_text"])


def test_what_has_no_band_has_no_runway() -> None:
    """A vault, or an asset that the pool does not keep within a band."""
    assert COIN is not None
    assert {} == lasting(Pace(), None, COIN, BAND, balance=1)
    assert {} == lasting(Pace(), HOT, COIN, None, balance=1)
