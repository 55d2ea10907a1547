"""`withdrawal`: list, show, approve, reject, create."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

from treasury.cli import consent, listing
from treasury.cli.api import GLANCE, PAY
from treasury.cli.exits import REFUSED, USAGE, CommandError
from treasury.cli.matter import Matter, approval_of, veto_of
from treasury.cli.refills import amount_of
from treasury.cli.screen import brief, fields, moment, past, plain, reasons
from treasury.cli.signing import hand_in
from treasury.cli.terms_view import transfer_lines

if TYPE_CHECKING:
    from treasury.cli.main import Call

Json = dict[str, Any]
_HEADINGS = ("ID", "STATE", "POOL", "AMOUNT", "TO", "ASKED")


def list_all(call: Call) -> None:
    """Print withdrawals, newest first."""
    narrowed = listing.query(call, pool=call.arguments.pool, key=call.arguments.key)
    found = call.api.get("/v1/withdrawals", narrowed, GLANCE)

    def row(withdrawal: Json) -> tuple[object, ...]:
        return (
            f"#{withdrawal['id']}",
            withdrawal["state"],
            withdrawal["pool"],
            brief(withdrawal["amount_text"]),
            withdrawal["destination"],
            past(withdrawal["created_at"], call.now),
        )

    rows = found["withdrawals"]
    listing.show_rows(call, rows, headings=_HEADINGS, row=row, none="no withdrawals")


def show(call: Call) -> None:
    """Print one withdrawal; when treasurers are asked, decoded from its terms."""
    found = _fetched(call)
    waits = found["terms"] is not None and found["state"] in ("ACCEPTED", "HELD")
    if call.wants_json or not waits:
        call.show(found, _lines(found, call.now))
        return
    reading = consent.read_transfer(found, consent.known_law(call), call.now)
    page = transfer_lines(_title(found), found, reading, call.now)
    call.show(found, [*_lines(found, call.now), "", *page[2:]])


def approve(call: Call) -> None:
    """Sign exactly these terms and hand the approval in."""
    _decide(call, approval_of)


def reject(call: Call) -> None:
    """Sign a veto against these terms and hand it in."""
    _decide(call, veto_of)


def create(call: Call) -> None:
    """Ask for a payout; the same key never pays twice."""
    arguments = call.arguments
    law = consent.known_law(call).law
    pool = law.pool(arguments.pool)
    if pool is None:
        raise CommandError(USAGE, f"{arguments.pool!r} is no pool of the law: see `pool list`")
    symbol = arguments.amount.partition(" ")[2]
    asset = law.asset(pool.chain, symbol)
    if asset is None:
        raise CommandError(USAGE, 'write the amount with its symbol: "0.5 ETH"')
    body = {
        "pool": pool.name,
        "asset": symbol,
        "destination": arguments.destination,
        "amount": str(amount_of(arguments.amount, asset)),
    }
    headers = {"Idempotency-Key": arguments.key}
    answer = call.api.post("/v1/withdrawals", body, PAY, headers)
    call.show(answer, [f"accepted as withdrawal #{answer['id']}: `withdrawal show {answer['id']}`"])


def _fetched(call: Call) -> Json:
    return call.api.get(f"/v1/withdrawals/{call.arguments.id}", roles=GLANCE)


def _to_sign(call: Call) -> Json:
    found = _fetched(call)
    if found["terms"] is None:
        text = f"withdrawal #{found['id']} is {found['state']} and waits for no treasurer"
        raise CommandError(REFUSED, text)
    return found


def _decide(call: Call, matter_of: Callable[[consent.Reading, Sequence[str]], Matter]) -> None:
    found = _to_sign(call)
    reading = consent.read_transfer(found, consent.known_law(call), call.now)
    title = _title(found)
    matter = matter_of(reading, transfer_lines(title, found, reading, call.now))
    hand_in(call, matter, found, title=title, path=f"/v1/withdrawals/{found['id']}")


def _title(found: Json) -> str:
    return f"Withdrawal #{found.get('id')}"


def _lines(found: Json, now: int) -> list[str]:
    transfer = found["transfer_id"]
    return [
        f"{_title(found)}: {plain(found['state'])}",
        "",
        *fields(
            [
                ("amount", found["amount_text"]),
                ("", f"{found['amount']} base units of {found['asset']}"),
                ("to", found["destination"]),
                ("pool", f"{found['pool']} on {found['chain']}, id {found['chain_id']}"),
                ("key", found["idempotency_key"]),
                ("asked", moment(found["created_at"], now)),
                ("changed", moment(found["changed_at"], now)),
                ("transfer", "-" if transfer is None else f"#{transfer}"),
            ]
        ),
        *reasons(found["reasons"]),
    ]
