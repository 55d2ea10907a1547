"""Dispatch and tend: what is signed is compared, stored, sent, sent again, and bid for."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import Any

import pytest

from hsm.errors import TokenAwayError, TokenLockedError
from hsm.wire.answers import Signed
from policies.lifecycles import AttemptState, Owner, RefillState, TransferState
from policies.terms import TransferTerms
from tests.fakes.belt import Belt
from tests.laws import ETH, address_of
from treasury.chain.port import SendAnswer, SendKind
from treasury.ledger import journal
from treasury.ledger.alarms import rings
from treasury.ledger.facts import Attempt
from treasury.ledger.queries import transfers
from treasury.safety.halting import halt
from treasury.stations.dispatch import dispatch
from treasury.stations.release import release
from treasury.stations.tally import tally

GWEI = 10**9


def queued(belt: Belt) -> Belt:
    """Take a refill to its queued transfer."""
    belt.watch()
    belt.approve(belt.only_refill(), "alice", "bob")
    tally(belt.world, belt.clock())
    release(belt.world, belt.clock())
    assert [TransferState.QUEUED] == states(belt)
    return belt


def states(belt: Belt) -> list[TransferState]:
    """Return the states of all transfers."""
    return [transfer.state for transfer in belt.transfers()]


def attempts(belt: Belt) -> tuple[Attempt, ...]:
    """Return the attempts of the first transfer."""
    with belt.ledger.read() as session:
        return transfers.attempts(session, 1)


def test_bytes_are_stored_before_a_node_sees_them(low: Belt) -> None:
    """R4.2: at the moment of sending, nonce, bytes and hash are committed."""
    seen: list[tuple[TransferState, bytes]] = []
    honest = low.chain.send

    def look(raw: bytes) -> SendAnswer:
        seen.append((low.transfers()[0].state, attempts(low)[0].raw))
        assert raw == attempts(low)[0].raw
        return honest(raw)

    low.chain.send = look  # type: ignore[method-assign]
    queued(low).money()

    assert [(TransferState.IN_FLIGHT, attempts(low)[0].raw)] == seen


@pytest.mark.parametrize(
    "change",
    [
        {"destination": address_of("thief")},
        {"amount": 41 * ETH},
        {"chain_id": 1},
        {"source": address_of("hot-b")},
    ],
)
def test_foreign_bytes_halt_and_are_not_sent(low: Belt, change: dict[str, Any]) -> None:
    """What the signer signed is read back; one differing field halts exposure."""
    queued(low)
    honest = low.signer.sign

    def cheat(order_id: bytes, fees: object, **given: Any) -> Signed:  # noqa: ANN401
        terms: TransferTerms = given["order"]
        bent = dataclasses.replace(terms, **change)
        from hsm.token.signature import Signature
        from hsm.transaction import build_transfer, digest_of, encode_signed, unsigned_payload
        from policies.crypto import keccak256
        from tests.laws import sign

        answer = honest(order_id, fees, **given)  # type: ignore[arg-type]
        assert isinstance(answer, Signed)
        payload = unsigned_payload(build_transfer(bent, answer.nonce, answer.fees))
        who = "hot-b" if "source" in change else "vault"
        rsv = sign(who, digest_of(payload))
        raw = encode_signed(payload, Signature(rsv[:64], rsv[64] - 27))
        return dataclasses.replace(answer, raw=raw, hash=keccak256(raw))

    low.signer.sign = cheat  # type: ignore[method-assign]
    low.money()

    assert low.is_halted()
    assert () == low.chain.mempool
    assert () == attempts(low)


def test_a_locked_vault_calls_a_treasurer(low: Belt) -> None:
    """A transfer that waits for a PIN rings once, and no longer once it is on its way."""
    queued(low)
    low.room.tokens.trouble = TokenLockedError("token vault is locked: a treasurer must unlock it")
    low.run(3)
    with low.ledger.read() as session:
        rings_while_locked = rings(session, "unlock_awaited", "transfer:1")
    low.room.tokens.trouble = None
    low.until(lambda: not low.open_transfers())
    with low.ledger.read() as session:
        kinds = [entry.kind for entry in journal.tail(session, limit=200)]
        rings_after = rings(session, "unlock_awaited", "transfer:1")

    assert (True, False) == (rings_while_locked, rings_after)
    assert 1 == kinds.count("unlock_awaited")


def test_a_token_that_is_away_waits(low: Belt) -> None:
    """`not_ready` is no refusal; the transfer stays queued and goes when it can."""
    queued(low)
    low.room.tokens.trouble = TokenAwayError("unplugged")
    low.run(2)
    before = states(low)
    low.room.tokens.trouble = None
    low.until(lambda: not low.open_transfers())

    assert [TransferState.QUEUED] == before
    assert RefillState.SETTLED is low.only_refill().state


def test_an_absent_signer_ends_the_lane(low: Belt) -> None:
    """No answer is not a no: nothing changes, and the outcome says so."""
    queued(low)
    low.signer.is_away = True

    outcomes = low.money()

    assert outcomes[-1].ends_lane
    assert [TransferState.QUEUED] == states(low)


def test_consent_that_expired_ends_it(low: Belt) -> None:
    """R8.2: past its expiry before the first signature: CANCELLED, and the refill FAILED."""
    queued(low)
    low.room.tokens.trouble = TokenAwayError("unplugged")
    low.clock.advance(3601)
    low.watch()
    low.money()

    assert [TransferState.CANCELLED] == states(low)
    assert RefillState.FAILED is low.only_refill().state


def test_a_recorded_nonce_is_filled_not_skipped(low: Belt) -> None:
    """The token failed after the nonce was recorded and the consent ran out: cancelled."""
    queued(low)
    low.room.tokens.trouble_at_signing = TokenAwayError("unplugged")
    low.money()
    low.room.tokens.trouble_at_signing = None
    low.clock.advance(3601)
    low.run(6)

    assert [TransferState.CANCELLED] == states(low)
    assert RefillState.FAILED is low.refill(1).state
    assert ["cancel"] == [attempt.kind for attempt in attempts(low)]
    assert 1 == low.chain.nonce(address_of("vault"))
    assert 0 == low.paid("vault", address_of("hot-a"))


def test_a_veto_at_the_signer_ends_it(low: Belt) -> None:
    """A veto handed to the signer directly, after the release, still stops the payment."""
    from hsm.wire.fields import to_hex
    from policies.consent import veto_digest
    from tests.laws import sign

    queued(low)
    digest = bytes.fromhex(low.only_refill().order_id[2:])
    veto = sign("carol", veto_digest(digest, low.world.deployment))
    low.room.call("veto", {"digest": to_hex(digest), "signature": to_hex(veto)})
    low.run(3)

    assert [TransferState.CANCELLED] == states(low)
    assert RefillState.FAILED is low.refill(1).state
    assert "vetoed" in {reason.code for reason in low.refill(1).reasons}


@pytest.mark.parametrize(
    "kind", [SendKind.TRANSIENT, SendKind.UNKNOWN, SendKind.NONCE_LOW, SendKind.FUNDS]
)
def test_an_odd_answer_is_no_outcome(low: Belt, kind: SendKind) -> None:
    """R4.4: the node took it and answered nonsense; the receipt settles it, once."""
    low.chain.next_answers.append(SendAnswer(kind=kind, text="odd"))
    queued(low)
    low.until(lambda: not low.open_transfers())

    assert RefillState.SETTLED is low.only_refill().state
    assert 1 == low.paid("vault", address_of("hot-a"))


@pytest.mark.parametrize(
    ("kind", "state"),
    [
        (SendKind.ACCEPTED, AttemptState.BROADCAST),
        (SendKind.KNOWN, AttemptState.BROADCAST),
        (SendKind.TRANSIENT, AttemptState.SIGNED),
        (SendKind.UNKNOWN, AttemptState.SIGNED),
    ],
)
def test_what_a_node_said_is_written_down(low: Belt, kind: SendKind, state: AttemptState) -> None:
    """Only a node that has the bytes makes them BROADCAST; words and time are kept either way."""
    low.chain.next_answers.append(SendAnswer(kind=kind, text="its own words"))
    queued(low).money()
    (attempt,) = attempts(low)

    assert attempt.state is state
    assert attempt.answer == f"{kind.value}: its own words"
    assert attempt.sent_at == low.clock.unix()


def test_forgotten_bytes_are_sent_again(low: Belt) -> None:
    """A node that accepts and forgets gets the same bytes again."""
    low.chain.drops_sends = True
    queued(low).money()
    low.chain.drops_sends = False
    low.until(lambda: not low.open_transfers())

    assert [1] == [attempt.number for attempt in attempts(low)]
    assert RefillState.SETTLED is low.only_refill().state


def test_an_old_transfer_bids_higher(low: Belt) -> None:
    """R4.3: unmined after the bump time, it bids more on the same nonce, within its maximum."""
    queued(low).money()
    low.chain.base_fee = 50 * GWEI
    low.clock.advance(91)
    low.money()
    first, second = attempts(low)

    assert ("bump", 2) == (second.kind, second.number)
    assert second.max_fee_per_gas * 8 >= first.max_fee_per_gas * 9
    low.until(lambda: not low.open_transfers())
    assert 1 == low.paid("vault", address_of("hot-a"))


def test_above_its_maximum_it_waits_visibly(low: Belt) -> None:
    """R4.12: never above `max_fee` and never silently lower: it waits and says why."""
    queued(low).money()
    low.chain.base_fee = 1_000_000 * GWEI
    low.clock.advance(91)
    low.money()

    assert 1 == len(attempts(low))
    assert "fee_above_terms" in {reason.code for reason in low.transfers()[0].reasons}


def test_expensive_gas_leaves_it_queued(low: Belt) -> None:
    """R4.12: no signature is asked for at a price above the terms."""
    queued(low)
    low.chain.base_fee = 1_000_000 * GWEI
    low.money()

    assert [TransferState.QUEUED] == states(low)
    assert "sign" not in low.signer.calls


def test_a_halt_stops_exposure_and_not_safety(low: Belt) -> None:
    """Halted, the refill waits and a sweep goes home."""
    queued(low)
    with low.ledger.write() as session:
        halt(session, actor=Owner.API, why="a person", now=low.clock.unix())
    low.fund("hot-b", 100 * ETH)
    low.run(6)

    found = {transfer.purpose.value: transfer.state for transfer in low.transfers()}
    assert {"refill": TransferState.QUEUED, "sweep": TransferState.CONFIRMED} == found


def test_a_sweep_waits_for_cheaper_gas_and_nothing_else_does(calm: Belt) -> None:
    """A payout goes at any price below its ceiling; a sweep waits visibly, and goes by itself."""
    settings = dataclasses.replace(calm.world.settings, sweep_below_gwei=20)
    calm.world = dataclasses.replace(calm.world, settings=settings)
    calm.chain.base_fee = 21 * GWEI
    calm.ask_withdrawal(2 * ETH, "customer-1")
    calm.fund("hot-a", 60 * ETH)
    calm.run(5)
    waiting = calm.transfer_of("sweep")
    dear = (calm.transfer_of("withdrawal").state, waiting.state, [r.code for r in waiting.reasons])
    calm.chain.base_fee = 20 * GWEI
    calm.run(5)

    assert (TransferState.CONFIRMED, TransferState.QUEUED, ["fee_wait"]) == dear
    assert TransferState.CONFIRMED is calm.transfer_of("sweep").state


def test_an_evacuation_never_waits_for_cheaper_gas(calm: Belt) -> None:
    """What a thief may take leaves at whatever price the ceiling allows."""
    settings = dataclasses.replace(calm.world.settings, sweep_below_gwei=1)
    calm.world = dataclasses.replace(calm.world, settings=settings)
    calm.chain.base_fee = 30 * GWEI
    calm.chain.spend(address_of("hot-a"), address_of("thief"), ETH)
    calm.run(6)

    assert TransferState.CONFIRMED is calm.transfer_of("evacuation").state


def test_one_unmined_transfer_per_sender(low: Belt) -> None:
    """The vault has one transfer in flight; the next one waits its turn."""
    low.chain.base_fee = 4 * GWEI
    queued(low).money()
    low.chain.base_fee = 50 * GWEI
    low.watch()
    with low.ledger.read() as session:
        kinds = [entry.kind for entry in journal.tail(session, limit=100)]

    assert 1 == kinds.count("transfer_in_flight")


def test_the_destination_is_isolated_in_flight(low: Belt) -> None:
    """An unmined refill towards a wallet that was isolated is cancelled on its own nonce."""
    queued(low)
    low.chain.base_fee = 3 * GWEI - 1
    low.money()
    low.chain.base_fee = 5 * GWEI
    low.room.isolate("hot-a")
    low.run(2)
    low.chain.base_fee = GWEI
    low.until(lambda: not low.open_transfers())

    assert 0 == low.paid("vault", address_of("hot-a"))
    assert TransferState.CANCELLED is low.transfer_of("refill").state
    assert RefillState.FAILED is low.refill(1).state


def test_a_recorded_nonce_goes_first(directory: Path, quiet: None) -> None:
    """R3.10: what holds a nonce without a signature is not stuck behind what came after it."""
    belt = Belt(directory, hot=60 * ETH)
    belt.run(1)
    belt.ask_withdrawal(2 * ETH, "customer")
    belt.room.tokens.trouble_at_signing = TokenAwayError("unplugged")
    belt.money()
    belt.room.tokens.trouble_at_signing = None
    belt.fund("hot-a", 60 * ETH)
    belt.watch()
    belt.until(lambda: not belt.open_transfers())

    found = {t.purpose.value: (t.nonce, t.state) for t in belt.transfers()}
    assert {
        "withdrawal": (0, TransferState.CONFIRMED),
        "sweep": (1, TransferState.CONFIRMED),
    } == found


def halted_with_a_nonce(directory: Path) -> Belt:
    """Return a belt that halted while its one payout held a nonce and no signature."""
    belt = Belt(directory, hot=60 * ETH)
    belt.run(1)
    belt.ask_withdrawal(2 * ETH, "customer")
    belt.room.tokens.trouble_at_signing = TokenAwayError("unplugged")
    belt.money()
    belt.room.tokens.trouble_at_signing = None
    with belt.ledger.write() as session:
        halt(session, actor=Owner.API, why="a person", now=belt.clock.unix())
    return belt


def test_a_halt_does_not_block_a_sweep_behind_a_nonce(directory: Path, quiet: None) -> None:
    """A halted withdrawal that holds a nonce is cancelled, so that safety can pass."""
    belt = halted_with_a_nonce(directory)
    belt.fund("hot-a", 60 * ETH)
    belt.run(8)

    found = {t.purpose.value: t.state for t in belt.transfers()}
    assert TransferState.CONFIRMED is found["sweep"]
    assert TransferState.CANCELLED is found["withdrawal"]
    assert 0 == belt.chain.balance(address_of("customer"))


@pytest.mark.parametrize(("early_s", "state"), [(1, "IN_FLIGHT"), (0, "CANCELLED")])
def test_consent_ends_at_its_second(low: Belt, early_s: int, state: str) -> None:
    """R8.2: in the last second it is signed; from the next one on the signer is not even asked."""
    queued(low)
    low.clock.advance(low.transfers()[0].expires_at - low.clock.unix() - early_s)
    dispatch(low.world, low.clock())

    assert [TransferState(state)] == states(low)
    assert ("sign" in low.signer.calls) is bool(early_s)


def test_a_halted_payout_that_holds_a_nonce_alone_waits(directory: Path, quiet: None) -> None:
    """Nothing stands behind its nonce, so a halt that ends soon costs no cancel."""
    belt = halted_with_a_nonce(directory)
    belt.run(3)

    (payout,) = belt.transfers()
    assert (TransferState.QUEUED, 0) == (payout.state, payout.nonce)
    assert ["halted"] == [reason.code for reason in payout.reasons]
