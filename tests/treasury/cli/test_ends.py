"""How commands end when the world around them does not play along."""

from __future__ import annotations

import socket
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests.fakes.liar import liar_at
from tests.fakes.office import OfficeForTests
from treasury.api.office import Health
from treasury.cli.api import Api
from treasury.cli.exits import CommandError
from treasury.cli.main import main
from treasury.ledger import cell_marks, marks, queries

if TYPE_CHECKING:
    from tests.treasury.cli.conftest import Terminal

pytestmark = pytest.mark.sockets


def test_silent_daemon_is_unavailable(tmp_path: Path) -> None:
    """A daemon that takes the question and never answers costs the deadline and no more."""
    path = tmp_path / "silent.sock"
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as listener:
        listener.bind(str(path))
        listener.listen(1)
        api = Api(str(path))
        api.deadline_s = 0.05
        with pytest.raises(CommandError, match=r"did not answer within 0\.05 s") as caught:
            api.get("/v1/status")
    assert 69 == caught.value.code


def test_interrupted_command_ends_quietly(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Ctrl-C is exit code 130 and one line."""

    def interrupt(*_args: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("treasury.cli.status.show", interrupt)
    assert 130 == main(["status"])
    assert "treasuryctl: interrupted\n" == capsys.readouterr().err


def test_mistake_of_ours_is_told_as_such(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """No traceback for people, but no excuse either: exit code 70."""

    def broken(*_args: object) -> None:
        msg = "two\nlines"
        raise RuntimeError(msg)

    monkeypatch.setattr("treasury.cli.status.show", broken)
    assert 70 == main(["status"])
    told = capsys.readouterr().err
    assert "treasuryctl: a mistake inside the program: RuntimeError: two\\nlines\n" == told


def test_answer_of_another_version_is_told_as_such(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """An answer without what we look for names the likely cause."""
    path = tmp_path / "old.sock"
    with liar_at(path, {"/v1/status": {"now": 5}}):
        assert 65 == main(["status", "--socket", str(path)])
    assert "are daemon and treasuryctl of the same version?" in capsys.readouterr().err


def test_header_that_would_smuggle_is_refused(tmp_path: Path) -> None:
    """A key with a line break never becomes a second header."""
    with pytest.raises(CommandError, match="use printable ASCII only") as caught:
        Api(str(tmp_path)).post("/v1/withdrawals", {}, ("service",), {"Idempotency-Key": "a\r\nb"})
    assert 2 == caught.value.code


def test_status_tells_every_trouble(office: OfficeForTests, terminal: Terminal) -> None:
    """Red lines of doctor, a frozen signer, a held and a frozen wallet, a blind chain."""
    office.health = Health(signer="degraded", signer_frozen=True, findings=("the disk is full",))
    now = office.clock.unix()
    with office.ledger.write() as session:
        wallet = queries.standings.wallet(session, "hot-a")
        assert wallet is not None
        marks.hold(session, wallet, block_number=7, why="1 ETH is unexplained", now=now)
        marks.freeze(session, wallet, actor="guard", why="it goes on", now=now)
        cell_marks.write_failed_tick(session, 31337, at=now - 60, error="the node is silent")
    found = terminal("status").out
    assert "degraded, FROZEN" in found
    assert "DOCTOR    the disk is full" in found
    assert "TROUBLE   hot-a (hold): 1 ETH is unexplained" in found
    assert "TROUBLE   hot-a (frozen): it goes on" in found
    assert "1 min 0 s ago, FAILED: the node is silent" in found or "60 s ago, FAILED" in found
    assert "HOLD" in terminal("wallet", "list").out
