"""Say what is wrong and what to do, before it costs money.

Green: fine. Yellow: works, but somebody should look. Red: money toward exposure must not move;
the daemon starts HALTED and goes on watching. Every finding names its remedy. The same
examination runs at every start of the daemon and by hand as `treasuryd doctor`.
"""

from __future__ import annotations

import json
import sys
import time
import tomllib
from collections.abc import Callable, Iterator, Mapping
from dataclasses import asdict, dataclass
from enum import StrEnum
from pathlib import Path

from config.errors import ConfigError
from config.load import load_settings
from config.settings import ChainSettings, ChannelSettings, Settings
from hsm.client import SignerClient
from hsm.errors import HsmError
from hsm.wire.answers import SignerStatus
from policies.exposure import above_max_loss, exposures
from policies.law import Law, LawError, Profile, law_digest, law_from_canonical, parse_law
from policies.terms import Stamp
from treasury.api.certificates import CertificateError, ends_at
from treasury.briefing.exposure import by_law_alone, gather
from treasury.chain.errors import ChainError, EndpointError, WrongChainError
from treasury.chain.node import connect_node
from treasury.errors import LedgerBusyError, LedgerError, LedgerHeldError
from treasury.ledger import Ledger, journal, open_ledger
from treasury.ledger.queries import standings
from treasury.surroundings import clock_lag

_CLOCK_SKEW_S = 5
_DAY_S, _RENEW_DAYS = 86_400, 30
_WORLD_READABLE = 0o007


class Colour(StrEnum):
    """How bad a finding is."""

    GREEN = "green"
    YELLOW = "yellow"
    RED = "red"


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """One line of the examination: what was looked at, what was seen, what to do about it."""

    colour: Colour
    subject: str
    text: str
    remedy: str = ""


Findings = Iterator[Finding]


def examine(settings: Settings, ledger: Ledger, signer: SignerClient) -> tuple[Finding, ...]:
    """Examine everything that the daemon depends on; nothing is changed anywhere."""
    findings = [*_examine_folder(settings), *_examine_alerts(settings), *_examine_journal(ledger)]
    findings += _examine_certificates(settings)
    try:
        status = signer.status()
        law = _law_of(signer)
    except HsmError as error:
        remedy = "start treasury-signer.service and look at its journal"
        text = f"the signer does not answer: {error}"
        findings.append(Finding(colour=Colour.YELLOW, subject="signer", text=text, remedy=remedy))
        with ledger.read() as session:
            law = standings.law(session)
    else:
        findings += [*_examine_signer(status), *_examine_book(ledger, status)]
    findings += _examine_law(settings, law)
    if law is not None:
        findings += _examine_exposure(settings, ledger, law)
        for name, chain in settings.chains.items():
            findings += _examine_chain(name, chain, law)
    return tuple(findings)


def run(config: Path, *, as_json: bool) -> int:
    """Examine from the command line; return 0, or 78 when something is red or unreadable."""
    try:
        settings = load_settings(config)
        signer = SignerClient(settings.signer.socket, deadline_s=settings.signer.deadline_s)
        ledger = open_ledger(settings.daemon.database, lease=False)
    except (ConfigError, LedgerError, LedgerHeldError, LedgerBusyError) as error:
        sys.stderr.write(f"doctor: {error}\n")
        return 78
    try:
        findings = examine(settings, ledger, signer)
    finally:
        ledger.close()
    _print(findings, as_json=as_json)
    return 78 if any(finding.colour is Colour.RED for finding in findings) else 0


def _examine_folder(settings: Settings) -> Findings:
    state = settings.daemon.state_dir
    mode = state.stat().st_mode if state.exists() else None
    if mode is None:
        yield _red("state folder", f"{state} does not exist", "create it with mode 0700")
    elif mode & _WORLD_READABLE:
        yield _yellow("state folder", f"{state} is open to others", f"chmod 0700 {state}")
    else:
        yield _green("state folder", f"{state} is private")


