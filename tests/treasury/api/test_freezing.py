"""Freezing at the API: one person sets it, one may lift it, but never over an open incident."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from policies.lifecycles import IncidentState, Owner
from tests.fakes.office import OfficeForTests
from tests.laws import NOON
from treasury.ledger import facts, moves
from treasury.ledger.tables import IncidentRow

if TYPE_CHECKING:
    from tests.treasury.api.conftest import Caller

pytestmark = pytest.mark.sockets
WHY = {"why": "odd payouts"}


def test_one_person_freezes_and_lifts(office: OfficeForTests, call: Caller) -> None:
    """The flag, its reason and its time; the journal keeps both acts; the lanes are woken."""
    status, answer = call.post("/v1/wallets/hot-a/freeze", WHY, "operator")
    assert (200, True, "odd payouts", NOON) == (
        status,
        answer["frozen"],
        answer["frozen_why"],
        answer["frozen_at"],
    )
    assert {"kind": "frozen", "subject": "hot-a", "text": "odd payouts"} in call.get("/v1/status")[
        1
    ]["trouble"]
    assert not call.post("/v1/wallets/hot-a/unfreeze", {"why": "seen"}, "operator")[1]["frozen"]
    kinds = [entry["kind"] for entry in call.get("/v1/journal?limit=2")[1]["entries"]]
    assert ["wallet_frozen", "wallet_unfrozen"] == kinds
    assert 2 == office.woken


def test_second_freeze_keeps_the_first_reason(call: Caller) -> None:
    """Who comes second changes nothing."""
    call.post("/v1/wallets/hot-a/freeze", WHY, "operator")
    again = call.post("/v1/wallets/hot-a/freeze", {"why": "another"}, "treasurer")
    assert "odd payouts" == again[1]["frozen_why"]


def test_freeze_is_not_lifted_over_an_open_incident(office: OfficeForTests, call: Caller) -> None:
    """Toward exposure one person is not enough while something is unexplained."""
    call.post("/v1/wallets/hot-a/freeze", WHY, "operator")
    row = IncidentRow(
        wallet="hot-a",
        state=IncidentState.OPEN.value,
        opened_at=NOON,
        changed_at=NOON,
        reasons=[],
    )
    with office.ledger.write() as session:
        moves.create(session, facts.Incident, row, actor=Owner.GUARD, why="test", now=NOON)
    status, answer = call.post("/v1/wallets/hot-a/unfreeze", WHY, "operator")
    assert (409, "incident_open") == (status, answer["error"]["code"])
    assert "incident #1 of hot-a is OPEN" in answer["error"]["message"]
    assert call.get("/v1/wallets/hot-a")[1]["frozen"]


@pytest.mark.parametrize(("name", "status"), [("vault", 409), ("sponsor", 409), ("nobody", 404)])
def test_only_hot_wallets_are_frozen(call: Caller, name: str, status: int) -> None:
    """The vault pays no withdrawals, and a mistyped name is told."""
    assert status == call.post(f"/v1/wallets/{name}/freeze", WHY, "operator")[0]
