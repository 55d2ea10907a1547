"""How fast the signer signs, as ratios inside one run, variants interleaved.

Measured against a plain C loop over the same key where a compiler is present, else against the
PKCS#11 library's own Python loop, and against what one durable order cannot do without: two
flushes to the disk, one signature, one recovery. Absolute figures mean nothing on a shared
machine. Each ratio compares the best of many interleaved rounds on both sides: a busy neighbour
makes every round slower, and nothing makes one faster than the code.
"""

from __future__ import annotations

import json
import os
import select
import shutil
import socket
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from itertools import chain
from pathlib import Path

import pkcs11
import pytest

from hsm.process.desk import Door
from hsm.process.loop import Loop
from hsm.token.keys import sign_raw
from hsm.transaction import build_transfer, digest_of, encode_signed, unsigned_payload
from hsm.wire.message import Request, encode_request, frame
from tests.fakes.clock import FakeClock
from tests.fakes.signing_rig import KEY, SigningRig
from tests.fakes.softhsm import PIN, SoftHsm
from tests.fakes.vault_room import FEES

pytestmark = [pytest.mark.bench, pytest.mark.sockets, pytest.mark.softhsm]
ROUNDS = 25
ORDERS = 16
PER_ROUND = 100
GROUP = 32
CKA_ID = 2
Once = Callable[[], tuple[float, float]]
"""Returns the processor seconds and the wall seconds of one plain signature."""


@pytest.fixture
def rig(softhsm: SoftHsm, clock: FakeClock) -> Iterator[SigningRig]:
    """Real tokens and a real book."""
    made = SigningRig(softhsm, clock)
    yield made
    made.close()


@contextmanager
def plain_loop(store: SoftHsm, rig: SigningRig, folder: Path) -> Iterator[tuple[str, Once]]:
    """Give a function that times one plain signature, and its name."""
    compiler = shutil.which("cc")
    if compiler is None:
        yield "pkcs11 loop", lambda: both_times(lambda: python_loop(rig))
        return
    program = folder / "sign_loop"
    source = Path(__file__).with_name("sign_loop.c")
    subprocess.run([compiler, "-O2", "-o", program, source, "-ldl"], check=True)
    slot = next(t.slot.slot_id for t in pkcs11.lib(store.module).get_tokens() if t.label == "hot")
    command = [str(program), store.module, str(slot), PIN, str(CKA_ID)]
    with subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, bufsize=1
    ) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        ask, answer = process.stdin, process.stdout

        def once() -> tuple[float, float]:
            ask.write(f"{PER_ROUND}\n")
            busy, wall = (int(word) / 1e9 / PER_ROUND for word in answer.readline().split())
            return busy, wall

        yield "C loop", once
        ask.close()


def timed(work: Callable[[], None]) -> float:
    """Return processor seconds per piece of some work that does `PER_ROUND` pieces.

    Signing in SoftHSM is arithmetic, so processor time is what a quiet machine's wall shows.
    """
    start = time.thread_time()
    work()
    return (time.thread_time() - start) / PER_ROUND


def both_times(work: Callable[[], None]) -> tuple[float, float]:
    """Return processor and wall seconds per piece."""
    start = time.perf_counter()
    busy = timed(work)
    return busy, (time.perf_counter() - start) / PER_ROUND


def python_loop(rig: SigningRig) -> None:
    """Sign with the PKCS#11 library alone."""
    for turn in range(PER_ROUND):
        sign_raw(rig.handle, bytes([turn]) * 32)


def raw_transactions(rig: SigningRig) -> None:
    """Build, sign and prove raw transactions in process."""
    for nonce in range(PER_ROUND):
        payload = unsigned_payload(build_transfer(rig.terms, nonce, FEES))
        encode_signed(payload, rig.hsm.sign(KEY, digest_of(payload)))


def ratio(floor: Sequence[float], ours: Sequence[float]) -> float:
    """Return what the floor takes over what we take, each at its best."""
    return min(floor) / min(ours)


