"""The command line for trouble: what rings, what was lost, what is cut off, what could be lost."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING

from treasury.cli.options import (
    age,
    subject,
    verb,
    with_csv,
    with_id,
    with_signer,
    with_since,
)

if TYPE_CHECKING:
    from treasury.cli.options import Verbs


def _exposure(subjects: Verbs) -> None:
    text = "what a theft could cost at most under the law in force"
    exposure = verb(subjects, "exposure", "exposure:show", text)
    exposure.add_argument(
        "--reaction",
        metavar="AGE",
        type=age,
        default=3600,
        help="how long until somebody halts it: 15m, 2h (1h)",
    )


def _incidents(subjects: Verbs) -> None:
    verbs = subject(subjects, "incident", "incidents: trouble with a wallet")
    listed = verb(verbs, "list", "incidents:list_all", "incidents, newest first")
    listed.add_argument("--open", action="store_true", help="only those that are not closed")
    with_since(listed)
    with_csv(listed)
    with_id(verb(verbs, "show", "incidents:show", "one incident, its reasons and its cost"))
    text = "write the incident file, sealed by its hash in the journal"
    export = with_id(verb(verbs, "export", "incidents:export", text))
    export.add_argument("--out", metavar="DIR", required=True, help="folder for both files")


def _evidence(subjects: Verbs) -> None:
    verbs = subject(subjects, "evidence", "evidence: what strangers check offline")
    text = "write keys, consent, orders, transactions and journal to one sealed file"
    export = verb(verbs, "export", "evidence:export", text)
    export.add_argument("--out", metavar="DIR", required=True, help="folder for the file")


def _alarms(subjects: Verbs) -> None:
    verbs = subject(subjects, "alarm", "alarms: what rings, and how it was told")
    listed = verb(verbs, "list", "alarms:list_all", "what rings now, newest first")
    listed.add_argument("--all", action="store_true", help="also what is over")
    with_since(listed)
    with_csv(listed)
    taken = with_id(verb(verbs, "acknowledge", "alarms:acknowledge", "take an alarm on"))
    taken.add_argument("--why", metavar="TEXT", required=True, help="what you do about it")
    told = verb(verbs, "deliveries", "alarms:list_deliveries", "how each telling fared")
    told.add_argument("--dead", action="store_true", help="only those that were given up")
    with_id(verb(verbs, "resend", "alarms:send_again", "try a dead delivery anew"))
    verb(verbs, "test", "alarms:test", "tell every channel a test")


def _halt(subjects: Verbs) -> None:
    halt = verb(subjects, "halt", "motions:halt", "stop everything toward exposure, now")
    halt.add_argument("--why", metavar="TEXT", required=True, help="the reason, for the journal")


def _isolate(subjects: Verbs) -> None:
    isolate = with_signer(verb(subjects, "isolate", "people:isolate", "cut a wallet off, now"))
    isolate.add_argument("name", metavar="WALLET", help="the wallet's name")
    isolate.add_argument("--why", metavar="TEXT", required=True, help="the reason, for the book")


def _denylists(subjects: Verbs) -> None:
    verbs = subject(subjects, "denylist", "denylists: whom others say not to pay")
    verb(verbs, "list", "denylists:list_all", "the lists in force")
    load = verb(verbs, "load", "denylists:load", "deny what a file of text, CSV or JSON lists")
    load.add_argument("name", metavar="NAME", help="a later list of this name replaces it")
    load.add_argument("file", metavar="FILE", help="one address a line, a column, or JSON")
    load.add_argument("--source", metavar="TEXT", required=True, help="who published it")
    load.add_argument("--dated", metavar="DAY", required=True, help="of which day: 2026-11-30")
    load.add_argument("--skip-bad", action="store_true", help="leave out what is no address")


TROUBLE: Mapping[str, Callable[[Verbs], None]] = {
    "incident": _incidents,
    "evidence": _evidence,
    "alarm": _alarms,
    "denylist": _denylists,
    "exposure": _exposure,
    "halt": _halt,
    "isolate": _isolate,
}
