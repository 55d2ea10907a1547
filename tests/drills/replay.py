"""Replay a theft of `incidents` through the real stations, signer core and ledger; measure it.

python -m tests.drills.replay            # the table of all cases
"""

from __future__ import annotations

import tempfile
from dataclasses import dataclass, field
from pathlib import Path

from policies.crypto import checksum_address, keccak256
from policies.law import Custody, Law
from policies.lifecycles import WalletState
from policies.terms import NATIVE, Address
from tests.drills.incidents import CASES, COIN, TOKENS, Block, Case, Take
from tests.fakes.belt import Belt
from tests.fakes.chain import token_as
from tests.laws import ETH, TOKEN, address_of, make_law
from tests.laws import USDC as UNIT

COINS = 90 * ETH
COIN_USD = 3_000
VALUES = tuple(1_000_000 // (number + 4) for number in range(TOKENS))
"""Dollars of each token that a wallet holds, which is its cap: falling, with a long tail."""
_ROUNDS_AFTER = 4
_DUST = 100


@dataclass(slots=True)
class Course:
    """How a replay went; dollars.

    `isolated_after`: how many malicious transactions were mined when every robbed wallet was cut
    off (None: never).
    """

    case: Case
    held: float = 0.0
    lost: float = 0.0
    left: float = 0.0
    transactions: int = 0
    isolated_after: int | None = None
    robbed: set[str] = field(default_factory=set)

    @property
    def lost_share(self) -> float:
        """Return the share of the value that the thief took."""
        return self.lost / self.held

    @property
    def saved(self) -> float:
        """Return the value that is neither with the thief nor left behind."""
        return self.held - self.lost - self.left

    def line(self) -> str:
        """Return one row of the table."""
        when = "never" if self.isolated_after is None else f"after {self.isolated_after}"
        return (
            f"{self.case.name:16} isolated {when:8} of {self.transactions:2} transactions  "
            f"lost {self.lost_share:6.1%}  value saved {self.saved / self.held:6.1%} "
            f"({self.saved:10,.0f} USD)"
        )


def replay(directory: Path, case: Case, *, custody: Custody = Custody.EXCLUSIVE) -> Course:
    """Let the theft happen to a treasury at peace, and go on until nothing moves any more.

    In shared custody a payout engine has the keys too: then no nonce proves anything.
    """
    belt, course = _treasury(directory, case, custody), Course(case)
    course.held = sum(_worth(belt, address_of(name)) for name in case.wallets)
    for block in case.blocks:
        if sum(_worth(belt, address_of(name)) for name in case.wallets) < _DUST:
            break  # nothing is left to steal, or to save
        _rob(belt, course, block)
        _judge(belt, course)
    for _ in range(_ROUNDS_AFTER):
        belt.round()
    course.lost = sum(_worth(belt, _collector(number)) for number in range(TOKENS + 1))
    course.left = sum(_worth(belt, address_of(name)) for name in case.wallets)
    belt.ledger.close()
    belt.room.close()
    return course


def _treasury(directory: Path, case: Case, custody: Custody) -> Belt:
    belt = Belt(directory, law=_law(case, custody), hot=COINS if case.has_gas else 0)
    belt.fund("hot-b", (COINS if "hot-b" in case.wallets else 0) - 60 * ETH)
    for number, value in enumerate(VALUES):
        token = _token(number)
        belt.chain.tokens[token] = token_as(token, _symbol(number), 6)
        for name in case.wallets:
            belt.fund(name, value * UNIT, token)
    belt.chain.mine(3)
    for _ in range(3):
        belt.round()
    return belt


def _law(case: Case, custody: Custody) -> Law:
    changes: dict[str, object] = {f"wallets.{name}.custody": custody.value for name in case.wallets}
    if len(case.wallets) > 1:
        changes["wallets.hot-b.fate_group"] = "rack-1"
    for number, value in enumerate(VALUES):
        symbol, assets = _symbol(number), "pools.main.assets"
        changes[f"chains.devnet.tokens.{symbol}"] = {"address": _token(number), "decimals": 6}
        band = {"floor": value // 10, "target": value // 2, "cap": value, "minimum_move": 100}
        changes[f"{assets}.{symbol}.band"] = {
            **{name: f"{amount} {symbol}" for name, amount in band.items()},
            "cooldown_s": 60,
            "fee_headroom": "1 ETH",
        }
        changes[f"{assets}.{symbol}.refill"] = {
            "tiers": [{"approvals": 2, "time_lock_s": 0}],
            "expiry_s": 3600,
            "window_s": 86400,
        }
    return make_law(**changes).law


def _rob(belt: Belt, course: Course, block: Block) -> None:
    """Mine one block with the thief's transactions before everybody else's."""
    for take in block:
        amount = _amount(belt, take)
        if amount:
            source, asset = address_of(take.wallet), _token(take.asset)
            belt.chain.spend(source, _collector(take.to), amount, asset)
            course.transactions += 1
            course.robbed.add(take.wallet)
    belt.next_block()


def _judge(belt: Belt, course: Course) -> None:
    """Let both lanes have their tick, and note whether the wallets are cut off by now."""
    belt.watch()
    states = {belt.standing(name).state for name in course.robbed}
    if course.isolated_after is None and states == {WalletState.ISOLATED}:
        course.isolated_after = course.transactions
    belt.money()


def _amount(belt: Belt, take: Take) -> int:
    return int(belt.chain.balance(address_of(take.wallet), _token(take.asset)) * take.share)


def _worth(belt: Belt, holder: Address) -> float:
    coins = belt.chain.balance(holder, NATIVE) / ETH * COIN_USD
    return coins + sum(belt.chain.balance(holder, _token(n)) / UNIT for n in range(TOKENS))


def _collector(number: int) -> Address:
    return address_of(f"collector {number}")


def _symbol(number: int) -> str:
    return "USDC" if number == 0 else f"T{number}"


def _token(number: int) -> Address:
    if number == COIN:
        return NATIVE
    return Address(TOKEN) if number == 0 else checksum_address(keccak256(b"%d" % number)[:20])


def main() -> None:
    """Print the table."""
    for custody in Custody:
        for case in CASES:
            with tempfile.TemporaryDirectory() as directory:
                course = replay(Path(directory), case, custody=custody)
            print(f"{custody.value:9} {course.line()}", flush=True)


if __name__ == "__main__":
    import structlog

    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(50))
    main()
