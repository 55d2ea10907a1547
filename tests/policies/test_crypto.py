"""Addresses and signatures: one form each, everything else refused."""

from __future__ import annotations

import coincurve
import pytest
from coincurve.utils import GROUP_ORDER_INT
from eth_account import Account
from eth_utils.address import to_checksum_address
from eth_utils.crypto import keccak as other_keccak
from hypothesis import given, settings
from hypothesis import strategies as st

from policies.crypto import (
    SECP256K1_N,
    BadAddressError,
    BadSignatureError,
    address_bytes,
    checksum_address,
    keccak256,
    parse_address,
    recover_address,
)
from tests.laws import address_of, key_of, sign

DIGEST = keccak256(b"a digest")
EIP55 = (
    "0x5aAeb6053F3E94C9b9A09f33669435E7Ef1BeAed",
    "0xfB6916095ca1df60bB79Ce92cE3Ea74c37c5d359",
    "0xdbF03B407c01E7cD3CBea99509d93f8DDDC8C6FB",
    "0xD1220A0cf47c7B9Be7A2E6BA89F429762e7b9aDb",
)


def test_the_order_of_the_curve_is_the_librarys() -> None:
    """All bounds of r and s hang on it."""
    assert SECP256K1_N == GROUP_ORDER_INT


def test_keccak_is_not_sha3() -> None:
    """The hash of nothing is the one that Ethereum knows, not NIST's."""
    expected = "c5d2460186f7233c927e7db2dcc703c0e500b653ca82273b7bfad8045d85a470"

    assert expected == keccak256(b"").hex()


@settings(max_examples=200, deadline=None)
@given(st.binary(max_size=300))
def test_keccak_agrees_with_another_library(data: bytes) -> None:
    """Two implementations hash the same."""
    assert other_keccak(data) == keccak256(data)


@pytest.mark.parametrize("address", EIP55)
def test_checksums_of_the_standard(address: str) -> None:
    """The examples of EIP-55 keep their form, also from all-lower and all-upper digits."""
    assert address == parse_address(address)
    assert address == parse_address(address.lower())
    assert address == parse_address("0x" + address[2:].upper())


@settings(max_examples=200, deadline=None)
@given(st.binary(min_size=20, max_size=20))
def test_checksums_agree_with_another_library(raw: bytes) -> None:
    """Twenty bytes are written the same by two implementations, and read back."""
    address = checksum_address(raw)

    assert str(to_checksum_address(raw)) == address
    assert raw == address_bytes(parse_address(address))


@pytest.mark.parametrize("index", range(2, 42))
def test_one_letter_in_the_wrong_case_is_refused(index: int) -> None:
    """A checksum that is wrong in any single letter is told with the right form."""
    right = EIP55[0]
    if right[index].isdigit():
        return
    wrong = right[:index] + right[index].swapcase() + right[index + 1 :]

    with pytest.raises(BadAddressError, match=f"wrong checksum: expected {right}"):
        parse_address(wrong)


@pytest.mark.parametrize("digits", ["a" + "1" * 38 + "b", "f" + "0" * 38 + "e"])
def test_the_first_letter_counts_as_much_as_the_last(digits: str) -> None:
    """With two letters, one at each end, only the checksum's own mixture of cases is taken."""
    right = checksum_address(bytes.fromhex(digits))
    for mixed in (digits[:-1] + digits[-1].upper(), digits[0].upper() + digits[1:]):
        if "0x" + mixed == right:
            assert right == parse_address("0x" + mixed)
        else:
            with pytest.raises(BadAddressError, match=f"wrong checksum: expected {right}"):
                parse_address("0x" + mixed)


@pytest.mark.parametrize(
    "text",
    ["", "0x", EIP55[0][2:], EIP55[0][:-1], EIP55[0] + "0", EIP55[0] + "\n", "0X" + EIP55[0][2:]],
)
def test_what_is_no_address_is_refused(text: str) -> None:
    """Length, prefix and digits are exact."""
    with pytest.raises(BadAddressError, match="is not an address"):
        parse_address(text)


