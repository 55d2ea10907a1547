"""`transfer`: list and show what moved, moves or will."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from policies.amounts import format_amount
from treasury.cli import listing
from treasury.cli.screen import brief, fields, moment, past, plain, reasons, table

if TYPE_CHECKING:
    from treasury.cli.main import Call

Json = dict[str, Any]
_HEADINGS = ("ID", "STATE", "PURPOSE", "FROM", "TO", "AMOUNT", "NONCE", "CHANGED")


def list_all(call: Call) -> None:
    """Print transfers, newest first."""
    arguments = call.arguments
    narrowed = listing.query(call, wallet=arguments.wallet, purpose=arguments.purpose)
    found = call.api.get("/v1/transfers", narrowed)

    def row(transfer: Json) -> tuple[object, ...]:
        return (
            f"#{transfer['id']}",
            transfer["state"],
            transfer["purpose"],
            transfer["source_name"] or _short(transfer["source"]),
            transfer["destination_name"] or _short(transfer["destination"]),
            brief(transfer["amount_text"]),
            transfer["nonce"],
            past(transfer["changed_at"], call.now),
        )

    rows = found["transfers"]
    listing.show_rows(call, rows, headings=_HEADINGS, row=row, none="no transfers")


def show(call: Call) -> None:
    """Print one transfer with its attempts."""
    found = call.api.get(f"/v1/transfers/{call.arguments.id}")
    call.show(found, _lines(found, call.now))


def _lines(found: Json, now: int) -> list[str]:
    block = found["block_number"]
    mined = "-" if block is None else f"block {block}"
    lines = [
        f"Transfer #{found['id']}: {plain(found['state'])}",
        "",
        *fields(
            [
                ("what", found["terms"].get("what")),
                ("cause", found["cause"]),
                ("amount", found["amount_text"]),
                ("", f"{found['amount']} base units of {found['asset']}"),
                ("from", found["source_name"] or "not ours"),
                ("", found["source"]),
                ("to", found["destination_name"] or "not ours"),
                ("", found["destination"]),
                ("chain", f"{found['chain']}, id {found['chain_id']}"),
                ("nonce", found["nonce"]),
                ("fee", found["fee_text"] or f"at most {found['max_fee_text']}"),
                ("created", moment(found["created_at"], now)),
                ("changed", moment(found["changed_at"], now)),
                ("mined", mined),
                ("order id", found["order_id"]),
            ]
        ),
        *reasons(found["reasons"]),
    ]
    if found["attempts"]:
        lines += ["", "ATTEMPTS", *_attempts(found["attempts"], now)]
    return lines


def _attempts(attempts: list[Json], now: int) -> Iterator[str]:
    rows = [
        (
            attempt["number"],
            attempt["kind"],
            attempt["state"],
            f"{format_amount(int(attempt['max_fee_per_gas']), 'gwei', 9)} per gas",
            f"signed {past(attempt['signed_at'], now)}",
            attempt["answer"],
        )
        for attempt in attempts
    ]
    lines = table(["" for _ in rows[0]], rows)
    for line, attempt in zip(lines[1:], attempts, strict=True):
        yield line
        yield f"   {plain(attempt['hash'])}"


def _short(address: object) -> str:
    text = plain(address)
    return f"{text[:6]}..{text[-4:]}"
