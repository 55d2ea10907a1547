"""The heartbeat against a fake supervisor: a datagram socket that remembers what it was told."""

from __future__ import annotations

import os
import socket
from collections.abc import Iterator
from pathlib import Path

import pytest

from treasury.heartbeat import Heartbeat

pytestmark = pytest.mark.sockets


@pytest.fixture
def supervisor(tmp_path: Path) -> Iterator[socket.socket]:
    """The supervisor's end of a notify socket."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as end:
        end.bind(str(tmp_path / "notify"))
        end.setblocking(False)
        yield end


def heard(supervisor: socket.socket) -> str:
    """Return the next datagram."""
    return supervisor.recv(4096).decode()


def heartbeat_to(supervisor: socket.socket) -> Heartbeat:
    """Return a heartbeat that speaks to this supervisor."""
    return Heartbeat(supervisor.getsockname(), watchdog_s=10)


def test_readiness_is_announced_with_a_status_line(supervisor: socket.socket) -> None:
    """READY and STATUS travel in one datagram."""
    assert heartbeat_to(supervisor).ready("watching 2 chains")

    assert heard(supervisor) == "READY=1\nSTATUS=watching 2 chains"


def test_only_a_beat_feeds_the_watchdog(supervisor: socket.socket) -> None:
    """R5.5: a status line alone is not a sign of life."""
    heartbeat = heartbeat_to(supervisor)
    heartbeat.status("lane devnet-watch is late")
    heartbeat.beat()
    heartbeat.beat("calm")
    heartbeat.stopping("finishing a commit")

    assert heard(supervisor) == "STATUS=lane devnet-watch is late"
    assert heard(supervisor) == "WATCHDOG=1"
    assert heard(supervisor) == "WATCHDOG=1\nSTATUS=calm"
    assert heard(supervisor) == "STOPPING=1\nSTATUS=finishing a commit"


def test_a_newline_in_a_status_cannot_forge_another_field(supervisor: socket.socket) -> None:
    """Text from outside that reaches the status cannot feed the watchdog."""
    heartbeat_to(supervisor).status("node says\nWATCHDOG=1")

    assert heard(supervisor) == "STATUS=node says WATCHDOG=1"


def test_an_abstract_address_is_understood() -> None:
    """A leading @ is the abstract namespace, as in containers."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as end:
        end.bind(f"\0treasury-test-{os.getpid()}")
        end.setblocking(False)
        assert Heartbeat(f"@treasury-test-{os.getpid()}").beat()
        assert heard(end) == "WATCHDOG=1"


def test_without_a_supervisor_every_message_is_dropped() -> None:
    """Started by hand, the daemon talks to nobody and does not mind."""
    heartbeat = Heartbeat.of({}, 1)

    assert not heartbeat.ready("up")
    assert heartbeat.interval_s is None


def test_a_supervisor_that_went_away_does_not_take_the_daemon_with_it(tmp_path: Path) -> None:
    """A missing socket is reported as not sent, never raised."""
    assert not Heartbeat(str(tmp_path / "gone")).beat()


@pytest.mark.parametrize("address", ["", "relative", "vsock:2:1234"])
def test_an_address_of_an_unknown_kind_is_not_used(address: str) -> None:
    """Only paths and abstract names are sockets that we can reach."""
    assert not Heartbeat(address).beat()


@pytest.mark.parametrize(
    ("environ", "expected_s"),
    [
        ({"WATCHDOG_USEC": "20000000"}, 10.0),
        ({"WATCHDOG_USEC": "20000000", "WATCHDOG_PID": "7"}, 10.0),
        ({"WATCHDOG_USEC": "20000000", "WATCHDOG_PID": "8"}, None),
        ({"WATCHDOG_USEC": "0"}, None),
        ({"WATCHDOG_USEC": "soon"}, None),
        ({}, None),
    ],
)
def test_beats_come_twice_within_the_watchdogs_patience(
    environ: dict[str, str], expected_s: float | None
) -> None:
    """The interval is half of WATCHDOG_USEC, and only for the process that it was meant for."""
    assert Heartbeat.of(environ, 7).interval_s == expected_s
