"""One run: a seed becomes a schedule of ticks, people, thieves, weather and deaths.

    run_seed(7)                      # returns a `Report`; raises nothing: see `report.failure`

Safety: for some rounds anything may happen, and the judge looks after every step. Liveness: then
the faults stop, people approve whatever waits, and within `MOST_ROUNDS` everything must be over,
unless a thief has been at work: then what touches the robbed wallet may honestly wait.
"""

from __future__ import annotations

import gc
import logging
import traceback
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import structlog

from hsm.book import orders as book_orders
from policies.lifecycles import RefillState, TransferState, WithdrawalState
from policies.terms import NATIVE, MotionKind, Purpose
from tests.fakes.chain import GWEI
from tests.laws import ETH, USDC, address_of
from tests.simulation.dice import Dice
from tests.simulation.finality import Finality
from tests.simulation.judge import Judge, Violation
from tests.simulation.people import People
from tests.simulation.world import CHAIN_ID, USD_COIN, WALLETS, SimulatedWorld, template, world_of
from treasury.ledger.facts import Transfer, Withdrawal
from treasury.ledger.queries import refills, requests, transfers

MOST_ROUNDS = 40
_BROKEN_ROUNDS = 8
_MOST_PAYOUTS = 5
_OPEN_PAYOUTS = (WithdrawalState.ACCEPTED, WithdrawalState.HELD, WithdrawalState.QUEUED)


@dataclass(frozen=True, slots=True, kw_only=True)
class Report:
    """What became of one seed; `failure` is empty when every promise was kept."""

    seed: int
    digest: str
    failure: str
    seen: Counter[str]
    edges: frozenset[str]
    events: tuple[str, ...] = ()

    @property
    def replay(self) -> str:
        """Return the command that shows the same run again."""
        return f"python -m tests.simulation --seed {self.seed}"


def settle_memory() -> None:
    """Let the collector pass by what stays for ever, and come seldom: a play leaves little."""
    template()
    gc.collect()
    gc.freeze()
    gc.set_threshold(50_000, 20, 100)


def run_seed(seed: int, *, keeps_events: bool = False) -> Report:
    """Play one seed from the first block to the end, in files of its own."""
    dice = Dice(seed)
    dice.keeps_events = keeps_events
    failure, judge = "", None
    with _quiet(), world_of(dice) as world:
        game = Game(world)
        judge = game.judge
        try:
            game.play()
        except Violation as violation:
            failure = str(violation)
        except Exception:  # noqa: BLE001 - a station must never raise
            failure = traceback.format_exc()
    return Report(
        seed=seed,
        digest=dice.digest,
        failure=failure,
        seen=dice.seen,
        edges=frozenset(judge.edges),
        events=tuple(dice.events),
    )


