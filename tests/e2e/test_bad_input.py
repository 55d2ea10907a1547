"""Bad input at the real programs: one clear message, the right code or state, nothing signed."""

from __future__ import annotations

import json
import shutil
import sqlite3
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import Any

import pytest

from treasury.dev.chain.launch import ChainOptions, running_chain
from treasury.dev.children import restart_fallen
from treasury.dev.deployment import Plan, write_daemon_settings
from treasury.dev.desk import Desk
from treasury.dev.stage import Stage, raised

pytestmark = [pytest.mark.sockets, pytest.mark.softhsm]
_START_S = 30


@pytest.fixture(scope="module")
def stage(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stage]:
    """One treasury for all cases; each case mends what it broke."""
    with raised(tmp_path_factory.mktemp("bad") / "d", Plan(time_lock_s=1)) as raised_stage:
        yield raised_stage


def _treasuryd(*arguments: str, environment: dict[str, str] | None = None) -> tuple[int, str]:
    """Run treasuryd to its end; return its exit code and what it told on stderr."""
    import os

    done = subprocess.run(
        [sys.executable, "-m", "treasury.daemon", *arguments],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
        env={**os.environ, **(environment or {})},
    )
    return done.returncode, done.stderr


def _status_when(stage: Stage, wanted: str) -> dict[str, Any]:
    """Wait until the status of the chain tells `wanted`; return the status."""
    desk = Desk(stage)
    end = time.monotonic() + _START_S
    try:
        while time.monotonic() < end:
            code, output, _ = desk._run("status", "--json")
            if code == 0 and wanted in output:
                found: dict[str, Any] = json.loads(output)
                return found
            time.sleep(0.2)
        raise AssertionError(f"{wanted!r} never came; the last answer was {output}")
    finally:
        desk.leave()


def _restart(stage: Stage, chain_url: str) -> None:
    stage.daemon.stop()
    write_daemon_settings(stage.deployment, chain_url)
    stage.daemon.start()


def test_broken_toml_names_file_and_line(stage: Stage, tmp_path: Path) -> None:
    """Settings that are no TOML end the daemon with 78 and one line that names the place."""
    broken = tmp_path / "treasuryd.toml"
    broken.write_text("[daemon]\nstate_dir = \n")

    code, told = _treasuryd("run", "--config", str(broken))

    assert code == 78
    assert len(told.splitlines()) == 1
    assert "treasuryd.toml" in told
    assert "line 2" in told


def test_an_unknown_key_is_refused_with_what_is_known(stage: Stage, tmp_path: Path) -> None:
    """A key that the daemon does not know is refused before anything is opened."""
    text = stage.deployment.daemon_toml.read_text().replace("[daemon]", "[daemon]\ntypo = 1")
    broken = tmp_path / "treasuryd.toml"
    broken.write_text(text)

    code, told = _treasuryd("run", "--config", str(broken))

    assert code == 78
    assert "daemon.typo = 1" in told


def test_a_second_daemon_is_told_to_leave(stage: Stage) -> None:
    """The ledger belongs to one daemon; a second one ends at once and says why."""
    code, told = _treasuryd("run", "--config", str(stage.deployment.daemon_toml))

    assert code in (75, 78)
    assert "another daemon" in told


def test_a_locked_database_is_a_matter_of_waiting(stage: Stage) -> None:
    """A ledger that another program locks ends the start with 75; systemd starts it again."""
    stage.daemon.stop()
    holder = sqlite3.connect(stage.deployment.directory / "ledger.sqlite3", isolation_level=None)
    holder.execute("PRAGMA locking_mode = EXCLUSIVE")
    holder.execute("BEGIN EXCLUSIVE")
    try:
        code, told = _treasuryd("run", "--config", str(stage.deployment.daemon_toml))
    finally:
        holder.execute("ROLLBACK")
        holder.close()
    stage.daemon.start()

    assert code == 75
    assert "locked" in told


def test_another_chain_behind_the_url_halts_and_is_not_believed(stage: Stage) -> None:
    """A node of another chain is a red line: HALTED, watching, no balance taken from it (R4.15)."""
    with running_chain(ChainOptions(chain_id=31338, block_time_s=1)) as other:
        _restart(stage, other.url)
        status = _status_when(stage, "HALTED")
        chain = status["chains"][0]

        assert "31338" in json.dumps(status)
        assert not chain["ok"] or chain["age_s"] > 0
    stage.daemon.stop()
    _forget_halt(stage)
    _restart(stage, stage.chain.url)
    _status_when(stage, '"ok": true')


def _forget_halt(stage: Stage) -> None:
    """Begin with a fresh ledger: what was halted needs a quorum otherwise."""
    for path in stage.deployment.directory.glob("ledger.sqlite3*"):
        path.unlink()


