"""The desk: whatever is asked, at whichever door, is answered, and nothing asked wrongly acts."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from hsm.errors import PinRefusedError, TokenAwayError
from hsm.process.desk import VERBS, Door
from hsm.verbs import reports as verbs_reports
from hsm.verbs.room import Room
from hsm.wire.fields import to_hex
from hsm.wire.message import Answer, Body, Json, Request, Result, encode_answer
from policies.terms import Purpose
from tests.fakes.clock import FakeClock
from tests.fakes.vault_room import VaultRoom, codes

_VALUES = st.recursive(
    st.text(max_size=12)
    | st.integers(0, 2**300).map(str)
    | st.binary(max_size=70).map(to_hex)
    | st.sampled_from(["hot-a", "vault", "main", "0x", ""]),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.sampled_from(["orderId", "amount", "to", "x"]), inner, max_size=3)
    ),
    max_leaves=5,
)
_FIELDS = [
    *("order", "approvals", "orderId", "fees", "nonce", "epoch", "wallet", "why", "seq", "limit"),
    *("head", "challenge", "motion", "law", "signatures", "payload", "digest", "signature"),
    *("token", "pin", "minutes"),
]


@pytest.fixture(scope="module")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Iterator[VaultRoom]:
    """One room for all rubbish: none of it may change anything."""
    made = VaultRoom(tmp_path_factory.mktemp("desk"), FakeClock())
    made.sign(made.order(Purpose.SWEEP))
    yield made
    made.close()


@given(
    st.sampled_from(list(Door)),
    st.sampled_from([*VERBS[Door.SIGNER], "unlock", "sign_hash", ""]),
    st.dictionaries(st.sampled_from(_FIELDS), _VALUES, max_size=4),
)
@settings(max_examples=400, deadline=None, suppress_health_check=list(HealthCheck))
def test_rubbish_is_answered_and_signs_nothing(
    shared: VaultRoom, door: Door, verb: str, body: dict[str, Json]
) -> None:
    """Random fields to every verb get an answer; no key is used for any of them."""
    before = len(shared.tokens.signed)
    if verb in ("isolate", "freeze"):
        body = {**body, "surplus": "x"}
    answer = shared.call(verb, body, door)

    encode_answer(answer)
    assert before == len(shared.tokens.signed)
    assert answer.result is not Result.SIGNED


def good_bodies(room: VaultRoom) -> dict[str, Body]:
    """Return a body that is accepted for some verbs, to be damaged."""
    terms = room.order(Purpose.SWEEP)
    return {
        "sign": room.sign_body(terms),
        "isolate": {"wallet": "hot-b", "why": "x"},
        "orders_since": {"seq": "0", "limit": "5"},
    }


@given(st.sampled_from(["sign", "isolate", "orders_since"]), st.data())
@settings(max_examples=200, deadline=None, suppress_health_check=list(HealthCheck))
def test_one_damaged_field_is_never_overlooked(
    shared: VaultRoom, verb: str, data: st.DataObject
) -> None:
    """A good request with one field lost, doubled in another type or unknown is an error."""
    body = dict(good_bodies(shared)[verb])
    name = data.draw(st.sampled_from(sorted(body)))
    damage = data.draw(st.sampled_from(["lose", "retype", "add"]))
    if damage == "lose":
        if (verb, name) == ("sign", "approvals"):
            return
        del body[name]
    elif damage == "retype":
        body[name] = [{"a": "b"}] if isinstance(body[name], str) else "7"
    else:
        body["surplus"] = "1"
    answer = shared.call(verb, body)

    if (verb, damage, name) == ("sign", "lose", "order"):
        assert {"unknown_order"} == codes(answer)
    else:
        assert Result.ERROR is answer.result


@pytest.mark.parametrize("verb", ["unlock", "sign_hash", "sign_message", "export", ""])
def test_there_is_no_other_verb_at_the_daemons_door(room: VaultRoom, verb: str) -> None:
    """No verb signs a hash, and a PIN is not taken at the daemon's door (R3.11)."""
    assert Result.ERROR is room.call(verb, {}).result


@pytest.mark.parametrize("verb", ["sign", "bump", "cancel", "activate", "checkpoint", "possession"])
def test_people_cannot_ask_for_signatures_at_their_door(room: VaultRoom, verb: str) -> None:
    """The treasurers' door knows no verb that uses a key."""
    assert Result.ERROR is room.call(verb, {}, Door.PEOPLE).result


def test_every_answer_carries_the_place_in_the_book(room: VaultRoom) -> None:
    """Number and head are those after the request, whatever the answer (R3.10)."""
    asks: list[Callable[[], Answer]] = [
        lambda: room.call("status", {}),
        lambda: room.call("nope", {}),
        lambda: room.sign(room.order(Purpose.SWEEP)),
        lambda: room.sign(room.order(amount=0)),
    ]
    for ask in asks:
        answer = ask()
        assert (answer.book_seq, answer.book_head) == (room.book.seq, room.book.head)


def test_a_refused_pin_ends_the_process_after_its_answers(room: VaultRoom) -> None:
    """The caller hears "not ready", and the loop is told to stop (R3.7)."""
    room.tokens.trouble = PinRefusedError("refused")
    answer = room.sign(room.order(Purpose.SWEEP))

    assert Result.NOT_READY is answer.result
    assert isinstance(room.desk.fatal, PinRefusedError)


