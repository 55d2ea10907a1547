"""The fixtures themselves: tokens are private to a test, sockets are shut, time stands still."""

from __future__ import annotations

import socket
from pathlib import Path

import pkcs11
import pytest

from tests.fakes.clock import FakeClock
from tests.fakes.softhsm import SoftHsm


@pytest.mark.parametrize("turn", [1, 2])
def test_each_test_sees_only_its_own_tokens(softhsm: SoftHsm, turn: int) -> None:
    """A second test in the same process does not see the tokens of the first."""
    token = softhsm.init_token(f"vault-{turn}")

    labels = {found.label for found in pkcs11.lib(softhsm.module).get_tokens()} - {""}

    assert {f"vault-{turn}"} == labels
    assert (
        token.label
        == pkcs11.lib(softhsm.module).get_token(token_serial=token.serial.encode()).label
    )


@pytest.mark.parametrize("family", [socket.AF_INET, socket.AF_UNIX])
def test_sockets_are_shut_without_the_mark(family: socket.AddressFamily) -> None:
    """A test without the mark can reach neither the network nor a local socket."""
    with socket.socket(family, socket.SOCK_STREAM) as one, pytest.raises(AssertionError):
        one.connect("anything")


@pytest.mark.sockets
def test_sockets_open_with_the_mark(tmp_path: Path) -> None:
    """A marked test may listen and connect."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as one:
        one.bind(str(tmp_path / "s"))


def test_the_clock_stands_still(clock: FakeClock) -> None:
    """Time passes only when the test says so."""
    before = clock()
    clock.advance(5)

    assert 5 == (clock() - before).total_seconds()
    assert int(clock().timestamp()) == clock.unix()