@pytest.mark.parametrize("kind", ["unreachable", "garbage"])
def test_a_node_that_does_not_make_sense_is_told_and_watched_on(stage: Stage, kind: str) -> None:
    """No answer, or garbage, is a visible state of the chain; the daemon stays up and waits."""
    server = HTTPServer(("127.0.0.1", 0), _Garbage)
    url = f"http://127.0.0.1:{server.server_port}"
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    if kind == "garbage":
        thread.start()
    else:
        server.server_close()
    try:
        _restart(stage, url)
        status = _status_when(stage, '"ok": false')

        assert status["exposure"]["state"] == "RUNNING"
        assert status["chains"][0]["error"]
    finally:
        if kind == "garbage":
            server.shutdown()
            server.server_close()
            thread.join()
        _restart(stage, stage.chain.url)
    _status_when(stage, '"ok": true')


class _Garbage(BaseHTTPRequestHandler):
    def do_POST(self) -> None:
        body = b"<html>502 Bad Gateway</html>"
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        """Stay quiet."""


def test_a_token_that_is_gone_makes_the_signer_wait_and_come_back(stage: Stage) -> None:
    """A missing token is a state that people see; it ends by itself when the token is back."""
    tokens = stage.deployment.directory / "tokens"
    away = stage.deployment.directory / "away"
    stage.signer.stop()
    tokens.rename(away)
    tokens.mkdir()
    stage.signer.start()
    _status_when_signer(stage, lambda health: health != "ready")
    tokens.rmdir()
    away.rename(tokens)
    _status_when_signer(stage, lambda health: health == "ready")


def _status_when_signer(stage: Stage, wanted: Callable[[str], bool]) -> None:
    end = time.monotonic() + 90
    while time.monotonic() < end:
        restart_fallen([stage.signer])
        status = _status_when(stage, "signer")
        if wanted(status["signer"]["health"]):
            return
        time.sleep(0.5)
    raise AssertionError(f"the signer stayed {status['signer']}")


def test_a_wrong_pin_is_tried_once_and_never_again(stage: Stage, tmp_path: Path) -> None:
    """The signer ends with 78 at a wrong PIN, and at the next start does not try at all (R3.7)."""
    copy = tmp_path / "s"
    shutil.copytree(
        stage.deployment.directory, copy, ignore=shutil.ignore_patterns("*.sock", "book*", "run")
    )
    (copy / "run").mkdir()
    (copy / "pins" / "vault.pin").write_text("0000000000000000\n")
    text = stage.deployment.signer_toml.read_text()
    text = text.replace(str(stage.deployment.sockets), str(copy / "run"))
    (copy / "signer.toml").write_text(text)
    conf = (copy / "softhsm2.conf").read_text().replace(str(stage.deployment.directory), str(copy))
    (copy / "softhsm2.conf").write_text(conf)
    environment = {"SOFTHSM2_CONF": str(copy / "softhsm2.conf")}

    first = _treasuryd("signer", "--config", str(copy / "signer.toml"), environment=environment)
    second = _treasuryd("signer", "--config", str(copy / "signer.toml"), environment=environment)

    assert first[0] == 78
    assert second[0] == 78
    assert "not tried again" in second[1]
    assert "0000000000000000" not in first[1] + second[1]


def test_an_approval_row_written_into_the_database_counts_for_nothing(stage: Stage) -> None:
    """Rows in the ledger are no authority: forged approvals leave the refill PROPOSED (R5.6)."""
    from treasury.cli.api import Api
    from treasury.dev.payouts import customers, pay

    desk = Desk(stage)
    try:
        people = customers()
        api = Api(str(stage.deployment.api_socket("service")))
        desk.wait_for("a chain that is seen", lambda: desk.ctl("status")["chains"][0]["ok"])
        for number in range(2):
            pay(api, f"forge-{number}", people[number], 10**18)
        refill = desk.wait_for("a proposed refill", lambda: desk.refill("PROPOSED"))
        before = desk.nonce("vault")
        ledger = sqlite3.connect(stage.deployment.directory / "ledger.sqlite3", timeout=10)
        for person in stage.deployment.people[:2]:
            ledger.execute(
                "INSERT INTO approval (digest, treasurer, signature, received_at) VALUES (?,?,?,?)",
                (refill["order_id"], person.address, "0x" + "11" * 65, int(time.time())),
            )
        ledger.execute("UPDATE refill SET state = 'APPROVED', release_at = 1")
        ledger.commit()
        ledger.close()
        time.sleep(6)

        assert before == desk.nonce("vault")
        assert not [r for r in desk.ctl("transfer", "list") if r["purpose"] == "refill"
                    and r["state"] not in ("QUEUED", "CANCELLED")]  # fmt: skip
    finally:
        desk.leave()
