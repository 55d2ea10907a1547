"""A law of a thousand wallets is longer than a message: it is brought and read in pieces."""

from __future__ import annotations

import copy
from datetime import UTC, datetime
from pathlib import Path
from typing import cast

import pytest

from hsm.client import LawInForce, Signed, SignerClient
from hsm.verbs.motions import MOST_TOLD, law_problems
from hsm.verbs.reports import most_told
from hsm.verbs.room import Door
from hsm.wire.draft import KEPT_S, MOST_LAW, PIECE
from hsm.wire.fields import to_hex
from hsm.wire.long_law import whole
from hsm.wire.message import MAX_MESSAGE_BYTES, Answer, Body, Result, encode, encode_answer
from policies.consent import motion_digest, motion_to_json, transfer_digest
from policies.law import Law, canonical_law, law_digest, parse_law
from policies.terms import MotionKind, MotionTerms, Purpose
from tests.fakes.clock import FakeClock
from tests.fakes.softhsm import SoftHsm
from tests.fakes.vault_room import FEES, VaultRoom, codes, order, real_settings
from tests.hsm.test_process import running, write_toml
from tests.hsm.test_server import genesis
from tests.laws import make_document, make_law, sign

CHAINS = 250


def law_of_chains(count: int, *, strange_keys: bool = False) -> Law:
    """Return a law of so many chains with four wallets each, with keys of the settings or not."""
    return parse_law(document_of_chains(count, strange_keys=strange_keys))


def document_of_chains(count: int, *, strange_keys: bool = False) -> dict[str, object]:
    """Return such a law as its document."""
    document = make_document()
    chains, wallets, pools = (document[n] for n in ("chains", "wallets", "pools"))
    assert isinstance(chains, dict)
    assert isinstance(wallets, dict)
    assert isinstance(pools, dict)
    names = list(wallets)
    for number in range(1, count):
        chain = copy.deepcopy(chains["devnet"])
        chain["id"], chain["top_up"]["sponsor"] = 40_000 + number, f"sponsor-{number}"
        chains[f"net-{number}"] = chain
        for name in names:
            key = f"{name}-{number}" if strange_keys else name
            wallet = {**wallets[name], "chain": f"net-{number}", "key": key}
            wallets[f"{name}-{number}"] = wallet
        members = [f"hot-a-{number}", f"hot-b-{number}"]
        own = {"chain": f"net-{number}", "vault": f"vault-{number}", "members": members}
        pools[f"main-{number}"] = {**pools["main"], **own, "active": members[0]}
    return document


@pytest.mark.sockets
@pytest.mark.softhsm
@pytest.mark.slow
def test_a_law_of_a_thousand_wallets_is_adopted_and_read_back(softhsm: SoftHsm) -> None:
    """The real program takes it at genesis, tells it, reports every nonce, and signs under it."""
    settings, law = real_settings(softhsm), law_of_chains(CHAINS)
    clock = FakeClock(datetime.now(UTC))
    with running(settings, write_toml(settings)), SignerClient(settings.signer_socket) as client:
        genesis(settings, law, clock)
        told, status = client.law(), client.status()
        terms = order(law, clock, Purpose.SWEEP, chain_id=40_000 + CHAINS - 1)
        signed = client.sign(transfer_digest(terms, status.deployment), FEES, order=terms)

    assert 1_000 == len(law.wallets) == len(status.nonces)
    assert len(canonical_law(law)) > 400_000
    assert isinstance(told, LawInForce)
    assert (law_digest(law), canonical_law(law).decode()) == (told.digest, told.text)
    assert isinstance(signed, Signed)


def adoption(room: VaultRoom, law: Law, *people: str) -> Body:
    """Return the body of `adopt` for a law that came in pieces."""
    payload = {"lawDigest": to_hex(law_digest(law))}
    terms: MotionTerms = room.motion_terms(MotionKind.ADOPT, payload)
    digest = motion_digest(terms, room.book.deployment)
    signatures = [to_hex(sign(name, digest)) for name in people]
    return {"motion": motion_to_json(terms), "law": "", "signatures": signatures}


def bring(room: VaultRoom, text: str, door: Door = Door.PEOPLE, *, step: int = PIECE) -> Answer:
    """Bring a text in pieces; return the last answer."""
    answer = Answer(result=Result.OK)
    for offset in range(0, len(text), step):
        piece = {"offset": str(offset), "law": text[offset : offset + step]}
        answer = room.call("law_piece", piece, door)
    return answer


def test_a_law_that_no_status_could_tell_is_refused(room: VaultRoom) -> None:
    """A signer that cannot say how it is would serve nobody, not even a smaller law."""
    law = law_of_chains(CHAINS + 100)

    assert MOST_TOLD < most_told(law)
    assert ["too_many_wallets"] == [one.code for one in law_problems(room.settings, law)]
    assert () == tuple(law_problems(room.settings, law_of_chains(CHAINS)))


