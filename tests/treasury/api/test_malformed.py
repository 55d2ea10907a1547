"""Whatever is knocked at the door: one clear error, one shape, and the daemon lives on."""

from __future__ import annotations

import socket
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.fakes.office import OfficeForTests, office_at
from treasury.api.limits import Bucket

if TYPE_CHECKING:
    from tests.treasury.api.conftest import Caller

pytestmark = pytest.mark.sockets


def error_of(answer: Any) -> dict[str, Any]:  # noqa: ANN401 - JSON
    """Return the error of an answer, whose shape is always the same."""
    assert {"error"} == set(answer)
    assert {"code", "message", "reasons"} == set(answer["error"])
    assert "\n" not in answer["error"]["message"]
    found: dict[str, Any] = answer["error"]
    return found


@pytest.mark.parametrize(
    ("body", "told"),
    [
        (b"", "Field required"),
        (b"{", "JSON decode error"),
        (b"[]", "valid dictionary"),
        (b'{"why": 3}', "valid string"),
        (b'{"why": ""}', "at least 1 character"),
        (b'{"why": "a\\nb"}', "should match pattern"),
        (b'{"why": "\\u202e"}', "should match pattern"),
        (b'{"why": "x", "force": true}', "Extra inputs are not permitted"),
        (b'{"why": NaN}', "string"),
        (b"\xff\xfe", ""),
    ],
)
def test_malformed_body_is_one_clear_error(call: Caller, body: bytes, told: str) -> None:
    """Strict types, no unknown fields, printable ASCII: 400 and what is wrong where."""
    status, answer = call.post("/v1/halt", body, "operator")
    assert 400 == status
    assert told in error_of(answer)["message"]


@pytest.mark.parametrize(
    ("path", "status", "told"),
    [
        ("/v1/refills/abc", 400, "'abc' is no refill: write its number, or its 64-digit 0x id"),
        ("/v1/refills/0", 400, "is no refill"),
        ("/v1/refills/-1", 400, "is no refill"),
        ("/v1/refills/99999999999999999999", 400, "is no refill"),
        ("/v1/refills/999999999999999999", 404, "there is no refill 999999999999999999"),
        ("/v1/refills/0x" + "ab" * 32, 404, "there is no refill 0xabab"),
        ("/v1/refills/%27%20OR%201%3D1", 400, "is no refill"),
        ("/v1/refills?state=open", 400, "'OPEN' is no state; write one of PROPOSED"),
        ("/v1/refills?asset=DOGE", 400, "the law knows no asset 'DOGE'"),
        ("/v1/refills?limit=0", 400, "query.limit"),
        ("/v1/refills?limit=501", 400, "query.limit"),
        ("/v1/refills?since=-5", 400, "query.since"),
        ("/v1/transfers?purpose=gift", 400, "query.purpose"),
        ("/v1/transfers?wallet=nobody", 404, "there is no wallet nobody"),
        ("/v1/wallets/nobody", 404, "there is no wallet 'nobody'"),
        ("/v1/withdrawals/0x" + "ab" * 32, 404, "there is no withdrawal"),
        ("/v1/motions?asset=ETH", 400, "a motion has no asset"),
        ("/v1/journal?after=-1", 400, "query.after"),
        ("/nothing", 404, "GET /nothing: Not Found"),
    ],
)
def test_bad_question_is_one_clear_error(call: Caller, path: str, status: int, told: str) -> None:
    """Every mistyped id, filter or path says what to write instead."""
    found, answer = call.get(path)
    assert status == found
    assert told in error_of(answer)["message"]


def test_wrong_method_is_told(call: Caller) -> None:
    """DELETE is no way to be rid of a status."""
    status, answer = call("reader", "DELETE", "/v1/status")
    assert 405 == status
    assert "wrong_method" == error_of(answer)["code"]


def test_body_above_the_limit_is_refused(call: Caller) -> None:
    """A flood in one request is not read into memory."""
    status, answer = call.post("/v1/halt", b"x" * 70_000, "operator")
    assert 413 == status
    assert "larger than 65536 bytes" in error_of(answer)["message"]


def test_too_many_requests_are_refused_and_pass_again(tmp_path: Path) -> None:
    """A burst is served, what is above it gets 429; another role's socket is not affected."""
    from tests.treasury.api.conftest import Caller as Caller_

    with office_at(tmp_path, requests_per_s=1, request_burst=3) as office:
        call = Caller_(office)
        statuses = [call.get("/v1/status")[0] for _ in range(5)]
        assert [200, 200, 200] == statuses[:3]
        assert 429 in statuses[3:]
        assert 200 == call.get("/v1/status", "operator")[0]


def test_bucket_refills_with_time() -> None:
    """Two per second: after half a second there is one token, never more than the burst."""
    bucket = Bucket(per_s=2, burst=2, now=0.0)
    assert [True, True, False] == [bucket.take(0.0) for _ in range(3)]
    assert [True, False] == [bucket.take(0.5) for _ in range(2)]
    assert [True, True, False] == [bucket.take(100.0) for _ in range(3)]


@pytest.mark.parametrize(
    "raw",
    [
        b"",
        b"\x00" * 100,
        b"GET\r\n\r\n",
        b"GET /v1/status HTTP/9.9\r\n\r\n",
        b"POST /v1/halt HTTP/1.1\r\nContent-Length: -5\r\n\r\n",
        b"POST /v1/halt HTTP/1.1\r\nContent-Length: 10\r\n\r\nabc",
        b"GET /v1/status HTTP/1.1\r\n" + b"X: y\r\n" * 200 + b"\r\n",
        b"GET / HTTP/1.1\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\r\n",
    ],
)
def test_bytes_that_are_no_request_leave_the_daemon_well(
    office: OfficeForTests, call: Caller, raw: bytes
) -> None:
    """After any garbage on the socket the next request is answered."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as connection:
        connection.connect(str(office.sockets / "operator.sock"))
        connection.sendall(raw)
        connection.shutdown(socket.SHUT_WR)
        connection.settimeout(5)
        connection.recv(65_536)
    assert 200 == call.get("/v1/status", "operator")[0]


@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    path=st.sampled_from(
        [
            "/v1/refills",
            "/v1/refills/1/approvals",
            "/v1/refills/1/veto",
            "/v1/motions",
            "/v1/motions/1/approvals",
            "/v1/withdrawals",
            "/v1/halt",
        ]
    ),
    body=st.recursive(
        st.none() | st.booleans() | st.integers() | st.text(max_size=20),
        lambda inner: (
            st.lists(inner, max_size=3)
            | st.dictionaries(
                st.sampled_from(["terms", "payload", "signature", "why", "pool", "x"]), inner
            )
        ),
        max_leaves=8,
    ),
)
def test_no_json_breaks_a_handler(
    office: OfficeForTests, call: Caller, path: str, body: object
) -> None:
    """Any JSON on any path that takes one: an error of the asker, never of the daemon."""
    role = "service" if "withdrawals" in path else "treasurer"
    status, answer = call.post(path, body, role, Idempotency_Key="k")
    assert status < 500
    if status >= 400:
        error_of(answer)
