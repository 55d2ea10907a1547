"""Alarms in the ledger: raised with their cause, told once, ended late, escalated, taken on."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import pytest

from policies.alarms import Severity
from tests.fakes.ledgers import fresh_ledger
from treasury.ledger import Ledger, alarms, journal, marks, outbox
from treasury.ledger.outbox import Ear

EAR = Ear(channel="chat", level=0, least=Severity.NOTICE)
WALLET = "wallet:hot-a"


@pytest.fixture
def ledger(directory: Path) -> Iterator[Ledger]:
    """An empty ledger."""
    opened = fresh_ledger(directory)
    yield opened
    opened.close()


def tell(ledger: Ledger, kind: str, *, now: int, subject: str = WALLET, why: str = "why") -> None:
    """Write one journal line."""
    with ledger.write() as session:
        marks.tell(session, kind, subject, {"why": why}, now=now)


def heard(ledger: Ledger, ear: Ear = EAR, *, now: int = 100) -> list[str]:
    """Spread the outbox to a channel and return every event that it was ever told."""
    with ledger.write() as session:
        outbox.spread(session, ear, now=now)
        told = outbox.deliveries(session)
    return [n.event for delivery, n in reversed(told) if delivery.channel == ear.channel]


def only(ledger: Ledger) -> alarms.Alarm:
    """Return the one alarm that there is."""
    with ledger.read() as session:
        (found,) = alarms.alarms(session, only_open=False)
    return found


def test_an_alarm_is_committed_with_its_cause_or_not_at_all(ledger: Ledger) -> None:
    """R7.3: a crash in the transaction loses line, alarm and notice together."""
    with suppress(ZeroDivisionError), ledger.write() as session:
        marks.tell(session, "wallet_frozen", WALLET, {"why": "w"}, now=1)
        _ = 1 // 0

    with ledger.read() as session:
        assert journal.head(session) is None
        assert () == alarms.alarms(session, only_open=False)
        assert not outbox.has_news(session, "chat")


def test_the_same_cause_rings_once(ledger: Ledger) -> None:
    """An alarm is an edge: the second and third cause only count."""
    for now in (10, 11, 12):
        tell(ledger, "wallet_frozen", now=now)

    assert ["raised"] == heard(ledger)
    assert 3 == only(ledger).times


def test_two_subjects_ring_twice(ledger: Ledger) -> None:
    """Trouble with one wallet never hides that with another."""
    tell(ledger, "wallet_frozen", now=10)
    tell(ledger, "wallet_frozen", now=10, subject="wallet:hot-b")

    assert ["raised", "raised"] == heard(ledger)


def test_what_ends_is_told_only_when_it_stays_over(ledger: Ledger) -> None:
    """Hysteresis: the end is told after the settling time, and not a second sooner."""
    tell(ledger, "wallet_frozen", now=10)
    tell(ledger, "wallet_unfrozen", now=20)
    with ledger.write() as session:
        early = alarms.settle(session, now=79, settle_s=60)
        late = alarms.settle(session, now=80, settle_s=60)

    assert (0, 1) == (early, late)
    assert ["raised", "over"] == heard(ledger)
    assert 80 == only(ledger).over_at


def test_what_begins_and_ends_in_one_transaction_is_calm(ledger: Ledger) -> None:
    """The end finds an alarm that its own transaction raised; the same again rings again."""
    with ledger.write() as session:
        for kind in ("wallet_frozen", "wallet_unfrozen"):
            marks.tell(session, kind, WALLET, {"why": "w"}, now=1)
    assert only(ledger).calm_since == 1

    with ledger.write() as session:
        for kind in ("wallet_unfrozen", "wallet_frozen", "wallet_unfrozen", "wallet_frozen"):
            marks.tell(session, kind, WALLET, {"why": "w"}, now=2)
    assert (only(ledger).calm_since, only(ledger).times) == (None, 3)


def test_flapping_tells_nobody(ledger: Ledger) -> None:
    """What comes back within the settling time goes on with the old alarm."""
    for now in range(10, 100, 10):
        tell(ledger, "wallet_frozen", now=now)
        tell(ledger, "wallet_unfrozen", now=now + 5)
        with ledger.write() as session:
            alarms.settle(session, now=now + 9, settle_s=60)

    assert ["raised"] == heard(ledger)


def test_silence_climbs_level_by_level(ledger: Ledger) -> None:
    """Each level is told once, when the one before had its time."""
    pager = Ear(channel="pager", level=1, least=Severity.CRITICAL)
    boss = Ear(channel="boss", level=2, least=Severity.CRITICAL)
    tell(ledger, "wallet_frozen", now=0)
    for now in range(0, 3_000, 50):
        with ledger.write() as session:
            alarms.escalate(session, now=now, last_level=2, silence_s=600)

    assert ["raised"] == heard(ledger)
    assert ["escalated"] == heard(ledger, pager)
    assert ["escalated"] == heard(ledger, boss)


def test_whoever_was_told_is_told_that_it_is_over(ledger: Ledger) -> None:
    """The pager that was woken hears the end; one that was not hears nothing."""
    tell(ledger, "wallet_frozen", now=0)
    with ledger.write() as session:
        alarms.escalate(session, now=600, last_level=2, silence_s=600)
    tell(ledger, "wallet_unfrozen", now=610)
    with ledger.write() as session:
        alarms.settle(session, now=700, settle_s=60)

    assert ["escalated", "over"] == heard(
        ledger, Ear(channel="pager", level=1, least=Severity.CRITICAL)
    )
    assert [] == heard(ledger, Ear(channel="boss", level=2, least=Severity.CRITICAL))


def test_an_acknowledged_alarm_climbs_no_further(ledger: Ledger) -> None:
    """Somebody works on it; it still ends by itself."""
    tell(ledger, "wallet_frozen", now=0)
    with ledger.write() as session:
        alarms.acknowledge(session, only(ledger), why="looking", now=5)
        climbed = alarms.escalate(session, now=10_000, last_level=2, silence_s=600)

    assert 0 == climbed
    assert (5, None) == (only(ledger).acknowledged_at, only(ledger).over_at)


def test_what_nothing_ends_is_over_when_acknowledged(ledger: Ledger) -> None:
    """A usurped transfer has no better state to wait for: a person's word ends its alarm."""
    tell(ledger, "transfer_usurped", now=0, subject="transfer:7")
    with ledger.write() as session:
        alarms.acknowledge(session, only(ledger), why="seen", now=9)

    assert 9 == only(ledger).over_at


