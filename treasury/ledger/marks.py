"""What is written without a lifecycle: signatures, freezes, laws, verdicts.

None of these moves money or allows a step; what people need to see later is journaled.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import lru_cache
from typing import Literal

from sqlalchemy import Executable, Table, Update, bindparam, insert, update
from sqlalchemy.dialects.sqlite import insert as upsert
from sqlalchemy.exc import IntegrityError
from sqlmodel import Session, col

from policies.consent import terms_to_json
from policies.terms import Address, Reason, TransferTerms
from treasury.errors import StaleRowError, TwinError
from treasury.ledger import journal
from treasury.ledger.cell_marks import begin_anew
from treasury.ledger.facts import Attempt, Motion, Refill, Standing, Transfer, Withdrawal
from treasury.ledger.reading import ROW_OF, reasons_to_json
from treasury.ledger.tables import (
    ApprovalRow,
    LawRow,
    MetaRow,
    VetoRow,
    WalletRow,
)


@lru_cache(maxsize=64)
def _changing(table: Table, columns: frozenset[str]) -> Update:
    """Return the statement that writes these columns of the row of a number."""
    return (
        table.update()
        .where(table.c.id == bindparam("of_id"))
        .values({name: bindparam(name) for name in columns})
    )


def _remembering() -> Executable:
    row = upsert(MetaRow).values(key=bindparam("key"), value=bindparam("value"))
    return row.on_conflict_do_update(index_elements=["key"], set_={"value": row.excluded.value})


_REMEMBER = _remembering()
_RECEIVE = {"approval": insert(ApprovalRow), "veto": insert(VetoRow)}


def receive_signature(
    session: Session,
    kind: Literal["approval", "veto"],
    *,
    digest: str,
    treasurer: Address,
    signature: bytes,
    now: int,
) -> None:
    """Keep a treasurer's approval or veto; `treasurer` is what the caller recovered from it.

    Raises `TwinError` when this treasurer's is there already.
    """
    values = {
        "digest": digest,
        "treasurer": treasurer,
        "signature": "0x" + signature.hex(),
        "received_at": now,
    }
    try:
        session.connection().execute(_RECEIVE[kind], values)
    except IntegrityError as error:
        raise TwinError(f"the {kind} of {treasurer} is there already") from error
    tell(session, f"{kind}_received", f"digest:{digest}", {"treasurer": treasurer}, now=now)


def count_consent(
    session: Session,
    row: Refill | Motion,
    *,
    required: int,
    counted: tuple[Address, ...],
    reasons: tuple[Reason, ...],
) -> None:
    """Write the newest count of consent of a row that stays where it is."""
    written = reasons_to_json(reasons)
    _update(session, row, required=required, counted=list(counted), reasons=written)


def write_reasons(
    session: Session, row: Refill | Transfer | Withdrawal, reasons: tuple[Reason, ...]
) -> None:
    """Write why a row stays where it is, for people to see."""
    _update(session, row, reasons=reasons_to_json(reasons))


def pay_with(session: Session, withdrawal: Withdrawal, transfer: Transfer) -> None:
    """Let a transfer be the one that carries out a withdrawal at present."""
    terms = terms_to_json(transfer.terms)
    _update(session, withdrawal, transfer_id=transfer.id, order_id=transfer.order_id, terms=terms)
    body = {"transfer": str(transfer.id)}
    now, actor = transfer.changed_at, "release"
    tell(session, "withdrawal_paid_by", f"withdrawal:{withdrawal.id}", body, now=now, actor=actor)


def renew_terms(
    session: Session, withdrawal: Withdrawal, terms: TransferTerms, order_id: str, *, now: int
) -> None:
    """Give a held withdrawal new terms; approvals of the old ones are void by arithmetic."""
    _update(session, withdrawal, order_id=order_id, terms=terms_to_json(terms))
    body = {"order_id": order_id}
    subject = f"withdrawal:{withdrawal.id}"
    tell(session, "withdrawal_terms_renewed", subject, body, now=now, actor="release")


def write_nonce(session: Session, transfer: Transfer, nonce: int) -> None:
    """Write the nonce that the signer's book holds for a queued transfer."""
    _update(session, transfer, nonce=nonce)


