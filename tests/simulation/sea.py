"""The chain of the simulation: `FakeChain` with weather. Truth stays readable beside the faults.

Faults at its port: no answer, an answer that is lost although the transaction was taken, a
transaction that is accepted and forgotten, an odd error text, a head that lags, unknown balances
and nonces. Faults of the chain itself: reorgs with and without the transactions coming back, a
mempool that forgets, base fees that jump, foreign signatures with our keys, and money that leaves
without using a nonce (an allowance, or code put at the address by EIP-7702).
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from policies.terms import NATIVE, Address, Stamp
from tests.fakes.chain import GWEI, FakeChain
from tests.simulation.dice import Crash, Dice
from treasury.chain.errors import UnavailableError
from treasury.chain.port import Readings, ReadRequest, Receipt, SendAnswer, SendKind, Sighting

LOST = SendAnswer(kind=SendKind.TRANSIENT, text="the read timed out")
ODD = SendAnswer(kind=SendKind.UNKNOWN, text="-32000: something odd")
_AROUND = 12
"""In so many blocks a balance is looked at surely, at the head and when it is final."""
_DELEGATED = bytes.fromhex("ef0100") + bytes(20)


@dataclass(frozen=True, slots=True, kw_only=True)
class Theft:
    """What a thief took, and the block in which that is written."""

    victim: Address
    payee: Address
    asset: Address
    amount: int
    uses_nonce: bool
    block: Stamp


class Sea(FakeChain):
    """A chain in bad weather."""

    def __init__(self, dice: Dice) -> None:
        """Begin in calm weather."""
        super().__init__()
        self.dice = dice
        self.lag = 0
        self.thefts: list[Theft] = []
        self.struck: Counter[Address] = Counter()
        self.paused: set[Address] = set()
        self._awaited: list[tuple[Address, Address, int, Address]] = []
        self._spends_nonce = False
        self._drains: list[tuple[Address, Address, int, Address]] = []

    # --- faults at the port ---

    def head(self) -> Stamp:
        self._blink()
        return self._blocks[max(0, len(self._blocks) - 1 - self.lag)].stamp

    def receipts(self, hashes: Sequence[str]) -> Mapping[str, Receipt | None]:
        self._blink()
        seen = self._blocks[-1].stamp.number - self.lag
        found = super().receipts(hashes)
        return {h: r if r is None or r.block_number <= seen else None for h, r in found.items()}

    def sightings(self, request: ReadRequest) -> Sequence[Sighting]:
        # An endpoint that does not answer tells nothing; the pool never raises for it.
        try:
            return super().sightings(request)
        except UnavailableError:
            return ()

    def read_balances(self, request: ReadRequest, at: Stamp) -> Readings:
        self._blink()
        self.unknown.clear()
        if request.assets and self.dice.happens("balance_unknown", 0.02):
            self.unknown.add((self.dice.pick(request.wallets), self.dice.pick(request.assets)))
        if self.dice.happens("nonce_unknown", 0.02):
            self.unknown.add(self.dice.pick(request.wallets))
        return super().read_balances(request, at)

    def send(self, raw: bytes) -> SendAnswer:
        self.dice.note("send")
        if self.dice.happens("crash_before_send", 0.02):
            raise Crash
        answer = self._send(raw)
        self.dice.note(f"sent: {answer.kind.value}")
        if self.dice.happens("crash_after_send", 0.02):
            raise Crash
        return answer

    def _send(self, raw: bytes) -> SendAnswer:
        if self.dice.happens("send_not_heard", 0.08):
            return LOST
        self.drops_sends = self.dice.happens("send_dropped", 0.08)
        answer = super().send(raw)
        self.dice.seen[f"node_says_{answer.kind.value}"] += 1
        if self.dice.happens("send_answer_lost", 0.10):
            return LOST
        if self.dice.happens("send_answer_odd", 0.05):
            return ODD
        return answer

    def _blink(self) -> None:
        if self.dice.happens("read_failed", 0.01):
            msg = "the node did not answer this time"
            raise UnavailableError(msg)

    # --- faults of the chain ---

    def steal(self, victim: Address, thief: Address, amount: int, asset: Address) -> None:
        """Let a foreign signature with our key take money in the next block."""
        if amount <= self.balance(victim, asset):
            # The nonce is spent also where the asset does not move: a token may be paused.
            self.struck[victim] += 1
            self.spend(victim, thief, amount, asset)

    def drain(self, victim: Address, thief: Address, amount: int, asset: Address) -> None:
        """Let money leave in the next block without a transaction of the victim."""
        if amount <= self.balance(victim, asset):
            self._drains.append((victim, thief, amount, asset))

    def delegate(self, victim: Address) -> None:
        """Put an EIP-7702 delegation at an address."""
        self.set_code(victim, _DELEGATED)

    @property
    def height(self) -> int:
        """Return the number of the newest block, whatever its nodes show."""
        return self._blocks[-1].stamp.number

    def is_canonical(self, stamp: Stamp) -> bool:
        """Say whether a block is part of the present chain."""
        number = stamp.number
        return number < len(self._blocks) and self._blocks[number].stamp == stamp

    def standing_thefts(self) -> list[Theft]:
        """Return the thefts that the present chain contains."""
        return [theft for theft in self.thefts if self.is_canonical(theft.block)]

    def is_covered(self, theft: Theft) -> bool:
        """Say whether as much came in around a drain, so that no balance tells of it."""
        came_in = sum(
            deposit.amount
            for deposit in self.standing_thefts()
            if (deposit.payee, deposit.asset) == (theft.victim, theft.asset)
            and abs(deposit.block.number - theft.block.number) <= _AROUND
        )
        return not theft.uses_nonce and came_in >= theft.amount

    def receipts_of_all(self) -> Mapping[str, Receipt]:
        """Return every receipt of the present chain."""
        return {h: r for block in self._blocks for h, r in block.receipts.items()}

    def everything(self, asset: Address = NATIVE) -> int:
        """Return all coins there are, and for the native one what was burnt in fees."""
        held = sum(v for (_, a), v in self._blocks[-1].state.balances.items() if a == asset)
        fees = sum(r.fee_paid for r in self.receipts_of_all().values()) if asset == NATIVE else 0
        return held + fees

    def settle_weather(self) -> None:
        """End every fault that lasts."""
        self.lag, self.is_down, self.base_fee = 0, False, GWEI
        self.paused.clear()
        self.unknown.clear()

    def _move(self, source: Address, destination: Address, amount: int, asset: Address) -> bool:
        if asset in self.paused:
            return False
        movement = (source, destination, amount, asset)
        moved = super()._move(*movement)
        if moved and movement in self._awaited:
            self._awaited.remove(movement)  # one of them: two may be alike in one block
            self._record(movement, self._blocks[-1].stamp, uses_nonce=self._spends_nonce)
        return moved

    def _mine_one(self) -> None:
        drains, self._drains = self._drains, []
        self._awaited, self._spends_nonce = list(self._foreign), True
        super()._mine_one()
        self._awaited, self._spends_nonce = list(drains), False
        for movement in drains:
            self._move(*movement)
        self._awaited = []
        if self.dice.calm:
            self._forget_unpayable()

    def _forget_unpayable(self) -> None:
        """Forget what its sender cannot pay, as nodes do: some at once, all of them in the end."""
        self._pool = {
            key: waiting
            for key, waiting in self._pool.items()
            if waiting.max_cost <= self.balance(waiting.sender)
        }

    def _record(
        self, movement: tuple[Address, Address, int, Address], stamp: Stamp, *, uses_nonce: bool
    ) -> None:
        victim, payee, amount, asset = movement
        self.thefts.append(
            Theft(
                victim=victim,
                payee=payee,
                asset=asset,
                amount=amount,
                uses_nonce=uses_nonce,
                block=stamp,
            )
        )
