"""Alarms as they are kept: raised and ended by journal lines, told by notices.

`ring` is called by the journal for every line, in the line's own transaction: an alarm cannot be
committed without its cause, nor a cause without its alarm. What rings, and what ends it, is
`policies.alarms`.
"""

from __future__ import annotations

import json
from dataclasses import dataclass

from sqlalchemy import ColumnElement, and_, bindparam, func, insert, update
from sqlmodel import Session, col, select

from policies.alarms import CATALOGUE, ENDINGS, NEWS, Event, Severity, next_level
from treasury.ledger.facts import Entry
from treasury.ledger.reading import ask, read_as
from treasury.ledger.tables_told import AlarmRow, NoticeRow

_TEXT_MOST = 1_000
_RINGING = "ringing_alarms"
_RINGS = select(AlarmRow.kind, AlarmRow.subject).where(
    col(AlarmRow.over_at).is_(None), col(AlarmRow.calm_since).is_(None)
)

_THIS = (
    col(AlarmRow.kind) == bindparam("of_kind"),
    col(AlarmRow.subject) == bindparam("of_subject"),
    col(AlarmRow.over_at).is_(None),
)
_AGAIN = (
    update(AlarmRow)
    .where(*_THIS)
    .values(
        times=col(AlarmRow.times) + 1,
        last_seq=bindparam("last_seq"),
        last_at=bindparam("last_at"),
        calm_since=None,
    )
)
_CALM = (
    update(AlarmRow)
    .where(*_THIS, col(AlarmRow.calm_since).is_(None))
    .values(calm_since=bindparam("calm_since"))
)
_RAISE, _NOTIFY = insert(AlarmRow), insert(NoticeRow)


@dataclass(frozen=True, slots=True, kw_only=True)
class Alarm:
    """An alarm; open until `over_at`, `calm_since` when its cause ended a moment ago."""

    id: int
    kind: str
    subject: str
    severity: str
    text: str
    raised_at: int
    times: int
    last_at: int
    level: int
    told_at: int
    calm_since: int | None
    over_at: int | None
    acknowledged_at: int | None
    acknowledged_why: str


def ring(session: Session, entry: Entry) -> None:
    """Let a journal line raise and end the alarms that it is about."""
    if entry.kind in ENDINGS:
        _calm(session, entry)
    if entry.kind in CATALOGUE:
        _raise(session, entry)
    elif entry.kind in NEWS:
        severity, text = NEWS[entry.kind], _text(entry)
        told = _Told(Event.NEWS, entry.kind, entry.subject, severity, text)
        _notify(session, told, entry.at)


def settle(session: Session, *, now: int, settle_s: int) -> int:
    """End every alarm that has been calm for `settle_s` seconds; return how many."""
    row = AlarmRow
    query = select(row).where(col(row.over_at).is_(None), col(row.calm_since) <= now - settle_s)
    ended = list(session.exec(query))
    for alarm in ended:
        _end(session, alarm, now)
    return len(ended)


def escalate(session: Session, *, now: int, last_level: int, silence_s: int) -> int:
    """Tell the next level of every alarm that nobody acknowledged in time; return how many."""
    row = AlarmRow
    query = select(row).where(col(row.over_at).is_(None), col(row.calm_since).is_(None))
    count = 0
    for alarm in session.exec(query.where(row.severity != Severity.NOTICE.value)):
        level = next_level(
            level=alarm.level,
            last_level=last_level,
            told_at=alarm.told_at,
            is_acknowledged=alarm.acknowledged_at is not None,
            now=now,
            silence_s=silence_s,
        )
        if level is not None:
            alarm.level, alarm.told_at = level, now
            session.add(alarm)
            _notify_of(session, alarm, Event.ESCALATED, now, (level, level))
            count += 1
    return count


def acknowledge(session: Session, alarm: Alarm, *, why: str, now: int) -> None:
    """Note that a person took an alarm on; one that nothing else would end is over with it."""
    statement = update(AlarmRow).where(col(AlarmRow.id) == alarm.id)
    values: dict[str, object] = {"acknowledged_at": now, "acknowledged_why": why}
    if not CATALOGUE[alarm.kind].ends:
        values["over_at"] = now
    session.connection().execute(statement.values(**values))


def tell_test(session: Session, *, now: int, last_level: int) -> None:
    """Put a test notice into the outbox, for every channel."""
    text = "This is a test: nothing is wrong."
    told = _Told(Event.TEST, "test", "treasury", Severity.CRITICAL, text)
    _notify(session, told, now, levels=(0, last_level))