def write_answer(session: Session, attempt: Attempt, *, sent_at: int, answer: str) -> None:
    """Write when an attempt was last sent and what a node said to it."""
    _update(session, attempt, sent_at=sent_at, answer=answer)


def freeze(session: Session, wallet: Standing, *, actor: str, why: str, now: int) -> None:
    """Freeze a wallet until a person lifts it, and ring the alarm in the journal."""
    _mark_wallet(session, wallet, frozen=True, frozen_why=why, frozen_at=now)
    tell(session, "wallet_frozen", f"wallet:{wallet.name}", {"why": why}, now=now, actor=actor)


def unfreeze(session: Session, wallet: Standing, *, actor: str, why: str, now: int) -> None:
    """Lift a freeze; the guard begins anew from what is there now, the loss is accepted."""
    values = {"frozen": False, "frozen_why": "", "frozen_at": None}
    _mark_wallet(session, wallet, **values, hold_since=None, hold_why="")
    begin_anew(session, wallet.chain_id, wallet.address)
    tell(session, "wallet_unfrozen", f"wallet:{wallet.name}", {"why": why}, now=now, actor=actor)


def hold(session: Session, wallet: Standing, *, block_number: int, why: str, now: int) -> None:
    """Remember since which block something about a wallet is unexplained."""
    _mark_wallet(session, wallet, hold_since=block_number, hold_why=why)
    body = {"why": why, "block": str(block_number)}
    tell(session, "wallet_held", f"wallet:{wallet.name}", body, now=now, actor="guard")


def calm(session: Session, wallet: Standing, *, now: int) -> None:
    """End a hold: everything is explained again."""
    _mark_wallet(session, wallet, hold_since=None, hold_why="")
    tell(session, "wallet_calm", f"wallet:{wallet.name}", {}, now=now, actor="guard")


def keep_law(session: Session, digest: str, text: str, *, now: int) -> None:
    """Make a law the one in force, as the signer told it."""
    session.connection().execute(
        update(LawRow).where(col(LawRow.current).is_(True)).values(current=False)
    )
    values = {"text": text, "adopted_at": now, "current": True}
    statement = upsert(LawRow).values(digest=digest, **values)
    session.connection().execute(
        statement.on_conflict_do_update(index_elements=["digest"], set_=values)
    )
    tell(session, "law_in_force", f"law:{digest}", {"digest": digest}, now=now, actor="tally")


def keep_wallet(session: Session, row: WalletRow) -> None:
    """Keep a wallet that has no lifecycle: a vault or a gas sponsor."""
    session.add(row)
    session.flush()


def place_wallet(session: Session, row: WalletRow) -> None:
    """Renew where a known wallet stands in the law; its state is not touched."""
    statement = (
        update(WalletRow)
        .where(col(WalletRow.name) == row.name)
        .values(chain_id=row.chain_id, address=row.address, role=row.role, pool=row.pool)
    )
    session.connection().execute(statement)


def remember(session: Session, key: str, value: str) -> None:
    """Remember a single value by name."""
    session.connection().execute(_REMEMBER, {"key": key, "value": value})


def tell(
    session: Session,
    kind: str,
    subject: str,
    body: Mapping[str, object],
    *,
    now: int,
    actor: str = "api",
) -> None:
    """Write a journal line that belongs to no edge."""
    journal.append(
        session, journal.Line(at=now, actor=actor, kind=kind, subject=subject, body=body)
    )


def _update(
    session: Session,
    row: Refill | Transfer | Withdrawal | Motion | Attempt,
    **values: object,
) -> None:
    table: Table = ROW_OF[type(row)].__table__  # type: ignore[attr-defined]
    statement = _changing(table, frozenset(values))
    session.connection().execute(statement, {**values, "of_id": row.id})


def _mark_wallet(session: Session, wallet: Standing, **values: object) -> None:
    statement = update(WalletRow).where(col(WalletRow.name) == wallet.name).values(**values)
    result = session.connection().execute(statement)
    if result.rowcount != 1:
        raise StaleRowError(f"there is no wallet {wallet.name}")
