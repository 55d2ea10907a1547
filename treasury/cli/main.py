"""`treasuryctl`: see and steer the treasury daemon from a terminal.

Exit codes, the same for every command:

     0  done
     1  refused, or not found: the daemon or the signer said no, and why
     2  the command line was wrong
    65  bad data: a keystore, signature, law file or answer that does not hold together
    69  the daemon or the signer cannot be reached, or is too busy: try again
    70  a mistake inside the program
    77  no permission for the socket or the act
   130  interrupted

Results go to stdout (with --json as one JSON document), errors as one line to stderr.
"""

from __future__ import annotations

import importlib
import json
import os
import sys
import time
from argparse import Namespace
from collections.abc import Callable, Sequence
from typing import Any, cast

from config.environment import Environment, read_environment
from treasury.cli.api import Api
from treasury.cli.exits import BAD_DATA, INTERNAL, INTERRUPTED, OK, CommandError
from treasury.cli.grammar import build_parser
from treasury.cli.screen import plain


class Call:
    """One command as it was typed: its arguments, the daemon, the time, and where to print."""

    def __init__(self, arguments: Namespace, environment: Environment, now: int) -> None:
        """Take the command line and the environment together."""
        self.arguments = arguments
        self.environment = environment
        self.now = now
        self.api = Api(arguments.socket or environment.api)

    @property
    def wants_json(self) -> bool:
        """Say whether the result shall be one JSON document."""
        return bool(self.arguments.json)

    def show(self, document: object, lines: Sequence[str]) -> None:
        """Print a result: the document for machines, or the lines for people."""
        if self.wants_json:
            print(json.dumps(document, indent=2, sort_keys=True))
        else:
            print("\n".join(lines))


def main(arguments: Sequence[str] | None = None, clock: Callable[[], float] = time.time) -> int:
    """Run one command and return its exit code."""
    words = sys.argv[1:] if arguments is None else arguments
    parsed = build_parser(words).parse_args(words)
    call = Call(parsed, read_environment(), int(clock()))
    try:
        _handler(parsed.handler)(call)
        sys.stdout.flush()
    except CommandError as error:
        print(f"treasuryctl: {plain(error)}", file=sys.stderr)
        return error.code
    except KeyboardInterrupt:
        print("treasuryctl: interrupted", file=sys.stderr)
        return INTERRUPTED
    except BrokenPipeError:
        # The reader has seen enough; without this the interpreter complains at its end.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return OK
    except (LookupError, TypeError, AttributeError, ValueError) as error:
        # An answer of another shape than ours: all that commands take apart comes from outside.
        line = (
            f"treasuryctl: the answer was not understood ({type(error).__name__}: {error}): "
            "are daemon and treasuryctl of the same version?"
        )
        print(plain(line), file=sys.stderr)
        return BAD_DATA
    except Exception as error:  # noqa: BLE001 - the last line of a program for people
        line = f"treasuryctl: a mistake inside the program: {type(error).__name__}: {error}"
        print(plain(line), file=sys.stderr)
        return INTERNAL
    return OK


def _handler(name: str) -> Any:  # noqa: ANN401 - looked up by name
    module, _, function = name.partition(":")
    return cast("Any", getattr(importlib.import_module(f"treasury.cli.{module}"), function))


if __name__ == "__main__":
    sys.exit(main())