def alarm(session: Session, number: int) -> Alarm | None:
    """Return one alarm."""
    row = session.get(AlarmRow, number)
    return None if row is None else read_as(Alarm, row)


def alarms(session: Session, *, only_open: bool, limit: int = 200) -> tuple[Alarm, ...]:
    """Return alarms, newest first."""
    query = select(AlarmRow).order_by(col(AlarmRow.id).desc()).limit(limit)
    if only_open:
        query = query.where(col(AlarmRow.over_at).is_(None))
    return tuple(read_as(Alarm, row) for row in session.exec(query))


def rings(session: Session, kind: str, subject: str) -> bool:
    """Say whether an alarm is open and its cause has not ended."""
    query = select(func.count()).select_from(AlarmRow).where(_open(kind, subject))
    return bool(session.exec(query.where(col(AlarmRow.calm_since).is_(None))).one())


@dataclass(frozen=True, slots=True)
class _Told:
    """What a notice says."""

    event: Event
    kind: str
    subject: str
    severity: Severity
    text: str
    alarm_id: int | None = None


def _raise(session: Session, entry: Entry) -> None:
    _ringing(session).add((entry.kind, entry.subject))
    session.flush()
    newest: dict[str, object] = {"last_seq": entry.seq, "last_at": entry.at}
    rung = {"of_kind": entry.kind, "of_subject": entry.subject}
    if session.connection().execute(_AGAIN, {**newest, **rung}).rowcount:
        return
    severity, text = CATALOGUE[entry.kind].severity, _text(entry)
    alarm: dict[str, object] = {
        "kind": entry.kind,
        "subject": entry.subject,
        "severity": severity.value,
        "text": text,
        "raised_at": entry.at,
        "times": 1,
        "level": 0,
        "told_at": entry.at,
        "acknowledged_why": "",
    }
    result = session.connection().execute(_RAISE, {**alarm, **newest})
    number: int = result.inserted_primary_key[0]  # type: ignore[index]
    told = _Told(Event.RAISED, entry.kind, entry.subject, severity, text, number)
    _notify(session, told, entry.at)


def _calm(session: Session, entry: Entry) -> None:
    ringing = _ringing(session)
    for kind in ENDINGS[entry.kind]:
        if (kind, entry.subject) not in ringing:
            continue
        ringing.discard((kind, entry.subject))
        session.flush()
        rung = {"of_kind": kind, "of_subject": entry.subject, "calm_since": entry.at}
        session.connection().execute(_CALM, rung)


def _ringing(session: Session) -> set[tuple[str, str]]:
    """Return kind and subject of what rings; read once, because hardly any line ends an alarm."""
    known: set[tuple[str, str]] | None = session.info.get(_RINGING)
    if known is None:
        known = {(kind, subject) for kind, subject in ask(session, _RINGS)}
        session.info[_RINGING] = known
    return known


def _end(session: Session, alarm: AlarmRow, now: int) -> None:
    alarm.over_at = now
    session.add(alarm)
    if alarm.severity != Severity.NOTICE.value:
        _notify_of(session, alarm, Event.OVER, now, (0, alarm.level))


def _notify_of(
    session: Session, alarm: AlarmRow, event: Event, now: int, levels: tuple[int, int]
) -> None:
    severity = Severity(alarm.severity)
    told = _Told(event, alarm.kind, alarm.subject, severity, alarm.text, alarm.id)
    _notify(session, told, now, levels=levels)


def _notify(session: Session, told: _Told, now: int, *, levels: tuple[int, int] = (0, 0)) -> None:
    notice = {
        "at": now,
        "event": told.event.value,
        "alarm_id": told.alarm_id,
        "kind": told.kind,
        "subject": told.subject,
        "severity": told.severity.value,
        "text": told.text,
        "from_level": levels[0],
        "to_level": levels[1],
    }
    session.connection().execute(_NOTIFY, notice)


def _open(kind: str, subject: str) -> ColumnElement[bool]:
    row = AlarmRow
    return and_(col(row.kind) == kind, col(row.subject) == subject, col(row.over_at).is_(None))


def _text(entry: Entry) -> str:
    """Return why, in the words of the line; without any, what happened."""
    body = json.loads(entry.body)
    why = body.get("why", body.get("reasons", ""))
    if isinstance(why, list):
        why = "; ".join(reason["text"] for reason in why)
    text = why or f"{entry.subject} is {entry.kind.partition('_')[2]}"
    return str(text)[:_TEXT_MOST]
