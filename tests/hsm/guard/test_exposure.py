"""A search for strategies that take more than `exposure` prints, against the real signer's rules.

The thief has the daemon's socket for the reaction time of the figure, and all the time before it
to prepare: it pays dust to its own addresses, so that they are no longer new. Then it draws
amounts, fees and the order of its acts; the greedy one always asks for the most. What it took is
read from raw bytes alone: outgoing amounts, and the dearest attempt of every nonce.
"""

from __future__ import annotations

import random
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from hsm.transaction import read_back
from hsm.wire.answers import Fees
from hsm.wire.fields import blob
from hsm.wire.message import Answer, Result
from policies.exposure import REACTION_S, ExposureFacts, Threat, exposures
from policies.law import Law
from policies.terms import NATIVE, Purpose, TransferTerms
from tests.fakes.clock import FakeClock
from tests.fakes.vault_room import VaultRoom
from tests.laws import ETH, address_of, make_law

HOT = ("hot-a", "hot-b")
THIEVES = tuple(address_of(f"thief {number}") for number in range(3))
OURS = {address_of(name) for name in (*HOT, "vault", "sponsor")}
DEAREST = Fees(gas_limit=50_000, max_fee_per_gas=200 * 10**9, max_priority_fee_per_gas=200 * 10**9)
"""0.01 ETH, which is the sample law's ceiling."""
LAWS: dict[str, dict[str, object]] = {
    "sample": {},
    "short windows": {"pools.main.assets.ETH.withdrawal.window_s": 900},
    "few withdrawals": {"pools.main.assets.ETH.withdrawal.window_count": 3},
    "nobody holds": {"pools.main.assets.ETH.withdrawal.hold_above": "5 ETH"},
}


@pytest.fixture
def directory(tmp_path: Path) -> Iterator[Path]:
    """A directory in memory where there is one: thousands of commits, and nothing to keep."""
    shared = Path("/dev/shm")
    if not shared.is_dir():
        yield tmp_path
        return
    with tempfile.TemporaryDirectory(dir=shared) as name:
        yield Path(name)


@dataclass
class Loot:
    """What left, from raw bytes."""

    sent: int = 0
    fees: dict[tuple[str, int], int] = field(default_factory=dict)
    seen: set[bytes] = field(default_factory=set)

    def hear(self, answer: Answer) -> bool:
        """Count one answer; say whether it was signed."""
        if answer.result is not Result.SIGNED:
            return False
        found = read_back(blob(answer.body, "raw"))
        if found.hash in self.seen:
            return True
        self.seen.add(found.hash)
        place = (found.sender, found.transaction.nonce)
        if found.destination not in OURS and place not in self.fees:
            self.sent += found.amount
        cost = found.transaction.gas_limit * found.transaction.max_fee_per_gas
        self.fees[place] = max(cost, self.fees.get(place, 0))
        return True

    @property
    def total(self) -> int:
        """Return amounts and fees, in wei."""
        return self.sent + sum(self.fees.values())


