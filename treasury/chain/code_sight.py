"""Sees which of many accounts carry code, in one call: creation code that is never deployed.

The program walks over the addresses behind it, twenty bytes each, and returns one byte per account:
one where `EXTCODESIZE` is not zero. A delegation (EIP-7702) counts, because its designator is code.

    PUSH1 0  PUSH1 44                       k = 0, p = where the addresses begin
    4:  DUP1 CODESIZE EQ PUSH1 39 JUMPI     until p is the end
    PUSH1 20 DUP2 PUSH1 12 CODECOPY         the address, right-aligned, at 0
    PUSH1 0 MLOAD EXTCODESIZE ISZERO ISZERO
    DUP3 PUSH1 32 ADD MSTORE8               memory[32 + k] = it has code
    PUSH1 20 ADD SWAP1 PUSH1 1 ADD SWAP1    p += 20, k += 1
    PUSH1 4 JUMP
    39: JUMPDEST POP PUSH1 32 RETURN        k bytes from 32
"""

from __future__ import annotations

from collections.abc import Sequence

from policies.terms import Address
from treasury.chain.errors import BadAnswerError
from treasury.chain.packed_reader import reply_bytes

_PROGRAM = (
    "6000602c5b8038146027576014" "81600c396000513b151582602001536014019060010190600456"
    "5b506020f3"
)  # fmt: skip
ACCOUNTS_MOST = 2_000
"""Creation code holds at most 49,152 bytes (EIP-3860)."""


def code_call(accounts: Sequence[Address]) -> dict[str, str]:
    """Return the call that looks at up to `ACCOUNTS_MOST` accounts."""
    return {"data": "0x" + _PROGRAM + "".join(a[2:].lower() for a in accounts)}


def with_code(accounts: Sequence[Address], reply: bytes) -> tuple[Address, ...]:
    """Return the accounts that carry code; raises `BadAnswerError` for anything but one byte each.

    `reply` is the raw JSON of the call's result.
    """
    found = reply_bytes(reply)
    if len(found) != len(accounts) or not set(found) <= {0, 1}:
        raise BadAnswerError(f"the look for code answered {len(found)} bytes: {found[:8].hex()}")
    return tuple(account for account, has in zip(accounts, found, strict=True) if has)
