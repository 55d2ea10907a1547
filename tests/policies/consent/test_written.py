"""Terms as JSON: what is written is read back, anything else is refused by the field's name."""

from __future__ import annotations

import random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from policies.consent import (
    TermsError,
    motion_from_json,
    motion_to_json,
    terms_to_json,
    transfer_from_json,
)
from policies.crypto import checksum_address
from policies.terms import UINT64_MAX, UINT256_MAX, MotionKind, MotionTerms, Purpose, TransferTerms
from tests.laws import address_of

TERMS = TransferTerms(
    what="Refill hot-a with 40 ETH from vault on devnet",
    purpose=Purpose.REFILL,
    salt=bytes(range(16)),
    chain_id=31337,
    asset=checksum_address(bytes(20)),
    source=address_of("vault"),
    destination=address_of("hot-a"),
    amount=40 * 10**18,
    max_fee=10**16,
    maker=address_of("alice"),
    proposed_at=1_767_355_200,
    expires_at=1_767_358_800,
    law_digest=bytes(range(32)),
)
MOTION = MotionTerms(
    what="Resume exposure after the halt: all is well",
    kind=MotionKind.RESUME,
    salt=bytes(range(16)),
    payload_digest=bytes(range(32, 64)),
    maker=address_of("alice"),
    proposed_at=1_767_355_200,
    expires_at=1_767_358_800,
    law_digest=bytes(range(32)),
)


def test_names_and_forms_are_those_of_the_contract() -> None:
    """EIP-712 field names, decimal strings, 0x-hex; nothing but texts."""
    written = terms_to_json(TERMS)

    assert [
        "what purpose salt chainId asset from to amount maxFee maker proposedAt expiresAt lawDigest"
    ] == [" ".join(written)]
    assert written["amount"] == "40000000000000000000"
    assert written["salt"] == "0x000102030405060708090a0b0c0d0e0f"
    assert written["purpose"] == "refill"
    assert motion_to_json(MOTION)["kind"] == "resume"


def test_written_terms_read_back() -> None:
    """Writing and reading is the identity."""
    assert transfer_from_json(terms_to_json(TERMS)) == TERMS
    assert motion_from_json(motion_to_json(MOTION)) == MOTION


@settings(max_examples=100, deadline=None)
@given(
    st.integers(0, UINT256_MAX),
    st.integers(0, UINT64_MAX),
    st.binary(min_size=20, max_size=20),
    st.sampled_from(Purpose),
)
def test_any_terms_read_back(amount: int, at: int, raw: bytes, purpose: Purpose) -> None:
    """The whole range of amounts, times and addresses survives."""
    terms = TransferTerms(
        what="x",
        purpose=purpose,
        salt=raw[:16],
        chain_id=amount,
        asset=checksum_address(raw),
        source=checksum_address(raw[::-1]),
        destination=checksum_address(raw),
        amount=amount,
        max_fee=amount,
        maker=checksum_address(raw),
        proposed_at=at,
        expires_at=at,
        law_digest=raw + bytes(12),
    )

    assert transfer_from_json(terms_to_json(terms)) == terms


@pytest.mark.parametrize("what", ["a", "a" * 300])
def test_the_shortest_and_the_longest_sentence_are_read(what: str) -> None:
    """One character and three hundred are within the bounds."""
    assert transfer_from_json({**terms_to_json(TERMS), "what": what}).what == what