def test_the_signer_is_recovered_whichever_way_v_is_written() -> None:
    """27, 28 and 0, 1 mean the same point."""
    signature = sign("alice", DIGEST)
    bare = signature[:64] + bytes([signature[64] - 27])

    assert address_of("alice") == recover_address(DIGEST, signature)
    assert address_of("alice") == recover_address(DIGEST, bare)


@settings(max_examples=100, deadline=None)
@given(st.binary(min_size=32, max_size=32), st.integers(1, SECP256K1_N - 1))
def test_recovery_agrees_with_another_library(digest: bytes, secret: int) -> None:
    """R8.4: what another library signs, ours attributes to the same address."""
    account = Account.from_key(secret.to_bytes(32, "big"))
    signed = account.unsafe_sign_hash(digest)

    assert account.address == recover_address(digest, bytes(signed.signature))


def test_a_high_s_twin_is_refused() -> None:
    """R8.4: the second valid form of a signature is not a second approval."""
    signature = sign("alice", DIGEST)
    high = (SECP256K1_N - int.from_bytes(signature[32:64], "big")).to_bytes(32, "big")
    twin = signature[:32] + high + bytes([27 + (28 - signature[64])])

    with pytest.raises(BadSignatureError, match="upper half"):
        recover_address(DIGEST, twin)


@pytest.mark.parametrize("v", [2, 3, 26, 29, 31, 35, 36, 37, 38, 128, 255])
def test_another_v_is_refused(v: int) -> None:
    """R8.4: neither EIP-155 values nor compact forms pass as a recovery id."""
    with pytest.raises(BadSignatureError, match="out of range"):
        recover_address(DIGEST, sign("alice", DIGEST)[:64] + bytes([v]))


@pytest.mark.parametrize("length", [0, 1, 63, 64, 66, 130])
def test_compact_and_other_lengths_are_refused(length: int) -> None:
    """R8.4: EIP-2098's 64 bytes are ambiguous here, so exactly 65 are taken."""
    signature = (sign("alice", DIGEST) * 2)[:length]

    with pytest.raises(BadSignatureError, match=f"this one has {length}"):
        recover_address(DIGEST, signature)


@pytest.mark.parametrize(
    ("r", "s"),
    [
        (0, 1),
        (1, 0),
        (SECP256K1_N, 1),
        (1, SECP256K1_N),
        (2**256 - 1, 1),
        (1, SECP256K1_N // 2 + 1),
    ],
)
def test_values_out_of_range_are_refused(r: int, s: int) -> None:
    """R8.4: r and s lie in the group, s in its lower half; one above the half is too many."""
    signature = r.to_bytes(32, "big") + s.to_bytes(32, "big") + b"\x1b"

    with pytest.raises(BadSignatureError, match="out of range"):
        recover_address(DIGEST, signature)


def test_the_half_itself_is_a_low_s() -> None:
    """R8.4: exactly half the order is the largest s that is taken."""
    signature = sign("alice", DIGEST)[:32] + (SECP256K1_N // 2).to_bytes(32, "big") + b"\x1b"

    assert address_of("alice") != recover_address(DIGEST, signature)


def test_a_point_that_is_not_on_the_curve_is_refused() -> None:
    """R8.4: an r that no point has leads to a refusal, not to a foreign exception."""
    signature = (5).to_bytes(32, "big") + (1).to_bytes(32, "big") + b"\x1b"

    with pytest.raises(BadSignatureError, match="no public key"):
        recover_address(DIGEST, signature)


@pytest.mark.parametrize("length", [0, 31, 33])
def test_a_digest_is_32_bytes(length: int) -> None:
    """R3.2: nothing but 32 bytes is a digest."""
    with pytest.raises(BadSignatureError, match="must be 32 bytes"):
        recover_address(b"\1" * length, sign("alice", DIGEST))


@settings(max_examples=300, deadline=None)
@given(st.binary(max_size=70))
def test_random_bytes_are_refused_or_belong_to_somebody(data: bytes) -> None:
    """R6.7: any bytes end in an address or a `BadSignatureError`."""
    try:
        assert recover_address(DIGEST, data).startswith("0x")
    except BadSignatureError:
        return


def test_the_sample_keys_are_what_coincurve_says() -> None:
    """The keys of these tests are usable keys of the curve."""
    assert isinstance(key_of("alice"), coincurve.PrivateKey)
