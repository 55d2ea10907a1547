"""A day of random traffic over several chains, pools and assets: books and chains agree."""

from __future__ import annotations

import gc
import threading
import tracemalloc
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing
from datetime import datetime
from pathlib import Path

import pytest

from policies.lifecycles import TransferState, WithdrawalState
from policies.terms import Purpose, Stamp
from tests.fakes.wide import Wide
from treasury.chain.errors import UnavailableError
from treasury.lanes import Lane
from treasury.ticks import money_tick, watch_tick
from treasury.world import World

pytestmark = pytest.mark.usefixtures("quiet")
DAY_S = 86_400
ROUND_S = 300
_MEGABYTE = 2**20


@pytest.fixture
def wide(directory: Path) -> Iterator[Wide]:
    """Three chains, two pools on each, four assets in each pool."""
    with closing(Wide(directory, chains=3, seed=20_260_102)) as made:
        yield made


def _require_agreement(wide: Wide) -> Counter[str]:
    """Books, chains and observations agree, and whatever was asked for was paid once."""
    assert [] == wide.differences()
    moved = [t for chain_id in wide.chains for t in wide.transfers(chain_id)]
    assert {TransferState.CONFIRMED} >= {t.state for t in moved if t.purpose is not Purpose.REFILL}
    asked = wide.withdrawals()
    assert wide.asked == len(asked)
    assert {WithdrawalState.PAID} == {withdrawal.state for withdrawal in asked}
    paid = Counter((t.chain_id, t.destination, t.asset, t.amount) for t in moved)
    wanted = Counter((w.chain_id, w.destination, w.asset, w.amount) for w in asked)
    assert wanted == paid & wanted
    assert len(asked) == sum(t.purpose is Purpose.WITHDRAWAL for t in moved)
    return Counter(f"{t.purpose.value} {t.state.value}" for t in moved)


@pytest.mark.slow
def test_an_hour_over_three_chains_agrees_to_the_wei(wide: Wide) -> None:
    """Per wallet and asset, ledger, chain and observation say the same in the end."""
    for _ in range(12):
        wide.traffic()
        wide.round(ROUND_S)
    wide.settle()

    found = _require_agreement(wide)
    assert min(found[f"{purpose} CONFIRMED"] for purpose in ("refill", "sweep", "withdrawal")) > 0


@pytest.mark.soak
def test_a_day_over_three_chains_agrees_to_the_wei(wide: Wide) -> None:
    """The same for a whole day, and the memory of our own code stays flat."""
    tracemalloc.start()
    sizes = []
    for number in range(DAY_S // ROUND_S):
        wide.traffic()
        wide.round(ROUND_S)
        if number % 48 == 47:
            sizes.append(_own_memory())
    wide.settle()
    tracemalloc.stop()

    found = _require_agreement(wide)
    print(f"\nasked for {wide.asked}; {dict(found)}; own memory in MiB: {sizes}")
    assert max(sizes[2:]) - sizes[1] < 2


def _own_memory() -> float:
    """Return the MiB that our own code and its libraries hold, without the chains in memory."""
    gc.collect()
    snapshot = tracemalloc.take_snapshot().filter_traces(
        [tracemalloc.Filter(inclusive=False, filename_pattern="*/tests/*")]
    )
    return round(sum(s.size for s in snapshot.statistics("filename")) / _MEGABYTE, 2)


def test_a_stuck_endpoint_delays_no_other_chain(directory: Path) -> None:
    """Both lanes of one chain hang in a call; the other chain goes on paying meanwhile."""
    with closing(Wide(directory, chains=2, seed=1)) as wide:
        stuck, sound = wide.chains
        _pay(wide, stuck, rounds=1)
        wire = _HangingWire()
        wide.chains[stuck].head = wire.ask  # type: ignore[method-assign]
        lanes = [_lane(wide, stuck, watch_tick), _lane(wide, stuck, money_tick)]
        for lane in lanes:
            lane.start()
        for _ in lanes:
            assert wire.asked.acquire(timeout=10)
        try:
            _pay(wide, sound, rounds=8)
            states = {w.chain_id: w.state for w in wide.withdrawals()}
            assert WithdrawalState.PAID is states[sound]
            assert WithdrawalState.QUEUED is states[stuck]
            _require_noticed(lanes)
        finally:
            wire.free.set()
            assert all(lane.stop(10) for lane in lanes)
        assert [None, None] == [lane.failure for lane in lanes]


def _require_noticed(lanes: Sequence[Lane]) -> None:
    """Require that lanes which hang are past their deadline soon, however fast the others were."""
    patience = threading.Event()
    for _ in range(100):
        if not any(lane.is_alive() for lane in lanes):
            return
        patience.wait(0.05)
    raise AssertionError("a lane hangs and says that it is alive")


class _HangingWire:
    """A question that gets no answer before `free` is set, and then a failure."""

    def __init__(self) -> None:
        self.free = threading.Event()
        self.asked = threading.Semaphore(0)

    def ask(self) -> Stamp:
        self.asked.release()
        self.free.wait(60)
        raise UnavailableError("the node did not answer")


def _lane(wide: Wide, chain_id: int, tick: Callable[[World, datetime], object]) -> Lane:
    world = wide.worlds[chain_id]
    return Lane(
        f"{tick.__name__}:{chain_id}",
        lambda: tick(world, wide.clock()),
        interval_s=0.05,
        deadline_s=0.2,
    )


def _pay(wide: Wide, chain_id: int, *, rounds: int) -> None:
    """Let one customer ask on one chain, and tick its lanes."""
    world = wide.worlds[chain_id]
    wide.ask(next(p for p in wide.law.pools if p.chain == world.settings.name))
    for _ in range(rounds):
        watch_tick(world, wide.clock())
        money_tick(world, wide.clock())
        wide.chains[chain_id].mine()
        wide.clock.advance(12)
