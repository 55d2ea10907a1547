"""The command line: subjects, verbs and options, and which function does each.

A new command is a line here and a function in the module of its subject.
"""

from __future__ import annotations

import argparse
import re
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, TypeAlias

_ID = re.compile(r"#?([1-9][0-9]{0,17}|0x[0-9a-f]{64})\Z")
_AGE = re.compile(r"([0-9]{1,9})([smhd])\Z")
_UNITS = {"s": 1, "m": 60, "h": 3600, "d": 86_400}
_DAY_MOST = 10**9


class _Help(argparse.RawDescriptionHelpFormatter):
    """Help within the width of every table."""

    def __init__(self, prog: str) -> None:
        super().__init__(prog, max_help_position=30, width=99)


class _Parser(argparse.ArgumentParser):
    """A parser that says what is wrong in one line."""

    def error(self, message: str) -> None:  # type: ignore[override]
        self.exit(2, f"{self.prog}: {message} (see `{self.prog} --help`)\n")


if TYPE_CHECKING:
    _Verbs: TypeAlias = argparse._SubParsersAction[_Parser]  # noqa: SLF001 - its only name


def build_parser(words: Sequence[str] = ()) -> argparse.ArgumentParser:
    """Build the parser; of the subject that `words` begin with alone, or of all of them."""
    parser = _Parser(
        prog="treasuryctl",
        description="See and steer the treasury daemon.",
        formatter_class=_Help,
        allow_abbrev=False,
    )
    _common(parser, absent=None)
    subjects = parser.add_subparsers(title="subjects", metavar="SUBJECT", required=True)
    # Building all of them costs as much as a second start of Python.
    first = words[0] if words else ""
    for name in [first] if first in _SUBJECTS else _SUBJECTS:
        _SUBJECTS[name](subjects)
    return parser


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


def _status(subjects: _Verbs) -> None:
    _verb(subjects, "status", "status:show", "everything that matters, at a glance")


def _pools(subjects: _Verbs) -> None:
    verbs = _subject(subjects, "pool", "pools and their bands")
    _verb(verbs, "list", "places:list_pools", "each pool's active wallet against its bands")


def _wallets(subjects: _Verbs) -> None:
    verbs = _subject(subjects, "wallet", "wallets, their state and balances")
    _verb(verbs, "list", "places:list_wallets", "all wallets")
    one = _verb(verbs, "show", "places:show_wallet", "one wallet")
    one.add_argument("name", metavar="NAME", help="the wallet's name")


def _transfers(subjects: _Verbs) -> None:
    verbs = _subject(subjects, "transfer", "transfers: what moved, moves or will")
    listed = _verb(verbs, "list", "transfers:list_all", "transfers, newest first")
    _filters(listed)
    listed.add_argument("--wallet", metavar="NAME", help="only from or to this wallet")
    listed.add_argument("--purpose", metavar="WORD", help="refill, sweep, evacuation, …")
    _one(_verb(verbs, "show", "transfers:show", "one transfer and its attempts"))


def _journal(subjects: _Verbs) -> None:
    verbs = _subject(subjects, "journal", "the journal: every change, in a chain of hashes")
    tail = _verb(verbs, "tail", "journal:tail", "the newest lines, oldest first")
    tail.add_argument("--after", metavar="SEQ", type=int, help="lines after this number")
    tail.add_argument("--limit", metavar="N", type=int, default=20, help="at most N lines (20)")
    _verb(verbs, "verify", "journal:verify", "walk the chain; name the first bad line")


def _halt(subjects: _Verbs) -> None:
    halt = _verb(subjects, "halt", "motions:halt", "stop everything toward exposure, now")
    halt.add_argument("--why", metavar="TEXT", required=True, help="the reason, for the journal")


def _refills(subjects: _Verbs) -> None:
    verbs = _subject(subjects, "refill", "refills: propose, look, approve, reject")
    listed = _verb(verbs, "list", "refills:list_all", "refills, newest first")
    _filters(listed)
    listed.add_argument("--wallet", metavar="NAME", help="only to this wallet")
    _node(_one(_verb(verbs, "show", "refills:show", "one refill, decoded from its terms")))
    approve = _node(_one(_verb(verbs, "approve", "refills:approve", "sign exactly these terms")))
    _signing(approve)
    reject = _one(_verb(verbs, "reject", "refills:reject", "sign a veto, which ends the refill"))
    _signing(reject)
    propose = _verb(
        verbs, "propose", "refills:propose", "propose a refill; its maker cannot approve"
    )
    propose.add_argument("wallet", metavar="WALLET", help="the hot wallet to fill")
    propose.add_argument("amount", metavar="AMOUNT", help='for example "12.5 ETH"')
    propose.add_argument(
        "--max-fee", metavar="AMOUNT", help="total fee at most (the law's ceiling)"
    )
    _signing(propose, elsewhere=False)


def _motions(subjects: _Verbs) -> None:
    verbs = _subject(subjects, "motion", "motions: what else is put to a quorum")
    _filters(_verb(verbs, "list", "motions:list_all", "motions, newest first"), asset=False)
    _one(_verb(verbs, "show", "motions:show", "one motion, decoded from its terms"))
    _signing(_one(_verb(verbs, "approve", "motions:approve", "sign exactly this motion")))
    _signing(_one(_verb(verbs, "reject", "motions:reject", "sign a veto, which ends the motion")))
    propose = _verb(verbs, "propose", "motions:propose", "put an act to the quorum")
    propose.add_argument(
        "kind",
        choices=["resume", "rotate", "reinstate", "retire", "close", "skip-nonce"],
        help="what shall be done",
    )
    propose.add_argument(
        "payload", metavar="KEY=VALUE", nargs="*", help="wallet=hot-a, why=TEXT, nonce=7, …"
    )
    _signing(propose, elsewhere=False)


