"""The programs of production: a payout that a restored ledger had forgotten is paid once."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from treasury.cli.api import Api
from treasury.dev.deployment import Plan
from treasury.dev.desk import Desk
from treasury.dev.payouts import customers, pay
from treasury.dev.stage import Stage, raised

pytestmark = [pytest.mark.sockets, pytest.mark.softhsm]
_ETH = 10**18


@pytest.fixture
def desk(tmp_path: Path) -> Iterator[Desk]:
    """A desk in front of a running treasury."""
    with raised(tmp_path / "d", Plan()) as stage:
        desk = Desk(stage)
        yield desk
        desk.leave()


def treasuryd(stage: Stage, *arguments: str) -> str:
    """Run a command of `treasuryd` beside the daemon, and return what it says."""
    program = Path(sys.executable).parent / "treasuryd"
    command = [str(program), arguments[0], "--config", str(stage.deployment.daemon_toml)]
    done = subprocess.run(
        [*command, *arguments[1:]], capture_output=True, text=True, timeout=60, check=False
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_what_was_paid_after_the_copy_is_known_after_the_restore(
    desk: Desk, tmp_path: Path
) -> None:
    """R4.14: backup, payout, loss, restore, the same key again: one payment, and a halt."""
    stage, copy, customer = desk.stage, tmp_path / "copy.sqlite3", customers()[0]
    api = Api(str(stage.deployment.api_socket("service")))
    treasuryd(stage, "backup", str(copy))
    pay(api, "lost", customer, _ETH)
    desk.wait_for("the payout", lambda: desk.balance(customer))
    stage.daemon.kill()
    told = treasuryd(stage, "restore", str(copy))
    stage.daemon.start()
    desk.wait_for("the daemon's answer", desk.is_up)
    pay(api, "lost", customer, _ETH)
    desk.wait_for("the payout's end", lambda: paid_again(desk))

    assert "adopted 1 attempts" in told
    assert "exposure is HALTED" in told
    assert "HALTED" == desk.ctl("status")["exposure"]["state"]
    assert _ETH == desk.balance(customer)
    assert 1 == desk.nonce("hot-a")
    assert desk.ctl("journal", "verify")["ok"]


def paid_again(desk: Desk) -> bool:
    """Say whether the repeated request is known as paid."""
    return [row["state"] for row in desk.ctl("withdrawal", "list")] == ["PAID"]
