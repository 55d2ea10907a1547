"""The real daemon or the real signer, doomed to die of SIGKILL at the n-th passage of a place.

    python -m tests.e2e.doomed daemon treasuryd.toml "before commit of attempt_signed" 2 passed.txt

Everything is the program of production; only what stands around a commit, a call of the signer and
a broadcast is wrapped here, and the signer's own crash points are armed. No program that is
installed can be made to do this. Every passage is written to the last file, the deadly one too.
"""

from __future__ import annotations

import os
import signal
import sys
import threading
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

from hsm import crashpoints
from hsm.client import SignerClient
from treasury.chain.pool.pool import ChainPool
from treasury.ledger import Ledger, Session, journal

CALLS = frozenset({"lodge", "bump", "cancel"})


class Doom:
    """Counts passages of every thread, and kills the process at one of them."""

    def __init__(self, place: str, hit: int, passed: Path) -> None:
        self._place, self._hit = place, hit
        self._file = os.open(passed, os.O_WRONLY | os.O_CREAT | os.O_APPEND)
        self._counts: Counter[str] = Counter()
        self._lock = threading.Lock()

    def reach(self, place: str) -> None:
        with self._lock:
            self._counts[place] += 1
            count = self._counts[place]
            os.write(self._file, f"{place}\t{count}\n".encode())
            if (place, count) == (self._place, self._hit):
                os.kill(os.getpid(), signal.SIGKILL)


def doom_daemon(doom: Doom) -> None:
    """Wrap commits, calls of the signer and broadcasts."""
    _wrap(Ledger, "commit", lambda act, _ledger, session: _commit(doom, act, session))
    _wrap(SignerClient, "call", lambda act, _client, verb, _body: _call(doom, act, verb))
    _wrap(SignerClient, "sign_all", lambda act, *_: _sign_all(doom, act))
    _wrap(ChainPool, "send_all", lambda act, *_: _around(doom, "send", act))


def _wrap(kind: type, name: str, around: Callable[..., Any]) -> None:
    original = getattr(kind, name)

    def deadly(*given: Any) -> Any:  # noqa: ANN401 - as the wrapped method
        return around(lambda: original(*given), *given)

    setattr(kind, name, deadly)


def _around(doom: Doom, what: str, act: Callable[[], Any]) -> Any:  # noqa: ANN401 - as wrapped
    doom.reach(f"before {what}")
    answer = act()
    doom.reach(f"after {what}")
    return answer


def _commit(doom: Doom, act: Callable[[], None], session: Session) -> None:
    kind = _told(session)
    if kind:
        _around(doom, f"commit of {kind}", act)
    else:
        act()


def _call(doom: Doom, act: Callable[[], Any], verb: str) -> Any:  # noqa: ANN401 - as wrapped
    return _around(doom, verb, act) if verb in CALLS else act()


def _sign_all(doom: Doom, act: Callable[[], Iterator[Any]]) -> Iterator[Any]:
    doom.reach("before sign")
    for group in act():
        doom.reach("after sign")
        yield group


def _told(session: Session) -> str:
    """Return the kind of the newest journal line when this transaction wrote it."""
    line = session.info.get(journal.LAST)
    return "" if line is None else str(line.kind)


def doom_signer(doom: Doom) -> None:
    """Arm every crash point of the signer."""
    for point in crashpoints.POINTS:
        crashpoints.arm(point, lambda point=point: doom.reach(f"signer {point}"))  # type: ignore[misc]


def main(arguments: Sequence[str]) -> int:
    """Run one of the two programs until it dies."""
    program, config, place, hit, passed = arguments
    doom = Doom(place, int(hit), Path(passed))
    if program == "signer":
        from hsm.server import main as signer

        doom_signer(doom)
        return signer(["--config", config])
    from treasury.app import run

    doom_daemon(doom)
    return run(Path(config))


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
