"""A treasury under a real PID 1: started, killed, stopped, locked out. Tests run in file order.

Excluded from the ordinary run, because a machine is built and booted: `make test-systemd`.
"""

from __future__ import annotations

import contextlib
import re
import time
from collections.abc import Iterator

import pytest

from hsm.client import SignerClient
from hsm.wire.answers import SignerStatus
from tests.systemd.installed import SOCKETS, Installed, install
from tests.systemd.machine import why_not
from treasury.dev.chain.launch import ChainOptions, RunningChain, start_chain
from treasury.dev.deployment import Deployment
from treasury.dev.genesis import adopt_first_law

pytestmark = [
    pytest.mark.systemd_boot,
    pytest.mark.sockets,
    pytest.mark.skipif(bool(why_not()), reason=f"no machine can be booted: {why_not()}"),
]
DAEMON, SIGNER = "treasuryd.service", "treasury-signer.service"
SIGNER_SOCKETS = ["treasury-signer.socket", "treasury-signer-people.socket"]


@pytest.fixture(scope="module")
def treasury(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Installed]:
    """A booted machine with everything installed and every socket listening."""
    installed = install(tmp_path_factory.mktemp("machine"), start_funded_chain)
    with contextlib.ExitStack() as stack:
        stack.callback(installed.chain.stop)
        machine = stack.enter_context(installed.machine)
        machine.run("systemctl", "start", *SOCKETS, check=True)
        yield installed


def start_funded_chain(made: Deployment) -> RunningChain:
    """Start a development chain on which hot-a is below its floor of 5 ETH."""
    funds = {"vault": 1000, "hot-a": 4, "gas": 5}
    options = ChainOptions(
        chain_id=made.chain_id,
        block_time_s=1,
        funds={made.addresses[name]: amount for name, amount in funds.items()},
    )
    return start_chain(options)


def refill_state(treasury: Installed) -> str:
    """Return the state of refill 1 as a reader sees it, or nothing before it is proposed."""
    printed = treasury.machine.run("treasuryctl", "--json", "refill", "show", "1", user="alice")
    found = re.search(r'"state": ?"(\w+)"', printed)
    return found.group(1) if found else ""


def signer_status(treasury: Installed) -> SignerStatus:
    """Ask the signer on the treasurers' socket of the machine."""
    with SignerClient(treasury.reached_from_host().people_socket) as client:
        return client.status()


def test_every_socket_belongs_to_its_role(treasury: Installed) -> None:
    """R5.6: modes and groups are what the units say, before any program has started."""
    listing = treasury.machine.run(
        "sh", "-c", "stat -c '%n %U:%G %a' /run/treasury/api/* /run/treasury-signer/*"
    )

    assert listing.splitlines() == [
        "/run/treasury/api/operator.sock root:treasury-operator 660",
        "/run/treasury/api/reader.sock root:treasury-reader 660",
        "/run/treasury/api/service.sock root:treasury-service 660",
        "/run/treasury/api/treasurer.sock root:treasury-treasurer 660",
        "/run/treasury-signer/people.sock root:treasury-treasurer 660",
        "/run/treasury-signer/signer.sock root:treasury 660",
    ]


def test_the_signer_starts_hardened_and_adopts_its_first_law(treasury: Installed) -> None:
    """The unit's filters let the token work: READY comes after the self-test, then genesis."""
    treasury.machine.run("systemctl", "start", SIGNER, check=True)
    adopt_first_law(treasury.reached_from_host())

    assert treasury.machine.show(SIGNER, "ActiveState") == "active"
    assert treasury.machine.show(SIGNER, "NRestarts") == "0"


def test_pins_are_credentials_and_nothing_else(treasury: Installed) -> None:
    """R3.13, R5.9: no PIN in environment, arguments or journal; only the signer may read it."""
    machine = treasury.machine
    pid = machine.show(SIGNER, "MainPID")
    pins = [treasury.credential(name).read_text().strip() for name in ("vault", "hot-a", "gas")]
    seen = machine.run("cat", f"/proc/{pid}/environ", f"/proc/{pid}/cmdline")
    seen += machine.journal(SIGNER)
    mine = "/run/credentials/treasury-signer.service/vault-pin"

    assert not [pin for pin in pins if pin in seen]
    assert "Permission denied" in machine.run("cat", mine, user="treasury")


