"""A signer whose word on law, book and orders cannot be followed: the ledger keeps what it has."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable

import pytest

from hsm.wire.answers import Fees, LawInForce, NotReady, Refused, Signed, SignerStatus
from policies.consent import veto_digest
from policies.law import canonical_law
from policies.lifecycles import MotionState, Owner, TransferState
from policies.terms import MotionKind, Purpose, Reason
from tests.fakes.belt import Belt
from tests.fakes.motions import approve, propose
from tests.laws import ETH, address_of, make_law, sign
from tests.treasury.stations.test_adopt import kinds
from treasury.ledger import marks, moves
from treasury.ledger.facts import Transfer
from treasury.ledger.queries import requests, standings
from treasury.orders.drafts import transfer_row
from treasury.stations.adopt import adopt
from treasury.stations.tend import tend

_OTHER = make_law(**{"pools.main.gas_reserve": "0.3 ETH"}).law
_THIRD = make_law(**{"pools.main.gas_reserve": "0.4 ETH"}).law


def bend_status(belt: Belt, bend: Callable[[SignerStatus], SignerStatus]) -> None:
    """Make the signer tell another status than its own."""
    honest = belt.signer.status
    belt.signer.status = lambda seen=None: bend(honest(seen))  # type: ignore[method-assign]


def test_another_entry_of_the_same_number_halts(low: Belt) -> None:
    """R4.14: a book that was rewound and went on is as long as ours saw it, and not the same."""
    low.watch()
    low.approve(low.only_refill(), "alice", "bob")
    low.money()
    bend_status(
        low, lambda s: dataclasses.replace(s, book=dataclasses.replace(s.book, head=bytes(32)))
    )
    outcome = adopt(low.world, low.clock())

    assert low.is_halted()
    assert any("is another one than our journal saw" in deed for deed in outcome.deeds)
    assert low.signer.status().frozen


@pytest.mark.parametrize(
    "told",
    [
        None,
        "no law at all",
        canonical_law(_THIRD).decode(),
    ],
    ids=["refused", "unreadable", "of another digest"],
)
def test_a_law_that_is_not_what_its_digest_says_is_not_followed(
    low: Belt, told: str | None
) -> None:
    """The text has to have the digest that the signer names; until then nothing changes."""
    before = law_of(low)
    low.room.adopt(_OTHER)
    low.clock.advance(1)
    honest, true = low.signer.law, in_force(low)
    refused = Refused(book=true.book, reasons=(Reason(code="no_law", text="not now"),))
    bent = refused if told is None else dataclasses.replace(true, text=told)
    low.signer.law = lambda: bent  # type: ignore[method-assign]
    adopt(low.world, low.clock())
    kept = law_of(low)
    low.signer.law = honest  # type: ignore[method-assign]
    adopt(low.world, low.clock())

    assert before == kept
    assert before != law_of(low)


def test_a_nonce_that_another_transfer_holds_halts_when_it_is_adopted(low: Belt) -> None:
    """R3.10: the ledger has the nonce for another order, so one of the two books is wrong."""
    low.fund("hot-a", 60 * ETH)
    terms = low.room.order(Purpose.SWEEP)
    with low.ledger.write() as session:
        mine = low.room.order(Purpose.SWEEP, amount=ETH)
        row = transfer_row(mine, deployment=low.world.deployment, cause="ours", now=1)
        row.nonce = 0
        moves.create(session, Transfer, row, actor=Owner.RELEASE, why="x", now=1)
    assert "signed" == low.room.sign(terms).result.value
    adopt(low.world, low.clock())

    assert low.is_halted()
    assert "order_rejected" in kinds(low)
    assert ["ours"] == [transfer.cause for transfer in low.transfers()]


def test_a_veto_that_nobody_signed_stops_nothing(low: Belt) -> None:
    """A row proves nothing: what is no signature, or a stranger's, does not count."""
    motion = propose(low, MotionKind.ROTATE, {"pool": "main", "wallet": "hot-b"})
    approve(low, motion, "alice", "bob")
    digest = veto_digest(bytes.fromhex(motion.digest[2:]), low.world.deployment)
    for number, signature in enumerate([b"\0" * 65, sign("stranger", digest)]):
        with low.ledger.write() as session:
            marks.receive_signature(
                session,
                "veto",
                digest=motion.digest,
                treasurer=address_of(f"anybody-{number}"),
                signature=signature,
                now=low.clock.unix(),
            )
    low.money()
    with low.ledger.read() as session:
        found = requests.motion(session, motion.id)

    assert found is not None
    assert MotionState.CARRIED is found.state


def test_after_one_wrong_signature_nothing_more_is_bid_for_in_the_same_tick(calm: Belt) -> None:
    """R4.3: exposure halts with it, so the next payout in line asks for no signature any more."""
    settings = dataclasses.replace(calm.world.settings, hot_in_flight=2)
    calm.world = dataclasses.replace(calm.world, settings=settings)
    for key in ("one", "two"):
        calm.ask_withdrawal(ETH, "customer", key=key)
    calm.money()
    flying = [transfer.state for transfer in calm.transfers()]
    honest, asked = calm.signer.bump, []

    def bent(order_id: bytes, fees: Fees) -> Signed | Refused | NotReady:
        asked.append(order_id)
        answer = honest(order_id, fees)
        assert isinstance(answer, Signed)
        return dataclasses.replace(answer, hash=bytes(32))

    calm.signer.bump = bent  # type: ignore[method-assign]
    calm.clock.advance(100)
    tend(calm.world, calm.clock())

    assert [TransferState.IN_FLIGHT] * 2 == flying
    assert calm.is_halted()
    assert 1 == len(asked)


def in_force(belt: Belt) -> LawInForce:
    """Return the law as the signer tells it."""
    found = belt.signer.law()
    assert isinstance(found, LawInForce)
    return found


def law_of(belt: Belt) -> str | None:
    """Return the digest of the law that the ledger follows."""
    with belt.ledger.read() as session:
        return standings.law_digest(session)
