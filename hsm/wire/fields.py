"""Typed reading and writing of the fields of a message body; both ends use this file.

Every reader raises `ProtocolError` with the field's name. Unknown fields are refused, because a
field that one side ignores is a promise that one side does not keep.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence

from hsm.errors import ProtocolError
from hsm.wire.message import Body, Json

_DECIMAL = re.compile(r"(0|[1-9][0-9]{0,77})\Z")
_HEX = re.compile(r"0x[0-9a-f]*\Z")
MAX_TEXT = 400


def only(body: Body, required: frozenset[str], optional: frozenset[str] = frozenset()) -> None:
    """Refuse a body that lacks a required field or has an unknown one."""
    names = set(body)
    if not required <= names <= required | optional:
        missing, unknown = required - names, names - required - optional
        msg = f"fields missing: {sorted(missing)}, fields unknown: {sorted(unknown)}"
        raise ProtocolError(msg)


def text(body: Body, name: str, *, limit: int = MAX_TEXT) -> str:
    """Read a string of at most `limit` characters."""
    value = body.get(name)
    if not isinstance(value, str) or len(value) > limit:
        msg = f"`{name}` must be a string of at most {limit} characters"
        raise ProtocolError(msg)
    return value


def words(body: Body, name: str) -> str:
    """Read a string for people, cut to `MAX_TEXT` characters.

    What only explains a step toward safety must never be the reason that the step is refused.
    """
    value = body.get(name)
    if not isinstance(value, str):
        msg = f"`{name}` must be a string"
        raise ProtocolError(msg)
    return brief(value)


def brief(text: str) -> str:
    """Return a text of at most `MAX_TEXT` characters; a longer one ends in "..."."""
    return text if len(text) <= MAX_TEXT else text[: MAX_TEXT - 3] + "..."


def integer(body: Body, name: str) -> int:
    """Read a non-negative integer from its decimal string."""
    value = body.get(name)
    if not isinstance(value, str) or not _DECIMAL.match(value):
        msg = f"`{name}` must be a decimal string without sign or leading zero"
        raise ProtocolError(msg)
    return int(value)


def maybe_integer(body: Body, name: str) -> int | None:
    """Read an integer where the empty string, or absence, means "none"."""
    return None if body.get(name, "") == "" else integer(body, name)


def blob(body: Body, name: str, *, length: int | None = None) -> bytes:
    """Read bytes from 0x-hex; of exactly `length` bytes when it is given."""
    value = body.get(name)
    if not isinstance(value, str):
        msg = f"`{name}` must be a string of 0x-hex"
        raise ProtocolError(msg)
    data = from_hex(value, name)
    if length is not None and len(data) != length:
        msg = f"`{name}` must have {length} bytes, it has {len(data)}"
        raise ProtocolError(msg)
    return data


def blobs(body: Body, name: str, *, limit: int) -> tuple[bytes, ...]:
    """Read a list of 0x-hex strings; absence means an empty list."""
    found = items(body, name, limit=limit) if name in body else ()
    return tuple(from_hex(item, name) for item in found)


def texts(body: Body, name: str, *, limit: int) -> tuple[str, ...]:
    """Read a list of strings."""
    found = items(body, name, limit=limit)
    if not all(isinstance(item, str) for item in found):
        msg = f"`{name}` must be a list of strings"
        raise ProtocolError(msg)
    return tuple(str(item) for item in found)


def flag(body: Body, name: str) -> bool:
    """Read a yes or no, written "1" or "0"."""
    value = body.get(name)
    if value not in ("0", "1"):
        msg = f'`{name}` must be "0" or "1"'
        raise ProtocolError(msg)
    return value == "1"


def table(body: Body, name: str) -> Body:
    """Read an object."""
    value = body.get(name)
    if not isinstance(value, dict):
        msg = f"`{name}` must be an object"
        raise ProtocolError(msg)
    return value


def items(body: Body, name: str, *, limit: int) -> Sequence[Json]:
    """Read a list of at most `limit` items."""
    value = body.get(name)
    if isinstance(value, str) or not isinstance(value, Sequence) or len(value) > limit:
        msg = f"`{name}` must be a list of at most {limit} items"
        raise ProtocolError(msg)
    return value


def tables(body: Body, name: str, *, limit: int) -> tuple[Body, ...]:
    """Read a list of objects."""
    found = []
    for item in items(body, name, limit=limit):
        if not isinstance(item, Mapping):
            msg = f"`{name}` must be a list of objects"
            raise ProtocolError(msg)
        found.append(item)
    return tuple(found)


def from_hex(value: Json, name: str) -> bytes:
    """Decode lower-case 0x-hex."""
    if not isinstance(value, str) or len(value) % 2 or not _HEX.match(value):
        msg = f"`{name}` must be lower-case 0x-hex"
        raise ProtocolError(msg)
    return bytes.fromhex(value[2:])


def to_hex(data: bytes) -> str:
    """Encode bytes as lower-case 0x-hex."""
    return "0x" + data.hex()


def to_flag(value: bool) -> str:  # noqa: FBT001 - the one argument is the value itself
    """Write a yes or no."""
    return "1" if value else "0"
