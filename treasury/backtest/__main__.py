"""`python -m treasury.backtest`, and the door through which `treasuryd` comes in."""

from __future__ import annotations

import sys
from collections.abc import Sequence

from treasury.backtest.command import parser, run


def main(arguments: Sequence[str] | None = None) -> int:
    """Parse the arguments (of this process when none are given) and run the command."""
    return run(parser().parse_args(arguments))


if __name__ == "__main__":
    sys.exit(main())