def test_raw_transactions_against_the_plain_loop(
    softhsm: SoftHsm, rig: SigningRig, tmp_path: Path
) -> None:
    """A signed raw transaction with the key proved runs at 0.80 of a C loop, 0.82 of Python's."""
    floor, ours = [], []
    with plain_loop(softhsm, rig, tmp_path) as (name, once):
        once()
        for _ in range(ROUNDS):
            floor.append(once()[0])
            ours.append(timed(lambda: raw_transactions(rig)))
    found = ratio(floor, ours)
    print(f"\nraw transaction: {found:.2f} of the {name}")

    assert found >= (0.80 if name == "C loop" else 0.82)


def flush(descriptor: int) -> None:
    """Write a page and wait until it is on the disk."""
    os.pwrite(descriptor, bytes(4096), 0)
    os.fdatasync(descriptor)


def durable_floor(rig: SigningRig, descriptor: int, turn: int) -> float:
    """Do what one durable order cannot do without; return the seconds."""
    start = time.perf_counter()
    flush(descriptor)
    rig.hsm.sign(KEY, turn.to_bytes(32, "big"))
    flush(descriptor)
    return time.perf_counter() - start


class Served:
    """The desk on a socket, served in this thread, and its client: a process, as the daemon is.

    In one process the two would take turns at the interpreter.
    """

    def __init__(self, rig: SigningRig, path: Path, stack: ExitStack) -> None:
        listener = stack.enter_context(socket.socket(socket.AF_UNIX))
        listener.bind(str(path))
        listener.listen()
        doors = {Door.SIGNER: listener}
        self._loop = Loop(desk=rig.desk, listeners=doors, monotonic=time.monotonic)
        stack.callback(self._loop.close)
        command = [sys.executable, "-m", "tests.benchmarks.asker", str(path)]
        pipes = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        client = stack.enter_context(pipes)
        assert client.stdin is not None
        assert client.stdout is not None
        self._ask, self._answers = client.stdin, client.stdout
        stack.callback(self._ask.close)

    def seconds_for(self, groups: Sequence[Sequence[Request]]) -> list[float]:
        """Return how long the client waits for each group; it sends one after the other."""
        frames = [[frame(encode_request(request)) for request in group] for group in groups]
        sizes = [[len(item) for item in group] for group in frames]
        self._ask.write(json.dumps(sizes).encode() + b"\n" + b"".join(chain(*frames)))
        self._ask.flush()
        while not select.select([self._answers], [], [], 0)[0]:
            self._loop.turn(0.001)
        found = json.loads(self._answers.readline())
        assert [signed for signed, _ in found] == [len(group) for group in groups]
        return [float(seconds) for _, seconds in found]


@pytest.fixture
def served(rig: SigningRig, tmp_path: Path) -> Iterator[Served]:
    """The signer's desk and a client that waits for work."""
    with ExitStack() as stack:
        yield Served(rig, tmp_path / "s", stack)


def test_one_durable_order_over_the_socket(rig: SigningRig, served: Served, tmp_path: Path) -> None:
    """An order with two commits and one round trip runs at 0.6 of its unavoidable parts."""
    floor: list[float] = []
    ours: list[float] = []
    descriptor = os.open(tmp_path / "page", os.O_RDWR | os.O_CREAT)
    os.pwrite(descriptor, bytes(4096), 0)
    for _ in range(ROUNDS):
        floor.extend(durable_floor(rig, descriptor, turn) for turn in range(ORDERS))
        ours.extend(served.seconds_for([[rig.request()] for _ in range(ORDERS)]))
    os.close(descriptor)
    found, common = ratio(floor, ours), statistics.median(floor) / statistics.median(ours)
    print(f"\ndurable order: {found:.2f} of two flushes, a signature and a recovery", end="")
    print(f" at their best; {common:.2f} at their medians")

    assert found >= 0.6


def test_orders_that_arrive_together(
    softhsm: SoftHsm, rig: SigningRig, served: Served, tmp_path: Path
) -> None:
    """Orders that come together share their commits and run at 0.4 of the plain loop."""
    floor, ours = [], []
    with plain_loop(softhsm, rig, tmp_path) as (name, once):
        for _ in range(ROUNDS):
            requests = [rig.request() for _ in range(GROUP)]
            floor.append(once()[1])
            ours.append(served.seconds_for([requests])[0] / GROUP)
    found = ratio(floor, ours)
    print(f"\norders in groups of {GROUP}: {found:.2f} of the {name}")

    assert found >= 0.4