def _examine_alerts(settings: Settings) -> Findings:
    alerts = settings.alerts
    if not alerts.channels:
        remedy = "add a table [alerts.channels.<name>] to treasuryd.toml"
        yield _yellow("alerts", "nobody is told of an alarm", remedy)
    if alerts.pulse is None:
        remedy = "add a table [alerts.pulse], and something that rings when beats stay out"
        yield _yellow("alerts", "nobody would notice that the daemon is dead", remedy)
    private = [one for channel in alerts.channels.values() for one in _files_of(channel)]
    if alerts.pulse is not None:
        private += [alerts.pulse.address_file, alerts.pulse.secret_file]
    for path in private:
        try:
            mode = path.stat().st_mode
        except OSError as error:
            yield _yellow("alerts", f"{path} cannot be read: {error.strerror}", "write one line")
            continue
        if mode & _WORLD_READABLE:
            yield _yellow("alerts", f"{path} is open to others", f"chmod 0600 {path}")


def _examine_certificates(settings: Settings) -> Findings:
    """Tell when services of other machines will be turned away, and we by them."""
    tcp = settings.api.tcp
    for path in () if tcp is None else (tcp.certificate, tcp.client_ca):
        try:
            left_s = ends_at(path) - int(time.time())
        except (CertificateError, OSError) as error:
            yield _yellow("certificate", str(error), "mend [api.tcp]")
            continue
        days = left_s // _DAY_S
        if left_s <= 0:
            yield _yellow("certificate", f"{path} has expired", "renew it and restart the daemon")
        elif days < _RENEW_DAYS:
            text = f"{path} ends in {days} days"
            yield _yellow("certificate", text, "renew it and restart the daemon")
        else:
            yield _green("certificate", f"{path} is good for {days} days")


def _files_of(channel: ChannelSettings) -> tuple[Path, ...]:
    secret = channel.secret_file
    return (channel.address_file,) if secret is None else (channel.address_file, secret)


def _examine_journal(ledger: Ledger) -> Findings:
    with ledger.read() as session:
        verified = journal.verify(session)
    if verified.ok:
        yield _green("journal", f"{verified.entries} entries, the chain holds")
    else:
        text = f"entry {verified.first_bad}: {verified.why}"
        yield _red("journal", text, "stop, keep the file as evidence, restore the last good backup")


def _examine_signer(status: SignerStatus) -> Findings:
    if status.health == "ready":
        yield _green("signer", f"ready, book entry {status.book.seq}")
    else:
        yield _yellow("signer", f"its health is {status.health}", "unlock it or see its journal")
    for waiver in status.waivers:
        yield _yellow("signer", f"waived: {waiver}", "acceptable in development only")
    skew_s = abs(status.now - int(time.time()))
    if skew_s > _CLOCK_SKEW_S:
        text = f"the signer's clock differs by {skew_s} s"
        yield _yellow("clock", text, "repair time synchronisation on both hosts")


def _examine_book(ledger: Ledger, status: SignerStatus) -> Findings:
    with ledger.read() as session:
        seen = journal.last_place(session)
    if seen is not None and seen.seq > status.book.seq:
        text = f"the ledger saw entry {seen.seq}, the signer's book ends at {status.book.seq}"
        remedy = "the book was rewound or swapped: restore it, or reconcile and carry a motion"
        yield _red("book", text, remedy)
    else:
        yield _green("book", "the signer's book continues what the ledger saw")


def _examine_law(settings: Settings, adopted: Law | None) -> Findings:
    if adopted is None:
        yield _red("law", "no law is adopted", "hold genesis: treasuryctl law sign, law adopt")
        return
    yield _green("law", f"in force: {law_digest(adopted).hex()[:16]}…, {adopted.profile.value}")
    path = settings.daemon.law
    if path is None:
        return
    try:
        filed = parse_law(tomllib.loads(path.read_text()), source=path.name)
    except (OSError, tomllib.TOMLDecodeError, LawError) as error:
        yield _yellow("law file", f"{path} cannot be read: {error}", "mend the file")
        return
    if law_digest(filed) != law_digest(adopted):
        yield _yellow("law file", f"{path} is not the law in force", "propose it, or restore it")


