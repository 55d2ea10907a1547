"""Laws and motions: only a quorum of the present roster, only after the delay, never alone."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from hsm.process.desk import Door
from hsm.transaction import read_back
from hsm.verbs.motions import law_problems
from hsm.wire.fields import blob, to_hex
from hsm.wire.message import Body, Result
from policies.consent import motion_digest, veto_digest
from policies.law import Profile, law_digest
from policies.terms import MotionKind, Purpose
from tests.fakes.clock import FakeClock
from tests.fakes.vault_room import VaultRoom, codes, nonce_of, soft_settings
from tests.laws import ETH, GONE, address_of, make_law, sign

DAY = 86_400


@pytest.fixture
def room(tmp_path: Path, clock: FakeClock) -> Iterator[VaultRoom]:
    """A room whose law makes changes wait a day."""
    made = VaultRoom(tmp_path, clock, law=make_law(activation_s=DAY).law)
    yield made
    made.close()


@pytest.fixture
def empty(tmp_path: Path, clock: FakeClock) -> Iterator[VaultRoom]:
    """A room without a law."""
    made = VaultRoom(tmp_path, clock, adopt=False)
    yield made
    made.close()


def test_genesis_needs_the_quorum_of_its_own_roster(empty: VaultRoom) -> None:
    """One signature, a stranger's, and terms that name a law are refused; two are enough."""
    assert "quorum_missing" in codes(empty.adopt(empty.law, people=("alice",)))
    assert "not_in_roster" in codes(empty.adopt(empty.law, people=("alice", "mallory")))
    assert "law_changed" in codes(empty.adopt(empty.law, law_digest=b"\x01" * 32))
    assert Result.OK is empty.adopt(empty.law).result
    assert to_hex(law_digest(empty.law)) == empty.call("status", {}).body["lawDigest"]


def test_genesis_writes_the_token_serials_in(empty: VaultRoom) -> None:
    """The book knows its tokens from the first law on."""
    empty.adopt(empty.law)
    rows = empty.book.connection.execute("SELECT name, serial FROM tokens").fetchall()

    assert {("vault", "01"), ("hot", "02")} == set(rows)


def test_there_is_only_one_genesis(room: VaultRoom) -> None:
    """A second law signed by a roster of its own is refused: the present roster decides."""
    roster = [{"name": n, "address": address_of(n)} for n in ("mallory", "eve", "trudy")]
    coup = make_law(activation_s=DAY, **{"roster.treasurers": roster}).law
    for before in (bytes(32), law_digest(room.law)):
        answer = room.adopt(coup, people=("mallory", "eve"), law_digest=before)
        assert "quorum_missing" in codes(answer)


def test_a_forged_or_foreign_law_text_is_refused(room: VaultRoom) -> None:
    """The text must be canonical and the one that was signed."""
    assert "bad_law" in codes(
        room.call(
            "adopt",
            {
                "motion": _motion_json(room),
                "law": '{"version": 1}',
                "signatures": [],
            },
        )
    )
    other = make_law(activation_s=1).law
    assert "payload_differs" in codes(room.adopt(other, payload_digest=bytes(32)))


def _motion_json(room: VaultRoom) -> dict[str, str]:
    from policies.consent import motion_to_json

    return motion_to_json(room.motion_terms(MotionKind.ADOPT, {"lawDigest": "0x"}))


def test_a_raised_limit_waits_until_the_second(room: VaultRoom, clock: FakeClock) -> None:
    """What a new law allows is refused at T - 1 s and signed at T (R1.5)."""
    raised = make_law(
        activation_s=DAY, **{"pools.main.assets.ETH.withdrawal.per_transfer": "7 ETH"}
    ).law
    room.adopt(raised)
    clock.advance(DAY - 1)
    early = room.order(Purpose.WITHDRAWAL, amount=6 * ETH)
    assert {"per_transfer"} == codes(room.sign(early, "alice"))
    clock.advance(1)
    room.law = raised
    late = room.order(Purpose.WITHDRAWAL, amount=6 * ETH)

    assert Result.SIGNED is room.sign(late, "alice").result