def test_a_stranger_cannot_open_a_socket(treasury: Installed) -> None:
    """R5.6: who is in no group gets EACCES; the daemon's user gets its own socket and no other."""
    connect = (
        "import socket, sys; s = socket.socket(socket.AF_UNIX); s.connect(sys.argv[1]); print('in')"
    )

    def knock(user: str, socket: str) -> str:
        return treasury.machine.run("python3", "-c", connect, socket, user=user)

    assert "PermissionError" in knock("nobody", "/run/treasury-signer/signer.sock")
    assert "PermissionError" in knock("nobody", "/run/treasury/api/reader.sock")
    assert "PermissionError" in knock("treasury", "/run/treasury-signer/people.sock")
    assert "in" in knock("treasury", "/run/treasury-signer/signer.sock").split()


def test_the_daemon_starts_hardened_and_proposes_a_refill(treasury: Installed) -> None:
    """READY comes after the self-test; hot-a is below its floor, so refill 1 is proposed."""
    machine = treasury.machine
    machine.run("systemctl", "start", DAEMON)
    assert machine.show(DAEMON, "ActiveState") == "active", machine.journal(DAEMON)[-3000:]
    machine.wait_for(lambda: refill_state(treasury) == "PROPOSED", "a proposal", 30)

    assert machine.show(DAEMON, "NRestarts") == "0"


def test_two_treasurers_approve_and_the_refill_settles(treasury: Installed) -> None:
    """The whole loop under systemd: signed by two logins, released, mined, settled."""
    machine = treasury.machine
    for person in ("alice", "bob"):
        home = f"/home/{person}"
        machine.run(
            *("treasuryctl", "refill", "approve", "1", "--yes"),
            *("--keystore", f"{home}/keystore.json", "--password-file", f"{home}/password.txt"),
            user=person,
            check=True,
        )
    machine.wait_for(lambda: refill_state(treasury) == "SETTLED", "settlement", 60)

    assert machine.show(DAEMON, "NRestarts") == "0"


def test_a_killed_daemon_is_back_and_keeps_its_ledger(treasury: Installed) -> None:
    """It is started again; the settled refill is still there and is not paid twice."""
    machine = treasury.machine
    machine.run("systemctl", "kill", "--kill-whom=main", "--signal=KILL", DAEMON, check=True)
    machine.wait_for(lambda: machine.show(DAEMON, "NRestarts") == "1", "the restart", 10)
    machine.wait_for(lambda: machine.show(DAEMON, "ActiveState") == "active", "readiness", 30)

    assert refill_state(treasury) == "SETTLED"


def test_a_stopped_daemon_is_noticed_by_the_watchdog(treasury: Installed) -> None:
    """R5.5: a daemon that hangs is ended and started again."""
    machine = treasury.machine
    machine.run("systemctl", "kill", "--kill-whom=main", "--signal=STOP", DAEMON, check=True)
    machine.wait_for(lambda: "Watchdog timeout" in machine.journal(DAEMON), "the watchdog", 20)
    machine.wait_for(lambda: machine.show(DAEMON, "NRestarts") == "2", "the restart", 20)
    machine.wait_for(lambda: machine.show(DAEMON, "ActiveState") == "active", "readiness", 30)

    assert refill_state(treasury) == "SETTLED"


def test_the_daemon_watches_on_without_its_signer(treasury: Installed) -> None:
    """R5.10: the signer may be away; the daemon neither ends nor restarts."""
    machine = treasury.machine
    machine.run("systemctl", "stop", SIGNER, *SIGNER_SOCKETS, check=True)
    time.sleep(5)
    state, restarts = machine.show(DAEMON, "ActiveState"), machine.show(DAEMON, "NRestarts")
    machine.run("systemctl", "start", *SIGNER_SOCKETS, SIGNER, check=True)

    assert (state, restarts) == ("active", "2")


