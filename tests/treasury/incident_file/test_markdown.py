"""The page of an incident: words from outside cannot draw anything in it."""

from __future__ import annotations

from treasury.incident_file.markdown import write_markdown

MOMENT = {"unix": "0", "utc": "1970-01-01 00:00:00 UTC"}


def test_words_from_outside_stay_in_their_cell() -> None:
    """R7.7: bars, line ends, tags and control characters of a node's answer draw nothing."""
    page = write_markdown(
        {
            "written_at": MOMENT,
            "incident": {
                "id": "1",
                "state": "OPEN",
                "outcome": None,
                "opened_at": MOMENT,
                "changed_at": MOMENT,
                "reasons": [{"code": "x", "text": "a\n# heading <script> \x1b[31m"}],
            },
            "wallet": {"name": "hot|a", "address": "0x", "pool": "main", "chain_id": "1"},
            "foreign_nonces": [],
            "figures": [],
            "timeline": [],
            "transfers": [],
            "seen": [],
            "approvals": [],
            "vetoes": [],
            "signer_book": [],
            "signer_book_missing": "`rm`",
        },
        sha256="00",
    )

    assert "\n# heading" not in page
    assert not {"<", ">", "\x1b"} & set(page)
    assert "hot/a" in page
    assert "'rm'" in page