def test_a_new_destination_waits(room: VaultRoom, clock: FakeClock) -> None:
    """A wallet that is in the new law only receives nothing before the law is in force (R1.5)."""
    document = {
        "wallets.hot-b.address": address_of("sponsor"),
        "wallets.hot-b.key": "sponsor",
        "wallets.sponsor.address": address_of("hot-b"),
        "wallets.sponsor.key": "hot-b",
    }
    changed = make_law(activation_s=DAY, **document).law
    room.adopt(changed)
    terms = room.order(destination=address_of("sponsor"))

    assert "not_a_hot_wallet" in codes(room.sign(terms, "alice", "bob"))
    clock.advance(DAY)
    room.law = changed
    assert (
        Result.SIGNED
        is room.sign(room.order(destination=address_of("sponsor")), "alice", "bob").result
    )


def test_a_lowered_limit_binds_at_once(room: VaultRoom) -> None:
    """What a new law forbids is forbidden from its adoption on."""
    lowered = make_law(
        activation_s=DAY, **{"pools.main.assets.ETH.withdrawal.per_transfer": "1 ETH"}
    ).law
    assert Result.SIGNED is room.sign(room.order(Purpose.WITHDRAWAL)).result
    room.adopt(lowered)

    assert {"per_transfer"} == codes(room.sign(room.order(Purpose.WITHDRAWAL)))


def test_a_removed_treasurer_stops_counting_at_once(room: VaultRoom) -> None:
    """Pending approvals of a removed person are void from the adoption on (R1.4)."""
    people = [{"name": n, "address": address_of(n)} for n in ("alice", "carol", "dave")]
    changed = make_law(activation_s=DAY, **{"roster.treasurers": people}).law
    terms = room.order()
    assert "1" == room.lodge(terms, "alice", "bob").body["reached"]
    room.adopt(changed)
    lodged = room.lodge(terms)

    assert ("0", [address_of("alice")]) == (lodged.body["reached"], lodged.body["counted"])
    assert "quorum_missing" in codes(room.sign(terms))
    assert "not_in_roster" not in codes(room.sign(terms, "carol"))
    assert Result.SIGNED is room.sign(terms).result


def test_a_waiting_law_does_not_hold_up_safety(room: VaultRoom) -> None:
    """While a law that drops a wallet waits, that wallet is still swept home."""
    members = {"pools.main.members": ["hot-b"], "pools.main.active": "hot-b"}
    del_hot = {"wallets.hot-a": GONE}
    room.adopt(make_law(activation_s=DAY, **members, **del_hot).law)

    assert "not_a_hot_wallet" in codes(room.sign(room.order(), "alice", "bob"))
    assert Result.SIGNED is room.sign(room.order(Purpose.SWEEP)).result


def test_a_new_treasurer_does_not_count_yet(room: VaultRoom) -> None:
    """A person who joins counts only when the law is in force (R1.5)."""
    people = [{"name": n, "address": address_of(n)} for n in ("alice", "bob", "carol", "dave")]
    room.adopt(make_law(activation_s=DAY, **{"roster.treasurers": people}).law)
    terms = room.order()

    assert Result.REFUSED is room.sign(terms, "alice", "dave").result
    assert Result.SIGNED is room.sign(terms, "bob").result


def test_a_new_law_voids_open_consent_when_it_comes_into_force(
    room: VaultRoom, clock: FakeClock
) -> None:
    """Terms name the law they were made under; afterwards they must be proposed anew (R8.2)."""
    room.adopt(make_law(activation_s=DAY, **{"roster.quorum": 3}).law)
    clock.advance(DAY)
    terms = room.order()

    assert "law_changed" in codes(room.sign(terms, "alice", "bob", "carol"))