def _withdrawals(subjects: _Verbs) -> None:
    verbs = _subject(subjects, "withdrawal", "withdrawals: what services asked for")
    listed = _verb(verbs, "list", "withdrawals:list_all", "withdrawals, newest first")
    _filters(listed)
    listed.add_argument("--pool", metavar="NAME", help="only of this pool")
    _one(_verb(verbs, "show", "withdrawals:show", "one withdrawal"))
    _signing(_one(_verb(verbs, "approve", "withdrawals:approve", "sign a withdrawal that waits")))
    _signing(_one(_verb(verbs, "reject", "withdrawals:reject", "sign a veto, which ends it")))
    create = _verb(verbs, "create", "withdrawals:create", "ask for a payout, as a service does")
    create.add_argument("pool", metavar="POOL", help="the pool that pays")
    create.add_argument("destination", metavar="ADDRESS", help="who is paid")
    create.add_argument("amount", metavar="AMOUNT", help='for example "0.5 ETH"')
    create.add_argument("--key", metavar="KEY", required=True, help="the same key never pays twice")


def _signer(subjects: _Verbs) -> None:
    verbs = _subject(subjects, "signer", "the signer, asked directly")
    _people(_verb(verbs, "status", "people:status", "tokens, nonces, isolation, law, health"))


def _isolate(subjects: _Verbs) -> None:
    isolate = _people(_verb(subjects, "isolate", "people:isolate", "cut a wallet off, now"))
    isolate.add_argument("name", metavar="WALLET", help="the wallet's name")
    isolate.add_argument("--why", metavar="TEXT", required=True, help="the reason, for the book")


def _veto(subjects: _Verbs) -> None:
    veto = _people(
        _verb(subjects, "veto", "people:veto", "hand a signed veto to the signer itself")
    )
    veto.add_argument("digest", metavar="DIGEST", type=identifier, help="0x-id of the terms")
    _key(veto)


def _law(subjects: _Verbs) -> None:
    verbs = _subject(subjects, "law", "the law: sign it, adopt it, compare it")
    sign = _people(_verb(verbs, "sign", "law:sign", "sign a law's adoption into a file"))
    sign.add_argument("file", metavar="FILE", help="file that collects the signatures")
    _key(sign)
    sign.add_argument("--yes", action="store_true", help="do not ask before signing")
    adopt = _people(_verb(verbs, "adopt", "law:adopt", "hand the signed law to the signer"))
    adopt.add_argument("file", metavar="FILE", help="file with the signatures")
    _verb(verbs, "show", "law:show", "the law in force and its digest")


_SUBJECTS: Mapping[str, Callable[[_Verbs], None]] = {
    "status": _status,
    "pool": _pools,
    "wallet": _wallets,
    "refill": _refills,
    "transfer": _transfers,
    "withdrawal": _withdrawals,
    "motion": _motions,
    "journal": _journal,
    "halt": _halt,
    "signer": _signer,
    "isolate": _isolate,
    "veto": _veto,
    "law": _law,
}


def _subject(subjects: _Verbs, name: str, text: str) -> _Verbs:
    parser = subjects.add_parser(
        name, help=text, description=text, formatter_class=_Help, allow_abbrev=False
    )
    return parser.add_subparsers(title="commands", metavar="COMMAND", required=True)


def _verb(verbs: _Verbs, name: str, handler: str, text: str) -> _Parser:
    parser = verbs.add_parser(
        name, help=text, description=text, formatter_class=_Help, allow_abbrev=False
    )
    parser.set_defaults(handler=handler)
    _common(parser, absent=argparse.SUPPRESS)
    return parser


def _common(parser: argparse.ArgumentParser, absent: str | None) -> None:
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


def _one(parser: _Parser) -> _Parser:
    parser.add_argument("id", metavar="ID", type=identifier, help="17, #17 or the 0x-id")
    return parser


def _node(parser: _Parser) -> _Parser:
    parser.add_argument("--rpc", metavar="URL", help="read the balances from your own node, too")
    return parser


def _filters(parser: _Parser, *, asset: bool = True) -> None:
    parser.add_argument("--state", metavar="A,B", help="only in these states")
    if asset:
        parser.add_argument("--asset", metavar="SYMBOL", help="only of this asset")
    parser.add_argument("--since", metavar="AGE", type=age, help="changed since: 15m, 2h, 3d")
    parser.add_argument("--limit", metavar="N", type=int, default=50, help="at most N rows (50)")
    parser.add_argument("--csv", action="store_true", help="comma-separated values, all columns")


def _key(parser: _Parser) -> None:
    parser.add_argument("--keystore", metavar="FILE", help="encrypted key (Web3 storage, v3)")
    parser.add_argument("--password-file", metavar="FILE", help="its password; left out: asked")


def _signing(parser: _Parser, *, elsewhere: bool = True) -> None:
    _key(parser)
    parser.add_argument("--yes", action="store_true", help="do not ask before signing")
    if elsewhere:
        parser.add_argument(
            "--typed-data", action="store_true", help="print what another wallet signs, and stop"
        )
        parser.add_argument("--signature", metavar="0x…", help="hand in that wallet's signature")


def _people(parser: _Parser) -> _Parser:
    parser.add_argument(
        "--signer", metavar="PATH", help="the signer's socket for people (TREASURY_SIGNER)"
    )
    return parser
