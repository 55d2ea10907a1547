"""Alarms: what rings, who took it on, and how its telling fared."""

from __future__ import annotations

from dataclasses import asdict
from typing import Annotated, Any

from fastapi import APIRouter, Query

from treasury.api.asking import TheOffice
from treasury.api.errors import ApiError
from treasury.api.models import Halt
from treasury.ledger import alarms, marks, outbox

reading = APIRouter(prefix="/v1/alarms", tags=["alarms"])
answering = APIRouter(prefix="/v1/alarms", tags=["alarms"])
_WHO = "a person"
_TEST_LEVELS = 9


@reading.get("")
def list_alarms(office: TheOffice, *, open_only: Annotated[bool, Query()] = True) -> dict[str, Any]:
    """List alarms, newest first."""
    with office.ledger.read() as session:
        found = alarms.alarms(session, only_open=open_only)
    return {"alarms": [asdict(alarm) for alarm in found]}


@reading.get("/deliveries")
def list_deliveries(
    office: TheOffice, state: Annotated[str, Query(pattern="^(|WAITING|SENT|DEAD)$")] = ""
) -> dict[str, Any]:
    """List deliveries, newest first, with what they tell."""
    with office.ledger.read() as session:
        found = outbox.deliveries(session, state=state)
    return {"deliveries": [{**asdict(one), "notice": asdict(notice)} for one, notice in found]}


@answering.post("/{number}/acknowledge")
def acknowledge(office: TheOffice, number: int, body: Halt) -> dict[str, Any]:
    """Take an alarm on: it escalates no further. What is acknowledged stays so."""
    with office.ledger.write() as session:
        alarm = alarms.alarm(session, number)
        if alarm is None:
            raise ApiError(404, "not_found", f"there is no alarm {number}: see `alarm list`")
        if alarm.acknowledged_at is None:
            alarms.acknowledge(session, alarm, why=body.why, now=office.now())
            told = {"kind": alarm.kind, "subject": alarm.subject, "why": body.why}
            subject, now = f"alarm:{number}", office.now()
            marks.tell(session, "alarm_acknowledged", subject, told, now=now, actor=_WHO)
        known = alarms.alarm(session, number)
    assert known is not None, "alarms are never deleted"
    return asdict(known)


@answering.post("/deliveries/{number}/send-again")
def send_again(office: TheOffice, number: int) -> dict[str, Any]:
    """Try a dead delivery anew."""
    with office.ledger.write() as session:
        again = outbox.send_again(session, number, now=office.now())
        if again is None:
            text = f"there is no dead delivery {number}: see `alarm deliveries --dead`"
            raise ApiError(409, "not_dead", text)
    return asdict(again)


@answering.post("/test")
def test(office: TheOffice) -> dict[str, Any]:
    """Tell every channel a test."""
    with office.ledger.write() as session:
        alarms.tell_test(session, now=office.now(), last_level=_TEST_LEVELS)
    return {"told": True}