def _examine_exposure(settings: Settings, ledger: Ledger, law: Law) -> Findings:
    with ledger.read() as session:
        facts = gather(session, law, settings.chains)
    remedy = "lower caps or windows by adopting a law, or raise max_loss: see treasuryctl exposure"
    by_law = above_max_loss(exposures(by_law_alone(facts)))
    for figure in by_law:
        text = f"{figure.threat.value}, {figure.name}: more {figure.symbol} than max_loss"
        yield _red("exposure", text, remedy)
    known = {(figure.threat, figure.name, figure.symbol) for figure in by_law}
    for figure in above_max_loss(exposures(facts)):
        if (figure.threat, figure.name, figure.symbol) not in known:
            text = f"{figure.name} holds so much {figure.symbol} that a theft would pass max_loss"
            yield _yellow("exposure", text, "sweep it, or wait: sweeps go on even while halted")


def _examine_chain(name: str, settings: ChainSettings, law: Law) -> Findings:
    chain = law.chain(name)
    subject = f"chain {name}"
    if chain is None:
        yield _yellow(subject, "it is not in the law in force", "adopt it, or remove its settings")
        return
    if len(settings.endpoints) == 1:
        remedy = "add endpoints of other operators"
        yield _yellow(subject, "one endpoint is a quorum of one: it can lie alone", remedy)
    is_production = law.profile is Profile.PRODUCTION
    for url in settings.endpoints:
        found, head = _examine_endpoint(subject, url, settings, chain.chain_id)
        yield found
        lag = "" if head is None else clock_lag(head, time.time())
        if lag:
            say = _red if is_production else _yellow
            yield say("clock", f"{found.text}: {lag}", "repair time synchronisation")


def _examine_endpoint(
    subject: str, url: str, settings: ChainSettings, chain_id: int
) -> tuple[Finding, Stamp | None]:
    try:
        node = connect_node(
            url,
            chain_id=chain_id,
            finality=settings.finality,
            deadline_s=settings.deadline_s,
            anchor=settings.anchor,
        )
        head = node.head()
        node.close()
    except (WrongChainError, EndpointError) as error:
        return _red(subject, str(error), "correct the endpoint in treasuryd.toml"), None
    except ChainError as error:
        return _yellow(subject, str(error), "see to the node; watching resumes by itself"), None
    return _green(subject, f"{node.name} is at block {head.number}"), head


def _law_of(signer: SignerClient) -> Law | None:
    answer = signer.law()
    text = getattr(answer, "text", None)
    return None if text is None else law_from_canonical(text.encode("ascii"))


def _green(subject: str, text: str) -> Finding:
    return Finding(colour=Colour.GREEN, subject=subject, text=text)


def _yellow(subject: str, text: str, remedy: str) -> Finding:
    return Finding(colour=Colour.YELLOW, subject=subject, text=text, remedy=remedy)


def _red(subject: str, text: str, remedy: str) -> Finding:
    return Finding(colour=Colour.RED, subject=subject, text=text, remedy=remedy)


_MARKS: Mapping[Colour, str] = {Colour.GREEN: "ok  ", Colour.YELLOW: "look", Colour.RED: "STOP"}


def _print(findings: tuple[Finding, ...], *, as_json: bool) -> None:
    write: Callable[[str], object] = print
    if as_json:
        write(json.dumps([asdict(finding) for finding in findings], indent=1))
        return
    for finding in findings:
        write(f"{_MARKS[finding.colour]}  {finding.subject}: {finding.text}")
        if finding.remedy:
            write(f"      -> {finding.remedy}")
