"""Who may do what: the socket is the role, and a role that may not is told which one may."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from config.settings import ApiRole
from tests.fakes.office import OfficeForTests
from treasury.api.app import build_app

if TYPE_CHECKING:
    from tests.treasury.api.conftest import Caller

pytestmark = pytest.mark.sockets
PEOPLE = {"reader", "operator", "treasurer"}
ALL = {*PEOPLE, "service"}
TABLE = [
    ("GET", "/v1/status", ALL),
    ("GET", "/v1/pools", PEOPLE),
    ("GET", "/v1/wallets", PEOPLE),
    ("GET", "/v1/wallets/hot-a", PEOPLE),
    ("GET", "/v1/law", PEOPLE),
    ("GET", "/v1/refills", PEOPLE),
    ("GET", "/v1/refills/1", PEOPLE),
    ("GET", "/v1/transfers", PEOPLE),
    ("GET", "/v1/transfers/1", PEOPLE),
    ("GET", "/v1/journal", PEOPLE),
    ("GET", "/v1/journal/verify", PEOPLE),
    ("GET", "/v1/motions", PEOPLE),
    ("GET", "/v1/motions/1", PEOPLE),
    ("GET", "/v1/incidents", PEOPLE),
    ("GET", "/v1/incidents/1", PEOPLE),
    ("GET", "/v1/withdrawals", ALL),
    ("GET", "/v1/withdrawals/1", ALL),
    ("GET", "/v1/live", ALL),
    ("POST", "/v1/live/acknowledge", {"service", "operator"}),
    ("POST", "/v1/halt", {"operator", "treasurer"}),
    ("GET", "/v1/incidents/1/file", {"reader", "operator", "treasurer"}),
    ("POST", "/v1/incidents/1/file", {"operator", "treasurer"}),
    ("POST", "/v1/evidence", {"operator", "treasurer"}),
    ("POST", "/v1/drills", {"operator", "treasurer"}),
    ("GET", "/v1/exposure", {"reader", "operator", "treasurer"}),
    ("GET", "/v1/denylists", {"reader", "operator", "treasurer"}),
    ("POST", "/v1/denylists/hot-a", {"operator", "treasurer"}),
    ("GET", "/v1/alarms", {"reader", "operator", "treasurer"}),
    ("GET", "/v1/alarms/deliveries", {"reader", "operator", "treasurer"}),
    ("POST", "/v1/alarms/1/acknowledge", {"operator", "treasurer"}),
    ("POST", "/v1/alarms/deliveries/1/send-again", {"operator", "treasurer"}),
    ("POST", "/v1/alarms/test", {"operator", "treasurer"}),
    ("POST", "/v1/wallets/hot-a/freeze", {"operator", "treasurer"}),
    ("POST", "/v1/wallets/hot-a/unfreeze", {"operator", "treasurer"}),
    ("POST", "/v1/refills", {"treasurer"}),
    ("POST", "/v1/refills/1/approvals", {"treasurer"}),
    ("POST", "/v1/refills/1/veto", {"treasurer"}),
    ("POST", "/v1/motions", {"treasurer"}),
    ("POST", "/v1/motions/1/approvals", {"treasurer"}),
    ("POST", "/v1/motions/1/veto", {"treasurer"}),
    ("GET", "/v1/outflows", ALL),
    ("POST", "/v1/outflows", {"service"}),
    ("POST", "/v1/withdrawals", {"service"}),
    ("POST", "/v1/withdrawals/1/cancel", {"service"}),
    ("POST", "/v1/withdrawals/1/approvals", {"treasurer"}),
    ("POST", "/v1/withdrawals/1/veto", {"treasurer"}),
]


def test_every_path_has_its_roles_and_no_others(call: Caller) -> None:
    """The whole table: 403 exactly where a role has no power, with the name of one that has."""
    for method, path, roles in TABLE:
        for role in ALL:
            body: object = {} if method == "POST" else None
            status, answer = call(role, method, path, body)
            assert (status == 403) == (role not in roles), (method, path, role, status)
            if status == 403:
                assert f"the {role} socket may not do this" in answer["error"]["message"]
                assert any(r in answer["error"]["message"] for r in roles)


def test_table_is_complete(office: OfficeForTests) -> None:
    """No path of the applications is missing from the table above."""
    known = {
        (method, path.replace("/1", "/{}").replace("hot-a", "{}")) for method, path, _ in TABLE
    }
    served = set()
    for role in ApiRole:
        schema = build_app(office.office(), role).openapi()
        for path, methods in schema["paths"].items():
            plain = path.replace("{key}", "{}").replace("{number}", "{}").replace("{name}", "{}")
            served |= {(method.upper(), plain) for method in methods}
    assert known == served


def test_description_for_programs_is_served(call: Caller) -> None:
    """OpenAPI stands on every socket and describes what that role may do."""
    status, schema = call.get("/openapi.json")
    assert 200 == status
    assert "/v1/status" in schema["paths"]
    assert "/v1/halt" not in schema["paths"]


def test_whoever_changes_something_is_logged_with_the_kernels_word(
    office: OfficeForTests, call: Caller
) -> None:
    """The peer's uid is written down for every request that is no question."""
    import os

    call.get("/v1/status")
    call.post("/v1/halt", {"why": "a test"}, "operator")
    asked = [line for line in office.log if line["event"] == "api_asked"]
    expected = {"role": "operator", "path": "/v1/halt", "peer": f"uid {os.getuid()}"}
    assert [expected] == [{k: line[k] for k in expected} for line in asked]
