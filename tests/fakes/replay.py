"""Real payouts of other people's wallets, paid again by a treasury of ours in compressed time.

    replay = Replay(directory, read_payouts(path), seed=1)
    replay.play()                  # a block a minute; customers ask when they were paid
    replay.report()                # what it took, for people

Each wallet becomes a pool of its own on one chain. Its band is cut from its own past: the floor
is a fifth more than the busiest quarter of an hour, target and cap are twice and three times that.
"""

from __future__ import annotations

import csv
import gzip
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from policies.amounts import parse_amount
from policies.law import Law, parse_law
from policies.lifecycles import WithdrawalState
from policies.terms import NATIVE, Address
from tests.fakes.wide import Wide
from tests.laws import ETH, PEOPLE, address_of

ROUND_S = 60
_WINDOW_S = 900
_APPROVED_AFTER_S = 120
_AT_ONCE = 60
_LEAST_FLOOR = 5


@dataclass(frozen=True, slots=True, kw_only=True)
class Payout:
    """One payment of the past; `amount` in wei."""

    at: int
    payer: str
    payee: str
    amount: int


@dataclass(slots=True, kw_only=True)
class Course:
    """How one wallet fared: the least and the most that it held, in flight included."""

    cap: int
    least: int
    most: int
    empty: int = 0
    above: int = 0


def read_payouts(*paths: Path) -> list[Payout]:
    """Read payouts of native coin that moved something, oldest first."""
    found = []
    for path in paths:
        with gzip.open(path, "rt") as file:
            for row in csv.DictReader(file):
                amount = parse_amount(row["amount"], "ETH", 18)
                if amount:
                    at, payer, payee = int(row["timestamp"]), row["from"], row["to"]
                    found.append(Payout(at=at, payer=payer, payee=payee, amount=amount))
    return sorted(found, key=lambda payout: payout.at)


class Replay(Wide):
    """The past again; see the module's text."""

    hot_in_flight = _AT_ONCE

    def __init__(self, directory: Path, payouts: Sequence[Payout]) -> None:
        self.payouts = list(payouts)
        self.floors = _floors(self.payouts)
        self.names = {payer: f"w{n}" for n, payer in enumerate(sorted(self.floors))}
        super().__init__(directory, law=_law(self.payouts, self.floors, self.names))
        self.courses = {
            payer: Course(cap=3 * floor * ETH, least=2 * floor * ETH, most=0)
            for payer, floor in self.floors.items()
        }

    def fund_all(self) -> None:
        (chain_id,) = self.chains
        coin = self.law.assets[0]
        self.give(chain_id, address_of("net0-vault"), coin, 10_000_000 * ETH)
        for payer, name in self.names.items():
            self.give(chain_id, address_of(f"{name}-hot"), coin, 2 * self.floors[payer] * ETH)
        self.chains[chain_id].mine(3)

    def play(self) -> None:
        """Pay everything; a service never has more than a few payouts open at once."""
        waiting: dict[str, list[Payout]] = defaultdict(list)
        for payout in self.payouts:
            waiting[payout.payer].append(payout)
        start, begun = self.payouts[0].at, self.clock.unix()
        while any(waiting.values()) or self.open_things():
            elapsed = self.clock.unix() - begun
            for queue in waiting.values():
                due = [p for p in queue[:_AT_ONCE] if p.at - start <= elapsed]
                for payout in due:
                    self._pay(payout)
                del queue[: len(due)]
            self.approve(after_s=_APPROVED_AFTER_S)
            self.round(ROUND_S)
            self._look()

    def held(self) -> int:
        """Return how many payouts were never paid."""
        return sum(w.state is not WithdrawalState.PAID for w in self.withdrawals())

    def report(self) -> str:
        """Return what it took."""
        (chain_id,) = self.chains
        moved = self.transfers(chain_id)
        refills = sum(t.purpose == "refill" for t in moved)
        paid = sum(p.amount for p in self.payouts) / ETH
        peak = sum(course.most for course in self.courses.values()) / ETH
        caps = sum(course.cap for course in self.courses.values()) / ETH
        return (
            f"{len(self.names)} wallets, {len(self.payouts)} payouts of {paid:.0f} ETH: "
            f"{refills} refills; held at most {peak:.0f} ETH of {caps:.0f} ETH in caps; "
            f"empty {sum(c.empty for c in self.courses.values())} times, "
            f"above cap {sum(c.above for c in self.courses.values())} times"
        )

    def _pay(self, payout: Payout) -> None:
        name = self.names[payout.payer]
        pool = self.law.pool(name)
        assert pool is not None
        customer = address_of(f"customer {payout.payee}")
        self.ask_for(pool, self.law.assets[0], customer, payout.amount)

    def _look(self) -> None:
        """Note what each wallet holds at the end of a tick, with what is on its way in."""
        (chain_id,) = self.chains
        coming: dict[Address, int] = defaultdict(int)
        for transfer in self.open_transfers(chain_id):
            spent = self.chains[chain_id].nonce(transfer.source)
            if transfer.nonce is None or transfer.nonce >= spent:
                coming[transfer.destination] += transfer.amount
        for payer, course in self.courses.items():
            wallet = address_of(f"{self.names[payer]}-hot")
            held = self.chains[chain_id].balance(wallet, NATIVE)
            course.least = min(course.least, held)
            course.most = max(course.most, held + coming[wallet])
            course.empty += held == 0
            course.above += held + coming[wallet] > course.cap