def test_the_waiting_law_cannot_be_hurried(room: VaultRoom, clock: FakeClock) -> None:
    """A second law without delay does not undo the first one's delay: the present one binds."""
    hasty = make_law(
        activation_s=0, **{"pools.main.assets.ETH.withdrawal.per_transfer": "7 ETH"}
    ).law
    room.adopt(hasty)
    room.adopt(hasty)
    clock.advance(10)

    assert {"per_transfer"} == codes(
        room.sign(room.order(Purpose.WITHDRAWAL, amount=6 * ETH), "alice")
    )
    assert str(clock.unix() + DAY - 10) == room.call("status", {}).body["nextLawFrom"]


def test_a_veto_drops_a_waiting_law(room: VaultRoom, clock: FakeClock) -> None:
    """One treasurer stops an adopted law before it is in force; it cannot be brought again."""
    changed = make_law(activation_s=DAY, **{"roster.quorum": 1}).law
    room.adopt(changed)
    ((motion_id,),) = room.book.connection.execute(
        "SELECT motion_id FROM laws ORDER BY seq DESC LIMIT 1"
    ).fetchall()
    signature = sign("carol", veto_digest(motion_id, room.book.deployment))
    room.call("veto", {"digest": to_hex(motion_id), "signature": to_hex(signature)}, Door.PEOPLE)
    assert "vetoed" in codes(room.adopt(changed, salt=_salt_of(room)))
    clock.advance(2 * DAY)

    assert to_hex(law_digest(room.law)) == room.call("status", {}).body["lawDigest"]
    assert "0x" == room.call("status", {}).body["nextLawDigest"]


def _salt_of(room: VaultRoom) -> bytes:
    """Return the salt of the last motion that was carried."""
    ((content,),) = room.book.connection.execute(
        "SELECT content FROM entries WHERE kind = 'motion_carried' ORDER BY seq DESC LIMIT 1"
    ).fetchall()
    return bytes.fromhex(json.loads(content)["salt"][2:])


def test_a_vetoed_motion_is_not_carried(room: VaultRoom) -> None:
    """A veto that comes first refuses the motion, whoever signed it."""
    room.call("freeze", {"why": "a test"})
    payload = {"why": "all is well"}
    terms = room.motion_terms(MotionKind.RESUME, payload)
    digest = motion_digest(terms, room.book.deployment)
    signature = sign("carol", veto_digest(digest, room.book.deployment))
    room.call("veto", {"digest": to_hex(digest), "signature": to_hex(signature)})

    assert "vetoed" in codes(room.carry(MotionKind.RESUME, payload, salt=terms.salt))


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"profile": "production"}, "profile_differs"),
        ({"wallets.hot-a.address": address_of("mallory")}, "key_differs"),
        ({"wallets.hot-a.key": "vault"}, None),
    ],
)
def test_a_law_that_the_settings_cannot_serve_is_refused(
    empty: VaultRoom, changes: dict[str, object], code: str | None
) -> None:
    """Another profile, or an address that is not its key's, is refused before it is in force."""
    try:
        law = make_law(**changes).law
    except ValueError:
        assert code is None
        return

    assert code in codes(empty.adopt(law))


def test_production_wants_the_vault_on_a_token_of_its_own(tmp_path: Path) -> None:
    """Vault and hot keys on one token are refused in production (R1.2)."""
    settings = dataclasses.replace(soft_settings(tmp_path), profile=Profile.PRODUCTION)
    one_token = dataclasses.replace(
        settings,
        keys={n: dataclasses.replace(k, token="vault") for n, k in settings.keys.items()},
    )
    good = make_law(profile="production").law

    assert [] == law_problems(settings, good)
    assert {"shared_token"} == {r.code for r in law_problems(one_token, good)}


def test_swap_needs_an_isolated_active_wallet(room: VaultRoom) -> None:
    """Nobody activates a standby while the active wallet is well; after isolation anyone does."""
    assert {"active_is_well"} == codes(room.call("activate", {"wallet": "hot-b"}))
    room.isolate("hot-a")
    assert Result.OK is room.call("activate", {"wallet": "hot-b"}).result
    assert {"main": "hot-b"} == room.call("status", {}).body["active"]
    assert "wallet_isolated" in codes(room.call("activate", {"wallet": "hot-a"}))
    assert {"unknown_wallet"} == codes(room.call("activate", {"wallet": "vault"}))


