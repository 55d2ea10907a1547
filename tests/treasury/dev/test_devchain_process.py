"""The development chain as a process: it starts, serves, refuses the network, and ends."""

from __future__ import annotations

import subprocess
import sys
import time
from contextlib import closing
from pathlib import Path

import pytest

from config.settings import Finality, FinalityKind
from policies.crypto import keccak256, parse_address
from policies.terms import NATIVE
from tests.fakes.devchain import ALICE, BOB, ETHER, signed
from treasury.chain.errors import UnavailableError
from treasury.chain.node import NodeChain, connect_node
from treasury.chain.port import ReadRequest, SendKind
from treasury.dev.chain.launch import ChainOptions, LaunchError, running_chain, start_chain
from treasury.dev.chain.server import NotLoopbackError, require_loopback

pytestmark = pytest.mark.sockets
DEPTH_2 = Finality(kind=FinalityKind.DEPTH, depth_blocks=2)


def _connect(url: str) -> closing[NodeChain]:
    return closing(connect_node(url, chain_id=31337, finality=DEPTH_2, deadline_s=5))


def test_a_payment_goes_all_the_way_through_the_daemons_own_client() -> None:
    """Read, send, interval mining, receipt and finality over a real socket, then a clean end."""
    alice, bob = parse_address(ALICE.address), parse_address(BOB)
    options = ChainOptions(block_time_s=0.2, funds={alice: 100})
    with running_chain(options) as running, _connect(running.url) as chain:
        raw = signed(0)
        digest = "0x" + keccak256(raw).hex()
        assert chain.send(raw).kind is SendKind.ACCEPTED
        assert chain.send(raw).kind in (SendKind.KNOWN, SendKind.NONCE_LOW)
        deadline = time.monotonic() + 10
        while chain.receipts([digest])[digest] is None and time.monotonic() < deadline:
            time.sleep(0.05)
        receipt = chain.receipts([digest])[digest]
        assert receipt is not None
        at = chain.stamp_at(receipt.block_number)
        request = ReadRequest(wallets=(alice, bob), assets=(NATIVE,), with_code=True)
        readings = chain.read_balances(request, at)
        assert readings.balance(bob, NATIVE) == ETHER
        assert readings.balance(alice, NATIVE) == 99 * ETHER - receipt.fee_paid
        assert readings.nonces == {alice: 1, bob: 0}
    assert running.process.returncode == 0


def test_the_client_notices_a_restarted_node() -> None:
    """A new process on the same port is found on a new connection, chain id compared anew."""
    first = start_chain(ChainOptions())
    port = int(first.url.rsplit(":", 1)[1])
    with _connect(first.url) as chain:
        chain.head()
        assert first.stop() == 0
        with pytest.raises(UnavailableError):
            chain.head()
        with running_chain(ChainOptions(port=port)):
            assert chain.head().number == 0


@pytest.mark.parametrize("host", ["0.0.0.0", "", "localhost", "192.168.1.1", "::", "8.8.8.8"])  # noqa: S104
def test_only_loopback_is_listened_on(host: str) -> None:
    """A chain that gives money to everyone is never offered to the network."""
    with pytest.raises(NotLoopbackError):
        require_loopback(host)


@pytest.mark.parametrize(
    "options",
    [["--host", "0.0.0.0"], ["--fund", "0x12=1"], ["--fund", BOB], ["--block-time", "nan"]],  # noqa: S104
)
def test_wrong_options_end_with_one_clear_line(options: list[str]) -> None:
    """Nothing is served, the exit code is 2, and the last line says why."""
    command = [sys.executable, "-m", "treasury.dev.chain", "--port", "0", *options]
    ended = subprocess.run(command, capture_output=True, text=True, check=False, timeout=30)
    assert ended.returncode == 2
    assert ended.stdout == ""
    assert "Traceback" not in ended.stderr


def test_a_chain_that_cannot_start_is_told_and_leaves_nothing() -> None:
    """A missing binary, and a port that is taken, are launch errors."""
    with pytest.raises(LaunchError, match="cannot start"):
        start_chain(ChainOptions(anvil="/nonexistent/anvil"))
    with running_chain(ChainOptions()) as running:
        port = int(running.url.rsplit(":", 1)[1])
        with pytest.raises(LaunchError, match="ended before it was ready"):
            start_chain(ChainOptions(port=port))


def test_a_chain_that_never_gets_ready_is_ended() -> None:
    """The deadline holds, and the child does not outlive it."""
    with pytest.raises(LaunchError, match="not ready in time"):
        start_chain(ChainOptions(), deadline_s=0.01)


def test_a_chain_ends_with_whoever_started_it() -> None:
    """A killed parent cleans nothing up: the kernel ends its chain."""
    program = (
        "from treasury.dev.chain.launch import ChainOptions, start_chain\n"
        "import time\n"
        "print(start_chain(ChainOptions()).process.pid, flush=True)\n"
        "time.sleep(60)\n"
    )
    with subprocess.Popen([sys.executable, "-c", program], stdout=subprocess.PIPE) as parent:
        assert parent.stdout is not None
        chain = int(parent.stdout.readline())
        assert _runs(chain)
        parent.kill()
    end = time.monotonic() + 10
    while _runs(chain) and time.monotonic() < end:
        time.sleep(0.05)
    assert not _runs(chain)


def _runs(pid: int) -> bool:
    """Say whether a process runs; one that nobody has buried yet does not."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0] != "Z"
    except OSError:
        return False
