"""Hand many orders to the signer, and send what it signs while it signs the next.

Used by the stations that begin transfers: `dispatch` for all, `evacuate` for those that cannot
wait for the other lane. Both may take the same transfer in the same moment: the signer answers the
same bytes for the same order, and only one of the two finds the row as it was.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import islice

from hsm.wire.answers import NotReady, Refused, SignAsk, Signed
from policies import fees
from treasury.ledger.facts import Approval, Transfer
from treasury.ledger.queries import refills
from treasury.orders.sending import Desk, Handed, fees_of, keep_and_send_all, leave
from treasury.safety.contending import claims, contend


def sign_and_send(
    desk: Desk, to_sign: Sequence[tuple[Transfer, fees.Bid]]
) -> list[tuple[Transfer, Refused]]:
    """Have them signed in groups, each stored and sent while the next is signed; return refusals.

    What the signer cannot sign yet stays queued, with its reasons. Raises `HsmError`, `ChainError`.
    """
    if not to_sign:
        return []
    with desk.world.ledger.read() as session:
        approvals = refills.approvals_of(session, [t.order_id for t, _ in to_sign])
    claimed = claims(desk, [transfer for transfer, _ in to_sign])
    asks = [
        _ask(transfer, bid, approvals[transfer.order_id], claimed.get(transfer.id))
        for transfer, bid in to_sign
    ]
    coming = iter(transfer for transfer, _ in to_sign)
    refused: list[tuple[Transfer, Refused]] = []
    urgent: list[Transfer] = []
    for answers in desk.world.signer.sign_all(asks):
        group = list(zip(islice(coming, len(answers)), answers, strict=True))
        signed = [(transfer, answer) for transfer, answer in group if isinstance(answer, Signed)]
        keep_and_send_all(desk, [Handed(transfer=t, signed=a, why="signed") for t, a in signed])
        urgent.extend(transfer for transfer, _ in signed)
        for transfer, answer in group:
            if isinstance(answer, NotReady):
                leave(desk, transfer, answer.reasons)
            elif isinstance(answer, Refused):
                refused.append((transfer, answer))
    # The signer serves nothing else before it has answered all of them.
    for transfer in urgent:
        contend(desk, transfer)
    return refused


def _ask(
    transfer: Transfer, bid: fees.Bid, approvals: Sequence[Approval], claim: int | None
) -> SignAsk:
    return SignAsk(
        order_id=bytes.fromhex(transfer.order_id[2:]),
        fees=fees_of(bid),
        order=transfer.terms,
        approvals=[approval.signature for approval in approvals],
        nonce=claim,
    )
