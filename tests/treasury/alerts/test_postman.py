"""The postman against a real receiver: retries, pauses, dead letters, and the pulse."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from config.settings import ChannelKind, ChannelSettings, PulseSettings
from policies.alarms import Severity
from tests.fakes.alerts import alert_settings
from tests.fakes.clock import FakeClock
from tests.fakes.ledgers import fresh_ledger
from tests.fakes.receiver import Receiver, receiving
from treasury.alerts.channels import channels_of
from treasury.alerts.postman import Postman
from treasury.alerts.pulse import Pulse
from treasury.ledger import Ledger, alarms, marks, open_ledger, outbox

pytestmark = [pytest.mark.sockets, pytest.mark.usefixtures("quiet")]
SECRET = "sixteen bytes or more"


@pytest.fixture
def ledger(directory: Path) -> Iterator[Ledger]:
    """An empty ledger."""
    opened = fresh_ledger(directory)
    yield opened
    opened.close()


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    """A receiver that knows the secret."""
    with receiving(SECRET.encode()) as listening:
        yield listening


def channel(directory: Path, url: str, *, kind: str = "webhook", tries: int = 3) -> ChannelSettings:
    """Return a channel whose address and secret lie in files."""
    (directory / f"{kind}.address").write_text(url + "\n")
    (directory / f"{kind}.secret").write_text(SECRET + "\n")
    return ChannelSettings(
        name=kind,
        kind=ChannelKind(kind),
        address_file=directory / f"{kind}.address",
        secret_file=directory / f"{kind}.secret",
        level=0,
        least=Severity.NOTICE,
        deadline_s=20,
        most_tries=tries,
    )


def postman(ledger: Ledger, clock: FakeClock, settings: ChannelSettings) -> Postman:
    """Return the postman of one channel."""
    (made,) = channels_of(alert_settings(settings))
    return Postman(ledger=ledger, channel=made, clock=clock)


def freeze(ledger: Ledger, clock: FakeClock, wallet: str = "hot-a") -> None:
    """Let something ring."""
    with ledger.write() as session:
        body = {"why": "5 ETH left without an order of ours"}
        marks.tell(session, "wallet_frozen", f"wallet:{wallet}", body, now=clock.unix())


def test_an_alarm_is_told_with_its_page(
    ledger: Ledger, clock: FakeClock, receiver: Receiver, directory: Path
) -> None:
    """The receiver learns what, about whom, how loud, why and where to read on; once."""
    carrier = postman(ledger, clock, channel(directory, receiver.url))
    freeze(ledger, clock)

    assert (1, 0) == (carrier.tick(), carrier.tick())
    assert [
        {
            "version": 1, "notice": "1", "event": "raised", "alarm": "1", "severity": "critical",
            "kind": "wallet_frozen", "subject": "wallet:hot-a", "at": clock.unix(),
            "text": "5 ETH left without an order of ours", "page": "RUNBOOK.md#held",
        }
    ] == receiver.bodies  # fmt: skip


def test_a_receiver_that_is_down_gets_it_later(
    ledger: Ledger, clock: FakeClock, receiver: Receiver, directory: Path
) -> None:
    """Failed tries pause longer and longer, carry the same number, and end with the first 200."""
    carrier = postman(ledger, clock, channel(directory, receiver.url, tries=9))
    receiver.answers += [503, 500]
    freeze(ledger, clock)
    tried_at = []
    for second in range(40):
        before = len(receiver.numbers)
        carrier.tick()
        if len(receiver.numbers) > before:
            tried_at.append(second)
        clock.advance(1)

    assert [0, 5, 15] == tried_at
    assert ["1", "1", "1"] == receiver.numbers
    assert 1 == len(receiver.bodies)


def test_what_cannot_be_told_is_a_dead_letter_and_an_alarm(
    ledger: Ledger, clock: FakeClock, receiver: Receiver, directory: Path
) -> None:
    """After the last try it is kept, a second alarm rings for the channel, and revival ends it."""
    carrier = postman(ledger, clock, channel(directory, receiver.url, tries=2))
    receiver.answers += [503, 503]
    freeze(ledger, clock)
    for _ in range(3):
        carrier.tick()
        clock.advance(60)
    with ledger.write() as session:
        ((dead, _),) = outbox.deliveries(session, state="DEAD")
        assert alarms.rings(session, "delivery_dead", "channel:webhook") is False  # told: revived
        outbox.send_again(session, dead.id, now=clock.unix())
    carrier.tick()

    told = [body["kind"] for body in receiver.bodies]
    assert ["delivery_dead", "wallet_frozen"] == told


def test_a_crash_between_cause_and_telling_loses_nothing(
    directory: Path, clock: FakeClock, receiver: Receiver
) -> None:
    """The next process finds the notice in the outbox and tells it."""
    url = f"sqlite:///{directory}/ledger.sqlite3"
    first = open_ledger(url)
    freeze(first, clock)
    first.close()
    second = open_ledger(url)

    assert 1 == postman(second, clock, channel(directory, receiver.url)).tick()
    second.close()
    assert ["wallet_frozen"] == [body["kind"] for body in receiver.bodies]


def test_a_missing_secret_is_a_failed_try(
    ledger: Ledger, clock: FakeClock, receiver: Receiver, directory: Path
) -> None:
    """Nothing leaves unsigned: the file is named, and the next try may find it."""
    settings = channel(directory, receiver.url)
    (directory / "webhook.secret").unlink()
    freeze(ledger, clock)
    postman(ledger, clock, settings).tick()

    with ledger.read() as session:
        ((delivery, _),) = outbox.deliveries(session)
    assert "webhook.secret cannot be read" in delivery.error
    assert [] == receiver.numbers


def test_the_library_of_chats_tells_too(ledger: Ledger, clock: FakeClock, directory: Path) -> None:
    """Through a child process a notice reaches what the library can speak to: here JSON by HTTP."""
    with receiving() as receiver:
        url = receiver.url.replace("http://", "json://")
        freeze(ledger, clock)
        told = postman(ledger, clock, channel(directory, url, kind="apprise")).tick()

    assert 1 == told
    (body,) = receiver.bodies
    assert "[CRITICAL] raised: wallet_frozen wallet:hot-a" == body["title"]
    assert "treasuryctl alarm acknowledge 1" in body["message"]


def test_a_service_that_refuses_is_told_without_its_address(
    ledger: Ledger, clock: FakeClock, directory: Path
) -> None:
    """The error is kept; the address, which holds a token, is not."""
    freeze(ledger, clock)
    settings = channel(directory, "nonsense://token@nowhere", kind="apprise")
    postman(ledger, clock, settings).tick()

    with ledger.read() as session:
        ((delivery, _),) = outbox.deliveries(session)
    assert "did not take it" in delivery.error
    assert "token@nowhere" not in delivery.error


def test_the_pulse_beats_only_while_all_is_well(
    ledger: Ledger, clock: FakeClock, receiver: Receiver, directory: Path
) -> None:
    """A daemon whose lane hangs keeps silent, so that whatever listens rings."""
    channel(directory, receiver.url)
    wellness = iter([True, False, True])
    pulse = Pulse(
        ledger=ledger,
        settings=PulseSettings(
            address_file=directory / "webhook.address",
            secret_file=directory / "webhook.secret",
            every_s=60,
            deadline_s=5,
        ),
        clock=clock,
        is_well=lambda: next(wellness),
    )
    receiver.answers += [200, 503]

    assert [True, False, False] == [pulse.beat() for _ in range(3)]
    assert ["HALTED"] == [body["exposure"] for body in receiver.bodies]
    assert [] == receiver.forged
