"""Requests that make no sense as they stand: each verb says why, and the book stays as it was."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator
from pathlib import Path

import pytest

from hsm.errors import TokenAwayError, TokenLockedError
from hsm.process.desk import Door
from hsm.verbs.orders import MOST_ATTEMPTS
from hsm.wire.draft import PIECE
from hsm.wire.fields import to_hex
from hsm.wire.message import Body, Json, Result
from policies.consent import motion_digest, motion_to_json
from policies.law import canonical_law, law_digest
from policies.terms import MotionKind, Purpose
from tests.fakes.clock import FakeClock
from tests.fakes.vault_room import FEES, VaultRoom, codes, nonce_of
from tests.hsm.verbs.test_orders import HIGHER
from tests.laws import ETH, address_of, make_law, sign

ZERO = "0x" + "00" * 32


@pytest.fixture
def empty(tmp_path: Path, clock: FakeClock) -> Iterator[VaultRoom]:
    """A room without a law."""
    made = VaultRoom(tmp_path, clock, adopt=False)
    yield made
    made.close()


@pytest.mark.parametrize(
    ("verb", "body", "code"),
    [
        ("isolate", {"wallet": "hot-x", "why": "a typing error"}, "unknown_wallet"),
        ("activate", {"wallet": "vault"}, "unknown_wallet"),
        ("veto", {"digest": ZERO, "signature": "0x" + "11" * 65}, "bad_signature"),
        ("lock", {"token": "hott"}, "unknown_token"),
        ("unlock", {"token": "hot", "pin": "1234", "minutes": "5"}, "unknown_token"),
        ("checkpoint", {"seq": "1", "head": ZERO}, "no_checkpoint_key"),
        ("possession", {"wallet": "hot-x", "challenge": ZERO}, "unknown_wallet"),
    ],
)
def test_what_does_not_exist_is_named(room: VaultRoom, verb: str, body: Body, code: str) -> None:
    """A wallet, token or key that is not there is refused by its name, and nothing is written."""
    door, before = (Door.PEOPLE if verb == "unlock" else Door.SIGNER), room.book.seq
    answer = room.call(verb, body, door)

    assert (Result.REFUSED, {code}) == (answer.result, codes(answer))
    assert before == room.book.seq


@pytest.mark.parametrize(
    ("kind", "payload", "code"),
    [
        (MotionKind.ROTATE, {"pool": "main", "wallet": "vault"}, "unknown_wallet"),
        (MotionKind.ROTATE, {"pool": "none", "wallet": "hot-b"}, "unknown_wallet"),
        (MotionKind.RETIRE, {"wallet": "hot-x"}, "unknown_wallet"),
        (MotionKind.SKIP_NONCE, {"wallet": "hot-x", "nonce": "9"}, "bad_motion"),
        (MotionKind.SKIP_NONCE, {"wallet": "hot-a", "nonce": "-1"}, "bad_motion"),
        (MotionKind.SKIP_NONCE, {"wallet": "hot-a", "nonce": "9" * 19}, "bad_motion"),
    ],
)
def test_a_quorum_cannot_carry_nonsense(
    room: VaultRoom, kind: MotionKind, payload: dict[str, str], code: str
) -> None:
    """Signatures of everybody do not make a wallet or a nonce that cannot be."""
    answer = room.carry(kind, payload, people=("alice", "bob", "carol"))

    assert (Result.REFUSED, {code}) == (answer.result, codes(answer))


def test_a_wallet_is_retired_once(room: VaultRoom) -> None:
    """A second motion, with its own salt, is told so; the first one repeats as done."""
    first = room.carry(MotionKind.RETIRE, {"wallet": "hot-b"})
    second = room.carry(MotionKind.RETIRE, {"wallet": "hot-b"})

    assert (Result.OK, {"wallet_retired"}) == (first.result, codes(second))


def test_what_is_so_already_is_done(room: VaultRoom) -> None:
    """To activate the active wallet or to freeze twice writes one entry, or none."""
    before = room.book.seq
    again = room.call("activate", {"wallet": "hot-a"})
    once = room.call("freeze", {"why": "a test"})
    twice = room.call("freeze", {"why": "a test"})

    assert [Result.OK] * 3 == [again.result, once.result, twice.result]
    assert before + 1 == room.book.seq


def test_genesis_is_not_taken_from_the_daemon(empty: VaultRoom) -> None:
    """Whoever comes first names the treasurers: that must not be a stolen daemon."""
    asked = _adoption(empty)

    assert {"genesis_door"} == codes(empty.call("adopt", asked))
    assert Result.OK is empty.call("adopt", asked, Door.PEOPLE).result


def test_an_adoption_repeats_without_effect(empty: VaultRoom) -> None:
    """The same motion again answers with the same law and writes nothing."""
    asked = _adoption(empty)
    empty.call("adopt", asked, Door.PEOPLE)
    before = empty.book.seq
    again = empty.call("adopt", asked, Door.PEOPLE)

    assert (Result.OK, before) == (again.result, empty.book.seq)
    assert to_hex(law_digest(empty.law)) == again.body["lawDigest"]


def test_an_adoption_adopts_and_nothing_else(room: VaultRoom) -> None:
    """A motion of another kind, and a text that is no law, are refused by `adopt`."""
    other = room.call("adopt", _adoption(room, MotionKind.RESUME), Door.PEOPLE)
    nonsense = room.call("adopt", {**_adoption(room), "law": "{}"}, Door.PEOPLE)

    assert "wrong_kind" in codes(other)
    assert {"bad_law"} == codes(nonsense)


def test_the_first_law_may_come_in_pieces(empty: VaultRoom) -> None:
    """An empty text stands for the pieces; without any there is nothing to adopt."""
    text, asked = canonical_law(empty.law).decode(), {**_adoption(empty), "law": ""}
    nothing = empty.call("adopt", asked, Door.PEOPLE)
    for offset in range(0, len(text), PIECE):
        piece: Body = {"offset": str(offset), "law": text[offset : offset + PIECE]}
        empty.call("law_piece", piece, Door.PEOPLE)

    assert {"no_draft"} == codes(nothing)
    assert Result.OK is empty.call("adopt", asked, Door.PEOPLE).result


def test_a_recorded_order_is_signed_or_cancelled_and_not_bid_for(room: VaultRoom) -> None:
    """Without a first signature there is nothing to bump; after a cancel nothing to sign."""
    terms = room.order(Purpose.SWEEP)
    room.tokens.trouble_at_signing = TokenAwayError("it broke")
    room.sign(terms)
    cancelling = room.again("cancel", terms, FEES)
    room.tokens.trouble_at_signing = None

    assert Result.NOT_READY is cancelling.result
    assert {"not_signed", "cancelled"} == codes(room.again("bump", terms, HIGHER))
    assert {"cancelled"} == codes(room.sign(terms))
    assert 0 == nonce_of(room.again("cancel", terms, FEES))


def test_a_token_that_is_away_bumps_nothing(room: VaultRoom) -> None:
    """The same bump goes through later: nothing of it was recorded (R3.8)."""
    terms = room.order(Purpose.SWEEP)
    room.sign(terms)
    before = room.book.seq
    room.tokens.trouble = TokenLockedError("type the PIN")
    away = room.again("bump", terms, HIGHER)
    room.tokens.trouble = None

    assert (Result.NOT_READY, {"token_locked"}) == (away.result, codes(away))
    assert before == room.book.seq
    assert Result.SIGNED is room.again("bump", terms, HIGHER).result


def test_attempts_have_an_end(room: VaultRoom) -> None:
    """A stolen daemon cannot fill the disk with bids for one nonce."""
    terms = room.order(Purpose.SWEEP, max_fee=10**16)
    room.sign(terms, fees=dataclasses.replace(FEES, max_fee_per_gas=10, max_priority_fee_per_gas=1))
    answers = []
    for number in range(MOST_ATTEMPTS):
        price = int(10**6 * 1.14**number)
        fees = dataclasses.replace(FEES, max_fee_per_gas=price, max_priority_fee_per_gas=price)
        answers.append(room.again("bump", terms, fees))

    assert {Result.SIGNED} == {answer.result for answer in answers[:-1]}
    assert {"too_many_attempts"} == codes(answers[-1])


def test_a_locked_token_proves_nothing(room: VaultRoom) -> None:
    """A proof waits for the token like a transaction does."""
    asked = {"wallet": "hot-a", "challenge": ZERO}
    room.tokens.trouble = TokenLockedError("type the PIN")
    locked = room.call("possession", asked)
    room.tokens.trouble = None

    assert (Result.NOT_READY, {"token_locked"}) == (locked.result, codes(locked))
    assert Result.SIGNED is room.call("possession", asked).result


def test_a_proof_with_a_used_r_gives_the_key_away(room: VaultRoom) -> None:
    """R3.12: also a signature that is no transaction isolates the wallets of its key."""
    proof = room.call("possession", {"wallet": "hot-a", "challenge": ZERO})
    used = to_hex(bytes.fromhex(str(proof.body["signature"])[2:66]))
    honest = room.tokens.sign

    def repeats(key: str, digest: bytes) -> object:
        made = honest(key, digest)
        return made._replace(rs=bytes.fromhex(used[2:]) + made.rs[32:])

    room.tokens.sign = repeats  # type: ignore[method-assign,assignment]
    other = room.call("possession", {"wallet": "hot-a", "challenge": "0x" + "01" * 32})

    assert {"r_reused"} == codes(other)
    assert ["hot-a"] == room.call("status", {}).body["isolated"]


def test_what_was_refilled_before_counts_when_an_order_is_taken_up_again(
    tmp_path: Path, clock: FakeClock
) -> None:
    """What the token left unsigned still needs its tier's people, of both rosters (R1.4)."""
    law = make_law(activation_s=86_400).law
    room = VaultRoom(tmp_path, clock, law=law)
    room.sign(room.order(), "alice", "bob")
    terms = room.order(amount=39 * ETH)
    room.lodge(terms, "alice", "bob", "carol")
    clock.advance(61)
    room.tokens.trouble_at_signing = TokenAwayError("away")
    recorded = room.sign(terms)
    room.tokens.trouble_at_signing = None
    names = ("alice", "bob", "dave")
    roster = [{"name": name, "address": address_of(name)} for name in names]
    room.adopt(make_law(**{"activation_s": 86_400, "roster.treasurers": roster}).law)
    again = room.sign(terms)
    room.close()

    assert Result.NOT_READY is recorded.result
    assert (Result.REFUSED, True) == (again.result, "quorum_missing" in codes(again))


def _adoption(room: VaultRoom, kind: MotionKind = MotionKind.ADOPT) -> dict[str, Json]:
    """Return the body that adopts the room's law, signed by two."""
    payload = {"lawDigest": to_hex(law_digest(room.law))}
    terms = room.motion_terms(kind, payload)
    if room.call("status", {}).body["lawDigest"] == "0x":
        terms = dataclasses.replace(terms, law_digest=bytes(32))
    digest = motion_digest(terms, room.book.deployment)
    return {
        "motion": motion_to_json(terms),
        "law": canonical_law(room.law).decode(),
        "signatures": [to_hex(sign(name, digest)) for name in ("alice", "bob")],
    }


def test_an_isolated_one_alone_may_evacuate_and_claim(room: VaultRoom) -> None:
    """A claim for a healthy wallet is named beside the missing isolation: all reasons are told."""
    healthy = room.sign(room.order(Purpose.EVACUATION), nonce=5)
    room.isolate("hot-a")
    sweep = room.sign(room.order(Purpose.SWEEP), nonce=5)

    assert {"not_isolated", "nonce_claimed"} == codes(healthy)
    assert {"source_isolated", "nonce_claimed"} == codes(sweep)
