"""The tables of what people are told: alarms, notices (the outbox), and their deliveries.

A notice is written in the transaction of its cause, so that a crash between the cause and its
telling loses nothing. A delivery is one notice on one channel. Times (`*_at`) are unix seconds.
"""

from __future__ import annotations

from sqlalchemy import Index, UniqueConstraint, text
from sqlmodel import Field, SQLModel

_OPEN = text("over_at IS NULL")


class AlarmRow(SQLModel, table=True):
    """One alarm from its first cause to its end; `calm_since`: over, but perhaps not for long."""

    __tablename__ = "alarm"
    __table_args__ = (
        Index(
            "one_open_alarm",
            "kind",
            "subject",
            unique=True,
            sqlite_where=_OPEN,
            postgresql_where=_OPEN,
        ),
    )
    id: int | None = Field(default=None, primary_key=True)
    kind: str
    subject: str
    severity: str
    text: str
    raised_at: int
    times: int
    last_seq: int
    last_at: int
    level: int
    told_at: int
    calm_since: int | None = None
    over_at: int | None = None
    acknowledged_at: int | None = None
    acknowledged_why: str = ""


class NoticeRow(SQLModel, table=True):
    """Something to be told, to the channels of the levels `from_level` to `to_level`."""

    __tablename__ = "notice"
    id: int | None = Field(default=None, primary_key=True)
    at: int
    event: str
    alarm_id: int | None = Field(default=None, foreign_key="alarm.id")
    kind: str
    subject: str
    severity: str
    text: str
    from_level: int
    to_level: int


class DeliveryRow(SQLModel, table=True):
    """One notice on its way through one channel: WAITING, SENT or DEAD."""

    __tablename__ = "delivery"
    __table_args__ = (
        UniqueConstraint("notice_id", "channel", name="one_delivery_each"),
        Index("deliveries_due", "channel", "state", "due_at"),
    )
    id: int | None = Field(default=None, primary_key=True)
    notice_id: int = Field(foreign_key="notice.id")
    channel: str
    state: str
    tries: int
    due_at: int
    changed_at: int
    error: str = ""
