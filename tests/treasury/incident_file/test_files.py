"""The incident file of a real theft on the belt: complete, right to the wei, sealed, readable."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Any

import pytest

from policies.lifecycles import IncidentState, TransferState
from policies.terms import Purpose
from tests.fakes.belt import Belt
from tests.laws import ETH, address_of
from treasury.incident_file.files import IncidentFiles
from treasury.ledger import journal
from treasury.ledger.facts import Incident
from treasury.ledger.queries import standings

pytestmark = pytest.mark.usefixtures("quiet")
DEPLOYMENT = b"\1" * 32
STOLEN = 25 * ETH // 10


@pytest.fixture
def robbed(directory: Path) -> Belt:
    """A belt whose hot-a held 10 ETH, lost 2.5 to a thief and was evacuated."""
    belt = Belt(directory)
    belt.run(3)
    belt.chain.spend(address_of("hot-a"), address_of("thief"), STOLEN)
    belt.until(lambda: incident(belt).state is IncidentState.CONTAINED)
    return belt


def incident(belt: Belt) -> Incident:
    """Return the one incident, or an open stand-in before there is one."""
    with belt.ledger.read() as session:
        found = standings.incidents(session)
    if found:
        return found[0]
    return Incident(
        id=0, wallet="", state=IncidentState.OPEN, opened_at=0, changed_at=0, outcome=None,
        reasons=(),
    )  # fmt: skip


def files(belt: Belt) -> IncidentFiles:
    """Return the maker of files, with the signer's book at hand."""
    return IncidentFiles(
        ledger=belt.ledger,
        signer=belt.signer,
        directory=belt.directory / "incidents",
        deployment=DEPLOYMENT,
        clock=belt.clock,
    )


def document(belt: Belt) -> dict[str, Any]:
    """Return the document as it would be written now."""
    made = files(belt).read(incident(belt))
    assert made is not None
    return made.document


def seals(belt: Belt) -> list[dict[str, Any]]:
    """Return the bodies of all seals in the journal."""
    with belt.ledger.read() as session:
        lines = journal.tail(session, limit=10_000)
    return [json.loads(e.body) for e in lines if e.kind == "incident_file_sealed"]


def test_loss_and_saved_value_are_right_to_the_wei(robbed: Belt) -> None:
    """Lost is what the thief took, with its fee; saved is what is final in the vault."""
    (figure,) = (f for f in document(robbed)["figures"] if f["asset"] == "ETH")
    homes = [t for t in robbed.transfers() if t.purpose is Purpose.EVACUATION]
    home = sum(t.amount for t in homes if t.state is TransferState.CONFIRMED)
    mined = sum(t.amount for t in homes if t.state is TransferState.MINED)
    fees = sum(t.settled_fee or 0 for t in homes)
    left = robbed.chain.balance(address_of("hot-a"))

    assert 10 * ETH == int(figure["before"])
    names = ("saved", "arriving", "fees", "left")
    assert (home, mined, fees, left) == tuple(int(figure[name]) for name in names)
    assert 10 * ETH - home - mined - fees - left == int(figure["lost"])
    assert STOLEN <= int(figure["lost"]) < STOLEN + ETH // 100


def test_the_file_names_nonces_blocks_and_transactions(robbed: Belt) -> None:
    """Whoever investigates finds the stolen nonce, the blocks, our own transactions and why."""
    found = document(robbed)
    kinds = {line["kind"] for line in found["timeline"]}

    assert ["0"] == found["foreign_nonces"]
    assert {"wallet_isolated", "incident_open", "incident_contained", "transfer_confirmed"} <= kinds
    assert "foreign_nonce" in {reason["code"] for reason in found["incident"]["reasons"]}
    assert all(seen["block_hash"] for seen in found["seen"])
    assert address_of("vault") == found["transfers"][0]["to"]
    assert found["transfers"][0]["attempts"][0]["raw"].startswith("0x02")
    assert {order["order_id"] for order in found["signer_book"]} <= {
        transfer["order_id"] for transfer in found["transfers"]
    }
    assert found["signer_book"]


def test_it_is_sealed_once_when_contained(robbed: Belt) -> None:
    """The journal keeps the digest of exactly the bytes on the disk; the job seals no second."""
    maker = files(robbed)

    assert (1, 0) == (maker.tend(), maker.tend())
    (seal,) = seals(robbed)
    kept = (robbed.directory / "incidents" / seal["file"]).read_bytes()
    assert hashlib.sha256(kept).hexdigest() == seal["sha256"]
    assert 0o600 == (robbed.directory / "incidents" / seal["file"]).stat().st_mode & 0o777
    assert kept.decode().startswith('{"approvals"')


def test_a_crash_before_the_seal_seals_at_the_next_time(robbed: Belt) -> None:
    """A file without its seal is written again; nothing is sealed that is not on the disk."""
    maker = files(robbed)
    robbed.crash_at(1)
    with pytest.raises(BaseException, match="before commit of incident_file_sealed"):
        maker.tend()
    robbed.restart()

    assert [] == seals(robbed)
    assert 1 == files(robbed).tend()
    assert 1 == len(seals(robbed))


def test_a_signer_that_is_away_is_said(robbed: Belt) -> None:
    """The file is written all the same, and says what is missing."""
    robbed.signer.is_away = True
    made = files(robbed).read(incident(robbed))

    assert made is not None
    assert [] == made.document["signer_book"]
    assert "the signer did not answer" in made.document["signer_book_missing"]
    assert "the signer did not answer" in made.markdown


def test_the_page_says_what_the_document_says(robbed: Belt) -> None:
    """Markdown for readers: the figures, the digest of the record, every line of the timeline."""
    made = files(robbed).read(incident(robbed))
    assert made is not None
    (figure,) = (f for f in made.document["figures"] if f["asset"] == "ETH")

    assert made.sha256 in made.markdown
    assert f"| {figure['lost_text']} | {figure['saved_text']} |" in made.markdown
    rows = [line for line in made.markdown.splitlines() if " UTC | " in line]
    assert len(rows) >= len(made.document["timeline"])
