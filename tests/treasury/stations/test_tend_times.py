"""Tend: when bytes are sent again, when they bid higher, and what is cancelled instead."""

from __future__ import annotations

import pytest

from hsm.errors import TokenAwayError
from policies.lifecycles import Owner, TransferState
from policies.terms import NATIVE, Address
from tests.fakes.belt import Belt
from tests.laws import ETH, address_of
from treasury.chain.port import SendAnswer, SendKind
from treasury.ledger.facts import Attempt
from treasury.ledger.queries import transfers
from treasury.safety.halting import halt
from treasury.stations.observe import observe
from treasury.stations.tend import tend


def waiting(belt: Belt) -> Belt:
    """Take a refill to its first broadcast; no block follows."""
    belt.watch()
    belt.approve(belt.only_refill(), "alice", "bob")
    belt.money()
    assert [TransferState.IN_FLIGHT] == [t.state for t in belt.transfers()]
    return belt


def later(belt: Belt, seconds: int) -> None:
    """Let the clock go on, and tend once."""
    belt.clock.advance(seconds)
    tend(belt.world, belt.clock())


def kinds(belt: Belt, purpose: str) -> list[str]:
    """Return the kinds of a transfer's attempts, oldest first."""
    return [attempt.kind for attempt in attempts(belt, purpose)]


def attempts(belt: Belt, purpose: str) -> tuple[Attempt, ...]:
    """Return the attempts of the one transfer of a purpose."""
    with belt.ledger.read() as session:
        return transfers.attempts(session, belt.transfer_of(purpose).id)


def stop(belt: Belt) -> None:
    """Halt exposure, as a person does."""
    with belt.ledger.write() as session:
        halt(session, actor=Owner.API, why="a person", now=belt.clock.unix())


@pytest.mark.parametrize(("age_s", "sends"), [(29, 1), (30, 2), (31, 2)])
def test_stored_bytes_are_sent_again_when_their_time_is_over(
    low: Belt, age_s: int, sends: int
) -> None:
    """R4.4: not before `resend_after_s`, and then the same bytes."""
    later(waiting(low), age_s)

    assert sends == low.fuse.trail.count("before send")
    assert kinds(low, "refill") == ["original"]


@pytest.mark.parametrize(("age_s", "bids"), [(89, 1), (90, 2), (91, 2)])
def test_a_bid_is_raised_when_its_time_is_over(low: Belt, age_s: int, bids: int) -> None:
    """The time counts from the newest signature: the next bid waits as long again."""
    later(waiting(low), age_s)
    assert kinds(low, "refill") == ["original", "bump"][:bids]

    later(low, 89)
    assert len(kinds(low, "refill")) == (bids if bids == 2 else 2)


def test_halted_exposure_is_sent_again_and_bids_no_higher(low: Belt) -> None:
    """What left before the halt may arrive; nothing more is paid to make it arrive."""
    stop(waiting(low))
    later(low, 200)

    assert kinds(low, "refill") == ["original"]
    assert low.fuse.trail.count("before send") == 2


def test_a_halt_does_not_hold_up_what_goes_home(calm: Belt) -> None:
    """A sweep moves to safety: halted or not, it bids higher."""
    calm.fund("hot-a", 60 * ETH)
    calm.chain.mine(2)
    calm.clock.advance(24)
    calm.watch()
    calm.money()
    stop(calm)
    later(calm, 90)

    assert kinds(calm, "sweep") == ["original", "bump"]


def test_a_cancel_is_sent_once_and_bids_higher_in_its_time(low: Belt) -> None:
    """Its end was isolated: it is cancelled at once, once, and the cancel competes, halted too."""
    waiting(low).room.isolate("hot-a")
    low.watch()
    low.money()
    stop(low)
    later(low, 1)
    at_first = kinds(low, "refill")
    later(low, 90)

    assert at_first == ["original", "cancel"]
    assert kinds(low, "refill") == ["original", "cancel", "cancel"]


@pytest.mark.parametrize(("missing", "second"), [(0, []), (1, ["cancel"])])
def test_it_is_cancelled_when_one_wei_is_missing(
    calm: Belt, missing: int, second: list[str]
) -> None:
    """Gas at its price, the layer-1 fee and the amount: with exactly that it waits on."""
    calm.chain.layer1_fee = 10**12
    calm.chain.next_answers.append(SendAnswer(kind=SendKind.FUNDS, text="insufficient funds"))
    calm.ask_withdrawal(2 * ETH, "customer")
    calm.money()
    (first,) = attempts(calm, "withdrawal")
    cost = first.gas_limit * first.max_fee_per_gas + first.l1_fee + 2 * ETH
    calm.fund("hot-a", cost - missing - calm.chain.balance(address_of("hot-a")))
    observe(calm.world, calm.clock())
    later(calm, 1)

    assert first.l1_fee >= 10**12
    assert kinds(calm, "withdrawal") == ["original", *second]


def test_a_spent_nonce_is_not_cancelled_for_want_of_money(calm: Belt) -> None:
    """It was mined, and that is why the money is gone: `confirm` tells, nothing is cancelled."""
    calm.chain.next_answers.append(SendAnswer(kind=SendKind.FUNDS, text="insufficient funds"))
    calm.ask_withdrawal(2 * ETH, "customer")
    calm.money()
    calm.chain.mine()
    calm.fund("hot-a", -calm.chain.balance(address_of("hot-a")))
    observe(calm.world, calm.clock())
    later(calm, 1)

    assert kinds(calm, "withdrawal") == ["original"]


@pytest.mark.parametrize("unread", [address_of("hot-a"), (address_of("hot-a"), NATIVE)])
def test_what_nobody_could_read_cancels_nothing(
    calm: Belt, unread: Address | tuple[Address, Address]
) -> None:
    """A node says that money lacks; nonce or balance are unknown: a question, not an answer."""
    calm.chain.next_answers.append(SendAnswer(kind=SendKind.FUNDS, text="insufficient funds"))
    calm.ask_withdrawal(2 * ETH, "customer")
    calm.money()
    calm.chain.unknown.add(unread)
    calm.fund("hot-a", -calm.chain.balance(address_of("hot-a")))
    observe(calm.world, calm.clock())
    later(calm, 1)

    assert kinds(calm, "withdrawal") == ["original"]


@pytest.mark.parametrize(("passed_s", "sends"), [(0, 1), (1, 2)])
def test_what_was_refused_for_funds_goes_as_soon_as_they_are_there(
    calm: Belt, passed_s: int, sends: int
) -> None:
    """Our own look says that it can be paid: sent again at once, and at most once a second."""
    calm.chain.next_answers.append(SendAnswer(kind=SendKind.FUNDS, text="insufficient funds"))
    calm.ask_withdrawal(2 * ETH, "customer")
    calm.money()
    later(calm, passed_s)

    assert sends == calm.fuse.trail.count("before send")
    assert kinds(calm, "withdrawal") == ["original"]


def test_a_bid_that_the_signer_refuses_says_why(low: Belt) -> None:
    """A token that is away bids no higher: the first bid stays, and the reason is shown."""
    waiting(low)
    low.room.tokens.trouble = TokenAwayError("unplugged")
    later(low, 90)

    assert kinds(low, "refill") == ["original"]
    assert ["token_away"] == [reason.code for reason in low.transfer_of("refill").reasons]