def test_a_thousand_refusals_fit_into_one_message(room: VaultRoom) -> None:
    """Whoever forgot to pin the keys is told so, and how often, not that a message is long."""
    law = law_of_chains(CHAINS, strange_keys=True)
    bring(room, canonical_law(law).decode())
    answer = room.call("adopt", adoption(room, law, "alice", "bob"), Door.PEOPLE)
    *told, last = answer.reasons

    assert Result.REFUSED is answer.result
    assert len(encode_answer(answer)) <= MAX_MESSAGE_BYTES
    assert {"key_differs"} == {reason.code for reason in told}
    assert f"and {len(law.wallets) - 4 - len(told)} more: mend these first" == last.text


def test_a_status_takes_no_more_than_was_reckoned(room: VaultRoom) -> None:
    """The reckoning holds in the worst case, when every wallet is cut off."""
    law = room.law
    for wallet in law.wallets:
        room.call("isolate", {"wallet": wallet.name, "why": "a test"}, Door.PEOPLE)
    body = room.call("status", {}).body
    told = {name: body[name] for name in ("nonces", "isolated", "active")}

    assert len(law.wallets) == len(cast("list[str]", told["isolated"]))
    assert sum(len(encode(part)) - 2 for part in told.values()) <= most_told(law)


def test_pieces_of_one_door_are_nothing_at_the_other(room: VaultRoom) -> None:
    """A stolen daemon can neither push away nor mix up what treasurers bring."""
    law = make_law(activation_s=9).law
    text, body = canonical_law(law).decode(), adoption(room, law, "alice", "bob")
    bring(room, text[:900])
    bring(room, "x" * 50, Door.SIGNER)
    whose = room.call("adopt", body, Door.SIGNER)
    bring(room, text, step=500)
    adopted = room.call("adopt", body, Door.PEOPLE)
    again = room.call("adopt", adoption(room, law, "alice", "bob"), Door.PEOPLE)

    assert {"payload_differs", "words_differ"} == codes(whose)
    assert Result.OK == adopted.result
    assert {"no_draft"} == codes(again)


def test_a_long_law_is_not_read_before_a_quorum_signed_it(room: VaultRoom) -> None:
    """Reading takes long, so a law that came in pieces is first known by its signatures."""
    law = make_law(activation_s=9).law
    bring(room, canonical_law(law).decode())
    one = room.call("adopt", adoption(room, law, "alice"), Door.PEOPLE)
    bring(room, "no law at all")
    nonsense = room.call("adopt", adoption(room, law, "alice", "bob"), Door.PEOPLE)

    assert {"quorum_missing"} == codes(one)
    assert {"payload_differs", "words_differ"} == codes(nonsense)


def test_pieces_that_do_not_fit_are_refused(room: VaultRoom) -> None:
    """A gap, more than a law may have, and a piece longer than a piece are refused."""
    first = room.call("law_piece", {"offset": "0", "law": "x" * PIECE})
    gap = room.call("law_piece", {"offset": str(PIECE + 1), "law": "x"})
    endless = bring(room, "x" * (MOST_LAW + 1))
    long = room.call("law_piece", {"offset": "0", "law": "x" * (PIECE + 1)})

    assert (Result.OK, str(PIECE)) == (first.result, first.body["length"])
    assert {"piece_does_not_fit"} == codes(gap) == codes(endless)
    assert Result.ERROR == long.result


def test_a_draft_is_kept_for_ten_minutes(room: VaultRoom, clock: FakeClock) -> None:
    """What nobody adopts in time must be brought again."""
    law = make_law(activation_s=9).law
    body = adoption(room, law, "alice", "bob")
    bring(room, canonical_law(law).decode())
    clock.advance(KEPT_S + 1)

    assert {"no_draft"} == codes(room.call("adopt", body, Door.PEOPLE))
    bring(room, canonical_law(law).decode())
    clock.advance(KEPT_S)
    assert Result.OK == room.call("adopt", body, Door.PEOPLE).result


def test_a_law_that_changes_while_it_is_read_is_read_anew(tmp_path: Path, clock: FakeClock) -> None:
    """The pieces of two laws are never put together."""
    room = VaultRoom(tmp_path, clock, law=law_of_chains(20))
    asked: list[Body] = []

    def call(verb: str, body: Body) -> Answer:
        asked.append(body)
        if len(asked) == 2:
            room.adopt(make_law(activation_s=5).law)
        return room.call(verb, body)

    answer = whole(call)
    room.close()

    assert canonical_law(make_law(activation_s=5).law).decode() == answer.body["law"]
    assert [{}, {"offset": str(PIECE)}, {}] == asked
