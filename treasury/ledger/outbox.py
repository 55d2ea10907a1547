"""The outbox: notices that wait to be told, channel by channel.

A notice is spread into one delivery per channel (`spread`), by a cursor that moves in the same
transaction, so that nothing is spread twice or forgotten. A delivery is tried until it is SENT, or
DEAD after its last try; dead ones are kept and may be sent again by a person.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from sqlalchemy import update
from sqlmodel import Session, col, select

from policies.alarms import Severity, is_loud_enough, pause_after
from treasury.ledger.reading import read_as
from treasury.ledger.tables import MetaRow
from treasury.ledger.tables_told import DeliveryRow, NoticeRow

FRESH_S = 86_400
"""A channel that is new hears nothing older than this."""
_CURSOR = "told_to:"
_MOST = 200
_ERROR_MOST = 300


class DeliveryState(StrEnum):
    """Where a delivery stands."""

    WAITING = "WAITING"
    SENT = "SENT"
    DEAD = "DEAD"


@dataclass(frozen=True, slots=True, kw_only=True)
class Notice:
    """Something to be told; `event` says why, `alarm_id` of which alarm, if any."""

    id: int
    at: int
    event: str
    alarm_id: int | None
    kind: str
    subject: str
    severity: str
    text: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Delivery:
    """One notice on its way through one channel; `due_at`: not tried before."""

    id: int
    notice_id: int
    channel: str
    state: str
    tries: int
    due_at: int
    changed_at: int
    error: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Ear:
    """What a channel wants to hear: its level, and how loud a thing must be at least."""

    channel: str
    level: int
    least: Severity


def spread(session: Session, ear: Ear, *, now: int) -> int:
    """Make a delivery of every new notice that this channel wants to hear; return how many."""
    cursor = session.get(MetaRow, _CURSOR + ear.channel)
    after = 0 if cursor is None else int(cursor.value)
    query = select(NoticeRow).where(col(NoticeRow.id) > after).order_by(col(NoticeRow.id))
    fresh = list(session.exec(query.limit(_MOST)))
    wanted = [n for n in fresh if _wants(ear, n) and now - n.at <= FRESH_S]
    for notice in wanted:
        session.add(
            DeliveryRow(
                notice_id=notice.id or 0,
                channel=ear.channel,
                state=DeliveryState.WAITING.value,
                tries=0,
                due_at=now,
                changed_at=now,
            )
        )
    if fresh:
        session.merge(MetaRow(key=_CURSOR + ear.channel, value=str(fresh[-1].id)))
    return len(wanted)


def has_news(session: Session, channel: str) -> bool:
    """Say whether a channel has notices that were not spread yet."""
    cursor = session.get(MetaRow, _CURSOR + channel)
    newest = select(NoticeRow.id).order_by(col(NoticeRow.id).desc()).limit(1)
    return (session.exec(newest).first() or 0) > (0 if cursor is None else int(cursor.value))


def due(session: Session, channel: str, *, now: int) -> tuple[Delivery, Notice] | None:
    """Return what a channel must try next."""
    row = DeliveryRow
    query = select(row, NoticeRow).where(
        col(row.notice_id) == col(NoticeRow.id),
        row.channel == channel,
        row.state == DeliveryState.WAITING.value,
        col(row.due_at) <= now,
    )
    found = session.exec(query.order_by(col(row.due_at), col(row.id)).limit(1)).first()
    return None if found is None else (read_as(Delivery, found[0]), read_as(Notice, found[1]))


def sent(session: Session, delivery: Delivery, *, now: int) -> None:
    """Note that a delivery arrived."""
    _write(session, delivery, state=DeliveryState.SENT, tries=delivery.tries + 1, changed_at=now)


def failed(
    session: Session, delivery: Delivery, *, error: str, most_tries: int, now: int
) -> DeliveryState:
    """Note a failed try; the next comes after a pause, the last one leaves it DEAD."""
    tries = delivery.tries + 1
    state = DeliveryState.DEAD if tries >= most_tries else DeliveryState.WAITING
    _write(
        session,
        delivery,
        state=state,
        tries=tries,
        changed_at=now,
        due_at=now + pause_after(tries),
        error=error[:_ERROR_MOST],
    )
    return state


def send_again(session: Session, number: int, *, now: int) -> Delivery | None:
    """Let a dead delivery wait anew, from its first try; None when it is not dead."""
    row = session.get(DeliveryRow, number)
    if row is None or row.state != DeliveryState.DEAD.value:
        return None
    row.state, row.tries, row.due_at, row.changed_at = DeliveryState.WAITING.value, 0, now, now
    session.add(row)
    return read_as(Delivery, row)


def deliveries(
    session: Session, *, state: str = "", limit: int = 100
) -> tuple[tuple[Delivery, Notice], ...]:
    """Return deliveries and what they tell, newest first."""
    query = select(DeliveryRow, NoticeRow).where(col(DeliveryRow.notice_id) == col(NoticeRow.id))
    if state:
        query = query.where(DeliveryRow.state == state)
    rows = session.exec(query.order_by(col(DeliveryRow.id).desc()).limit(limit))
    return tuple((read_as(Delivery, one), read_as(Notice, other)) for one, other in rows)


def _wants(ear: Ear, notice: NoticeRow) -> bool:
    is_for_level = notice.from_level <= ear.level <= notice.to_level
    return is_for_level and is_loud_enough(Severity(notice.severity), ear.least)


def _write(session: Session, delivery: Delivery, **values: object) -> None:
    statement = update(DeliveryRow).where(col(DeliveryRow.id) == delivery.id)
    session.connection().execute(statement.values(**values))