def test_a_retired_wallet_is_not_activated_because_it_was_the_active_one(room: VaultRoom) -> None:
    """Isolated and retired without a successor: it is the last active one, and may be no longer."""
    room.isolate("hot-a")
    room.carry(MotionKind.RETIRE, {"wallet": "hot-a"})

    assert {"wallet_retired"} == codes(room.call("activate", {"wallet": "hot-a"}))
    assert Result.OK is room.call("activate", {"wallet": "hot-b"}).result


def test_isolation_outlives_restarts_and_only_a_quorum_lifts_it(room: VaultRoom) -> None:
    """One may isolate, nobody alone may undo it (R8.11)."""
    room.isolate("hot-a")
    room.reopen()

    assert ["hot-a"] == room.call("status", {}).body["isolated"]
    alone = room.carry(MotionKind.REINSTATE, {"wallet": "hot-a"}, people=("alice",))
    assert {"quorum_missing"} == codes(alone)
    assert Result.OK is room.carry(MotionKind.REINSTATE, {"wallet": "hot-a"}).result
    assert [] == room.call("status", {}).body["isolated"]


def test_retired_never_returns(room: VaultRoom) -> None:
    """A retired wallet is not reinstated, not activated and signs nothing but cancels."""
    assert {"wallet_active"} == codes(room.carry(MotionKind.RETIRE, {"wallet": "hot-a"}))
    assert Result.OK is room.carry(MotionKind.RETIRE, {"wallet": "hot-b"}).result
    assert {"not_isolated"} == codes(room.carry(MotionKind.REINSTATE, {"wallet": "hot-b"}))
    assert {"wallet_marked"} == codes(
        room.carry(MotionKind.ROTATE, {"wallet": "hot-b", "pool": "main"})
    )
    sweep = room.order(Purpose.SWEEP, source=address_of("hot-b"))
    refill = room.order(destination=address_of("hot-b"))
    assert "source_retired" in codes(room.sign(sweep))
    assert "destination_retired" in codes(room.sign(refill, "alice", "bob"))


def test_rotate_resume_and_close_are_carried(room: VaultRoom) -> None:
    """The other motions do what they say, once."""
    room.call("freeze", {"why": "a test"})
    assert Result.OK is room.carry(MotionKind.RESUME, {"why": "well"}).result
    assert "0" == room.call("status", {}).body["frozen"]
    assert Result.OK is room.carry(MotionKind.ROTATE, {"wallet": "hot-b", "pool": "main"}).result
    assert {"main": "hot-b"} == room.call("status", {}).body["active"]
    payload = {"incident": "1", "outcome": "false_alarm", "wallet": "hot-a"}
    assert Result.OK is room.carry(MotionKind.CLOSE, payload).result


@pytest.mark.parametrize(("outcome", "left"), [("compromise", "retired"), ("false_alarm", "")])
def test_closing_decides_what_becomes_of_the_wallet(
    room: VaultRoom, outcome: str, left: str
) -> None:
    """A compromised wallet is retired, another one comes back; any other word is refused."""
    room.call("isolate", {"wallet": "hot-a", "why": "a test"})
    payload = {"incident": "1", "outcome": outcome, "wallet": "hot-a"}
    guess = room.carry(MotionKind.CLOSE, {**payload, "outcome": "whatever"})
    assert {"bad_motion"} == codes(guess)
    assert Result.OK is room.carry(MotionKind.CLOSE, payload).result

    status = room.call("status", {}).body
    assert ([], ["hot-a"] if left else []) == (status["isolated"], status["retired"])