class Thief:
    """Asks the signer as a stolen daemon can; `draw` chooses among what it may do."""

    def __init__(self, room: VaultRoom, seed: int, *, is_greedy: bool) -> None:
        self.room = room
        self.dice = random.Random(seed)
        self.is_greedy = is_greedy
        self.burns = False
        self.live = "hot-a"
        self.loot = Loot()
        self.orders: list[TransferTerms] = []

    def prepare(self) -> None:
        """Pay dust to every address of its own and wait until they are new no longer."""
        for thief in THIEVES:
            terms = self.room.order(Purpose.WITHDRAWAL, destination=thief, amount=1)
            assert Result.SIGNED is self.room.sign(terms).result
        self.room.clock.advance(86_401)

    def attack(self, for_s: int) -> int:
        """Take what can be taken within so many seconds; return what it was."""
        end = self.room.clock.unix() + for_s
        while True:
            self._burst()
            step = self._window_s() if self.is_greedy else self.dice.choice([1, 60, 300, 900])
            if self.room.clock.unix() + step > end:
                self.room.clock.advance(end - self.room.clock.unix())
                self._burst()
                return self.loot.total
            self.room.clock.advance(step)

    def _burst(self) -> None:
        acts: list[Callable[[], bool]] = [self._withdraw, self._sweep, self._bump, self._top_up]
        for _ in range(40 if self.is_greedy else 8):
            act = self._withdraw if self.is_greedy else self.dice.choice(acts)
            if not act() and self.is_greedy:
                break
        while self.burns and self._sweep():
            pass
        if not self.is_greedy and self.dice.random() < 0.1:
            self._swap()

    def _window_s(self) -> int:
        pool = self.room.law.pool("main")
        assert pool is not None
        return pool.withdrawals["ETH"].window_s

    def swap_at_the_end(self) -> None:
        """Isolate the empty wallet and go on with the next."""
        self._swap()

    def _withdraw(self) -> bool:
        sizes = [4 * ETH, 5 * ETH, 4 * ETH + 1, ETH, ETH // 3, 10**15, 1]
        if not self.is_greedy:
            sizes = [self.dice.choice(sizes)]
        return any(self._ask(Purpose.WITHDRAWAL, size) for size in sizes)

    def _sweep(self) -> bool:
        return self._ask(Purpose.SWEEP, 1)

    def _top_up(self) -> bool:
        return self._ask(Purpose.TOP_UP, ETH // 2)

    def _ask(self, purpose: Purpose, amount: int) -> bool:
        changes: dict[str, object] = {"amount": amount}
        if purpose is Purpose.WITHDRAWAL:
            changes["destination"] = self.dice.choice(THIEVES)
        if purpose is not Purpose.TOP_UP:
            changes["source"] = address_of(self.live)
        terms = self.room.order(purpose, **changes)
        self.orders.append(terms)
        return self.loot.hear(self.room.sign(terms, fees=DEAREST))

    def _bump(self) -> bool:
        if not self.orders:
            return False
        verb = self.dice.choice(["bump", "cancel"])
        return self.loot.hear(self.room.again(verb, self.dice.choice(self.orders), DEAREST))

    def _swap(self) -> None:
        spare = "hot-b" if self.live == "hot-a" else "hot-a"
        self.room.isolate(self.live)
        if self.room.call("activate", {"wallet": spare}).result is Result.OK:
            self.live = spare


def printed(law: Law, threat: Threat) -> int:
    """Return what `exposure` prints for a threat, in wei, sponsors included."""
    facts = ExposureFacts(law=law, active=frozenset({"hot-a"}))
    found = exposures(facts)
    return sum(f.at_most for f in found if f.threat is threat and f.symbol == "ETH")


@pytest.mark.parametrize("name", LAWS)
@pytest.mark.parametrize("seed", range(3))
def test_no_drawn_strategy_of_a_stolen_daemon_beats_the_figure(
    directory: Path, clock: FakeClock, name: str, seed: int
) -> None:
    """R2.14: whatever it asks for, in whatever order, the printed figure holds."""
    law = make_law(**LAWS[name]).law
    room = VaultRoom(directory, clock, law=law)
    thief = Thief(room, seed, is_greedy=False)
    thief.prepare()
    took = thief.attack(REACTION_S)
    room.close()

    assert 0 < took <= printed(law, Threat.STOLEN_DAEMON)


@pytest.mark.parametrize("name", LAWS)
def test_the_greediest_daemon_comes_near_the_figure_and_not_above(
    directory: Path, clock: FakeClock, name: str
) -> None:
    """R2.14: a bound that is far from what can be taken would say nothing; this one is close."""
    law = make_law(**LAWS[name]).law
    room = VaultRoom(directory, clock, law=law)
    thief = Thief(room, 1, is_greedy=True)
    thief.burns = name == "sample"
    thief.prepare()
    first = thief.attack(0)
    thief.swap_at_the_end()
    thief.attack(REACTION_S)
    room.close()
    most = printed(law, Threat.STOLEN_DAEMON)

    assert first < thief.loot.total <= most
    assert thief.loot.total > most * 0.5


@pytest.mark.parametrize("name", LAWS)
def test_a_payout_service_takes_the_active_wallets_windows(
    directory: Path, clock: FakeClock, name: str
) -> None:
    """R2.14: the daemon signs whatever it asks for, and no other wallet, no sweep, no swap."""
    law = make_law(**LAWS[name]).law
    room = VaultRoom(directory, clock, law=law)
    thief = Thief(room, 1, is_greedy=True)
    thief.prepare()
    thief.attack(REACTION_S)
    room.close()
    most = printed(law, Threat.CORRUPT_SERVICE)

    assert most * 0.9 < thief.loot.total <= most


def test_native_is_what_the_search_is_about() -> None:
    """The sample law lets no token out, so the native figure is the whole of it."""
    found = exposures(ExposureFacts(law=make_law().law, active=frozenset({"hot-a"})))
    loose = {f.symbol for f in found if f.threat is Threat.STOLEN_DAEMON}

    assert {"ETH"} == loose
    assert NATIVE not in THIEVES
