"""The child of `relay`: reads one telling from standard input, ends with 0 when it was taken.

Run as `python -m treasury.alerts.relay_program`; it imports nothing else of ours.
"""

from __future__ import annotations

import json
import logging
import sys


def main() -> int:
    """Tell what standard input says; return 0, or 1 with one line why not on standard error."""
    given = json.load(sys.stdin)
    import apprise  # noqa: PLC0415 - half of the start is spent here

    teller = apprise.Apprise()
    if not teller.add(given["address"]):
        sys.stderr.write("the address is none that the library knows: correct its file\n")
        return 1
    with apprise.LogCapture(level=logging.WARNING) as words:  # type: ignore[no-untyped-call]
        is_taken = teller.notify(title=given["title"], body=given["text"])
        said = words.getvalue().strip().splitlines()
    if not is_taken:
        sys.stderr.write(f"{said[-1] if said else 'it refused'}\n")
    return 0 if is_taken else 1


if __name__ == "__main__":
    raise SystemExit(main())