def test_a_new_channel_hears_nothing_old(ledger: Ledger) -> None:
    """Years of history do not reach the pager that is added today."""
    tell(ledger, "wallet_frozen", now=0)
    tell(ledger, "wallet_frozen", now=100_000, subject="wallet:hot-b")

    assert ["raised"] == heard(ledger, now=100_000)


def test_a_quiet_channel_hears_only_what_is_loud(ledger: Ledger) -> None:
    """A refill that waits for treasurers wakes nobody whose pager wants criticals."""
    tell(ledger, "refill_proposed", now=0, subject="refill:1")

    assert [] == heard(ledger, Ear(channel="pager", level=0, least=Severity.CRITICAL))
    assert ["raised"] == heard(ledger)


def test_a_dead_delivery_is_kept_and_can_be_sent_again(ledger: Ledger) -> None:
    """After the last try it lies there with its error until a person sends it again, once."""
    tell(ledger, "wallet_frozen", now=0)
    heard(ledger)
    for now in (100, 200):
        with ledger.write() as session:
            found = outbox.due(session, "chat", now=now)
            assert found is not None
            outbox.failed(session, found[0], error="503", most_tries=2, now=now)

    with ledger.write() as session:
        ((dead, _),) = outbox.deliveries(session, state="DEAD")
        again = outbox.send_again(session, dead.id, now=300)
        twice = outbox.send_again(session, dead.id, now=300)
        found = outbox.due(session, "chat", now=300)

    assert ("503", 2) == (dead.error, dead.tries)
    assert again is not None
    assert twice is None
    assert found is not None
    assert 0 == found[0].tries
