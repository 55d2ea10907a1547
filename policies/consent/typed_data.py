"""EIP-712 digests of transfers, motions and vetoes, and the same as JSON for other wallets.

The domain is {name "Treasury", version "1", salt = deployment id}; the chain id stands in the
message, because wallets refuse a domain off their active network.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from functools import lru_cache

from policies.consent.written import motion_to_json, terms_to_json
from policies.crypto import address_bytes, keccak256
from policies.terms import MotionTerms, Purpose, TransferTerms

DOMAIN_NAME = "Treasury"
DOMAIN_VERSION = "1"

_Fields = tuple[tuple[str, str], ...]

_DOMAIN: _Fields = (("string", "name"), ("string", "version"), ("bytes32", "salt"))
_TRANSFER: _Fields = (
    ("string", "what"),
    ("string", "purpose"),
    ("bytes16", "salt"),
    ("uint256", "chainId"),
    ("address", "asset"),
    ("address", "from"),
    ("address", "to"),
    ("uint256", "amount"),
    ("uint256", "maxFee"),
    ("address", "maker"),
    ("uint64", "proposedAt"),
    ("uint64", "expiresAt"),
    ("bytes32", "lawDigest"),
)
_MOTION: _Fields = (
    ("string", "what"),
    ("string", "kind"),
    ("bytes16", "salt"),
    ("bytes32", "payloadDigest"),
    ("address", "maker"),
    ("uint64", "proposedAt"),
    ("uint64", "expiresAt"),
    ("bytes32", "lawDigest"),
)
_VETO: _Fields = (("bytes32", "digest"),)


def _type_hash(name: str, fields: _Fields) -> bytes:
    written = ",".join(f"{kind} {field}" for kind, field in fields)
    return keccak256(f"{name}({written})".encode("ascii"))


_DOMAIN_TYPE = _type_hash("EIP712Domain", _DOMAIN)
_TRANSFER_TYPE = _type_hash("Transfer", _TRANSFER)
_MOTION_TYPE = _type_hash("Motion", _MOTION)
_VETO_TYPE = _type_hash("Veto", _VETO)
_NAME_HASH = keccak256(DOMAIN_NAME.encode())
_VERSION_HASH = keccak256(DOMAIN_VERSION.encode())
_PURPOSE_HASHES = {purpose: keccak256(purpose.value.encode()) for purpose in Purpose}


def transfer_digest(terms: TransferTerms, deployment: bytes) -> bytes:
    """Return the 32-byte EIP-712 digest of transfer terms: the order id."""
    struct = b"".join(
        (
            _TRANSFER_TYPE,
            keccak256(terms.what.encode()),
            _PURPOSE_HASHES[terms.purpose],
            terms.salt.ljust(32, b"\0"),
            terms.chain_id.to_bytes(32, "big"),
            address_bytes(terms.asset).rjust(32, b"\0"),
            address_bytes(terms.source).rjust(32, b"\0"),
            address_bytes(terms.destination).rjust(32, b"\0"),
            terms.amount.to_bytes(32, "big"),
            terms.max_fee.to_bytes(32, "big"),
            address_bytes(terms.maker).rjust(32, b"\0"),
            terms.proposed_at.to_bytes(32, "big"),
            terms.expires_at.to_bytes(32, "big"),
            terms.law_digest,
        )
    )
    return _digest(keccak256(struct), deployment)


def motion_digest(terms: MotionTerms, deployment: bytes) -> bytes:
    """Return the 32-byte EIP-712 digest of motion terms: the motion id."""
    struct = b"".join(
        (
            _MOTION_TYPE,
            keccak256(terms.what.encode()),
            keccak256(terms.kind.value.encode()),
            terms.salt.ljust(32, b"\0"),
            terms.payload_digest,
            address_bytes(terms.maker).rjust(32, b"\0"),
            terms.proposed_at.to_bytes(32, "big"),
            terms.expires_at.to_bytes(32, "big"),
            terms.law_digest,
        )
    )
    return _digest(keccak256(struct), deployment)


def veto_digest(digest: bytes, deployment: bytes) -> bytes:
    """Return the 32-byte EIP-712 digest of a veto against terms with that digest."""
    return _digest(keccak256(_VETO_TYPE + digest), deployment)


def payload_digest(payload: Mapping[str, object]) -> bytes:
    """Return the Keccak-256 digest of a motion's payload in canonical JSON."""
    text = json.dumps(payload, sort_keys=True, separators=(",", ":"), ensure_ascii=True)
    return keccak256(text.encode("ascii"))


def transfer_typed_data(terms: TransferTerms, deployment: bytes) -> dict[str, object]:
    """Return the JSON that `eth_signTypedData_v4` takes for transfer terms."""
    return _typed_data("Transfer", _TRANSFER, terms_to_json(terms), deployment)


def motion_typed_data(terms: MotionTerms, deployment: bytes) -> dict[str, object]:
    """Return the JSON that `eth_signTypedData_v4` takes for motion terms."""
    return _typed_data("Motion", _MOTION, motion_to_json(terms), deployment)


def veto_typed_data(digest: bytes, deployment: bytes) -> dict[str, object]:
    """Return the JSON that `eth_signTypedData_v4` takes for a veto."""
    return _typed_data("Veto", _VETO, {"digest": "0x" + digest.hex()}, deployment)


def _digest(struct_hash: bytes, deployment: bytes) -> bytes:
    return keccak256(b"\x19\x01" + _domain(deployment) + struct_hash)


@lru_cache(maxsize=8)
def _domain(deployment: bytes) -> bytes:
    return keccak256(_DOMAIN_TYPE + _NAME_HASH + _VERSION_HASH + deployment)


def _typed_data(
    name: str, fields: _Fields, message: dict[str, str], deployment: bytes
) -> dict[str, object]:
    def typed(fields: _Fields) -> list[dict[str, str]]:
        return [{"name": field, "type": kind} for kind, field in fields]

    salt = "0x" + deployment.hex()
    return {
        "types": {"EIP712Domain": typed(_DOMAIN), name: typed(fields)},
        "primaryType": name,
        "domain": {"name": DOMAIN_NAME, "version": DOMAIN_VERSION, "salt": salt},
        "message": message,
    }
