"""Drills with nothing mocked: dry runs over a running treasury, and the real ones when asked."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.fakes.receiver import Receiver, receiving
from treasury.cli.api import Api
from treasury.cli.exits import CommandError
from treasury.dev.coins import USDC
from treasury.dev.deployment import Plan
from treasury.dev.stage import Stage, raised
from treasury.drills.record import DrillKind

pytestmark = [pytest.mark.sockets, pytest.mark.softhsm]


@pytest.fixture(scope="module")
def stage(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stage]:
    """A running treasury that all dry runs walk through."""
    with raised(tmp_path_factory.mktemp("drills") / "d", Plan(coins=(USDC,))) as raised_stage:
        yield raised_stage


def drill(kind: str, *words: str) -> tuple[int, dict[str, Any], str]:
    """Run `treasuryd drill`; return its code, its record and its last words."""
    done = subprocess.run(
        [sys.executable, "-m", "treasury.daemon", "drill", kind, "--json", *words],
        capture_output=True,
        text=True,
        timeout=240,
        check=False,
        env=dict(os.environ),
    )
    record, _, rest = done.stdout.partition("\n}\n")
    return done.returncode, json.loads(record + "}") if record else {}, rest + done.stderr


def test_every_dry_run_changes_nothing_and_is_recorded(stage: Stage) -> None:
    """R1.7: five rehearsals of a running treasury; the journal keeps times, status the age."""
    api = Api(str(stage.deployment.sockets / "api"))
    before = api.get("/v1/wallets")["wallets"]
    ended = {
        kind.value: drill(kind.value, "--dry-run", "--config", str(stage.deployment.daemon_toml))
        for kind in DrillKind
    }
    lines = api.get("/v1/journal", {"limit": 200})["entries"]
    recorded = [line["subject"] for line in lines if line["kind"] == "drill_done"]
    states = [(wallet["name"], wallet["state"]) for wallet in before]

    assert dict.fromkeys(ended, (0, True)) == {
        kind: (code, record["is_ok"]) for kind, (code, record, _) in ended.items()
    }, ended
    assert all(record["steps"] for _, record, _ in ended.values())
    assert [f"drill:{kind.value}" for kind in DrillKind] == recorded
    assert states == [(w["name"], w["state"]) for w in api.get("/v1/wallets")["wallets"]]
    assert "restore" == api.get("/v1/status")["drill"]["kind"]


@pytest.mark.soak
@pytest.mark.parametrize("kind", [kind.value for kind in DrillKind])
def test_every_real_drill_happens(tmp_path: Path, kind: str) -> None:
    """R1.7: on a chain of play money every step of every drill happens, with its time."""
    code, record, words = drill(kind, "--directory", str(tmp_path / "d"))

    assert (0, "") == (code, record.get("failure")), words
    print("\n" + "\n".join(f"{s['ms']:>8} ms  {s['what']}" for s in record["steps"]))


def test_a_running_daemon_tells_a_receiver_and_beats(stage: Stage, tmp_path: Path) -> None:
    """The whole way with nothing mocked: settings, outbox, postman, signature, and the pulse."""
    secret = b"sixteen bytes or more"
    with receiving(secret) as receiver:
        (tmp_path / "address").write_text(receiver.url)
        (tmp_path / "secret").write_bytes(secret)
        files = f'address_file = "{tmp_path}/address"\nsecret_file = "{tmp_path}/secret"\n'
        toml = stage.deployment.daemon_toml
        toml.write_text(
            f"{toml.read_text()}\n[alerts.pulse]\n{files}every_s = 1\n"
            f'[alerts.channels.here]\nkind = "webhook"\nleast = "critical"\n{files}'
        )
        stage.daemon.stop()
        stage.daemon.start()
        stage.daemon.wait_until(lambda: _tested(stage), 30)
        stage.daemon.wait_until(lambda: _events(receiver) >= {"test", "alive"}, 30)

    assert [] == receiver.forged


def _tested(stage: Stage) -> bool:
    try:
        Api(str(stage.deployment.sockets / "api")).post("/v1/alarms/test", {}, ("operator",))
    except CommandError:
        return False
    return True


def _events(receiver: Receiver) -> set[str]:
    return {str(body["event"]) for body in receiver.bodies}