def test_a_nonce_is_skipped_by_motion_only_forward(room: VaultRoom) -> None:
    """A gap between book and chain is mended by a quorum, never onto a nonce that has an order."""
    room.sign(room.order(Purpose.SWEEP))
    skip = {"wallet": "hot-a", "nonce": "5"}
    assert Result.OK is room.carry(MotionKind.SKIP_NONCE, skip).result
    signed = room.sign(room.order(Purpose.SWEEP))
    back = room.carry(MotionKind.SKIP_NONCE, {"wallet": "hot-a", "nonce": "4"})

    assert 5 == read_back(blob(signed.body, "raw")).transaction.nonce
    assert {"nonce_taken"} == codes(back)


def test_the_next_nonce_outlives_restarts_and_a_false_claim_is_taken_back(room: VaultRoom) -> None:
    """Orders tell where nonces go on; what an evacuation claimed falsely, a quorum takes back."""
    found = [nonce_of(room.sign(room.order(Purpose.SWEEP)))]
    room.reopen()
    found.append(nonce_of(room.sign(room.order(Purpose.SWEEP))))
    room.isolate("hot-a")
    found.append(nonce_of(room.sign(room.order(Purpose.EVACUATION), nonce=1000)))
    room.reopen()
    found.append(nonce_of(room.sign(room.order(Purpose.EVACUATION, amount=1))))
    taken = room.carry(MotionKind.SKIP_NONCE, {"wallet": "hot-a", "nonce": "1"})
    back = room.carry(MotionKind.SKIP_NONCE, {"wallet": "hot-a", "nonce": "2"})
    room.reopen()
    found.append(nonce_of(room.sign(room.order(Purpose.EVACUATION, amount=2))))

    assert [0, 1, 1000, 1001, 2] == found
    assert ({"nonce_taken"}, Result.OK) == (codes(taken), back.result)


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"what": "Do nothing"}, "words_differ"),
        ({"payload_digest": bytes(32)}, "payload_differs"),
        ({"law_digest": bytes(32)}, "law_changed"),
        ({"expires_at": 1, "proposed_at": 0}, "expired"),
        ({"proposed_at": 2**40, "expires_at": 2**40 + 5}, "from_the_future"),
        ({"expires_at": 2**40}, "lives_too_long"),
        ({"maker": address_of("alice")}, "maker_is_checker"),
    ],
)
def test_a_motion_is_exactly_what_was_signed(
    room: VaultRoom, changes: dict[str, object], code: str
) -> None:
    """Words, payload, law, time and maker all bind a motion."""
    answer = room.carry(MotionKind.RESUME, {"why": "x"}, people=("alice", "bob"), **changes)

    assert code in codes(answer)


def test_a_carried_motion_repeats_without_effect(room: VaultRoom) -> None:
    """The same motion brought twice acts once."""
    salt = b"\x77" * 16
    room.carry(MotionKind.ROTATE, {"wallet": "hot-b", "pool": "main"}, salt=salt)
    room.carry(MotionKind.ROTATE, {"wallet": "hot-a", "pool": "main"})
    seq = room.book.seq
    again = room.carry(MotionKind.ROTATE, {"wallet": "hot-b", "pool": "main"}, salt=salt)

    assert (Result.OK, seq) == (again.result, room.book.seq)
    assert {"main": "hot-a"} == room.call("status", {}).body["active"]


@pytest.mark.parametrize("payload", ["", "[]", '{"why": "x"}', '{"why":1}', "{", '{"why":["x"]}'])
def test_payloads_are_flat_canonical_text(room: VaultRoom, payload: str) -> None:
    """A payload in any other form is refused."""
    body: Body = {"motion": _resume_json(room), "payload": payload, "signatures": []}

    assert {"bad_motion"} == codes(room.call("motion", body))


def _resume_json(room: VaultRoom) -> dict[str, str]:
    from policies.consent import motion_to_json

    return motion_to_json(room.motion_terms(MotionKind.RESUME, {"why": "x"}))


def test_adoption_has_its_own_verb(room: VaultRoom) -> None:
    """A law cannot be slipped in as an ordinary motion."""
    assert {"bad_motion"} == codes(room.carry(MotionKind.ADOPT, {"lawDigest": "0x"}))
