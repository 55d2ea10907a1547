"""Which orders carry out a payout: known by their salt, which follows from the request's key.

    salt of order n = keccak256(deployment || key)[:15] || n

So a daemon that lost its ledger, or got an older copy of it back, makes the same salt again when a
service repeats its key. The signer's book gives one nonce per salt and refuses what does not follow
its largest n; and what was adopted from the book is recognised here before that. A payout's next
order begins only when the former ended at finality without having paid.
"""

from __future__ import annotations

from policies.crypto import keccak256
from policies.lifecycles import Owner, TransferState, WithdrawalState
from policies.terms import Purpose, Reason
from treasury.ledger import Session, marks, moves
from treasury.ledger.facts import Transfer, Withdrawal
from treasury.ledger.queries import transfers

MOST_TRANSFERS = 3
"""How many transfers one withdrawal gets before it is cancelled."""
SALT_USED = "salt_used"
"""What the signer says to a second order with the salt of a recorded one."""

_ADOPTED = "adopted:"
_BOOK = "the signer's book knows its order"
_SERIES_BYTES = 15
_UNPAID = (WithdrawalState.ACCEPTED, WithdrawalState.HELD)


def payout_salt(deployment: bytes, key: str, number: int) -> bytes:
    """Return the 16-byte salt of the order `number` (from 1) for a request under `key`."""
    return keccak256(deployment + key.encode())[:_SERIES_BYTES] + number.to_bytes(1, "big")


def adopted_cause(salt: bytes) -> str:
    """Return the cause of a transfer that only the signer's book knew."""
    return f"{_ADOPTED}0x{salt.hex()}"


def has_adopted(session: Session) -> bool:
    """Say whether any payout here was adopted from the signer's book."""
    return transfers.has_cause(session, _ADOPTED, Purpose.WITHDRAWAL)


def newest_order(
    session: Session, deployment: bytes, withdrawal: Withdrawal
) -> tuple[int, Transfer | None]:
    """Return the last order of a payout, placed here or adopted, with its number; 0 is none."""
    placed, adopted = {}, {}
    for number in range(1, MOST_TRANSFERS + 1):
        placed[placed_cause(withdrawal, number)] = number
        salt = payout_salt(deployment, withdrawal.idempotency_key, number)
        adopted[adopted_cause(salt)] = number
    found = transfers.by_causes(session, (*placed, *adopted))
    orders = {placed[t.cause]: t for t in found if t.cause in placed}
    # What the book recorded counts before a twin of it that was never signed.
    orders |= {adopted[t.cause]: t for t in found if t.cause in adopted}
    number = max(orders, default=0)
    return number, orders.get(number)


def placed_cause(withdrawal: Withdrawal, number: int) -> str:
    """Return the cause of a transfer that was placed here; it exists once."""
    return f"withdrawal:{withdrawal.id}:{number}"


def recognise(
    session: Session, deployment: bytes, withdrawal: Withdrawal, *, now: int
) -> Withdrawal:
    """Return a payout as it stands once the order that only the book knew, if any, is joined."""
    if withdrawal.state not in _UNPAID or not has_adopted(session):
        return withdrawal
    _, newest = newest_order(session, deployment, withdrawal)
    return withdrawal if newest is None else take_over(session, withdrawal, newest, now=now)


def take_over(
    session: Session, withdrawal: Withdrawal, transfer: Transfer, *, now: int
) -> Withdrawal:
    """Let a payout be carried out by an order that only the book knew; return it as it is then.

    An order that pays somebody else under the same key ends the request: the key was used before.
    """
    mismatch = _mismatch(withdrawal, transfer)
    if mismatch and withdrawal.state in _UNPAID:
        to = WithdrawalState.REFUSED
        return moves.move(session, withdrawal, to, actor=Owner.RELEASE, why=(mismatch,), now=now)
    if withdrawal.state in _UNPAID:
        withdrawal = moves.move(
            session,
            withdrawal,
            WithdrawalState.QUEUED,
            actor=Owner.RELEASE,
            why=_BOOK,
            now=now,
            transfer_id=transfer.id,
            order_id=transfer.order_id,
            terms=transfer.terms,
            reasons=(),
        )
    elif withdrawal.transfer_id != transfer.id:
        marks.pay_with(session, withdrawal, transfer)
    if transfer.state is TransferState.CONFIRMED and withdrawal.state is WithdrawalState.QUEUED:
        why = f"transfer {transfer.id} is {transfer.state.value}"
        return moves.move(
            session, withdrawal, WithdrawalState.PAID, actor=Owner.CONFIRM, why=why, now=now
        )
    return withdrawal


def _mismatch(withdrawal: Withdrawal, transfer: Transfer) -> Reason | None:
    asked = (withdrawal.chain_id, withdrawal.asset, withdrawal.destination, withdrawal.amount)
    paid = (transfer.chain_id, transfer.asset, transfer.destination, transfer.amount)
    if asked == paid:
        return None
    text = f"its key was used before, for: {transfer.terms.what}"
    return Reason(code="key_used", text=text)
