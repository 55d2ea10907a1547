"""Chat, mail and pagers, through the library that speaks to all of them, in a child process.

The library brings tens of megabytes and the code of a hundred services. None of it comes into the
daemon: each telling is a process of its own, given its address and its text on standard input
(so that no secret stands in a list of processes), and ended at the deadline whatever it waits for.
"""

from __future__ import annotations

import json
import subprocess
import sys

from treasury.alerts.errors import UndeliveredError

_PROGRAM = ("-m", "treasury.alerts.relay_program")
_WORDS_MOST = 300


def relay(address: str, *, title: str, text: str, deadline_s: float) -> None:
    """Tell one thing through one address; raises `UndeliveredError`."""
    given = json.dumps({"address": address, "title": title, "text": text})
    try:
        done = subprocess.run(  # noqa: S603 - our own interpreter and our own module
            [sys.executable, *_PROGRAM],
            input=given,
            capture_output=True,
            text=True,
            timeout=deadline_s,
            check=False,
        )
    except subprocess.TimeoutExpired as error:
        raise UndeliveredError(f"the service did not answer within {deadline_s:g} s") from error
    except OSError as error:
        raise UndeliveredError(f"the relay cannot be started: {error}") from error
    if done.returncode:
        words = done.stderr.strip().splitlines()[-1:] or ["it did not say why"]
        # Whoever writes an address into a message would keep its secret in the ledger.
        said = words[0].replace(address, "the address")[:_WORDS_MOST]
        raise UndeliveredError(f"the service did not take it: {said}")
