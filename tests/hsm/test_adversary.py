"""A stolen daemon for two days: it may ask anything, and gains only what the windows grant.

The thief holds the signer's socket, sees every approval that treasurers ever gave, and asks at
random: orders of every purpose with good and bad fields, old approvals on new terms, replays,
bumps, cancels, swaps, claims of nonces. The judge below keeps its own accounts from the raw bytes
alone and knows nothing of the signer's rules.
"""

from __future__ import annotations

import random
from collections import defaultdict
from dataclasses import dataclass, field, replace
from pathlib import Path

import pytest

from hsm.answers import Fees
from hsm.fields import blob, to_hex
from hsm.transaction import ReadBack, read_back
from hsm.wire import Answer, Result
from policies.consent import describe_transfer, veto_digest
from policies.terms import NATIVE, Purpose, TransferTerms
from tests.fakes.clock import FakeClock
from tests.fakes.vault_room import VaultRoom
from tests.laws import ETH, PEOPLE, TOKEN, address_of, sign

HOT = {address_of("hot-a"): "hot-a", address_of("hot-b"): "hot-b"}
VAULT, SPONSOR = address_of("vault"), address_of("sponsor")
THIEF = [address_of("thief"), address_of("mule")]
HOUR, DAY = 3600, 86_400
CAP, WINDOW, SINGLE, HELD, NEW = 100 * ETH, 20 * ETH, 5 * ETH, 4 * ETH, 8 * ETH


@dataclass
class Judge:
    """Accounts of what really left, from raw bytes."""

    room: VaultRoom
    approved: dict[bytes, set[str]] = field(default_factory=lambda: defaultdict(set))
    vetoed: set[bytes] = field(default_factory=set)
    isolated: set[str] = field(default_factory=set)
    paid: list[tuple[int, int, int]] = field(default_factory=list)
    refilled: dict[str, list[tuple[int, int]]] = field(default_factory=lambda: defaultdict(list))
    topped_up: list[tuple[int, int]] = field(default_factory=list)
    exposing: dict[tuple[str, int], set[tuple[str, str, int]]] = field(
        default_factory=lambda: defaultdict(set)
    )
    seen: set[bytes] = field(default_factory=set)

    def hear(self, order_id: bytes, terms: TransferTerms, answer: Answer) -> None:
        """Judge one answer."""
        if answer.result is not Result.SIGNED:
            return
        found = read_back(blob(answer.body, "raw"))
        if found.hash in self.seen:
            return
        self.seen.add(found.hash)
        if found.amount == 0 and found.destination == found.sender:
            return
        assert (terms.source, terms.destination, terms.asset, terms.amount) == (
            found.sender,
            found.destination,
            found.asset,
            found.amount,
        )
        fee = found.transaction.gas_limit * found.transaction.max_fee_per_gas
        assert fee <= terms.max_fee <= ETH // 100
        is_first = answer.body["kind"] == "original"
        self._judge(order_id, terms, found, is_first=is_first)

    def _judge(
        self, order_id: bytes, terms: TransferTerms, found: ReadBack, *, is_first: bool
    ) -> None:
        now = self.room.clock.unix()
        assert order_id not in self.vetoed
        if found.sender == VAULT:
            self._judge_refill(order_id, found, now, is_first=is_first)
        elif found.sender == SPONSOR:
            self._judge_top_up(terms, found, now, is_first=is_first)
        elif found.destination != VAULT:
            self._judge_withdrawal(order_id, terms, found, now, is_first=is_first)
        if found.destination != VAULT:
            place = (found.sender, found.transaction.nonce)
            self.exposing[place].add((found.destination, found.asset, found.amount))
            assert 1 == len(self.exposing[place])

    def _judge_refill(self, order_id: bytes, found: ReadBack, now: int, *, is_first: bool) -> None:
        hot = HOT[found.destination]
        assert hot not in self.isolated
        past = self.refilled[hot]
        if is_first:
            past.append((now, found.amount))
        window = sum(amount for at, amount in past if at > now - DAY)
        assert window <= CAP
        needed = 2 if window <= 50 * ETH else 3
        assert not is_first or len(self.approved[order_id]) >= needed

    def _judge_top_up(
        self, terms: TransferTerms, found: ReadBack, now: int, *, is_first: bool
    ) -> None:
        assert found.destination in {*HOT, VAULT}
        assert found.amount <= ETH // 2
        if is_first:
            self.topped_up.append((now, terms.amount + terms.max_fee))
        assert sum(cost for at, cost in self.topped_up if at > now - HOUR) <= 2 * ETH

    def _judge_withdrawal(
        self,
        order_id: bytes,
        terms: TransferTerms,
        found: ReadBack,
        now: int,
        *,
        is_first: bool,
    ) -> None:
        assert HOT[found.sender] not in self.isolated
        assert found.asset == NATIVE
        assert found.amount <= SINGLE
        assert found.destination in {*THIEF, address_of("customer")}
        if found.amount > HELD:
            assert self.approved[order_id]
        if is_first:
            self.paid.append((now, found.amount, terms.max_fee))
        window = [(a, fee) for at, a, fee in self.paid if at > now - HOUR]
        # Each hot wallet has a window of its own, and an isolated one hands over to the next.
        wallets = 1 + len(self.isolated & set(HOT.values()))
        assert sum(a + fee for a, fee in window) <= WINDOW * wallets


