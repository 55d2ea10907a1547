"""The suite runs offline, and it sleeps only where a real process or socket is waited for."""

from __future__ import annotations

import socket
from pathlib import Path

import pytest

from tests.test_architecture import TESTS, called_in, relative, tree

FAR = ["192.0.2.1", "2001:db8::1", "0.0.0.0", "example.org"]  # noqa: S104 - must be refused
REAL = ("tests/benchmarks/", "tests/drills/", "tests/e2e/", "tests/systemd/")
"""Rooms in which real processes and machines live, and take their time."""
WAITING = {
    "tests/fakes/receiver.py": "a receiver that is slow on purpose",
    "tests/fakes/tcp_proxy.py": "a network that is slow on purpose",
    "tests/hsm/adversary/line.py": "a caller that is slow on purpose",
    "tests/hsm/test_process.py": "a real process begins to listen",
    "tests/hsm/test_server.py": "a real server tidies its book while nobody waits",
    "tests/treasury/chain/test_ipc.py": "a node that is slow on purpose",
    "tests/treasury/chain/test_newheads.py": "a real thread hears of a block",
    "tests/treasury/chain/test_pool_on_nodes.py": "a real node begins to listen",
    "tests/treasury/chain/test_transport.py": "a node that is slow on purpose",
    "tests/treasury/chain/test_websocket.py": "a node that is slow on purpose",
    "tests/treasury/dev/test_devchain_process.py": "a real process begins to listen",
}
"""Who else sleeps on the wall clock, and what it is that takes time there."""


@pytest.mark.parametrize("host", FAR)
@pytest.mark.sockets
def test_no_test_leaves_the_machine(host: str) -> None:
    """R6.9: neither a connection nor a name, nor a listener that others could reach."""
    with pytest.raises(AssertionError, match="leaves the machine"):
        socket.create_connection((host, 9), timeout=0.01)
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with socket.socket(family, socket.SOCK_DGRAM) as unbound:
        for speak in (unbound.connect, unbound.connect_ex, unbound.bind):
            with pytest.raises(AssertionError, match="leaves the machine"):
                speak((host, 9))
        with pytest.raises(AssertionError, match="leaves the machine"):
            unbound.sendto(b"x", (host, 9))
        with pytest.raises(AssertionError, match="leaves the machine"):
            unbound.sendmsg([b"x"], [], 0, (host, 9))


@pytest.mark.sockets
def test_within_the_machine_sockets_work(tmp_path: Path) -> None:
    """Loopback and Unix sockets are what marked tests get."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        place = server.getsockname()
        with socket.create_connection(place, timeout=5) as caller:
            caller.sendall(b"x")
    with socket.socket(socket.AF_UNIX) as local:
        local.bind(str(tmp_path / "s"))


@pytest.mark.parametrize(
    ("family", "place"), [(socket.AF_INET, ("127.0.0.1", 0)), (socket.AF_UNIX, "/tmp/nowhere")]
)
def test_without_the_mark_there_are_no_sockets(family: int, place: tuple[str, int] | str) -> None:
    """R6.9: not even within the machine."""
    with socket.socket(family) as local:
        for speak in (local.connect, local.connect_ex, local.bind):
            with pytest.raises(AssertionError, match="mark it"):
                speak(place)


def test_only_those_sleep_that_wait_for_something_real() -> None:
    """R6.9: every other test moves a clock of its own; who is listed here sleeps."""
    sleeping = {relative(p) for p in TESTS if ".sleep" in set(called_in(tree(p)))}

    assert {name for name in sleeping if not name.startswith(REAL)} == set(WAITING)
