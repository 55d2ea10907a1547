"""Services of other machines: known by certificate, each within its own pools."""

from __future__ import annotations

import http.client
import json
import ssl
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest

from config.settings import ServiceClient, TcpSettings
from tests.fakes.certificates import AUTHORITY, Papers, why_not
from tests.fakes.office import OfficeForTests, office_at
from tests.laws import ETH
from treasury.api.tls import TlsError, fingerprint_of, listen_on, tls_context

pytestmark = [pytest.mark.sockets, pytest.mark.skipif(bool(why_not()), reason=why_not())]
BODY = {
    "pool": "main",
    "asset": "ETH",
    "destination": "0x" + "11" * 20,
    "amount": str(ETH // 2),
}


def client(papers: Papers, name: str, *pools: str) -> ServiceClient:
    """Return a service as the settings name it."""
    der = ssl.PEM_cert_to_DER_cert(papers.certificate(name).read_text())
    return ServiceClient(name=name, fingerprint=fingerprint_of(der), pools=frozenset(pools))


@pytest.fixture(scope="module")
def papers(tmp_path_factory: pytest.TempPathFactory) -> Papers:
    """The daemon's certificate, two services, one that nobody named, and one that signed itself."""
    made = Papers(tmp_path_factory.mktemp("papers"))
    for name in ("daemon", "shop", "bureau", "unnamed"):
        made.issue(name)
    made.sign_itself("stranger")
    return made


def settings_of(papers: Papers, **changes: Path) -> TcpSettings:
    """Return settings that name a shop with pool main and a bureau with another."""
    files = {
        "certificate": papers.certificate("daemon"),
        "key": papers.key("daemon"),
        "client_ca": papers.certificate(AUTHORITY),
        **changes,
    }
    clients = (client(papers, "shop", "main"), client(papers, "bureau", "other", "main"))
    return TcpSettings(host="127.0.0.1", port=0, clients=clients, **files)


@dataclass(frozen=True, slots=True)
class Visitor:
    """A machine elsewhere: asks over TLS as whoever it has papers of."""

    papers: Papers
    office: OfficeForTests

    def __call__(
        self,
        name: str,
        method: str,
        path: str,
        body: object = None,
        **headers: str,
    ) -> tuple[int, Any]:
        context = ssl.create_default_context(cafile=str(self.papers.certificate(AUTHORITY)))
        if name:
            context.load_cert_chain(self.papers.certificate(name), self.papers.key(name))
        connection = http.client.HTTPSConnection(
            "127.0.0.1", self.office.port, timeout=10, context=context
        )
        named = {"Content-Type": "application/json"}
        named |= {key.replace("_", "-"): value for key, value in headers.items()}
        try:
            connection.request(method, path, None if body is None else json.dumps(body), named)
            answer = connection.getresponse()
            return answer.status, json.loads(answer.read())
        finally:
            connection.close()

    def ask(self, name: str, key: str = "order-1", **changes: str) -> tuple[int, Any]:
        """Ask for a payout."""
        return self(name, "POST", "/v1/withdrawals", {**BODY, **changes}, Idempotency_Key=key)


@pytest.fixture
def visitor(tmp_path: Path, papers: Papers) -> Iterator[Visitor]:
    """Somebody who knocks from elsewhere."""
    with office_at(tmp_path, tcp=settings_of(papers)) as office:
        yield Visitor(papers, office)


def test_a_named_service_asks_and_sees_what_it_asked_for(visitor: Visitor) -> None:
    """The whole way of a service: ask, ask again, look by number, key and state, take back."""
    first = visitor.ask("shop")
    again = visitor.ask("shop")
    number = first[1]["id"]
    by_key = visitor("shop", "GET", "/v1/withdrawals?key=order-1&state=accepted")
    taken = visitor("shop", "POST", f"/v1/withdrawals/{number}/cancel")

    assert (201, "order-1") == (first[0], first[1]["idempotency_key"])
    assert first == again
    assert [number] == [w["id"] for w in by_key[1]["withdrawals"]]
    assert (200, "CANCELLED") == (taken[0], taken[1]["state"])
    assert "service shop" in {line.get("peer") for line in visitor.office.log}


def test_a_certificate_that_nobody_named_is_refused_with_its_fingerprint(
    visitor: Visitor, papers: Papers
) -> None:
    """Signed by the right authority is not enough; the operator reads what to add."""
    status, answer = visitor.ask("unnamed")

    print_ = papers.fingerprint("unnamed").replace(":", "").lower()
    assert (403, "unknown_service") == (status, answer["error"]["code"])
    assert print_ in answer["error"]["message"]
    assert "[api.tcp.clients]" in answer["error"]["message"]
    assert print_ in {line.get("fingerprint") for line in visitor.office.log}
    assert not visitor("shop", "GET", "/v1/withdrawals")[1]["withdrawals"]


@pytest.mark.parametrize("name", ["", "stranger"])
def test_without_a_certificate_of_the_authority_nothing_is_heard(
    visitor: Visitor, name: str
) -> None:
    """The handshake ends it: no certificate, or one that signed itself."""
    with pytest.raises((ssl.SSLError, ConnectionError)):
        visitor.ask(name)

    assert 201 == visitor.ask("shop")[0]


def test_a_service_reaches_its_own_pools_only(visitor: Visitor) -> None:
    """Another pool is refused when it is asked, and is not there when it is looked for."""
    asked = visitor.ask("shop", pool="other")
    listed = visitor("shop", "GET", "/v1/withdrawals?pool=other")
    theirs = visitor.ask("bureau")[1]["id"]

    assert (403, "foreign_pool") == (asked[0], asked[1]["error"]["code"])
    assert (403, "foreign_pool") == (listed[0], listed[1]["error"]["code"])
    assert 200 == visitor("shop", "GET", f"/v1/withdrawals/{theirs}")[0]


def test_what_is_out_of_reach_is_not_there(tmp_path: Path, papers: Papers) -> None:
    """By number, in lists, to take back and in the status."""
    outside = client(papers, "shop", "other")
    settings = settings_of(papers)
    narrow = replace(settings, clients=(outside, settings.clients[1]))
    with office_at(tmp_path, tcp=narrow) as office:
        visitor = Visitor(papers, office)
        number = visitor.ask("bureau")[1]["id"]
        shown = visitor("shop", "GET", f"/v1/withdrawals/{number}")
        listed = visitor("shop", "GET", "/v1/withdrawals")
        taken = visitor("shop", "POST", f"/v1/withdrawals/{number}/cancel")
        status = visitor("shop", "GET", "/v1/status")[1]

    assert [404, 404] == [shown[0], taken[0]]
    assert [] == listed[1]["withdrawals"]
    assert {"now", "exposure", "signer", "pools"} == set(status)
    assert [] == status["pools"]


def test_two_services_may_use_the_same_keys(visitor: Visitor) -> None:
    """Each has its own orders: neither blocks, nor stands in for, the other's payout."""
    shop, bureau = visitor.ask("shop"), visitor.ask("bureau", amount="7")

    assert [201, 201] == [shop[0], bureau[0]]
    assert shop[1]["id"] != bureau[1]["id"]
    assert ["order-1", "order-1"] == [a[1]["idempotency_key"] for a in (shop, bureau)]
    found = visitor("bureau", "GET", "/v1/withdrawals?key=order-1")[1]["withdrawals"]
    assert [bureau[1]["id"]] == [w["id"] for w in found]


@pytest.mark.parametrize("path", ["/v1/refills", "/v1/wallets", "/v1/journal", "/v1/motions"])
def test_a_service_does_not_look_around(visitor: Visitor, path: str) -> None:
    """TCP is the service's role and no other."""
    assert 403 == visitor("shop", "GET", path)[0]


def test_an_old_protocol_is_refused(visitor: Visitor, papers: Papers) -> None:
    """TLS 1.3 or nothing."""
    context = ssl.create_default_context(cafile=str(papers.certificate(AUTHORITY)))
    context.load_cert_chain(papers.certificate("shop"), papers.key("shop"))
    context.maximum_version = ssl.TLSVersion.TLSv1_2
    connection = http.client.HTTPSConnection(
        "127.0.0.1", visitor.office.port, timeout=10, context=context
    )
    with pytest.raises((ssl.SSLError, ConnectionError)):
        connection.request("GET", "/v1/status")


def test_services_that_signed_themselves_are_known_by_their_own_file(
    tmp_path: Path, papers: Papers
) -> None:
    """Without any authority, a file of the services' certificates is enough."""
    settings = settings_of(papers, client_ca=papers.certificate("stranger"))
    own = replace(settings, clients=(client(papers, "stranger", "main"),))
    with office_at(tmp_path, tcp=own) as office:
        assert 201 == Visitor(papers, office).ask("stranger")[0]


@pytest.mark.parametrize("key", ["certificate", "key", "client_ca"])
def test_a_missing_file_is_named(papers: Papers, key: str) -> None:
    """The operator reads which file, and where to mend it."""
    missing = papers.folder / "missing.pem"
    with pytest.raises(TlsError, match=r"missing.pem cannot be read.*mend \[api.tcp\]"):
        tls_context(settings_of(papers, **{key: missing}))


def test_a_foreign_key_and_an_empty_authority_are_named(papers: Papers, tmp_path: Path) -> None:
    """What does not belong together is told before anybody knocks."""
    with pytest.raises(TlsError, match="are no pair of certificate and key"):
        tls_context(settings_of(papers, key=papers.key("shop")))
    empty = tmp_path / "empty.pem"
    empty.write_text("nothing\n")
    with pytest.raises(TlsError, match="holds no certificates in PEM"):
        tls_context(settings_of(papers, client_ca=empty))


def test_a_taken_port_is_named(papers: Papers) -> None:
    """Two daemons never listen on one port."""
    settings = settings_of(papers)
    with listen_on(settings) as first:
        port = first.getsockname()[1]
        with pytest.raises(TlsError, match=f"cannot listen on 127.0.0.1 port {port}"):
            listen_on(replace(settings, port=port))
