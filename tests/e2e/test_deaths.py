"""SIGKILL of the real daemon and the real signer at every place of the table, three passages each.

One treasury runs on. For each case one of its processes is exchanged for a doomed one, three
payouts are asked for, which make the hot wallet want a refill, that is approved, and the process
dies somewhere on the way and is started again. The chain then shows one payment for each payout
and one transaction of the vault for each settled refill, and nothing else.
"""

from __future__ import annotations

import signal
import subprocess
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from hsm.crashpoints import POINTS
from policies.terms import Address
from treasury.cli.api import Api
from treasury.cli.exits import CommandError
from treasury.dev.children import Child, python
from treasury.dev.deployment import Plan
from treasury.dev.desk import Desk, StoryError
from treasury.dev.law_text import Bands
from treasury.dev.payouts import customers, pay
from treasury.dev.stage import Stage, raised

pytestmark = [pytest.mark.sockets, pytest.mark.softhsm, pytest.mark.crash]
ETH = 10**18
AMOUNT = ETH // 5
LOW = Bands(floor="1.5 ETH", target="2 ETH", cap="3 ETH", emergency="1 ETH")
"""So little that all stories together stay within the law's windows of one hour."""
PAYOUTS = 3
_PATIENCE_S = 180.0
_POLL_S = 0.3
_MOST_STORIES = 3
_NEWEST, _MOST = 20, 500

COMMITS = {
    "withdrawal_accepted": 3,
    "withdrawal_queued": 3,
    "attempt_signed": 3,
    "attempt_broadcast": 3,
    "attempt_won": 3,
    "withdrawal_paid": 3,
    "refill_proposed": 1,
    "approval_received": 2,
    "refill_approved": 1,
    "refill_released": 1,
    "refill_settled": 1,
}
"""Commits by the last line that they write, and how many passages a story has, up to three."""
CALLS = {"lodge": 2, "sign": 3, "send": 3}
_WHEN = ("before", "after")
TABLE = [
    *((f"{when} commit of {kind}", hits) for kind, hits in COMMITS.items() for when in _WHEN),
    *((f"{when} {call}", hits) for call, hits in CALLS.items() for when in _WHEN),
    *((f"signer {point}", 3) for point in POINTS),
]
CASES = [(place, hit) for hit in (1, 2, 3) for place, hits in TABLE if hit <= hits]
A_FEW = [("after commit of attempt_signed", 1), ("signer record_committed", 2)]


