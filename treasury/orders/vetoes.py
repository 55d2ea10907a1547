"""One signed veto ends a matter; a row in a table proves nothing, so every veto is recovered."""

from __future__ import annotations

from policies.consent import veto_digest
from policies.crypto import BadSignatureError, recover_address
from policies.law import Law
from policies.terms import Reason
from treasury.ledger.queries import refills
from treasury.world import World


def heed_vetoes(world: World, law: Law, digest: str) -> tuple[Reason, ...]:
    """Show every valid veto against a digest to the signer, and return who vetoed.

    Raises `HsmError` when the signer does not answer: it must know before the ledger does.
    """
    raw = bytes.fromhex(digest[2:])
    with world.ledger.read() as session:
        vetoes = refills.vetoes(session, digest)
    reasons = []
    for veto in vetoes:
        try:
            person = recover_address(veto_digest(raw, world.deployment), veto.signature)
        except BadSignatureError:
            continue
        treasurer = law.treasurer_at(person)
        if treasurer is not None:
            world.signer.veto(raw, veto.signature)
            reasons.append(Reason(code="vetoed", text=f"{treasurer.name} vetoed it"))
    return tuple(reasons)
