"""A belt that outlives its process: chain and clock are kept in a file beside the two books.

    begin(directory)                       # a fresh treasury, closed again
    killed_at(directory, "before send", 2) # a process lives the story and is killed there
    belt = live(directory)                 # another one lives it to the end

The process that dies is a fork, so it dies of a real SIGKILL in the middle of real files, and
nothing of it but the files is left. The chain's file is written at every broadcast and block, as
the network would remember them.
"""

from __future__ import annotations

import itertools
import logging
import os
import pickle
import signal
from collections import Counter
from functools import partial
from pathlib import Path

import structlog

from hsm import crashpoints
from policies.lifecycles import RefillState, WithdrawalState
from tests.fakes.belt import Belt, Fuse, FusedChain
from tests.fakes.clock import FakeClock
from tests.fakes.vault_room import VaultRoom
from tests.laws import ETH, address_of, make_law
from treasury.chain.port import SendAnswer

PAYOUTS = ("customer-1", "customer-2")
_MOST_ROUNDS = 25
_NEVER = ("nowhere", 0)


class Deadly(Fuse):
    """Kills its own process at the n-th passage of a place."""

    def __init__(self, place: str, hit: int) -> None:
        super().__init__()
        self.place, self.hit = place, hit
        self.counts: Counter[str] = Counter()

    def reach(self, place: str) -> None:
        self.counts[place] += 1
        if place == self.place and self.counts[place] == self.hit:
            os.kill(os.getpid(), signal.SIGKILL)


class KeptChain(FusedChain):
    """A chain that is written to a file whenever it takes something."""

    kept_at: Path
    clock: FakeClock

    def send(self, raw: bytes) -> SendAnswer:
        self.fuse.reach("before send")
        answer = super(FusedChain, self).send(raw)
        self.keep()
        self.fuse.reach("after send")
        return answer

    def keep(self) -> None:
        """Write everything to the file."""
        state = {k: v for k, v in self.__dict__.items() if k not in ("fuse", "clock", "kept_at")}
        fresh = self.kept_at.with_suffix(".new")
        fresh.write_bytes(pickle.dumps((state, self.clock())))
        fresh.rename(self.kept_at)


class KeptBelt(Belt):
    """A belt over what is in a directory, with a deadly place."""

    def __init__(self, directory: Path, place: str = _NEVER[0], hit: int = _NEVER[1]) -> None:
        self.directory = directory
        self.fuse = self.deadly = Deadly(place, hit)
        self.chain = self.kept = KeptChain()
        self.chain.kept_at = directory / "chain"
        state, now = pickle.loads(self.chain.kept_at.read_bytes())  # noqa: S301 - our own file
        self.chain.__dict__.update(state)
        self.clock = self.chain.clock = FakeClock(now)
        self.chain.fuse = self.fuse
        self.law = make_law().law
        self.room = VaultRoom(directory, self.clock, law=self.law, adopt=False)
        self._salts = itertools.count(int.from_bytes(os.urandom(8), "big"))
        self.resend_after_s, self.bump_after_s, self.depth = 30.0, 90.0, 1
        for point in crashpoints.POINTS:
            crashpoints.arm(point, partial(self.fuse.reach, f"signer {point}"))
        self._open()

    def next_block(self) -> None:
        super().next_block()
        self.kept.keep()

    def leave(self) -> None:
        """Close both books."""
        crashpoints.disarm()
        self.ledger.close()
        self.room.close()


def begin(directory: Path) -> None:
    """Make a treasury whose hot wallet is low and of which two payouts are asked."""
    belt = Belt(directory, hot=10 * ETH)
    for number, name in enumerate(PAYOUTS, start=1):
        belt.ask_withdrawal(2 * ETH, name, key=f"key-{number}")
    chain = KeptChain()
    chain.__dict__.update({k: v for k, v in belt.chain.__dict__.items() if k != "fuse"})
    chain.kept_at, chain.clock = directory / "chain", belt.clock
    chain.keep()
    belt.ledger.close()
    belt.room.close()


def live(belt: KeptBelt) -> None:
    """Live the story to its end: one refill settled, two payouts paid."""
    for _ in range(_MOST_ROUNDS):
        belt.watch()
        for refill in belt.open_refills():
            for name in ("alice", "bob"):
                if address_of(name) not in belt.approvers(refill):
                    belt.approve(refill, name)
        belt.money()
        belt.next_block()
        if is_over(belt):
            return
    raise AssertionError(f"not over after {_MOST_ROUNDS} rounds")


def is_over(belt: Belt) -> bool:
    """Say whether everything was paid."""
    paid = [belt.withdrawal(number + 1).state for number in range(len(PAYOUTS))]
    settled = [refill.state for refill in belt.refills()]
    return set(paid) == {WithdrawalState.PAID} and settled == [RefillState.SETTLED]


def killed_at(directory: Path, place: str, hit: int) -> int:
    """Let a process live the story and die; return the number of the signal that ended it."""
    child = os.fork()
    if child == 0:
        structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.CRITICAL))
        try:
            live(KeptBelt(directory, place, hit))
        finally:
            os._exit(0)  # whatever happens, a forked test runner must not go on
    _, status = os.waitpid(child, 0)
    return os.WTERMSIG(status) if os.WIFSIGNALED(status) else 0
