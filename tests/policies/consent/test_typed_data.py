"""EIP-712: our digests are those of two other implementations, and of nothing else."""

from __future__ import annotations

import dataclasses
import json
import random
from typing import Any

import pytest
from eth_account import Account
from eth_account.messages import encode_typed_data
from eth_utils.crypto import keccak
from hypothesis import given, settings
from hypothesis import strategies as st

from policies.consent import (
    motion_digest,
    motion_typed_data,
    payload_digest,
    transfer_digest,
    transfer_typed_data,
    veto_digest,
    veto_typed_data,
)
from policies.crypto import checksum_address, recover_address
from policies.terms import (
    UINT64_MAX,
    UINT256_MAX,
    Address,
    MotionKind,
    MotionTerms,
    Purpose,
    TransferTerms,
)
from tests.laws import DEPLOYMENT, address_of, key_of

ROUNDS = 500


def _lot(lots: random.Random, size: int) -> bytes:
    return lots.randbytes(size)


def _address(lots: random.Random) -> Address:
    return checksum_address(_lot(lots, 20))


def random_transfer(lots: random.Random) -> TransferTerms:
    """Draw transfer terms over the whole range of every field."""
    return TransferTerms(
        what="".join(lots.choices("abc XYZ.019", k=lots.randrange(1, 90))),
        purpose=lots.choice(list(Purpose)),
        salt=_lot(lots, 16),
        chain_id=lots.choice((1, 31337, lots.randrange(UINT256_MAX + 1))),
        asset=_address(lots),
        source=_address(lots),
        destination=_address(lots),
        amount=lots.choice((0, 1, UINT256_MAX, lots.randrange(UINT256_MAX + 1))),
        max_fee=lots.randrange(UINT256_MAX + 1),
        maker=_address(lots),
        proposed_at=lots.choice((0, UINT64_MAX, lots.randrange(UINT64_MAX + 1))),
        expires_at=lots.randrange(UINT64_MAX + 1),
        law_digest=_lot(lots, 32),
    )


def random_motion(lots: random.Random) -> MotionTerms:
    """Draw motion terms over the whole range of every field."""
    return MotionTerms(
        what="".join(lots.choices("abc XYZ.019", k=lots.randrange(1, 90))),
        kind=lots.choice(list(MotionKind)),
        salt=_lot(lots, 16),
        payload_digest=_lot(lots, 32),
        maker=_address(lots),
        proposed_at=lots.randrange(UINT64_MAX + 1),
        expires_at=lots.randrange(UINT64_MAX + 1),
        law_digest=_lot(lots, 32),
    )


def independent_digest(document: dict[str, Any]) -> bytes:
    """Encode typed data from its own `types` alone, word by word as EIP-712 tells it."""
    types, message = document["types"], document["message"]
    domain = _struct("EIP712Domain", types, document["domain"])
    return keccak(b"\x19\x01" + domain + _struct(document["primaryType"], types, message))


def _struct(name: str, types: dict[str, Any], values: dict[str, str]) -> bytes:
    signature = ",".join(f"{field['type']} {field['name']}" for field in types[name])
    words = [_word(field["type"], values[field["name"]]) for field in types[name]]
    return keccak(keccak(f"{name}({signature})".encode()) + b"".join(words))


def _word(kind: str, value: str) -> bytes:
    if kind == "string":
        return keccak(value.encode())
    if kind.startswith("uint"):
        return int(value).to_bytes(32, "big")
    raw = bytes.fromhex(value[2:])
    return raw.rjust(32, b"\0") if kind == "address" else raw.ljust(32, b"\0")


def foreign_digest(document: dict[str, Any]) -> bytes:
    """Return the digest that eth_account computes from our JSON."""
    text = encode_typed_data(full_message=json.loads(json.dumps(document)))
    return bytes(keccak(b"\x19" + text.version + text.header + text.body))


def assert_transfers_agree(seed: int, rounds: int) -> None:
    """Compare digests of random transfers, under a random deployment each."""
    lots = random.Random(seed)
    for _ in range(rounds):
        terms, deployment = random_transfer(lots), _lot(lots, 32)
        document = transfer_typed_data(terms, deployment)

        digest = transfer_digest(terms, deployment)

        assert independent_digest(document) == digest
        assert foreign_digest(document) == digest


def assert_motions_agree(seed: int, rounds: int) -> None:
    """Compare digests of random motions, under a random deployment each."""
    lots = random.Random(seed)
    for _ in range(rounds):
        terms, deployment = random_motion(lots), _lot(lots, 32)
        document = motion_typed_data(terms, deployment)

        digest = motion_digest(terms, deployment)

        assert independent_digest(document) == digest
        assert foreign_digest(document) == digest


def test_transfer_digests_agree_with_two_other_implementations() -> None:
    """R8.4: hundreds of random transfers have one digest, whoever encodes them."""
    assert_transfers_agree(712, ROUNDS)


