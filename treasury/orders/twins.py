"""Two evacuations whose signed bytes are one transaction: one payment, which is told once.

An evacuation may take the nonce of another that asks for more coins than a thief has left. When
the coins come back, the next one may ask for the same sum on the same nonce at the same price; and
a token that draws no randomness for its signatures (RFC 6979) gives the same bytes. Mined, they
pay once. The transfer that had them first tells what became of them. The other one never had a
transaction of its own, so it ends CANCELLED and says which one it is.

Of evacuations alone: any other two orders on one nonce are a fault of the signer.
"""

from __future__ import annotations

from collections.abc import Sequence

from hsm.wire.answers import Signed
from policies.lifecycles import Owner, TransferState
from policies.terms import Purpose, Reason, TransferTerms
from treasury.ledger import Session, moves
from treasury.ledger.facts import Transfer
from treasury.ledger.queries import transfers


def twin_of(session: Session, terms: TransferTerms, signed: Signed) -> Transfer | None:
    """Return the other evacuation for which the same bytes are stored."""
    if terms.purpose is not Purpose.EVACUATION:
        return None
    other = transfers.by_hash(session, "0x" + signed.hash.hex())
    is_own = other is not None and other.order_id == "0x" + signed.order_id.hex()
    if other is None or is_own or other.purpose is not Purpose.EVACUATION:
        return None
    return other


def own_bytes(
    session: Session, terms: TransferTerms, signed: Sequence[Signed]
) -> tuple[list[Signed], Transfer | None]:
    """Return those bytes that are no other evacuation's, and to which the others belong."""
    others = [twin_of(session, terms, one) for one in signed]
    own = [one for one, other in zip(signed, others, strict=True) if other is None]
    return own, next((other for other in others if other is not None), None)


def end_twin(session: Session, transfer: Transfer, other: Transfer, now: int) -> str:
    """End a transfer that has no bytes but another's; return what is to be told.

    One that has bytes of its own besides goes on with them.
    """
    text = f"the signed bytes are those of transfer {other.id}: one payment, told there"
    if transfer.state is TransferState.QUEUED:
        why = (Reason(code="twin", text=text),)
        dispatch, end = Owner.DISPATCH, TransferState.CANCELLED
        moves.move(session, transfer, end, actor=dispatch, why=why, now=now)
    return f"ended transfer {transfer.id}: {text}"
