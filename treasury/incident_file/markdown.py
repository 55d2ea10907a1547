"""The incident file for readers: made from the JSON document alone, so that both say the same."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

Json = dict[str, Any]
_UNSAFE = str.maketrans({"|": "/", "\n": " ", "\r": " ", "<": "(", ">": ")", "`": "'"})


def write_markdown(document: Json, *, sha256: str) -> str:
    """Write the page; `sha256` is that of the JSON document, which the journal seals."""
    return "\n".join([*_head(document, sha256), *_account(document), *_annexes(document)]) + "\n"


def _head(document: Json, sha256: str) -> Iterator[str]:
    incident, wallet = document["incident"], document["wallet"]
    yield f"# Incident {incident['id']}: {_safe(wallet['name'])}"
    yield ""
    yield f"Written {document['written_at']['utc']}. The exact record is the JSON file with SHA-256"
    yield f"`{sha256}`, which the treasury's journal seals."
    yield ""
    yield from _table(
        ("", ""),
        [
            ("wallet", f"{wallet['address']} ({wallet['name']}, pool {wallet['pool']})"),
            ("chain id", wallet["chain_id"]),
            ("opened", incident["opened_at"]["utc"]),
            ("state", f"{incident['state']} since {incident['changed_at']['utc']}"),
            ("outcome", incident["outcome"] or "not closed"),
            ("nonces spent by somebody else", ", ".join(document["foreign_nonces"]) or "none seen"),
        ],
    )
    yield ""
    yield "## Why"
    yield ""
    yield from (f"* {_safe(reason['text'])} ({reason['code']})" for reason in incident["reasons"])


def _account(document: Json) -> Iterator[str]:
    yield ""
    yield "## Loss and saved value"
    yield ""
    headings = ("asset", "before", "at block", "lost, at least", "saved", "arriving")
    names = ("asset", "before_text", "before_block", "lost_text", "saved_text", "arriving_text")
    rest = ("fees_text", "left_text")
    rows = [tuple(f[name] for name in (*names, *rest)) for f in document["figures"]]
    yield from _table((*headings, "fees", "left"), rows)
    yield ""
    yield "## Timeline"
    yield ""
    rows = [
        (line["at"]["utc"], line["actor"], f"{line['kind']} {line['subject']}", _why(line["body"]))
        for line in document["timeline"]
    ]
    yield from _table(("time", "who", "what", "why"), rows)


def _annexes(document: Json) -> Iterator[str]:
    yield ""
    yield "## Our transactions"
    yield ""
    rows = [
        (
            transfer["purpose"],
            transfer["state"],
            f"{transfer['amount']} base units of {transfer['asset']}",
            transfer["to"],
            transfer["nonce"],
            attempt["hash"],
        )
        for transfer in document["transfers"]
        for attempt in transfer["attempts"]
    ]
    yield from _table(("purpose", "state", "amount", "to", "nonce", "transaction"), rows)
    yield ""
    yield "## What the chain showed"
    yield ""
    shown = [
        (seen["at"]["utc"], seen["depth"], seen["block"], seen["what"], seen["value"])
        for seen in document["seen"]
    ]
    yield from _table(("time", "depth", "block", "what", "value in base units"), shown)
    yield ""
    yield "## Consent and the signer's book"
    yield ""
    yield f"{len(document['approvals'])} approvals and {len(document['vetoes'])} vetoes, with their"
    yield f"signatures, and {len(document['signer_book'])} orders of the signer's own book are in"
    yield f"the JSON file. {_safe(document['signer_book_missing'])}".rstrip()


def _why(body: Json) -> str:
    why = body.get("why", "")
    return "; ".join(reason["text"] for reason in why) if isinstance(why, list) else str(why)


def _table(headings: Iterable[str], rows: Iterable[Iterable[object]]) -> Iterator[str]:
    names = list(headings)
    yield f"| {' | '.join(names)} |"
    yield f"|{'---|' * len(names)}"
    for row in rows:
        yield f"| {' | '.join(_safe(cell) for cell in row)} |"


def _safe(cell: object) -> str:
    """Return a cell that cannot break out of its table or draw anything."""
    text = "-" if cell is None else str(cell).translate(_UNSAFE)
    return "".join(letter if letter.isprintable() else "?" for letter in text)
