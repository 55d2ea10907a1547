"""Receivers that must be contracts: the code that the law expects is there, or nothing goes there.

A contract wallet has the same address on every chain, but it exists only where somebody deployed
it; and whoever deploys first at such an address may deploy something else. What stands behind a
proxy is not part of its code and is not judged here.
"""

from __future__ import annotations

from policies.law import Receiver
from policies.terms import Reason


def judge_receiver(receiver: Receiver, code: bytes | None) -> tuple[Reason, ...]:
    """Say why nothing may be sent to a receiver now; empty means that it is what it should be.

    `code` is the Keccak-256 of the code at its address, empty where there is none, None: unknown.
    """
    if code == receiver.code_hash:
        return ()
    if code is None:
        kind, text = "receiver_unknown", "could not be read"
    elif not code:
        kind, text = "receiver_missing", "has no code on this chain: deploy it first"
    else:
        kind, text = "receiver_code", f"carries other code than the law says: 0x{code.hex()}"
    return (Reason(code=kind, text=f"the contract at {receiver.address} {text}"),)
