"""Terms as JSON and back, strictly.

The field names are those of the EIP-712 types, integers are decimal strings, bytes are 0x-hex.
Reading refuses what writing would not produce.
"""

from __future__ import annotations

import re
from collections.abc import Mapping

from policies.crypto import BadAddressError, parse_address
from policies.terms import (
    UINT64_MAX,
    UINT256_MAX,
    Address,
    MotionKind,
    MotionTerms,
    Purpose,
    TransferTerms,
)

_DECIMAL = re.compile(r"(0|[1-9][0-9]{0,77})\Z")
_HEX = re.compile(r"0x[0-9a-f]*\Z")
_WHAT_MOST = 300
_SALT_BYTES = 16
_DIGEST_BYTES = 32


class TermsError(ValueError):
    """The JSON is not a set of terms; the message names the field."""


def terms_to_json(terms: TransferTerms) -> dict[str, str]:
    """Write transfer terms as a flat JSON object of strings."""
    return {
        "what": terms.what,
        "purpose": terms.purpose.value,
        "salt": "0x" + terms.salt.hex(),
        "chainId": str(terms.chain_id),
        "asset": terms.asset,
        "from": terms.source,
        "to": terms.destination,
        "amount": str(terms.amount),
        "maxFee": str(terms.max_fee),
        "maker": terms.maker,
        "proposedAt": str(terms.proposed_at),
        "expiresAt": str(terms.expires_at),
        "lawDigest": "0x" + terms.law_digest.hex(),
    }


def motion_to_json(terms: MotionTerms) -> dict[str, str]:
    """Write motion terms as a flat JSON object of strings."""
    return {
        "what": terms.what,
        "kind": terms.kind.value,
        "salt": "0x" + terms.salt.hex(),
        "payloadDigest": "0x" + terms.payload_digest.hex(),
        "maker": terms.maker,
        "proposedAt": str(terms.proposed_at),
        "expiresAt": str(terms.expires_at),
        "lawDigest": "0x" + terms.law_digest.hex(),
    }


def transfer_from_json(document: object) -> TransferTerms:
    """Read transfer terms.

    Raises `TermsError` for missing or unknown fields, wrong types, and values out of range.
    """
    fields = _Fields(document)
    terms = TransferTerms(
        what=fields.text("what"),
        purpose=fields.purpose("purpose"),
        salt=fields.data("salt", _SALT_BYTES),
        chain_id=fields.number("chainId", UINT256_MAX),
        asset=fields.address("asset"),
        source=fields.address("from"),
        destination=fields.address("to"),
        amount=fields.number("amount", UINT256_MAX),
        max_fee=fields.number("maxFee", UINT256_MAX),
        maker=fields.address("maker"),
        proposed_at=fields.number("proposedAt", UINT64_MAX),
        expires_at=fields.number("expiresAt", UINT64_MAX),
        law_digest=fields.data("lawDigest", _DIGEST_BYTES),
    )
    fields.finish()
    return terms


def motion_from_json(document: object) -> MotionTerms:
    """Read motion terms.

    Raises `TermsError` for missing or unknown fields, wrong types, and values out of range.
    """
    fields = _Fields(document)
    terms = MotionTerms(
        what=fields.text("what"),
        kind=fields.kind("kind"),
        salt=fields.data("salt", _SALT_BYTES),
        payload_digest=fields.data("payloadDigest", _DIGEST_BYTES),
        maker=fields.address("maker"),
        proposed_at=fields.number("proposedAt", UINT64_MAX),
        expires_at=fields.number("expiresAt", UINT64_MAX),
        law_digest=fields.data("lawDigest", _DIGEST_BYTES),
    )
    fields.finish()
    return terms


class _Fields:
    """The fields of one JSON object, taken one by one."""

    def __init__(self, document: object) -> None:
        if not isinstance(document, Mapping):
            raise TermsError("the terms must be one JSON object")
        self._left: dict[object, object] = dict(document)

    def _taken(self, name: str) -> str:
        value = self._left.pop(name, None)
        if not isinstance(value, str):
            raise TermsError(f"{name}: missing or not a text")
        return value

    def text(self, name: str) -> str:
        value = self._taken(name)
        if not (0 < len(value) <= _WHAT_MOST and value.isascii() and value.isprintable()):
            raise TermsError(f"{name}: must be printable ASCII, at most {_WHAT_MOST} characters")
        return value

    def number(self, name: str, most: int) -> int:
        value = self._taken(name)
        number = int(value) if _DECIMAL.match(value) else most + 1
        if number > most:
            raise TermsError(f"{name}: must be a whole number of at most {most}, in decimal digits")
        return number

    def data(self, name: str, length: int) -> bytes:
        value = self._taken(name)
        if not _HEX.match(value) or len(value) != 2 + 2 * length:
            raise TermsError(f"{name}: must be 0x and {length} bytes in lower-case hexadecimal")
        return bytes.fromhex(value[2:])

    def address(self, name: str) -> Address:
        value = self.text(name)
        try:
            address = parse_address(value)
        except BadAddressError as error:
            raise TermsError(f"{name}: {error}") from error
        if address != value:
            raise TermsError(f"{name}: write the address with its checksum, {address}")
        return address

    def purpose(self, name: str) -> Purpose:
        value = self._taken(name)
        try:
            return Purpose(value)
        except ValueError as error:
            raise TermsError(f"{name}: must be one of {', '.join(Purpose)}") from error

    def kind(self, name: str) -> MotionKind:
        value = self._taken(name)
        try:
            return MotionKind(value)
        except ValueError as error:
            raise TermsError(f"{name}: must be one of {', '.join(MotionKind)}") from error

    def finish(self) -> None:
        if self._left:
            raise TermsError(f"unknown field {min(map(str, self._left))!r}")
