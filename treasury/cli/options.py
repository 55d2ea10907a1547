"""What command lines are made of: a subject, its verbs, and the options that many share."""

from __future__ import annotations

import argparse
import re
from datetime import UTC, datetime
from typing import TYPE_CHECKING, TypeAlias

_ID = re.compile(r"#?([1-9][0-9]{0,17}|0x[0-9a-f]{64})\Z")
_AGE = re.compile(r"([0-9]{1,9})([smhd])\Z")
_UNITS = {"s": 1, "m": 60, "h": 3600, "d": 86_400}
_DAY_MOST = 10**9


class Help(argparse.RawDescriptionHelpFormatter):
    """Help within the width of every table."""

    def __init__(self, prog: str) -> None:
        super().__init__(prog, max_help_position=30, width=99)


class Parser(argparse.ArgumentParser):
    """A parser that says what is wrong in one line."""

    def error(self, message: str) -> None:  # type: ignore[override]
        """End with exit code 2 and one line on stderr."""
        self.exit(2, f"{self.prog}: {message} (see `{self.prog} --help`)\n")


if TYPE_CHECKING:
    Verbs: TypeAlias = argparse._SubParsersAction[Parser]  # noqa: SLF001 - its only name


def identifier(text: str) -> str:
    """Read "17", "#17" or a 0x-id of 64 digits."""
    match = _ID.match(text)
    if match is None:
        raise argparse.ArgumentTypeError(f"{text!r} is no id: write 17, #17 or 0x and 64 digits")
    return match[1]


def age(text: str) -> int:
    """Read an age such as 90s, 15m, 2h or 3d into seconds."""
    match = _AGE.match(text)
    if match is None:
        raise argparse.ArgumentTypeError(f"{text!r} is no age: write 90s, 15m, 2h or 3d")
    return min(int(match[1]) * _UNITS[match[2]], _DAY_MOST)


def since(text: str) -> int:
    """Read an age into seconds before now, as a negative number, or a UTC time into unix seconds.

    "2h"; "2026-01-02", "2026-01-02 12:00" and "2026-01-02 12:00:00 UTC", as pages print them.
    """
    if _AGE.match(text):
        return -age(text)
    try:
        at = datetime.fromisoformat(text.removesuffix(" UTC"))
    except ValueError as error:
        advice = 'write 15m, 2h, 3d, 2026-01-02 or "2026-01-02 12:00" (UTC)'
        raise argparse.ArgumentTypeError(f"{text!r} is no time: {advice}") from error
    return max(0, int((at if at.tzinfo else at.replace(tzinfo=UTC)).timestamp()))


def subject(subjects: Verbs, name: str, text: str) -> Verbs:
    """Add a subject; its verbs are added to what is returned."""
    parser = subjects.add_parser(
        name, help=text, description=text, formatter_class=Help, allow_abbrev=False
    )
    return parser.add_subparsers(title="commands", metavar="COMMAND", required=True)


def verb(verbs: Verbs, name: str, handler: str, text: str) -> Parser:
    """Add a verb that the function `module:function` of this package carries out."""
    parser = verbs.add_parser(
        name, help=text, description=text, formatter_class=Help, allow_abbrev=False
    )
    parser.set_defaults(handler=handler)
    with_common(parser, absent=argparse.SUPPRESS)
    return parser


def with_common(parser: argparse.ArgumentParser, absent: str | None) -> None:
    """Add the options that stand before or behind every command."""
    parser.add_argument("--json", action="store_true", default=absent, help="one JSON document")
    parser.add_argument(
        "--socket",
        metavar="PATH",
        default=absent,
        help="the daemon's socket, or the folder of its sockets (TREASURY_API)",
    )
    parser.add_argument(
        "--law",
        metavar="FILE",
        default=absent,
        help="your own copy of the law, compared with the daemon's (TREASURY_LAW)",
    )


def with_id(parser: Parser) -> Parser:
    """Add the id of the one thing that the command is about."""
    parser.add_argument("id", metavar="ID", type=identifier, help="17, #17 or the 0x-id")
    return parser


def with_node(parser: Parser) -> Parser:
    """Add the treasurer's own node as a second witness."""
    parser.add_argument("--rpc", metavar="URL", help="read the balances from your own node, too")
    return parser


def with_filters(parser: Parser, *, asset: bool = True) -> None:
    """Add the filters of a list."""
    parser.add_argument("--state", metavar="A,B", help="only in these states")
    if asset:
        parser.add_argument("--asset", metavar="SYMBOL", help="only of this asset")
    with_since(parser)
    parser.add_argument("--limit", metavar="N", type=int, default=50, help="at most N rows (50)")
    with_csv(parser)


def with_since(parser: Parser) -> None:
    """Add the time from which on things are listed."""
    parser.add_argument(
        "--since", metavar="TIME", type=since, help='changed since: 15m, 2h, "2026-01-02 12:00" UTC'
    )


def with_csv(parser: Parser) -> Parser:
    """Add the form for spreadsheets."""
    parser.add_argument("--csv", action="store_true", help="comma-separated values, all columns")
    return parser


def with_key(parser: Parser) -> None:
    """Add the keystore that signs."""
    parser.add_argument("--keystore", metavar="FILE", help="encrypted key (Web3 storage, v3)")
    parser.add_argument("--password-file", metavar="FILE", help="its password; left out: asked")


def with_signing(parser: Parser, *, elsewhere: bool = True) -> None:
    """Add the three ways to a signature; without `elsewhere` the keystore alone."""
    with_key(parser)
    parser.add_argument("--yes", action="store_true", help="do not ask before signing")
    if elsewhere:
        parser.add_argument(
            "--typed-data", action="store_true", help="print what another wallet signs, and stop"
        )
        parser.add_argument("--signature", metavar="0x…", help="hand in that wallet's signature")


def with_signer(parser: Parser) -> Parser:
    """Add the place of the signer's socket for people."""
    parser.add_argument(
        "--signer", metavar="PATH", help="the signer's socket for people (TREASURY_SIGNER)"
    )
    return parser
