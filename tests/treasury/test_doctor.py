"""The doctor on what this deployment could lose, and on whom it would tell."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from config.load import load_settings
from config.settings import Settings
from hsm.client import SignerClient
from policies.law import Law, canonical_law, law_digest
from tests.fakes.alerts import alert_settings
from tests.fakes.ledgers import fresh_ledger
from tests.laws import make_law
from treasury.doctor import Colour, Finding, examine
from treasury.ledger import Ledger, marks

pytestmark = pytest.mark.sockets
EXAMPLE = Path(__file__).parents[2] / "config/treasuryd.toml"


@pytest.fixture
def ledger(directory: Path) -> Iterator[Ledger]:
    """An empty ledger."""
    opened = fresh_ledger(directory)
    yield opened
    opened.close()


def findings(ledger: Ledger, directory: Path, law: Law, settings: Settings) -> list[Finding]:
    """Examine a deployment whose signer is away, so that the ledger's law counts."""
    with ledger.write() as session:
        marks.keep_law(session, "0x" + law_digest(law).hex(), canonical_law(law).decode(), now=1)
    signer = SignerClient(directory / "nobody.sock", deadline_s=0.1)
    return list(examine(settings, ledger, signer))


def settings() -> Settings:
    """Return the example's settings without chains."""
    return replace(load_settings(EXAMPLE), chains={})


def told(found: list[Finding], subject: str, colour: Colour) -> list[str]:
    """Return the texts of one subject and colour."""
    return [f.text for f in found if (f.subject, f.colour) == (subject, colour)]


def test_a_law_that_risks_more_than_its_max_loss_is_a_red_line(
    ledger: Ledger, directory: Path
) -> None:
    """R2.14: the caps alone pass max_loss, so the daemon starts HALTED; one wei less is fine."""
    too_much = make_law(**{"chains.devnet.max_loss": {"ETH": "99.9 ETH"}}).law
    accepted = make_law(**{"chains.devnet.max_loss": {"ETH": "100 ETH"}}).law

    red = told(findings(ledger, directory, too_much, settings()), "exposure", Colour.RED)
    fine = told(findings(ledger, directory, accepted, settings()), "exposure", Colour.RED)

    assert "stolen key, hot-a: more ETH than max_loss" in red
    assert [] == fine


def test_a_treasury_that_tells_nobody_is_said_so(ledger: Ledger, directory: Path) -> None:
    """Without channels and without a pulse an alarm rings in an empty house."""
    silent = replace(settings(), alerts=alert_settings())
    found = findings(ledger, directory, make_law().law, silent)

    assert [
        "nobody is told of an alarm",
        "nobody would notice that the daemon is dead",
    ] == told(found, "alerts", Colour.YELLOW)


def test_a_secret_that_is_missing_is_named(ledger: Ledger, directory: Path) -> None:
    """The example's files are not here: each is named, with what to do."""
    found = findings(ledger, directory, make_law().law, settings())
    missing = told(found, "alerts", Colour.YELLOW)

    assert any("/etc/treasury/operations.secret cannot be read" in text for text in missing)
