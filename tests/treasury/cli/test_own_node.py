"""--rpc: the treasurer's own node says whether the daemon's report of the balances is true."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from typing import TYPE_CHECKING, Any

import pytest

from policies.terms import Address
from tests.fakes.office import OfficeForTests
from tests.laws import ETH, NOON, TOKEN, address_of

if TYPE_CHECKING:
    from tests.treasury.cli.conftest import Terminal

pytestmark = pytest.mark.sockets


class NodeForTests:
    """A node that answers from a table; `asked` are the requests that came."""

    def __init__(self) -> None:
        self.asked: list[dict[str, Any]] = []
        self.results: dict[str, Any] = {
            "eth_chainId": "0x7a69",
            "eth_getBlockByNumber": {"number": "0x66", "timestamp": hex(NOON)},
            "eth_getBalance": hex(7 * ETH),
            "eth_call": f"0x{5 * 10**6:064x}",
        }
        node = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                request = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
                node.asked.append(request)
                result = node.results.get(request["method"])
                body = (
                    result if isinstance(result, bytes) else json.dumps({"result": result}).encode()
                )
                self.send_response(200)
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *args: object) -> None:
                """Say nothing."""

        self.server = HTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_port}/key/secret"


@pytest.fixture
def node() -> Iterator[NodeForTests]:
    """A node of the treasurer's own."""
    found = NodeForTests()
    thread = threading.Thread(target=found.server.serve_forever, args=(0.01,), daemon=True)
    thread.start()
    yield found
    found.server.shutdown()
    thread.join(5)
    found.server.server_close()


def test_agreeing_node_is_shown_beside_the_report(
    office: OfficeForTests, terminal: Terminal, node: NodeForTests
) -> None:
    """Both witnesses stand on the page; the node's address is shown without its secret path."""
    office.propose()
    office.see("vault", 7 * ETH)
    office.see("hot-a", 7 * ETH)
    found = terminal("refill", "show", "1", "--rpc", node.url)
    assert (0, "") == (found.code, found.err)
    assert "READ HERE from your own node, 127.0.0.1" in found.out
    assert "block 102" in found.out
    assert "secret" not in found.out
    assert "base units at the" not in found.out
    assert ["0x66"] * 2 == [a["params"][-1] for a in node.asked if a["method"] == "eth_getBalance"]


def test_disagreeing_node_is_a_warning(
    office: OfficeForTests, terminal: Terminal, node: NodeForTests
) -> None:
    """R8.7: a report that another witness does not see is said before signing."""
    office.propose()
    office.see("vault", 1000 * ETH)
    office.see("hot-a", 7 * ETH)
    found = terminal("refill", "approve", "1", "--rpc", node.url, *terminal.key("alice"))
    assert 0 == found.code
    assert f"WARNING: the daemon reports {1000 * ETH} base units at the source" in found.out
    assert "at the destination" not in found.out


def test_token_balances_are_asked_of_the_contract(
    office: OfficeForTests, terminal: Terminal, node: NodeForTests
) -> None:
    """For a token the contract is asked, at the same block."""
    office.propose(asset=Address(TOKEN), amount=10**9)
    found = terminal("refill", "show", "1", "--rpc", node.url)
    assert "balance of hot-a (hot)    5 USDC" in found.out
    calls = [request["params"] for request in node.asked if request["method"] == "eth_call"]
    assert [TOKEN, TOKEN] == [call[0]["to"] for call in calls]
    assert calls[0][0]["data"].endswith(address_of("vault")[2:].lower())


NONSENSE = [
    ("eth_chainId", "0x1", "the node serves chain 1, the terms are for chain 31337"),
    ("eth_chainId", None, "where a number belongs"),
    ("eth_getBalance", "lots", "where a number belongs"),
    ("eth_getBalance", "0x" + "f" * 100, "where a number belongs"),
    ("eth_getBlockByNumber", None, "the node has no newest block"),
    ("eth_chainId", b"<html>", "answers no JSON: is it a node?"),
    ("eth_chainId", b'{"error": {"code": 1}}', "refuses eth_chainId"),
    ("eth_chainId", b"[]", "refuses eth_chainId"),
]


@pytest.mark.parametrize("nonsense", NONSENSE)
def test_node_that_answers_nonsense_stops_the_command(
    office: OfficeForTests,
    terminal: Terminal,
    node: NodeForTests,
    nonsense: tuple[str, object, str],
) -> None:
    """Who asked for a second witness does not sign without one."""
    method, result, told = nonsense
    office.propose()
    node.results[method] = result
    found = terminal("refill", "approve", "1", "--rpc", node.url, *terminal.key("alice"))
    assert 65 == found.code
    assert told in found.err
    assert 1 == found.err.count("\n")


@pytest.mark.parametrize(
    ("url", "code"), [("http://127.0.0.1:1/", 69), ("ftp://x", 2), ("http://h:x", 2), ("node", 2)]
)
def test_unreachable_node_is_one_line(
    office: OfficeForTests, terminal: Terminal, url: str, code: int
) -> None:
    """A mistyped address is told as such, a silent node as unavailable."""
    office.propose()
    found = terminal("refill", "show", "1", "--rpc", url)
    assert code == found.code
    assert 1 == found.err.count("\n")