@dataclass(slots=True)
class Victim:
    """One treasury, and the story that is told again for every death."""

    stage: Stage
    desk: Desk
    passed: Path
    told: int = 0

    def doom(self, place: str, hit: int) -> Child:
        """Exchange daemon or signer for one that dies at a place; return it."""
        program = "signer" if place.startswith("signer ") else "daemon"
        child = self.stage.signer if program == "signer" else self.stage.daemon
        self._exchange(
            child, [*python("-m", "tests.e2e.doomed", program), self._config(program), place],
            str(hit), str(self.passed),
        )  # fmt: skip
        return child

    def heal(self, child: Child) -> None:
        """Start the ordinary program again."""
        name = "signer" if child is self.stage.signer else "run"
        config = self._config("signer" if name == "signer" else "daemon")
        self._exchange(child, python("-m", "treasury.daemon", name, "--config"), config)

    def tell(self, doomed: Child) -> list[Address]:
        """Tell stories until a process died in one of them; return who was paid.

        What settles together shares a commit, so one story may have fewer passages than another.
        """
        paid: list[Address] = []
        for _ in range(_MOST_STORIES):
            has_died, people = self._tell_once(doomed)
            paid += people
            if has_died:
                return paid
        raise AssertionError("the doomed process was never where it should have died")

    def _tell_once(self, doomed: Child) -> tuple[bool, list[Address]]:
        """Live one story while a process dies, if it does, and is started again."""
        people = list(customers()[:PAYOUTS])
        asking = threading.Thread(target=self._ask, args=(people,), daemon=True)
        asking.start()
        end = time.monotonic() + _PATIENCE_S
        has_died = False
        while time.monotonic() < end:
            if not has_died and doomed.exit_code is not None:
                has_died = doomed.exit_code == -signal.SIGKILL
                self.heal(doomed)
            if self._is_over(people):
                return has_died, people
            time.sleep(_POLL_S)
        raise AssertionError(f"not over: {self.stage.daemon.last_words()}")

    def settled_refills(self) -> int:
        """Return how many refills have settled since the beginning."""
        api = Api(str(self.stage.deployment.api_socket("reader")))
        rows = api.get("/v1/refills", {"limit": _MOST})["refills"]
        return sum(refill["state"] == "SETTLED" for refill in rows)

    def _ask(self, people: list[Address]) -> None:
        self.told += 1
        api = Api(str(self.stage.deployment.api_socket("service")))
        for number, person in enumerate(people):
            pay(api, f"story-{self.told}-{number}", person, AMOUNT)

    def _is_over(self, people: list[Address]) -> bool:
        """Approve what waits for treasurers; say whether payouts and refill have ended."""
        api = Api(str(self.stage.deployment.api_socket("treasurer")))
        try:
            rows = api.get("/v1/withdrawals", {"limit": _NEWEST})["withdrawals"]
            mine = [r["state"] for r in rows if r["destination"] in people]
            refills = api.get("/v1/refills", {"limit": _NEWEST})["refills"]
            for refill in refills:
                if refill["state"] == "PROPOSED":
                    self._approve(str(refill["id"]))
            is_open = any(r["state"] in {"PROPOSED", "APPROVED", "RELEASED"} for r in refills)
        except CommandError:
            return False
        is_low = self.desk.balance(self.desk.address("hot-a")) < 3 * ETH // 2
        return mine == ["PAID"] * PAYOUTS and not is_open and not is_low

    def _approve(self, number: str) -> None:
        self.desk.number = number
        for person in self.stage.deployment.people[:2]:
            try:
                self.desk.approve(person)
            except (StoryError, subprocess.TimeoutExpired):
                continue  # it still waits for them, and is asked for again

    def _config(self, program: str) -> str:
        deployment = self.stage.deployment
        return str(deployment.signer_toml if program == "signer" else deployment.daemon_toml)

    def _exchange(self, child: Child, command: list[str], *more: str) -> None:
        child.stop()
        child.command = [*command, *more]
        child.start()


@pytest.fixture(scope="module")
def victim(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Victim]:
    """A running treasury whose hot wallet is at its target."""
    folder = tmp_path_factory.mktemp("deaths")
    plan = Plan(bands=LOW, time_lock_s=1, refill_window_s=2, hot_eth=2)
    with raised(folder / "d", plan) as stage:
        desk = Desk(stage)
        yield Victim(stage, desk, folder / "passed")
        desk.leave()


def _dies(victim: Victim, place: str, hit: int) -> None:
    people = victim.tell(victim.doom(place, hit))
    balances = [victim.desk.balance(person) for person in people]

    assert balances == [AMOUNT] * len(people)
    assert victim.desk.nonce("vault") == victim.settled_refills()
    assert victim.desk.ctl("journal", "verify")["ok"]


@pytest.mark.parametrize(("place", "hit"), A_FEW)
def test_a_few_deaths(victim: Victim, place: str, hit: int) -> None:
    """R6.1, R5.10: a process killed between book and ledger pays nothing twice, and all of it."""
    _dies(victim, place, hit)


@pytest.mark.soak
@pytest.mark.parametrize(("place", "hit"), CASES)
def test_every_death(victim: Victim, place: str, hit: int) -> None:
    """R6.1, R4.1: SIGKILL of the real processes at every place of the table."""
    _dies(victim, place, hit)


@pytest.mark.soak
def test_no_place_is_left_out(victim: Victim) -> None:
    """R6.1: what the stories passed, and what they are killed at, are the same places."""
    lines = victim.passed.read_text().splitlines()
    passed = {line.split("\t")[0] for line in lines}

    assert {place for place, _ in TABLE} <= passed
    assert {place for place in passed if "commit" not in place} <= {place for place, _ in TABLE}