def _floors(payouts: Sequence[Payout]) -> dict[str, int]:
    """Return each payer's floor in whole ETH."""
    by_payer: dict[str, list[Payout]] = defaultdict(list)
    for payout in payouts:
        by_payer[payout.payer].append(payout)
    return {
        payer: max(_LEAST_FLOOR, 1 + _busiest(own) * 12 // (10 * ETH))
        for payer, own in by_payer.items()
    }


def _busiest(payouts: Sequence[Payout]) -> int:
    """Return the most that went out within any quarter of an hour."""
    most = total = first = 0
    for payout in payouts:
        total += payout.amount
        while payout.at - payouts[first].at > _WINDOW_S:
            total -= payouts[first].amount
            first += 1
        most = max(most, total)
    return most


def _law(payouts: Sequence[Payout], floors: Mapping[str, int], names: Mapping[str, str]) -> Law:
    largest = 1 + max(payout.amount for payout in payouts) // ETH
    hot = {f"{name}-hot": _wallet(f"{name}-hot", "hot") for name in names.values()}
    return parse_law(
        {
            "version": 1,
            "profile": "development",
            "activation_s": 0,
            "roster": {
                "quorum": 2,
                "treasurers": [{"name": name, "address": address_of(name)} for name in PEOPLE],
            },
            "chains": {"net0": {"id": 31_337, "native": "ETH", "fee_ceiling": "0.02 ETH"}},
            "wallets": {"net0-vault": _wallet("net0-vault", "vault"), **hot},
            "pools": {name: _pool(name, floors[payer], largest) for payer, name in names.items()},
        }
    )


def _wallet(name: str, role: str) -> dict[str, object]:
    return {
        "chain": "net0",
        "role": role,
        "address": address_of(name),
        "key": name,
        "fate_group": name,
    }


def _pool(name: str, floor: int, largest: int) -> dict[str, object]:
    everything = f"{10_000_000} ETH"
    return {
        "chain": "net0",
        "vault": "net0-vault",
        "members": [f"{name}-hot"],
        "active": f"{name}-hot",
        "assets": {
            "ETH": {
                "band": {
                    "floor": f"{floor} ETH",
                    "target": f"{2 * floor} ETH",
                    "cap": f"{3 * floor} ETH",
                    "minimum_move": "0.5 ETH",
                    "cooldown_s": 60,
                    "fee_headroom": "1 ETH",
                },
                "refill": {
                    "tiers": [{"approvals": 2, "time_lock_s": 0}],
                    "expiry_s": 3600,
                    "window_s": _WINDOW_S,
                },
                "withdrawal": {
                    "per_transfer": f"{largest} ETH",
                    "window_s": 3600,
                    "window_amount": everything,
                    "window_count": 1_000_000,
                    "first_use_amount": everything,
                },
            }
        },
    }
