"""`incident`: what it cost, and the file that is handed to others."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from policies.lifecycles import Owner, WalletState
from policies.terms import Reason
from tests.fakes.office import OfficeForTests
from tests.laws import ETH
from treasury.ledger import journal, moves, queries
from treasury.safety.response import open_incident

if TYPE_CHECKING:
    from tests.treasury.cli.conftest import Terminal

pytestmark = pytest.mark.sockets
WHY = (Reason(code="foreign_nonce", text="hot-a has used 4 nonces, our books signed 3"),)


@pytest.fixture(autouse=True)
def robbed(office: OfficeForTests) -> None:
    """An open incident of hot-a."""
    office.see("hot-a", 4 * ETH)
    now = office.clock.unix()
    with office.ledger.write() as session:
        wallet = queries.standings.wallet(session, "hot-a")
        assert wallet is not None
        moves.move(session, wallet, WalletState.ISOLATED, actor=Owner.GUARD, why=WHY, now=now)
        open_incident(session, "hot-a", WHY, now=now)


def test_show_tells_reasons_and_what_is_left(terminal: Terminal) -> None:
    """Loss is unknown where the guard was never calm; what is left there is known."""
    page = terminal("incident", "show", "1").out

    assert "our books signed 3" in page
    assert ["ETH", "unknown", "unknown", "0", "ETH", "0", "ETH", "4", "ETH"] in [
        line.split() for line in page.splitlines()
    ]


def test_export_writes_both_forms_and_seals_the_first(
    office: OfficeForTests, terminal: Terminal, tmp_path: Path
) -> None:
    """The JSON on the disk has the digest that the journal now keeps; the page names it."""
    folder = tmp_path / "for the police"
    made = terminal("incident", "export", "#1", "--out", str(folder), "--json").document
    record, page = (Path(path) for path in made["files"])
    with office.ledger.read() as session:
        newest = journal.head(session)

    assert newest is not None
    assert "incident_file_sealed" == newest.kind
    digest = hashlib.sha256(record.read_bytes()).hexdigest()
    assert digest == made["sha256"] == json.loads(newest.body)["sha256"]
    assert digest in page.read_text()
    assert "treasury-incident/1" == json.loads(record.read_text())["format"]


def test_export_overwrites_nothing(terminal: Terminal, tmp_path: Path) -> None:
    """Evidence that lies there stays as it is."""
    made = terminal("incident", "export", "1", "--out", str(tmp_path), "--json").document
    page = Path(made["files"][1])
    (tmp_path / page.name.replace(".md", ".json")).write_text("kept")
    # A later seal has a later name, so that the same name is only met when the clock stands still.
    again = terminal("incident", "export", "1", "--out", str(tmp_path), "--json")

    assert 0 == again.code
    assert made["files"][0] != again.document["files"][0]
    assert "kept" == Path(made["files"][0]).read_text()


def test_a_reader_sees_the_file_but_seals_nothing(
    office: OfficeForTests, terminal: Terminal, tmp_path: Path
) -> None:
    """Sealing writes into the journal: that takes an operator or a treasurer."""
    reader = str(office.sockets / "reader.sock")
    outcome = terminal("--socket", reader, "incident", "export", "1", "--out", str(tmp_path))

    assert 77 == outcome.code
    assert [] == list(tmp_path.glob("incident-*"))
