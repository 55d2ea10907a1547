"""`alarm`: see what rings, take it on, and tell again what nobody took."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from policies.alarms import Severity
from tests.fakes.office import OfficeForTests
from treasury.ledger import marks, outbox
from treasury.ledger.outbox import Ear

if TYPE_CHECKING:
    from tests.treasury.cli.conftest import Terminal

pytestmark = pytest.mark.sockets
EAR = Ear(channel="chat", level=0, least=Severity.CRITICAL)


def freeze(office: OfficeForTests) -> None:
    """Let something ring."""
    with office.ledger.write() as session:
        body = {"why": "5 ETH left without an order"}
        now = office.clock.unix()
        marks.tell(session, "wallet_frozen", "wallet:hot-a", body, now=now, actor="guard")


def kill_delivery(office: OfficeForTests) -> None:
    """Let everything that was not told yet become a dead letter."""
    now = office.clock.unix()
    with office.ledger.write() as session:
        outbox.spread(session, EAR, now=now)
        while found := outbox.due(session, "chat", now=now):
            outbox.failed(session, found[0], error="the pager answered 503", most_tries=1, now=now)


def test_what_rings_is_listed_until_it_is_taken_on(
    office: OfficeForTests, terminal: Terminal
) -> None:
    """The list says what and why; an acknowledgement stands there and in the journal."""
    assert "nothing rings" in terminal("alarm", "list").out
    freeze(office)
    listed = terminal("alarm", "list").out
    taken = terminal("alarm", "acknowledge", "1", "--why", "on my way")

    assert "CRITICAL" in listed
    assert "wallet:hot-a" in listed
    assert "5 ETH left" in listed
    assert "alarm #1 (wallet_frozen wallet:hot-a) is acknowledged" in taken.out
    assert "acknowledged" in terminal("alarm", "list").out
    assert "alarm_acknowledged" in terminal("journal", "tail").out


def test_the_first_acknowledgement_stays(office: OfficeForTests, terminal: Terminal) -> None:
    """Whoever comes second changes nothing: the record says who was first, and when."""
    freeze(office)
    first = terminal("alarm", "acknowledge", "#1", "--why", "one", "--json").document
    office.clock.advance(60)
    second = terminal("alarm", "acknowledge", "#1", "--why", "two", "--json").document

    assert first == second
    assert "one" == second["acknowledged_why"]


def test_an_alarm_that_is_not_there_is_told(terminal: Terminal) -> None:
    """A wrong number ends with 1 and says where to look."""
    outcome = terminal("alarm", "acknowledge", "7", "--why", "x")

    assert 1 == outcome.code
    assert "see `alarm list`" in outcome.err


def test_dead_letters_are_listed_and_sent_again(office: OfficeForTests, terminal: Terminal) -> None:
    """They lie with their error; sent again they wait, and are dead no longer."""
    freeze(office)
    kill_delivery(office)
    listed = terminal("alarm", "deliveries", "--dead").out
    again = terminal("alarm", "resend", "1")
    twice = terminal("alarm", "resend", "1")

    assert "the pager answered 503" in listed
    assert "raised wallet_frozen wallet:hot-a" in listed
    assert "delivery #1 is tried again on chat" in again.out
    assert (1, "no deliveries") == (
        twice.code,
        terminal("alarm", "deliveries", "--dead").out.strip(),
    )


def test_a_test_reaches_the_outbox(office: OfficeForTests, terminal: Terminal) -> None:
    """Every channel hears a test, whatever its level and loudness."""
    assert 0 == terminal("alarm", "test").code
    boss = Ear(channel="boss", level=3, least=Severity.CRITICAL)
    with office.ledger.write() as session:
        assert 1 == outbox.spread(session, boss, now=office.clock.unix())


def test_readers_look_but_do_not_acknowledge(office: OfficeForTests, terminal: Terminal) -> None:
    """Who only reads must not silence what others rely on."""
    freeze(office)
    reader = str(office.sockets / "reader.sock")
    looked = terminal("--socket", reader, "alarm", "list")
    refused = terminal("--socket", reader, "alarm", "acknowledge", "1", "--why", "x")

    assert (0, 77) == (looked.code, refused.code)
