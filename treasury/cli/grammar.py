"""The command line: subjects, verbs and options, and which function does each.

A new command is a line here and a function in the module of its subject.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING

from treasury.cli.grammar_trouble import TROUBLE
from treasury.cli.options import (
    Help,
    Parser,
    identifier,
    subject,
    verb,
    with_common,
    with_csv,
    with_filters,
    with_id,
    with_key,
    with_node,
    with_signer,
    with_signing,
    with_since,
)

if TYPE_CHECKING:
    from treasury.cli.options import Verbs


def build_parser(words: Sequence[str] = ()) -> argparse.ArgumentParser:
    """Build the parser; of the subject that `words` begin with alone, or of all of them."""
    parser = Parser(
        prog="treasuryctl",
        description="See and steer the treasury daemon.",
        formatter_class=Help,
        allow_abbrev=False,
    )
    with_common(parser, absent=None)
    subjects = parser.add_subparsers(title="subjects", metavar="SUBJECT", required=True)
    # Building all of them costs as much as a second start of Python.
    first = words[0] if words else ""
    for name in [first] if first in _SUBJECTS else _SUBJECTS:
        _SUBJECTS[name](subjects)
    return parser


def _status(subjects: Verbs) -> None:
    verb(subjects, "status", "status:show", "everything that matters, at a glance")


def _watch(subjects: Verbs) -> None:
    watch = verb(subjects, "watch", "watch:show", "the status, live, with bars for every band")
    watch.add_argument("--interval", metavar="S", type=float, default=2.0, help="seconds (2)")
    watch.add_argument("--once", action="store_true", help="draw one picture and stop")


def _terms(subjects: Verbs) -> None:
    verbs = subject(subjects, "terms", "terms: sign them on a machine without a network")
    export = with_id(verb(verbs, "export", "terms:export", "print what is to be signed elsewhere"))
    export.add_argument("--motion", action="store_true", help="the id is a motion's")
    sign = verb(verbs, "sign", "terms:sign", "sign exported terms; asks no daemon")
    sign.add_argument("file", metavar="FILE", help="what `terms export` printed")
    with_key(sign)
    sign.add_argument("--yes", action="store_true", help="do not ask before signing")
    again = verb(verbs, "import", "terms:hand_in", "hand a signed document to the daemon")
    again.add_argument("file", metavar="FILE", help="what `terms sign` printed")


def _keystores(subjects: Verbs) -> None:
    verbs = subject(subjects, "keystore", "a treasurer's own key, in an encrypted file")
    new = verb(verbs, "new", "keystores:new", "make a key; asks no daemon")
    show = verb(verbs, "show", "keystores:show", "the address that it signs for")
    for one in (new, show):
        one.add_argument("file", metavar="FILE", help="the keystore (Web3 storage, v3)")
    new.add_argument("--password-file", metavar="FILE", help="its password; left out: asked")


def _completion(subjects: Verbs) -> None:
    completion = verb(subjects, "completion", "completion:show", "a script that completes commands")
    completion.add_argument("shell", choices=["bash"], help="for which shell")


def _pools(subjects: Verbs) -> None:
    verbs = subject(subjects, "pool", "pools and their bands")
    text = "each pool's active wallet against its bands"
    with_csv(verb(verbs, "list", "places:list_pools", text))


def _wallets(subjects: Verbs) -> None:
    verbs = subject(subjects, "wallet", "wallets, their state and balances")
    with_csv(verb(verbs, "list", "places:list_wallets", "all wallets"))
    one = verb(verbs, "show", "places:show_wallet", "one wallet")
    one.add_argument("name", metavar="NAME", help="the wallet's name")
    for name, text in (
        ("freeze", "let no withdrawal leave a wallet, now"),
        ("unfreeze", "lift a freeze while no incident is open"),
    ):
        act = verb(verbs, name, f"places:{name}", text)
        act.add_argument("name", metavar="NAME", help="the wallet's name")
        act.add_argument("--why", metavar="TEXT", required=True, help="the reason, for the journal")


def _transfers(subjects: Verbs) -> None:
    verbs = subject(subjects, "transfer", "transfers: what moved, moves or will")
    listed = verb(verbs, "list", "transfers:list_all", "transfers, newest first")
    with_filters(listed)
    listed.add_argument("--wallet", metavar="NAME", help="only from or to this wallet")
    listed.add_argument("--purpose", metavar="WORD", help="refill, sweep, evacuation, …")
    with_id(verb(verbs, "show", "transfers:show", "one transfer and its attempts"))


def _journal(subjects: Verbs) -> None:
    verbs = subject(subjects, "journal", "the journal: every change, in a chain of hashes")
    tail = verb(verbs, "tail", "journal:tail", "the newest lines, oldest first")
    tail.add_argument("--after", metavar="SEQ", type=int, help="lines after this number")
    tail.add_argument("--limit", metavar="N", type=int, help="at most N lines (20)")
    with_since(tail)
    with_csv(tail)
    verify = verb(verbs, "verify", "journal:verify", "compute the chain anew; name a bad line")
    verify.add_argument("--checkpoints", metavar="FILE", help="signed heads, as kept elsewhere")
    verify.add_argument("--key", metavar="HEX", help="the checkpoint key's public key, pinned")


def _refills(subjects: Verbs) -> None:
    verbs = subject(subjects, "refill", "refills: propose, look, approve, reject")
    listed = verb(verbs, "list", "refills:list_all", "refills, newest first")
    with_filters(listed)
    listed.add_argument("--wallet", metavar="NAME", help="only to this wallet")
    with_node(with_id(verb(verbs, "show", "refills:show", "one refill, decoded from its terms")))
    approve = with_node(
        with_id(verb(verbs, "approve", "refills:approve", "sign exactly these terms"))
    )
    with_signing(approve)
    reject = with_id(verb(verbs, "reject", "refills:reject", "sign a veto, which ends the refill"))
    with_signing(reject)
    propose = verb(
        verbs, "propose", "refills:propose", "propose a refill; its maker cannot approve"
    )
    propose.add_argument("wallet", metavar="WALLET", help="the hot wallet to fill")
    propose.add_argument("amount", metavar="AMOUNT", help='for example "12.5 ETH"')
    propose.add_argument(
        "--max-fee", metavar="AMOUNT", help="total fee at most (the law's ceiling)"
    )
    with_signing(propose, elsewhere=False)


def _motions(subjects: Verbs) -> None:
    verbs = subject(subjects, "motion", "motions: what else is put to a quorum")
    with_filters(verb(verbs, "list", "motions:list_all", "motions, newest first"), asset=False)
    with_id(verb(verbs, "show", "motions:show", "one motion, decoded from its terms"))
    with_signing(with_id(verb(verbs, "approve", "motions:approve", "sign exactly this motion")))
    with_signing(
        with_id(verb(verbs, "reject", "motions:reject", "sign a veto, which ends the motion"))
    )
    propose = verb(verbs, "propose", "motions:propose", "put an act to the quorum")
    propose.add_argument(
        "kind",
        choices=["resume", "rotate", "reinstate", "retire", "close", "skip-nonce"],
        help="what shall be done",
    )
    propose.add_argument(
        "payload", metavar="KEY=VALUE", nargs="*", help="wallet=hot-a, why=TEXT, nonce=7, …"
    )
    with_signing(propose, elsewhere=False)


def _withdrawals(subjects: Verbs) -> None:
    verbs = subject(subjects, "withdrawal", "withdrawals: what services asked for")
    listed = verb(verbs, "list", "withdrawals:list_all", "withdrawals, newest first")
    with_filters(listed)
    listed.add_argument("--pool", metavar="NAME", help="only of this pool")
    listed.add_argument("--key", metavar="KEY", help="only what was asked for under this key")
    with_id(verb(verbs, "show", "withdrawals:show", "one withdrawal"))
    with_signing(
        with_id(verb(verbs, "approve", "withdrawals:approve", "sign a withdrawal that waits"))
    )
    with_signing(with_id(verb(verbs, "reject", "withdrawals:reject", "sign a veto, which ends it")))
    create = verb(verbs, "create", "withdrawals:create", "ask for a payout, as a service does")
    create.add_argument("pool", metavar="POOL", help="the pool that pays")
    create.add_argument("destination", metavar="ADDRESS", help="who is paid")
    create.add_argument("amount", metavar="AMOUNT", help='for example "0.5 ETH"')
    create.add_argument("--key", metavar="KEY", required=True, help="the same key never pays twice")


def _signer(subjects: Verbs) -> None:
    verbs = subject(subjects, "signer", "the signer, asked directly")
    with_signer(verb(verbs, "status", "people:status", "tokens, nonces, isolation, law, health"))
    unlock = with_signer(verb(verbs, "unlock", "people:unlock", "type an attended token's PIN"))
    unlock.add_argument("token", metavar="TOKEN", help="the token's name")
    unlock.add_argument("--minutes", metavar="N", type=int, default=15, help="how long (15)")
    unlock.add_argument("--signatures", metavar="N", type=int, help="at most N signatures")
    unlock.add_argument("--pin-file", metavar="FILE", help="its PIN; left out: asked, unseen")
    lock = with_signer(verb(verbs, "lock", "people:lock", "log out of a token, now"))
    lock.add_argument("token", metavar="TOKEN", help="the token's name")
    freeze = with_signer(
        verb(verbs, "freeze", "people:freeze", "no signature toward exposure, now")
    )
    freeze.add_argument("--why", metavar="TEXT", required=True, help="the reason, for the book")


def _veto(subjects: Verbs) -> None:
    veto = with_signer(
        verb(subjects, "veto", "people:veto", "hand a signed veto to the signer itself")
    )
    veto.add_argument("digest", metavar="DIGEST", type=identifier, help="0x-id of the terms")
    with_key(veto)


def _law(subjects: Verbs) -> None:
    verbs = subject(subjects, "law", "the law: sign it, adopt it, compare it")
    sign = with_signer(verb(verbs, "sign", "law:sign", "sign a law's adoption into a file"))
    sign.add_argument("file", metavar="FILE", help="file that collects the signatures")
    with_key(sign)
    sign.add_argument("--yes", action="store_true", help="do not ask before signing")
    adopt = with_signer(verb(verbs, "adopt", "law:adopt", "hand the signed law to the signer"))
    adopt.add_argument("file", metavar="FILE", help="file with the signatures")
    verb(verbs, "show", "law:show", "the law in force and its digest")


_SUBJECTS: Mapping[str, Callable[[Verbs], None]] = {
    "status": _status,
    "watch": _watch,
    "pool": _pools,
    "wallet": _wallets,
    "refill": _refills,
    "transfer": _transfers,
    "withdrawal": _withdrawals,
    "motion": _motions,
    **TROUBLE,
    "terms": _terms,
    "keystore": _keystores,
    "journal": _journal,
    "signer": _signer,
    "veto": _veto,
    "law": _law,
    "completion": _completion,
}