def test_a_killed_signer_is_back_within_ten_seconds(treasury: Installed) -> None:
    """R5.10: systemd starts it again, and it still knows its law."""
    before = signer_status(treasury)
    machine = treasury.machine
    killed_at = time.monotonic()
    machine.run("systemctl", "kill", "--kill-whom=main", "--signal=KILL", SIGNER, check=True)
    machine.wait_for(lambda: machine.show(SIGNER, "NRestarts") == "1", "the restart", 10)
    machine.wait_for(lambda: machine.show(SIGNER, "ActiveState") == "active", "readiness", 10)
    after = signer_status(treasury)

    assert time.monotonic() - killed_at < 10
    assert (after.deployment, after.law_digest) == (before.deployment, before.law_digest)


def test_a_stopped_signer_is_noticed_by_the_watchdog(treasury: Installed) -> None:
    """R5.5: a process that hangs is silent, and silence ends it."""
    machine = treasury.machine
    machine.run("systemctl", "kill", "--kill-whom=main", "--signal=STOP", SIGNER, check=True)
    machine.wait_for(lambda: "Watchdog timeout" in machine.journal(SIGNER), "the watchdog", 20)
    machine.wait_for(lambda: machine.show(SIGNER, "NRestarts") == "2", "the restart", 20)
    machine.wait_for(lambda: machine.show(SIGNER, "ActiveState") == "active", "readiness", 10)

    assert machine.show(SIGNER, "ActiveState") == "active"


def test_a_daemon_that_is_told_to_stop_ends_at_once_and_cleanly(treasury: Installed) -> None:
    """SIGTERM finishes the current commit: exit code 0 within seconds."""
    machine = treasury.machine
    began = time.monotonic()
    machine.run("systemctl", "stop", DAEMON, check=True)
    took_s = time.monotonic() - began
    result = machine.show(DAEMON, "Result"), machine.show(DAEMON, "ExecMainStatus")
    machine.run("systemctl", "start", DAEMON, check=True)

    assert result == ("success", "0")
    # A tick may be in the middle of a commit; what hangs would be killed only after a minute.
    assert took_s < 15


def test_a_wrong_pin_is_tried_exactly_once(treasury: Installed) -> None:
    """R3.7: neither a start by hand nor the daemon, which knocks on, has the PIN tried again."""
    machine = treasury.machine
    # The daemon knocks all the time, so the signer comes back the moment it is gone.
    treasury.credential("hot-a").write_text("0" * 16 + "\n")
    for _ in range(3):
        machine.run("systemctl", "reset-failed")
        machine.run("systemctl", "restart", SIGNER)
    machine.wait_for(lambda: machine.show(SIGNER, "ActiveState") == "failed", "giving up", 30)
    log = machine.journal(SIGNER)

    assert machine.show(SIGNER, "NRestarts") == "0"
    assert "status=78" in log
    # SoftHSM writes this line whenever a PIN does not open a token.
    assert log.count("EVP_DecryptFinal failed") == 1
    assert log.count("refused its PIN, which is not tried again") >= 2


def test_the_mended_pin_brings_everything_back(treasury: Installed) -> None:
    """The runbook's page: right credential, mark removed, sockets and signer started again."""
    machine = treasury.machine
    right = treasury.deployment.directory / "pins/hot-a.pin"
    treasury.credential("hot-a").write_text(right.read_text())
    machine.run("rm", "/var/lib/treasury-signer/pin-refused.hot-a", check=True)
    machine.run("systemctl", "stop", *SIGNER_SOCKETS, SIGNER, check=True)
    machine.run("systemctl", "reset-failed")
    machine.run("systemctl", "start", *SIGNER_SOCKETS, SIGNER, check=True)

    assert machine.show(SIGNER, "ActiveState") == "active"
    assert machine.show(DAEMON, "ActiveState") == "active"
