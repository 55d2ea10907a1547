"""What a patient insider may take, and a search for one who takes more."""

from __future__ import annotations

from math import exp
from random import Random

import pytest

from policies.outflow import Outflow, Verdict, WalletWatch
from policies.outflow.patience import patient_day
from policies.outflow.state import from_bytes, to_bytes

START = 1_600_000_200
DAY_S = 86_400
DAYS = 40


@pytest.fixture(scope="module")
def learned() -> bytes:
    """A wallet of sixty payments a day after forty days, stored."""
    dice, watch = Random(5), WalletWatch()
    regulars = [f"0x{dice.getrandbits(160):040x}" for _ in range(40)]
    for step in range(60 * DAYS):
        to = f"0x{dice.getrandbits(160):040x}" if dice.random() < 0.3 else dice.choice(regulars)
        time = START + step * DAY_S // 60
        watch.judge(Outflow(time, to, "ETH", exp(dice.gauss(0.0, 1.2))))
    return to_bytes(watch)


def _taken(watch: WalletWatch, amounts: list[float], dice: Random) -> float:
    """Return what leaves to newcomers, evenly over a day, until the first hold."""
    taken = 0.0
    for index, amount in enumerate(amounts):
        time = START + DAYS * DAY_S + index * DAY_S // len(amounts)
        to = f"0x{dice.getrandbits(160):040x}"
        if watch.judge(Outflow(time, to, "ETH", amount)).verdict >= Verdict.HOLD:
            break
        taken += amount
    return taken


@pytest.mark.parametrize("seed", range(24))
def test_no_patient_insider_beats_the_figure(learned: bytes, seed: int) -> None:
    """Whatever sizes and counts he tries, less leaves in a day than was said."""
    dice = Random(f"insider-{seed}")
    watch = from_bytes(learned)
    said = patient_day(watch, "ETH").to_newcomers
    middle, spread = dice.uniform(-3.0, 5.0), dice.choice([0.0, 0.3, 1.0])
    amounts = [exp(dice.gauss(middle, spread)) for _ in range(dice.choice([3, 12, 60, 400]))]

    assert said is not None
    assert _taken(watch, amounts, dice) <= said


def test_the_figure_is_of_use(learned: bytes) -> None:
    """It is below sixteen usual days, and one who goes for it gets a good part of it."""
    watch = from_bytes(learned)
    said = patient_day(watch, "ETH").to_newcomers
    dice = Random("greedy")
    best = max(_taken(from_bytes(learned), [size] * 200, dice) for size in (2.0, 6.0, 12.0, 20.0))

    assert said is not None
    assert said < 16 * 60 * exp(0.72)
    assert best > said / 30


def test_explicit_windows_bound_what_nothing_learned_does(learned: bytes) -> None:
    """An asset that was never seen is bounded by the explicit limit alone."""
    watch = from_bytes(learned)

    assert patient_day(watch, "0x" + "aa" * 20).to_newcomers is None
    assert patient_day(watch, "0x" + "aa" * 20, limit=7.0).to_newcomers == 7.0
    assert patient_day(watch, "ETH", limit=0.5).to_acquaintances == 0.5
    assert patient_day(WalletWatch(), "ETH", limit=3.0).to_newcomers == 3.0