class Thief:
    """Asks at random, with everything that it ever saw."""

    def __init__(self, judge: Judge, seed: int) -> None:
        self.judge = judge
        self.room = judge.room
        self.dice = random.Random(seed)
        self.orders: list[TransferTerms] = []
        self.approvals: list[bytes] = []
        self.given: dict[bytes, list[bytes]] = {}

    def act(self) -> None:
        """Do one thing."""
        acts = [self.ask] * 6 + [self.replay] * 2 + [self.replace, self.replace, self.swap]
        self.dice.choice(acts)()
        self.room.clock.advance(self.dice.choice([0, 1, 5, 60, 300]))

    def ask(self) -> None:
        """Ask for a new order, often a bad one, with old approvals."""
        terms = self._invent()
        self.orders.append(terms)
        self._sign(terms)

    def replay(self) -> None:
        """Ask for an old order again, perhaps with one field changed."""
        if not self.orders:
            return
        terms = self.dice.choice(self.orders)
        if self.dice.random() < 0.5:
            terms = self._bend(terms)
            self.orders.append(terms)
        self._sign(terms)

    def replace(self) -> None:
        """Bump or cancel an old order at some fee."""
        if not self.orders:
            return
        terms = self.dice.choice(self.orders)
        verb = self.dice.choice(["bump", "bump", "cancel"])
        self.judge.hear(self.room.id_of(terms), terms, self.room.again(verb, terms, self._fees()))

    def swap(self) -> None:
        """Try to activate the other wallet."""
        self.room.call("activate", {"wallet": self.dice.choice(["hot-a", "hot-b", "vault"])})

    def _sign(self, terms: TransferTerms) -> None:
        body = self.room.sign_body(terms, fees=self._fees())
        some = [*self.dice.sample(self.approvals, min(len(self.approvals), 4))]
        some += self.approvals[-3:] + self.given.get(self.room.id_of(terms), [])
        body["approvals"] = [to_hex(a) for a in some]
        if self.dice.random() < 0.1:
            body["nonce"] = str(self.dice.randrange(40))
        self.judge.hear(self.room.id_of(terms), terms, self.room.call("sign", body))

    def _invent(self) -> TransferTerms:
        purpose = self.dice.choice(list(Purpose))
        changes: dict[str, object] = {}
        if self.dice.random() < 0.7:
            changes["amount"] = self.dice.choice([1, ETH, 3 * ETH, 4 * ETH + 1, 5 * ETH, 60 * ETH])
        if self.dice.random() < 0.4:
            ours = [*HOT, VAULT, SPONSOR]
            changes["destination"] = self.dice.choice([*THIEF, *ours, TOKEN])
        if self.dice.random() < 0.2:
            changes["source"] = self.dice.choice([VAULT, SPONSOR, *HOT])
        if self.dice.random() < 0.1:
            changes["asset"] = TOKEN
        if self.dice.random() < 0.2:
            changes["max_fee"] = self.dice.choice([10**15, ETH // 100, ETH // 100 + 1, ETH])
        return self.room.order(purpose, **changes)

    def _bend(self, terms: TransferTerms) -> TransferTerms:
        name, value = self.dice.choice(
            [
                ("amount", terms.amount + 1),
                ("destination", THIEF[0]),
                ("max_fee", ETH // 100),
                ("expires_at", terms.expires_at + 3600),
                ("purpose", self.dice.choice(list(Purpose))),
                ("source", VAULT),
            ]
        )
        bent = replace(terms, **{name: value})  # type: ignore[arg-type]
        honest = self.dice.random() < 0.5
        return replace(bent, what=describe_transfer(bent, self.room.law)) if honest else bent

    def _fees(self) -> Fees:
        price = self.dice.choice([10**9, 2 * 10**9, 5 * 10**9, 50 * 10**9, 500 * 10**9])
        return Fees(
            gas_limit=self.dice.choice([21_000, 60_000, 10**6]),
            max_fee_per_gas=price,
            max_priority_fee_per_gas=price // 2,
        )


def people_act(thief: Thief, judge: Judge) -> None:
    """Let treasurers do their honest work: approve refills and holds, veto, isolate."""
    dice, room = thief.dice, thief.room
    chance = dice.random()
    if chance < 0.25 and thief.orders:
        # They approve what they would approve: routes of the law, whatever the amount.
        terms = room.order(
            dice.choice([Purpose.REFILL, Purpose.WITHDRAWAL]),
            amount=dice.choice([ETH, 5 * ETH, 30 * ETH, 60 * ETH]),
        )
        thief.orders.append(terms)
        for name in dice.sample(PEOPLE, dice.choice([1, 2, 3])):
            approval = sign(name, room.id_of(terms))
            judge.approved[room.id_of(terms)].add(name)
            thief.approvals.append(approval)
            thief.given.setdefault(room.id_of(terms), []).append(approval)
    elif chance < 0.28 and thief.orders:
        order_id = room.id_of(dice.choice(thief.orders))
        signature = sign(dice.choice(PEOPLE), veto_digest(order_id, room.book.deployment))
        room.call("veto", {"digest": to_hex(order_id), "signature": to_hex(signature)})
        judge.vetoed.add(order_id)


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_a_stolen_daemon_gains_only_the_windows(
    tmp_path: Path, clock: FakeClock, seed: int
) -> None:
    """No vault wei without a quorum, outflow and fees inside the windows, veto and marks held.

    R2.6, R3.11, R8.1, R8.2.
    """
    room = VaultRoom(tmp_path, clock)
    judge = Judge(room)
    thief = Thief(judge, seed)
    for turn in range(700):
        people_act(thief, judge)
        if turn == 500:
            room.isolate("hot-a")
            judge.isolated.add("hot-a")
        thief.act()
    room.book.verify()
    outcomes = len(judge.paid), len(judge.refilled["hot-a"]), len(judge.topped_up)
    room.close()

    assert all(outcomes), "the thief must have got something, else the test tests nothing"
