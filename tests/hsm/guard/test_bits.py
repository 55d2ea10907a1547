"""Any single bit of approved terms, flipped, makes the approvals worthless."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from hsm.wire.fields import to_hex
from hsm.wire.message import Result
from policies.consent import describe_transfer
from policies.crypto import address_bytes, checksum_address
from policies.terms import Purpose, TransferTerms
from tests.fakes.clock import FakeClock
from tests.fakes.vault_room import VaultRoom, codes
from tests.hsm.adversary.laws_of_two_chains import Pace, law_of

_NUMBERS = {"chain_id": 62, "amount": 256, "max_fee": 256, "proposed_at": 64, "expires_at": 64}
_BYTES = {"salt": 128, "law_digest": 256}
_ADDRESSES = ("asset", "source", "destination", "maker")


@pytest.fixture(scope="module")
def approved(
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[tuple[VaultRoom, TransferTerms, list[str]]]:
    """A room, a good refill, and the approvals of all three treasurers over it."""
    room = VaultRoom(tmp_path_factory.mktemp("bits"), FakeClock())
    terms = room.order()
    yield room, terms, [to_hex(a) for a in room.approvals(terms, "alice", "bob", "carol")]
    room.close()


def flipped(terms: TransferTerms, name: str, bit: int) -> TransferTerms:
    """Return terms with one bit of one field turned."""
    value = getattr(terms, name)
    changed: object
    if name in _NUMBERS:
        changed = value ^ (1 << bit)
    elif name in _BYTES:
        changed = _turn(value, bit)
    else:
        changed = checksum_address(_turn(address_bytes(value), bit))
    return dataclasses.replace(terms, **{name: changed})  # type: ignore[arg-type]


def _turn(data: bytes, bit: int) -> bytes:
    turned = bytearray(data)
    turned[bit // 8] ^= 1 << bit % 8
    return bytes(turned)


_FLIPS = st.one_of(
    *(st.tuples(st.just(n), st.integers(0, bits - 1)) for n, bits in (_NUMBERS | _BYTES).items()),
    *(st.tuples(st.just(name), st.integers(0, 159)) for name in _ADDRESSES),
)


@given(_FLIPS, st.booleans())
@settings(max_examples=300, deadline=None, suppress_health_check=list(HealthCheck))
def test_one_flipped_bit_voids_every_approval(
    approved: tuple[VaultRoom, TransferTerms, list[str]], flip: tuple[str, int], honest: bool
) -> None:
    """Whatever bit is flipped, with the sentence kept or made to fit, nothing is signed (R8.1)."""
    room, terms, approvals = approved
    changed = flipped(terms, *flip)
    if honest:
        changed = dataclasses.replace(changed, what=describe_transfer(changed, room.law))
    answer = room.call("sign", {**room.sign_body(changed), "approvals": list(approvals)})

    assert Result.REFUSED is answer.result
    assert "not_in_roster" in codes(answer), "each approval is told to be over other terms"
    assert not room.tokens.signed


@pytest.mark.parametrize(
    ("name", "value", "code"),
    [
        ("what", "Refill hot-a with 40 ETH from vault on devnet!", "words_differ"),
        ("purpose", Purpose.SWEEP, "not_a_hot_wallet"),
        ("purpose", Purpose.EVACUATION, "not_a_hot_wallet"),
        ("purpose", Purpose.WITHDRAWAL, "not_a_hot_wallet"),
        ("purpose", Purpose.TOP_UP, "not_the_sponsor"),
    ],
)
def test_another_sentence_or_purpose_is_refused(
    approved: tuple[VaultRoom, TransferTerms, list[str]], name: str, value: object, code: str
) -> None:
    """The two fields that are no numbers: changed, they are refused with the reason (R8.1)."""
    room, terms, approvals = approved
    changed = dataclasses.replace(terms, **{name: value})  # type: ignore[arg-type]
    answer = room.call("sign", {**room.sign_body(changed), "approvals": list(approvals)})

    assert Result.REFUSED is answer.result
    assert {code, "not_in_roster"} <= codes(answer)
    assert not room.tokens.signed


def test_approvals_of_one_chain_are_nothing_on_another(tmp_path: Path) -> None:
    """Same keys, same wallets, another chain of the law: the approvals count for nothing (R8.2)."""
    room = VaultRoom(tmp_path, FakeClock(), law=law_of(Pace(first_lock_s=0)))
    terms = room.order()
    approvals = [to_hex(a) for a in room.approvals(terms, "alice", "bob", "carol")]
    there = dataclasses.replace(terms, chain_id=31338)
    there = dataclasses.replace(there, what=describe_transfer(there, room.law))
    replayed = room.call("sign", {**room.sign_body(there), "approvals": list(approvals)})
    here = room.call("sign", {**room.sign_body(terms), "approvals": list(approvals)})
    room.close()

    assert (Result.REFUSED, Result.SIGNED) == (replayed.result, here.result)
    assert {"not_in_roster", "quorum_missing"} == codes(replayed)


def test_unflipped_it_is_signed(
    approved: tuple[VaultRoom, TransferTerms, list[str]],
) -> None:
    """The same terms and approvals, unchanged, pass: the test above proves what it says."""
    room, terms, approvals = approved
    (room.directory / "fresh").mkdir()
    other = VaultRoom(room.directory / "fresh", room.clock)
    answer = other.sign(terms, "alice", "bob", "carol")
    other.close()

    assert Result.SIGNED is answer.result
    assert 3 == len(approvals)
