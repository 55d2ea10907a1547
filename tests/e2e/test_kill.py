"""SIGKILL of the real processes at seeded moments of real refills: each settles exactly once."""

from __future__ import annotations

import random
import time
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from treasury.cli.api import Api
from treasury.dev.children import restart_fallen
from treasury.dev.deployment import Plan
from treasury.dev.desk import Desk
from treasury.dev.payouts import customers, pay
from treasury.dev.stage import Stage, raised

pytestmark = [pytest.mark.sockets, pytest.mark.softhsm, pytest.mark.crash]
_ETH = 10**18


@pytest.fixture(scope="module")
def stage(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stage]:
    """One running treasury for all kills; refills may follow each other quickly."""
    directory = tmp_path_factory.mktemp("kill") / "d"
    with raised(directory, Plan(time_lock_s=1, refill_window_s=2)) as raised_stage:
        yield raised_stage


@contextmanager
def closing_desk(stage: Stage) -> Iterator[Desk]:
    """Sit at a desk for the length of a `with` block."""
    desk = Desk(stage)
    try:
        yield desk
    finally:
        desk.leave()


@pytest.mark.parametrize("seed", range(2))
def test_a_refill_settles_exactly_once_whatever_is_killed_when(stage: Stage, seed: int) -> None:
    """A killed daemon, signer or both, at any moment after the quorum, never pays twice (R5.10)."""
    with closing_desk(stage) as desk:
        _one_refill(desk, stage, random.Random(seed))


def _one_refill(desk: Desk, stage: Stage, lots: random.Random) -> None:
    before = desk.nonce("vault")
    _drain(desk, stage)
    refill = desk.wait_for("a proposed refill", lambda: desk.refill("PROPOSED"))
    desk.number = str(refill["id"])
    for person in stage.deployment.people[:2]:
        desk.approve(person)

    for _ in range(3):
        time.sleep(lots.uniform(0.0, 1.5))
        victims = lots.choice([[stage.daemon], [stage.signer], [stage.daemon, stage.signer]])
        for victim in victims:
            victim.kill()
        restart_fallen([stage.signer, stage.daemon])
        desk.wait_for("the daemon's answer", desk.is_up)

    desk.wait_for("the settled refill", lambda: desk.refill("SETTLED"))
    assert before + 1 == desk.nonce("vault")
    rows = [r for r in desk.ctl("transfer", "list") if r["cause"] == f"refill:{refill['id']}"]
    assert ["CONFIRMED"] == [row["state"] for row in rows]
    assert desk.ctl("journal", "verify")["ok"]


def _drain(desk: Desk, stage: Stage) -> None:
    """Pay customers until hot-a is below its floor, each payout under a key of its own."""
    api = Api(str(stage.deployment.api_socket("service")))
    people = customers()
    # Read once: a payout that is mined while we ask for the next one must not count twice.
    above_floor = desk.balance(desk.address("hot-a")) - 5 * _ETH
    for number in range(above_floor // _ETH + 1):
        pay(api, f"drain-{time.monotonic_ns()}-{number}", people[number % len(people)], _ETH)
