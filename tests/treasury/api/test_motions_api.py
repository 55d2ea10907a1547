"""Motions and the halt at the API."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest

from policies.consent import describe_motion, motion_digest, payload_digest, veto_digest
from policies.law import law_digest
from policies.terms import MotionKind, MotionTerms
from tests.fakes.office import OfficeForTests, motion_json
from tests.laws import DEPLOYMENT, NOON, address_of, sign
from treasury.ledger import queries

if TYPE_CHECKING:
    from tests.treasury.api.conftest import Caller

pytestmark = pytest.mark.sockets
PAYLOAD = {"why": "all is explained"}


def motion(office: OfficeForTests, maker: str, /, **changes: Any) -> MotionTerms:  # noqa: ANN401
    """Return a motion to resume, made by a person, with changes."""
    terms = MotionTerms(
        what=describe_motion(MotionKind.RESUME, PAYLOAD),
        kind=MotionKind.RESUME,
        salt=b"\4" * 16,
        payload_digest=payload_digest(PAYLOAD),
        maker=address_of(maker),
        proposed_at=NOON,
        expires_at=NOON + 3600,
        law_digest=law_digest(office.law),
    )
    return replace(terms, **changes)


def hand_in(
    call: Caller, terms: MotionTerms, maker: str, payload: dict[str, str] | None = None
) -> tuple[int, Any]:
    """Hand a motion in, signed by a person."""
    signature = sign(maker, motion_digest(terms, DEPLOYMENT))
    return call.post("/v1/motions", motion_json(terms, payload or PAYLOAD, signature), "treasurer")


def test_motion_is_taken_in_and_approved_by_others(office: OfficeForTests, call: Caller) -> None:
    """The maker's signature is kept and does not count; a checker's does."""
    terms = motion(office, "alice")
    status, answer = hand_in(call, terms, "alice")
    assert (201, "PROPOSED", []) == (status, answer["state"], answer["approved_by"])
    digest = motion_digest(terms, DEPLOYMENT)
    for name, expected in (("bob", 201), ("bob", 200), ("alice", 403), ("stranger", 403)):
        body = {"signature": "0x" + sign(name, digest).hex()}
        assert expected == call.post("/v1/motions/1/approvals", body, "treasurer")[0]
    shown = call.get(f"/v1/motions/0x{digest.hex()}")[1]
    assert [address_of("bob")] == shown["approved_by"]
    assert PAYLOAD == shown["payload"]


def test_same_motion_again_is_the_same(office: OfficeForTests, call: Caller) -> None:
    """Handing in twice makes no second motion."""
    terms = motion(office, "alice")
    assert hand_in(call, terms, "alice")[1]["id"] == hand_in(call, terms, "alice")[1]["id"]


def test_payload_must_be_the_one_that_is_bound(office: OfficeForTests, call: Caller) -> None:
    """R8.1: a payload beside the terms that they do not bind is refused."""
    status, answer = hand_in(call, motion(office, "alice"), "alice", {"why": "another"})
    assert (422, "wrong_payload") == (status, answer["error"]["code"])


def test_sentence_must_be_the_one_that_is_meant(office: OfficeForTests, call: Caller) -> None:
    """R8.7: words that say less than the payload does are refused."""
    status, answer = hand_in(call, motion(office, "alice", what="Nothing much"), "alice")
    assert (422, "wrong_sentence") == (status, answer["error"]["code"])


@pytest.mark.parametrize(
    ("changes", "status", "code"),
    [
        ({"law_digest": bytes(32)}, 409, "law_changed"),
        ({"expires_at": NOON}, 409, "expired"),
        ({"maker": address_of("bob")}, 403, "not_the_maker"),
    ],
)
def test_motion_that_cannot_count_is_refused(
    office: OfficeForTests, call: Caller, changes: dict[str, Any], status: int, code: str
) -> None:
    """R8.2: another law, another maker, too late."""
    found, answer = hand_in(call, motion(office, "alice", **changes), "alice")
    assert (status, code) == (found, answer["error"]["code"])


def test_veto_is_taken_in_once(office: OfficeForTests, call: Caller) -> None:
    """201, then 200, with the name of who vetoed."""
    terms = motion(office, "alice")
    hand_in(call, terms, "alice")
    digest = veto_digest(motion_digest(terms, DEPLOYMENT), DEPLOYMENT)
    body = {"signature": "0x" + sign("carol", digest).hex()}
    assert [201, 200] == [call.post("/v1/motions/1/veto", body, "treasurer")[0] for _ in range(2)]
    assert "carol" == call.get("/v1/motions/1")[1]["vetoes"][0]["name"]


def test_halt_is_kept_with_its_first_reason(office: OfficeForTests, call: Caller) -> None:
    """R8.11: one person halts; a second halt changes nothing; the daemon is woken."""
    first = call.post("/v1/halt", {"why": "smoke"}, "operator")
    office.clock.advance(60)
    second = call.post("/v1/halt", {"why": "fire"}, "treasurer")
    assert (200, 200) == (first[0], second[0])
    assert {"state": "HALTED", "why": "smoke", "since": NOON} == first[1] == second[1]
    with office.ledger.read() as session:
        assert queries.standings.is_halted(session)
    assert 2 == office.woken


def test_api_has_no_way_to_resume(call: Caller) -> None:
    """Toward exposure no socket alone is enough."""
    for path in ("/v1/resume", "/v1/halt/resume"):
        assert 404 == call.post(path, {"why": "x"}, "treasurer")[0]
    assert 405 == call("operator", "DELETE", "/v1/halt")[0]
