"""Real payment wallets of 2017, paid again: never empty, never above the cap."""

from __future__ import annotations

from contextlib import closing
from pathlib import Path

import pytest

from tests.fakes.replay import Replay, read_payouts

pytestmark = pytest.mark.usefixtures("quiet")
_DATA = Path(__file__).parents[1] / "data"
CALM = _DATA / "outflow" / "mainnet_2017_payouts.csv.gz"
BUSY = _DATA / "payouts_2017" / "busy_wallets.csv.gz"
MINING_POOL = "0x61c808d82a3ac53231750dadc13c777b59310bd9"
HALF_AN_HOUR_S = 1800


def _require_sound(replay: Replay) -> None:
    print(f"\n{replay.report()}")
    assert 0 == replay.held()
    assert [] == replay.differences()
    for course in replay.courses.values():
        assert course.least > 0
        assert course.most <= course.cap


@pytest.mark.slow
def test_ten_wallets_of_2017_for_half_an_hour(directory: Path) -> None:
    """Every payout is paid; no wallet is ever empty or, in flight included, above its cap."""
    payouts = [p for p in read_payouts(CALM) if p.payer != MINING_POOL]
    start = payouts[0].at
    few = [p for p in payouts if p.at - start < HALF_AN_HOUR_S]
    with closing(Replay(directory, few)) as replay:
        assert len(replay.names) > 9
        replay.play()
        _require_sound(replay)


@pytest.mark.soak
def test_nineteen_wallets_of_2017(directory: Path) -> None:
    """The same for all nineteen, over almost nine hours."""
    with closing(Replay(directory, read_payouts(CALM, BUSY))) as replay:
        assert 19 == len(replay.names)
        replay.play()
        _require_sound(replay)