def test_a_bug_in_a_verb_is_an_error_answer_and_undoes_its_part(
    room: VaultRoom, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An exception that nobody foresaw answers that request alone; the others are served."""

    def broken(where: Room, _body: Body) -> Answer:
        where.book.write("half", {}, where.now)
        raise ZeroDivisionError

    monkeypatch.setattr(verbs_reports, "checkpoint", broken)
    verbs = {**VERBS, Door.SIGNER: {**VERBS[Door.SIGNER], "checkpoint": broken}}
    monkeypatch.setattr("hsm.process.desk.VERBS", verbs)
    seq = room.book.seq
    body = room.sign_body(room.order(Purpose.SWEEP))
    answers = room.desk.serve(
        [
            (Door.SIGNER, Request(verb="checkpoint", body={})),
            (Door.SIGNER, Request(verb="sign", body=body)),
        ]
    )

    assert [Result.ERROR, Result.SIGNED] == [answer.result for answer in answers]
    kinds = room.book.connection.execute("SELECT kind FROM entries WHERE seq > ?", (seq,))
    assert [("order_recorded",), ("attempt_signed",)] == kinds.fetchall()


def test_a_token_that_fails_in_a_batch_spares_the_others(room: VaultRoom) -> None:
    """Each order of a batch has its own fate; what was recorded is signed later."""
    terms = [room.order(Purpose.SWEEP, amount=n) for n in (1, 2)]
    bodies = [room.sign_body(t) for t in terms]
    room.tokens.trouble_at_signing = TokenAwayError("away")
    batch = [(Door.SIGNER, Request(verb="sign", body=b)) for b in bodies]
    first = room.desk.serve(batch)
    room.tokens.trouble_at_signing = None
    second = room.desk.serve(batch)

    assert [Result.NOT_READY] * 2 == [a.result for a in first]
    assert [Result.SIGNED] * 2 == [a.result for a in second]


def test_the_same_order_twice_in_one_batch_is_one_order(room: VaultRoom) -> None:
    """Two requests for one id that came together end in one nonce and the same bytes."""
    body = room.sign_body(room.order(Purpose.SWEEP))
    batch = [(Door.SIGNER, Request(verb="sign", body=body))] * 2
    first, second = room.desk.serve(batch)
    attempts = room.book.connection.execute("SELECT count(*) FROM attempts").fetchone()

    assert (1,) == attempts
    assert {Result.SIGNED} == {first.result, second.result}
    assert first.body["raw"] == second.body["raw"]


def test_isolation_overtakes_what_arrived_beside_it(room: VaultRoom) -> None:
    """In one batch the stop is served first, wherever it stood in the queue (R2.6)."""
    body = room.sign_body(room.order(Purpose.WITHDRAWAL))
    isolate: Body = {"wallet": "hot-a", "why": "now"}
    paid, stopped = room.desk.serve(
        [
            (Door.SIGNER, Request(verb="sign", body=body)),
            (Door.PEOPLE, Request(verb="isolate", body=isolate)),
        ]
    )

    assert (Result.REFUSED, Result.OK) == (paid.result, stopped.result)
    assert "source_isolated" in codes(paid)


def test_orders_since_pages_by_size(room: VaultRoom) -> None:
    """What does not fit into one message comes with the next call, in order, without loss."""
    for n in range(1, 60):
        room.sign(room.order(Purpose.SWEEP, amount=n))
    seen: list[str] = []
    seq = 0
    while True:
        body = room.call("orders_since", {"seq": str(seq), "limit": "100"}).body
        rows = body["orders"]
        assert isinstance(rows, list)
        seen += [row["orderId"] for row in rows]
        seq = int(rows[-1]["seq"])
        if body["more"] == "0":
            break

    assert (59, 59) == (len(seen), len(set(seen)))


def test_a_rewound_book_freezes_itself(room: VaultRoom) -> None:
    """A daemon that has seen more than the book holds stops exposure; safety goes on."""
    room.call("orders_since", {"seq": str(room.book.seq), "limit": "1"})
    assert "0" == room.call("status", {}).body["frozen"]
    room.call("orders_since", {"seq": str(room.book.seq + 1), "limit": "1"})

    assert "1" == room.call("status", {}).body["frozen"]
    assert {"frozen"} == codes(room.sign(room.order(), "alice", "bob"))
    assert Result.SIGNED is room.sign(room.order(Purpose.SWEEP)).result


def test_a_swapped_book_freezes_itself(room: VaultRoom) -> None:
    """Who asks how the signer is says what was seen last; another entry there is another book."""
    for seq in (1, room.book.seq):
        seen = {"seq": str(seq), "head": to_hex(room.book.head_at(seq) or b"")}
        assert "0" == room.call("status", seen).body["frozen"]
    assert Result.ERROR is room.call("status", {"seq": "1"}).result
    room.call("status", {"seq": str(room.book.seq), "head": to_hex(bytes(32))})

    assert "1" == room.call("status", {}).body["frozen"]


def test_lodge_floods_leave_no_trace(room: VaultRoom) -> None:
    """Orders without a treasurer's approval cannot fill the disk."""
    before = room.book.seq
    for n in range(20):
        room.lodge(room.order(amount=n + 1), "mallory")

    assert before == room.book.seq
    assert (0,) == room.book.connection.execute("SELECT count(*) FROM orders").fetchone()


def test_the_journals_checkpoints_only_grow(room: VaultRoom) -> None:
    """Without a checkpoint key it is refused, never signed with another key."""
    body: Body = {"seq": "1", "head": to_hex(bytes(32))}

    assert {"no_checkpoint_key"} == codes(room.call("checkpoint", body))


def test_status_tells_the_signers_own_time(room: VaultRoom, clock: FakeClock) -> None:
    """The daemon can compare the clocks."""
    assert str(clock.unix()) == room.call("status", {}).body["now"]