def test_motion_digests_agree_with_two_other_implementations() -> None:
    """R8.4: the same for motions."""
    assert_motions_agree(713, ROUNDS // 5)


@pytest.mark.soak
def test_ten_thousand_digests_agree() -> None:
    """R8.4: ten thousand random transfers, and as many motions."""
    assert_transfers_agree(714, 10_000)
    assert_motions_agree(715, 10_000)


@settings(max_examples=50, deadline=None)
@given(st.binary(min_size=32, max_size=32))
def test_veto_digests_agree_with_two_other_implementations(digest: bytes) -> None:
    """R8.4: the same for vetoes, and a veto is never the approval of the same terms."""
    document = veto_typed_data(digest, DEPLOYMENT)

    assert independent_digest(document) == veto_digest(digest, DEPLOYMENT)
    assert foreign_digest(document) == veto_digest(digest, DEPLOYMENT)
    assert digest != veto_digest(digest, DEPLOYMENT)


def test_a_wallet_that_signs_our_json_approves_our_digest() -> None:
    """R8.10: another program needs the JSON alone to make a signature that counts."""
    terms = random_transfer(random.Random(1))
    account = Account.from_key(key_of("alice").secret)

    signed = account.sign_typed_data(full_message=transfer_typed_data(terms, DEPLOYMENT))

    digest = transfer_digest(terms, DEPLOYMENT)
    assert address_of("alice") == recover_address(digest, bytes(signed.signature))


def _other(value: object) -> object:
    """Return a neighbour of a field's value: one bit, one letter or one step away."""
    if isinstance(value, Purpose):
        return Purpose.SWEEP if value is not Purpose.SWEEP else Purpose.REFILL
    if isinstance(value, MotionKind):
        return MotionKind.ADOPT if value is not MotionKind.ADOPT else MotionKind.CLOSE
    if isinstance(value, bytes):
        return bytes([*value[:-1], value[-1] ^ 1])
    if isinstance(value, int):
        return value ^ 1
    assert isinstance(value, str)
    if value.startswith("0x"):
        return checksum_address(bytes([*bytes.fromhex(value[2:-2]), int(value[-2:], 16) ^ 1]))
    return value + " "


@pytest.mark.parametrize("field", [f.name for f in dataclasses.fields(TransferTerms)])
@pytest.mark.parametrize("seed", range(5))
def test_change_of_any_field_changes_the_transfer(field: str, seed: int) -> None:
    """R8.1: every field is under the signature, down to its last bit."""
    terms = random_transfer(random.Random(seed))
    changes: dict[str, Any] = {field: _other(getattr(terms, field))}

    changed = dataclasses.replace(terms, **changes)

    assert transfer_digest(terms, DEPLOYMENT) != transfer_digest(changed, DEPLOYMENT)


@pytest.mark.parametrize("field", [f.name for f in dataclasses.fields(MotionTerms)])
@pytest.mark.parametrize("seed", range(5))
def test_change_of_any_field_changes_the_motion(field: str, seed: int) -> None:
    """R8.1: the same for motions."""
    terms = random_motion(random.Random(seed))
    changes: dict[str, Any] = {field: _other(getattr(terms, field))}

    changed = dataclasses.replace(terms, **changes)

    assert motion_digest(terms, DEPLOYMENT) != motion_digest(changed, DEPLOYMENT)


@pytest.mark.parametrize("bit", range(256))
def test_every_bit_of_the_deployment_counts(bit: int) -> None:
    """R8.2: another deployment, however near its id, shares no digest with this one."""
    terms, motion = random_transfer(random.Random(3)), random_motion(random.Random(3))
    other = (int.from_bytes(DEPLOYMENT, "big") ^ (1 << bit)).to_bytes(32, "big")

    assert transfer_digest(terms, DEPLOYMENT) != transfer_digest(terms, other)
    assert motion_digest(motion, DEPLOYMENT) != motion_digest(motion, other)
    assert veto_digest(other, DEPLOYMENT) != veto_digest(other, other)


@pytest.mark.parametrize("bit", range(256))
def test_every_bit_of_amount_and_law_counts(bit: int) -> None:
    """R8.1: no bit of the widest fields is lost on the way into the digest."""
    terms = random_transfer(random.Random(4))
    amount = dataclasses.replace(terms, amount=terms.amount ^ (1 << bit))
    chain = dataclasses.replace(terms, chain_id=terms.chain_id ^ (1 << bit))
    law = (int.from_bytes(terms.law_digest, "big") ^ (1 << bit)).to_bytes(32, "big")

    digests = {
        transfer_digest(t, DEPLOYMENT)
        for t in (terms, amount, chain, dataclasses.replace(terms, law_digest=law))
    }
    assert len(digests) == 4


def test_payloads_are_digested_by_content() -> None:
    """The order of a payload's keys does not matter, every value does."""
    assert payload_digest({"a": "1", "b": "2"}) == payload_digest({"b": "2", "a": "1"})
    assert payload_digest({"a": "1"}) != payload_digest({"a": "2"})
    assert keccak(b'{"a":"\\u00e4"}') == payload_digest({"a": "ä"})
