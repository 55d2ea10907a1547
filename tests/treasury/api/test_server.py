"""The sockets: who may open them, what stands in their way, how they end."""

from __future__ import annotations

import os
import socket
import stat
import threading
import time
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from config.settings import ApiRole
from tests.fakes.office import OfficeForTests
from treasury.api.app import build_app
from treasury.api.server import ApiServer, ApiServerError, inherit, listen, open_sockets
from treasury.cli.api import Api

if TYPE_CHECKING:
    from tests.treasury.api.conftest import Caller

pytestmark = pytest.mark.sockets


def test_sockets_are_for_owner_and_group_only(office: OfficeForTests) -> None:
    """Mode 0660 from the first moment: the group decides who may knock."""
    for role in ApiRole:
        mode = (office.sockets / f"{role.value}.sock").stat().st_mode
        assert stat.S_ISSOCK(mode)
        assert 0o660 == stat.S_IMODE(mode)


def test_umask_is_as_before(tmp_path: Path) -> None:
    """Binding narrowly changes nothing for the rest of the process."""
    before = os.umask(0o022)
    os.umask(before)
    listen(tmp_path / "a.sock").close()
    after = os.umask(before)
    assert before == after


def test_socket_of_a_dead_daemon_is_replaced(tmp_path: Path) -> None:
    """Kill -9 leaves a socket behind; the next start takes its place."""
    path = tmp_path / "api" / "reader.sock"
    listen(path).close()
    assert path.exists()
    listen(path).close()


def test_socket_of_a_living_daemon_is_not_stolen(tmp_path: Path) -> None:
    """Two daemons never answer on one path."""
    path = tmp_path / "reader.sock"
    with listen(path), pytest.raises(ApiServerError, match="another daemon listens on"):
        listen(path)


def test_file_in_the_way_is_left_alone(tmp_path: Path) -> None:
    """Only sockets are replaced; a file is somebody's."""
    path = tmp_path / "reader.sock"
    path.write_text("precious")
    with pytest.raises(ApiServerError, match="is in the way and no socket: remove it"):
        listen(path)
    assert "precious" == path.read_text()


def test_folder_that_cannot_be_made_is_told(tmp_path: Path) -> None:
    """An operator reads where and why."""
    (tmp_path / "file").write_text("")
    with pytest.raises(ApiServerError, match="cannot listen on"):
        listen(tmp_path / "file" / "reader.sock")


def test_socket_from_systemd_is_used_and_left_in_place(office: OfficeForTests) -> None:
    """An inherited socket answers, and the path that systemd owns is not touched."""
    path = office.sockets.parent / "inherited.sock"
    first = listen(path)
    sockets = open_sockets({ApiRole.READER: Path("/nowhere")}, {"reader": first.detach()})
    apps = {ApiRole.READER: build_app(office.office(), ApiRole.READER)}
    server = ApiServer(apps, sockets, stop_deadline_s=1)
    server.start()
    assert "RUNNING" == Api(str(path)).get("/v1/status")["exposure"]["state"]
    assert server.stop()
    assert path.exists()


def test_descriptor_of_another_kind_is_refused() -> None:
    """A unit that hands over the wrong thing is told to the operator."""
    with pytest.raises(ApiServerError, match="is no socket"):
        inherit(os.open("/dev/null", os.O_RDONLY))
    with (
        socket.socket(socket.AF_INET) as foreign,
        pytest.raises(ApiServerError, match="is no Unix socket: mend the"),
    ):
        inherit(os.dup(foreign.fileno()))


def test_running_request_is_finished_at_the_stop(office: OfficeForTests) -> None:
    """SIGTERM waits for an answer that is being written, within the deadline."""
    entered, release = threading.Event(), threading.Event()
    app = build_app(office.office(), ApiRole.READER)

    @app.get("/slow")
    def slow() -> dict[str, str]:
        entered.set()
        release.wait(5)
        return {"done": "yes"}

    path = office.sockets.parent / "slow.sock"
    server = ApiServer({ApiRole.READER: app}, {ApiRole.READER: listen(path)}, stop_deadline_s=5)
    server.start()
    answers: list[object] = []
    asker = threading.Thread(target=lambda: answers.append(Api(str(path)).get("/slow")))
    asker.start()
    assert entered.wait(5)
    stopper = threading.Thread(target=server.stop)
    stopper.start()
    release.set()
    asker.join(5)
    stopper.join(10)
    assert [{"done": "yes"}] == answers
    assert not server.is_alive()


def test_stop_without_requests_is_quick(office: OfficeForTests) -> None:
    """Nobody waits for nothing."""
    app = build_app(office.office(), ApiRole.READER)
    path = office.sockets.parent / "quick.sock"
    server = ApiServer({ApiRole.READER: app}, {ApiRole.READER: listen(path)}, stop_deadline_s=5)
    server.start()
    begin = time.monotonic()
    assert server.stop()
    assert 3 > time.monotonic() - begin


def test_failure_inside_a_handler_is_one_clear_error(
    office: OfficeForTests, call: Caller, monkeypatch: pytest.MonkeyPatch
) -> None:
    """500 with a sentence and no inside of the program; the log has the rest; it goes on."""

    def broken(*_args: object, **_named: object) -> None:
        msg = "a secret inside"
        raise RuntimeError(msg)

    with monkeypatch.context() as patch:
        patch.setattr("treasury.ledger.listings.refills", broken)
        status, answer = call.get("/v1/refills")
    assert 500 == status
    assert "internal" == answer["error"]["code"]
    assert "secret" not in str(answer)
    assert any(line["event"] == "api_request_failed" for line in office.log)
    assert 200 == call.get("/v1/refills")[0]


def test_locked_ledger_is_a_503(
    office: OfficeForTests, call: Caller, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A ledger that stays locked is "try again", and nothing was changed."""
    from treasury.errors import LedgerBusyError

    def locked(*_args: object, **_named: object) -> None:
        msg = "the ledger stayed locked"
        raise LedgerBusyError(msg)

    monkeypatch.setattr("treasury.ledger.listings.refills", locked)
    status, answer = call.get("/v1/refills")
    assert (503, "ledger_busy") == (status, answer["error"]["code"])
    assert "nothing was changed, try again" in answer["error"]["message"]


def test_lost_race_is_a_409(
    office: OfficeForTests, call: Caller, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A row that somebody else moved first is no failure of the daemon."""
    from treasury.errors import StaleRowError

    def raced(*_args: object, **_named: object) -> None:
        msg = "refill 1 is no longer PROPOSED"
        raise StaleRowError(msg)

    monkeypatch.setattr("treasury.ledger.listings.refills", raced)
    status, answer = call.get("/v1/refills")
    assert (409, "raced") == (status, answer["error"]["code"])
    assert "refill 1 is no longer PROPOSED" in answer["error"]["message"]
