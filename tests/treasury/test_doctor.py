"""The doctor on what this deployment could lose, and on whom it would tell."""

from __future__ import annotations

import re
import ssl
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from unittest import mock

import pytest

from config.load import load_settings
from config.settings import Settings, TcpSettings
from hsm.client import SignerClient
from policies.law import Law, Profile, canonical_law, law_digest
from tests.fakes.alerts import alert_settings
from tests.fakes.certificates import Papers, why_not
from tests.fakes.ledgers import fresh_ledger
from tests.fakes.nodes import CHAIN_ID, DEPTH_2, RealNode
from tests.laws import make_law
from treasury import doctor
from treasury.api.certificates import CertificateError, ends_at
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


def with_certificate(ledger: Ledger, directory: Path, papers: Papers) -> list[Finding]:
    """Return what is found where services come by TCP and the daemon shows these papers."""
    tcp = TcpSettings(
        host="127.0.0.1",
        port=1,
        certificate=papers.certificate("daemon"),
        key=papers.key("daemon"),
        client_ca=papers.certificate("daemon"),
        clients=(),
    )
    known = settings()
    return findings(
        ledger, directory, make_law().law, replace(known, api=replace(known.api, tcp=tcp))
    )


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


@pytest.mark.skipif(bool(why_not()), reason=why_not())
@pytest.mark.parametrize(
    ("days", "colour", "words"),
    [
        (2, Colour.YELLOW, r"ends in [12] days"),
        (400, Colour.GREEN, r"is good for (399|400) days"),
        (9_000, Colour.GREEN, r"is good for (8999|9000) days"),
    ],
)
def test_the_end_of_a_certificate_is_told(
    ledger: Ledger, directory: Path, days: int, colour: Colour, words: str
) -> None:
    """A month before services would be turned away, and in both ways of writing the year."""
    papers = Papers(directory / "papers")
    papers.sign_itself("daemon", days=days)
    found = with_certificate(ledger, directory, papers)

    pages = told(found, "certificate", colour)
    assert 2 == len(pages)
    assert all(re.fullmatch(rf"{papers.certificate('daemon')} {words}", page) for page in pages), (
        pages
    )


@pytest.mark.skipif(bool(why_not()), reason=why_not())
def test_a_certificate_that_has_ended_is_told(
    ledger: Ledger, directory: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """At its very second a certificate is over."""
    papers = Papers(directory / "papers")
    papers.sign_itself("daemon")
    end = ends_at(papers.certificate("daemon"))
    monkeypatch.setattr("treasury.doctor.time", SimpleNamespace(time=lambda: float(end)))
    found = with_certificate(ledger, directory, papers)

    assert [f"{papers.certificate('daemon')} has expired"] * 2 == told(
        found, "certificate", Colour.YELLOW
    )


def test_a_file_that_is_no_certificate_is_named(directory: Path) -> None:
    """Neither rubbish nor a piece of one is taken for a certificate."""
    path = directory / "daemon.pem"
    whole = ssl.DER_cert_to_PEM_cert(b"\x30\x03\x02\x01\x00")
    for text in ("", "rubbish", whole, whole.replace("MAMCAQ", "MIMCAQ")):
        path.write_text(text)
        with pytest.raises(CertificateError, match=r"daemon\.pem holds no certificate in PEM"):
            ends_at(path)


def test_a_secret_that_is_missing_is_named(ledger: Ledger, directory: Path) -> None:
    """The example's files are not here: each is named, with what to do."""
    found = findings(ledger, directory, make_law().law, settings())
    missing = told(found, "alerts", Colour.YELLOW)

    assert any("/etc/treasury/operations.secret cannot be read" in text for text in missing)


@pytest.mark.parametrize(
    ("profile", "colour"), [("development", Colour.YELLOW), ("production", Colour.RED)]
)
def test_a_clock_behind_the_newest_block_is_told(
    ledger: Ledger, directory: Path, dev_chain: RealNode, profile: str, colour: Colour
) -> None:
    """R5.4: a slow clock lets consent live too long; production does nothing exposing with it."""
    known = load_settings(EXAMPLE)
    (chain,) = known.chains.values()
    chain = replace(chain, endpoints=(dev_chain.url,), finality=DEPTH_2, anchor=None)
    watching = replace(known, chains={"devnet": chain})
    law = replace(make_law(**{"chains.devnet.id": CHAIN_ID}).law, profile=Profile(profile))
    made = dev_chain.node.number("eth_blockNumber")
    at = int(dev_chain.node.call("eth_getBlockByNumber", hex(made), False)["timestamp"], 16)
    lags = []
    for clock in (at, at - 60):
        with mock.patch.object(doctor, "time", SimpleNamespace(time=lambda clock=clock: clock)):
            found = findings(ledger, directory, law, watching)
        lags.append(told(found, "clock", colour))

    assert [] == lags[0]
    assert "60 s after what this machine's clock shows" in lags[1][0]