class Game:
    """One run in one world."""

    def __init__(self, world: SimulatedWorld) -> None:
        """Take the places."""
        self.world = world
        self.dice = world.dice
        self.people = People(world)
        self.judge = Judge(world, self.people)
        self.finality = Finality(world)
        self.has_thief = self.dice.chance(0.25)
        self.dice.weather = self.dice.pick((0.3, 1.0, 1.0, 2.0))

    def play(self) -> None:
        """Play all of it."""
        for _ in range(self.dice.between(12, 24)):
            self._round()
        if self.finality.is_broken:
            self._calm_rounds(_BROKEN_ROUNDS)
            self.judge.judge_broken_end()
        else:
            self.settle()
            self.judge.judge_end()

    # --- safety ---

    def _round(self) -> None:
        if self.dice.chance(0.9):
            with self.finality.watched():
                self.world.watch()
            self.judge.look()
        self._people_act()
        self.judge.look()
        if self.dice.chance(0.9):
            self.world.money()
            self.judge.look()
        self._sea_acts()
        self._processes_act()
        self.judge.look()
        self.world.advance(self.dice.pick((1, 6, 12, 12, 12, 40, 100)))
        if self.dice.happens("an_hour_without_us", 0.03):
            self.world.advance(4_000)

    def _people_act(self) -> None:
        people, dice = self.people, self.dice
        for _ in range(dice.between(0, 3)):
            people.approve_something()
        if dice.chance(0.4) and len(people.payouts) < _MOST_PAYOUTS:
            if dice.chance(0.15):
                people.ask_alike()
            else:
                people.ask_payout(large=dice.chance(0.25))
        if dice.chance(0.2):
            people.ask_blindly_again()
        if dice.chance(0.04):
            people.take_back_payout()
        if dice.chance(0.04):
            people.veto_something()
        if dice.chance(0.15) and self.world.is_halted():
            people.resume()
        self._people_fear()
        self._people_decide()

    def _people_decide(self) -> None:
        if self.dice.chance(0.03):
            self.people.move_something()
        if self.dice.chance(0.02):
            self.people.veto_motion()
        if self.dice.chance(0.03):
            self.people.propose_refill()

    def _people_fear(self) -> None:
        if self.dice.happens("person_halts", 0.02):
            self.people.halt()
        if self.dice.happens("person_isolates", 0.02):
            self.people.isolate(self.dice.pick(("hot-a", "hot-b")))

    def _sea_acts(self) -> None:
        sea, dice = self.world.sea, self.dice
        if dice.chance(0.85):
            sea.mine(dice.pick((1, 1, 1, 2, 3)))
        if dice.happens("reorg", 0.08):
            sea.reorg(dice.between(1, 2))
        if dice.happens("reorg_forgets", 0.05):
            sea.reorg(dice.between(1, 2), keep=False)
        if dice.happens("chain_takes_back_what_is_final", 0.003):
            self.finality.break_it(dice.between(3, 6), keep=dice.chance(0.7))
        if dice.happens("mempool_forgets", 0.06):
            sea.drop_mempool()
        sea.is_down = dice.happens("node_down", 0.05)
        sea.lag = dice.pick((1, 2)) if dice.happens("node_lags", 0.08) else 0
        sea.paused = {USD_COIN} if dice.happens("token_paused", 0.05) else set()
        self._market_moves()
        if self.has_thief:
            self._thief_acts()

    def _market_moves(self) -> None:
        sea, dice = self.world.sea, self.dice
        if dice.happens("fees_jump", 0.10):
            sea.base_fee = GWEI * dice.pick((3, 10, 40, 200))
        elif dice.chance(0.4):
            sea.base_fee = max(GWEI, sea.base_fee // 3)
        if dice.chance(0.08):
            self._deposit()

    def _deposit(self) -> None:
        sea, dice = self.world.sea, self.dice
        dice.seen["deposit"] += 1
        hot = address_of(dice.pick(("hot-a", "hot-b")))
        amount, asset = dice.pick(
            ((60 * ETH, NATIVE), (90 * ETH, NATIVE), (50_000 * USDC, USD_COIN))
        )
        sea.steal(address_of("outside"), hot, amount, asset)

    def _thief_acts(self) -> None:
        sea, dice, thief = self.world.sea, self.dice, address_of("thief")
        hot = address_of(dice.pick(("hot-a", "hot-b")))
        if dice.happens("key_stolen", 0.06):
            sea.steal(hot, thief, dice.between(1, 8) * ETH, NATIVE)
        if dice.happens("vault_key_stolen", 0.01):
            sea.steal(address_of("vault"), thief, dice.between(1, 50) * ETH, NATIVE)
        if dice.happens("tokens_drained", 0.04):
            sea.drain(hot, thief, dice.between(1_000, 9_000) * USDC, USD_COIN)
        if dice.happens("delegated_by_7702", 0.03):
            sea.delegate(hot)
            sea.drain(hot, thief, dice.between(1, 8) * ETH, NATIVE)

    def _processes_act(self) -> None:
        dice = self.dice
        self.world.signer.is_away = dice.happens("signer_away", 0.05)
        if dice.happens("daemon_restarts", 0.03):
            self.world.restart()
        if dice.chance(0.08):
            self.world.back_up()
        if dice.happens("ledger_restored", 0.03):
            self._restore(by_hand=False)
        if dice.happens("ledger_copied_back", 0.01):
            self._restore(by_hand=True)
        if dice.happens("signer_restarts", 0.03):
            self.world.restart_signer()

    def _restore(self, *, by_hand: bool) -> None:
        lines = self.world.restore(by_hand=by_hand)
        if lines is None:
            return
        self.dice.seen["copied_back_older" if by_hand else "restored_older"] += 1
        self.judge.forgive_restore(lines)

    # --- liveness ---

    def settle(self) -> None:
        """Stop every fault and require that everything comes to an honest end."""
        world = self.world
        self._stop_faults()
        for number in range(MOST_ROUNDS):
            world.watch()
            self.people.approve_everything()
            if number % 8 == 0:
                self._put_right()
            world.money()
            world.sea.mine(2)
            # Slowly, so that consent is used after its time-lock; later half a day now and then, so
            # that what nobody uses expires.
            is_long = number >= MOST_ROUNDS // 5 and number % 4 == 0
            world.advance(12 * 3600 if is_long else 30)
            self.judge.look()
            if number > 2 and not self._unfinished():
                return
        raise Violation(f"I8: not over after {MOST_ROUNDS} calm rounds: {self._unfinished()}")

    def _calm_rounds(self, count: int) -> None:
        """Let a treasury whose chain took back what was final go on without faults for a while."""
        self._stop_faults()
        for _ in range(count):
            with self.finality.watched():
                self.world.watch()
            self.people.approve_everything()
            self.world.money()
            self.world.sea.mine(2)
            self.world.advance(30)
            self.judge.look()

    def _stop_faults(self) -> None:
        self.dice.calm = True
        self.dice.note("calm")
        self.world.sea.settle_weather()
        self.world.signer.is_away = False
        self.people.ask_everything_again()

    def _put_right(self) -> None:
        """Let a quorum do what only people may: skip nonces that a thief used, lift, resume."""
        for name in WALLETS:
            there = self.world.sea.nonce(address_of(name))
            if there > self._next_nonce(name):
                self.people.carry(MotionKind.SKIP_NONCE, {"wallet": name, "nonce": str(there)})
        if self.world.is_halted() or self.world.frozen():
            self.people.resume()
        self.people.close_incidents()

    def _next_nonce(self, name: str) -> int:
        return book_orders.next_nonce(self.world.room.book, CHAIN_ID, address_of(name), 0)

    def _unfinished(self) -> list[str]:
        with self.world.ledger.read() as session:
            moving = transfers.open_ones(session, CHAIN_ID)
            payouts = requests.withdrawals_in(session, CHAIN_ID, *_OPEN_PAYOUTS)
            consents = refills.in_states(
                session, CHAIN_ID, RefillState.PROPOSED, RefillState.APPROVED, RefillState.RELEASED
            )
        return [
            *(f"transfer {t.id} {t.state}: {t.reasons}" for t in moving if not self._may_wait(t)),
            *(f"withdrawal {w.id} {w.state}: {w.reasons}" for w in payouts if not self._holds(w)),
            *(f"refill {r.id} {r.state}: {r.reasons}" for r in consents),
        ]

    def _may_wait(self, transfer: Transfer) -> bool:
        """A thief's nonce may leave ours behind it, unsettled, until people have looked.

        And an evacuation that nothing is left to pay for hangs there: whatever comes in later it
        brings home.
        """
        if transfer.state is TransferState.QUEUED:
            return bool(self._robbed())
        sea, nonce = self.world.sea, transfer.nonce
        if transfer.purpose is not Purpose.EVACUATION or nonce is None:
            return False
        is_unmined = sea.nonce(transfer.source) <= nonce
        return is_unmined and sea.balance(transfer.source, transfer.asset) <= transfer.amount

    def _holds(self, withdrawal: Withdrawal) -> bool:
        """A payout may wait for as long as its reasons stand, and shows them."""
        codes = {reason.code for reason in withdrawal.reasons}
        return bool(codes) and (
            withdrawal.state is WithdrawalState.HELD or "no_active_wallet" in codes
        )

    def _robbed(self) -> set[str]:
        ours = {address_of(name): name for name in ("vault", "hot-a", "hot-b", "sponsor")}
        thefts = self.world.sea.standing_thefts()
        return {ours[theft.victim] for theft in thefts if theft.victim in ours}


@contextmanager
def _quiet() -> Iterator[None]:
    before = structlog.get_config()
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.CRITICAL))
    signer = logging.getLogger("hsm")
    level = signer.level
    signer.setLevel(logging.CRITICAL)
    try:
        yield
    finally:
        signer.setLevel(level)
        structlog.configure(**before)