BAD_TRANSFER = [
    ("what", "", "what: must be printable ASCII, at most 300 characters"),
    ("what", "a" * 301, "what: must be printable ASCII, at most 300 characters"),
    ("what", "Refill h\u043et-a", "what: must be printable ASCII, at most 300 characters"),
    ("what", "a\x1b[2K", "what: must be printable ASCII, at most 300 characters"),
    ("what", "\u202egnp", "what: must be printable ASCII, at most 300 characters"),
    ("what", 1, "what: missing or not a text"),
    ("purpose", "gift", "purpose: must be one of refill, sweep, evacuation, withdrawal, top_up"),
    ("salt", "0x00", "salt: must be 0x and 16 bytes in lower-case hexadecimal"),
    ("salt", "0x" + "AB" * 16, "salt: must be 0x and 16 bytes in lower-case hexadecimal"),
    ("salt", "ab" * 17, "salt: must be 0x and 16 bytes in lower-case hexadecimal"),
    ("salt", "0x" + "00" * 16 + "\n", "salt: must be 0x and 16 bytes in lower-case"),
    ("chainId", 31337, "chainId: missing or not a text"),
    ("chainId", "031337", "chainId: must be a whole number"),
    ("chainId", "0x7a69", "chainId: must be a whole number"),
    ("chainId", "-1", "chainId: must be a whole number"),
    ("chainId", "1.0", "chainId: must be a whole number"),
    ("amount", "1e18", "amount: must be a whole number"),
    ("amount", str(UINT256_MAX + 1), f"amount: must be a whole number of at most {UINT256_MAX}"),
    ("amount", "9" * 79, f"amount: must be a whole number of at most {UINT256_MAX}"),
    (
        "proposedAt",
        str(UINT64_MAX + 1),
        f"proposedAt: must be a whole number of at most {UINT64_MAX}",
    ),
    ("to", "0x1", "to: '0x1' is not an address"),
    ("to", address_of("hot-a").lower(), "to: write the address with its checksum, 0x"),
    ("to", address_of("hot-a").swapcase().replace("0X", "0x"), "to: "),
    ("maker", None, "maker: missing or not a text"),
    ("lawDigest", "0x" + "00" * 31, "lawDigest: must be 0x and 32 bytes in lower-case hexadecimal"),
]


@pytest.mark.parametrize(("field", "value", "message"), BAD_TRANSFER)
def test_a_bad_field_is_named(field: str, value: object, message: str) -> None:
    """R8.8: every wrong field is refused with its name; texts are plain ASCII."""
    document: dict[str, object] = {**terms_to_json(TERMS), field: value}

    with pytest.raises(TermsError) as caught:
        transfer_from_json(document)

    assert message in str(caught.value)


@pytest.mark.parametrize("field", list(terms_to_json(TERMS)))
def test_a_missing_field_is_named(field: str) -> None:
    """Nothing has a default: what is signed is written in full."""
    document = {k: v for k, v in terms_to_json(TERMS).items() if k != field}

    with pytest.raises(TermsError, match=f"^{field}: missing"):
        transfer_from_json(document)


@pytest.mark.parametrize(
    ("field", "value", "message"),
    [
        ("kind", "dance", "kind: must be one of adopt, rotate, reinstate"),
        ("payloadDigest", "0x", "payloadDigest: must be 0x and 32 bytes"),
        ("extra", "1", "unknown field 'extra'"),
    ],
)
def test_a_bad_motion_is_named(field: str, value: str, message: str) -> None:
    """Motions are read as strictly as transfers."""
    with pytest.raises(TermsError) as caught:
        motion_from_json({**motion_to_json(MOTION), field: value})

    assert message in str(caught.value)


@pytest.mark.parametrize("document", [None, [], "x", 1, {}])
def test_what_is_no_object_is_refused(document: object) -> None:
    """R6.7: anything but one complete object is a `TermsError`."""
    with pytest.raises(TermsError):
        transfer_from_json(document)
    with pytest.raises(TermsError):
        motion_from_json(document)


def test_unknown_fields_are_refused() -> None:
    """R8.7: a field that is not signed cannot ride along."""
    with pytest.raises(TermsError, match="unknown field 'note'"):
        transfer_from_json({**terms_to_json(TERMS), "note": "harmless", "zeta": "x"})


def test_random_edits_never_break_the_reader() -> None:
    """R6.7: thousands of garbled documents end in terms or in a `TermsError`."""
    lots = random.Random(5)
    good = terms_to_json(TERMS)
    junk: tuple[object, ...] = ("", "0", "0x", None, 1, [], {}, "é", "9" * 100, "0x" + "f" * 64)
    for _ in range(2000):
        document: dict[str, object] = dict(good)
        for field in lots.sample(list(good), 2):
            document[field] = lots.choice(junk)
        try:
            terms = transfer_from_json(document)
        except TermsError:
            continue
        assert document == terms_to_json(terms)
