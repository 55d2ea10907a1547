"""`evidence export`: the daemon seals, the client writes, and an unsigned seal is said aloud."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests.fakes.office import OfficeForTests
from treasury.ledger import journal
from treasury.ledger.columns import canonical_json

if TYPE_CHECKING:
    from tests.treasury.cli.conftest import Terminal

pytestmark = pytest.mark.sockets


def test_export_writes_what_the_journal_seals(
    office: OfficeForTests, terminal: Terminal, tmp_path: Path
) -> None:
    """R1.8: the last line of the journal in the file holds the hash of its content."""
    office.propose()
    told = terminal("evidence", "export", "--out", str(tmp_path), "--json").document
    document = json.loads(Path(told["file"]).read_text())
    with office.ledger.read() as session:
        newest = journal.head(session)

    assert newest is not None
    assert newest.hash == document["journal"][-1]["hash"]
    assert "evidence_sealed" == newest.kind
    content = hashlib.sha256(canonical_json(document["content"]).encode()).hexdigest()
    assert content == json.loads(newest.body)["sha256"]
    assert 1 == len(document["content"]["refills"])
    assert told["sha256"] == hashlib.sha256(Path(told["file"]).read_bytes()).hexdigest()


def test_an_unsigned_seal_is_said(terminal: Terminal, tmp_path: Path) -> None:
    """Without a checkpoint key the file proves less, and the page says so."""
    page = terminal("evidence", "export", "--out", str(tmp_path)).out

    assert "nobody signed its seal: the signer was not asked" in page


def test_a_reader_makes_no_evidence(
    office: OfficeForTests, terminal: Terminal, tmp_path: Path
) -> None:
    """It writes into the journal: that takes an operator or a treasurer."""
    reader = str(office.sockets / "reader.sock")
    outcome = terminal("--socket", reader, "evidence", "export", "--out", str(tmp_path))

    assert 77 == outcome.code
