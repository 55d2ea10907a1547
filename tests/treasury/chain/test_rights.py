"""Rights and allowances, read from a node that may say anything."""

from __future__ import annotations

from typing import Any

import pytest

from policies.crypto import parse_address
from policies.terms import Stamp
from tests.fakes.node_transport import FakeTransport, RpcFault
from treasury.chain.errors import MissingBlockError
from treasury.chain.port import RightsRequest
from treasury.chain.rights import read_rights
from treasury.chain.rpc import RpcClient

WALLET = parse_address("0x" + "a1" * 20)
OTHER = parse_address("0x" + "b0" * 20)
SPENDER = parse_address("0x" + "5e" * 20)
TOKEN = parse_address("0x" + "70" * 20)
SAFE = parse_address("0x" + "5a" * 20)
AT = Stamp(number=7, hash=f"0x{7:064x}", time=1007)
ASKED = RightsRequest(wallets=(WALLET,), assets=(TOKEN,), spenders=(SPENDER,), contracts=(SAFE,))
REVERTED = RpcFault(3, "execution reverted")
OWNER, IS_OWNER, IS_MODULE, HAS_ROLE = "8da5cb5b", "2f54bf6e", "2d9ad53d", "91d14854"


def word(value: int | str) -> str:
    """Return 32 bytes: a number, or an address."""
    return "0x" + (f"{value:064x}" if isinstance(value, int) else value[2:].rjust(64, "0"))


class Node:
    """A node whose contracts answer what the test says, by selector; else they revert."""

    def __init__(self) -> None:
        self.said: dict[str, Any] = {"dd62ed3e": word(0)}
        self.block = AT.hash
        wire = FakeTransport(
            {
                "eth_call": lambda call, _: self.said.get(call["data"][2:10], REVERTED),
                "eth_getBlockByNumber": lambda tag, _: {
                    "number": tag,
                    "hash": self.block,
                    "timestamp": "0x1",
                },
            }
        )
        self.rpc = RpcClient(wire, chain_id=31337, deadline_s=1)

    def allowance(self) -> int | None:
        """Return what the spender may take."""
        return read_rights(self.rpc, ASKED, AT).allowances[WALLET, TOKEN, SPENDER]

    def powers(self) -> tuple[str, ...] | None:
        """Return what the wallet may do at the Safe."""
        return read_rights(self.rpc, ASKED, AT).powers[WALLET, SAFE]


@pytest.fixture
def node() -> Node:
    """Return a node without rights."""
    return Node()


@pytest.mark.parametrize(
    ("said", "amount"),
    [
        (word(0), 0),
        (word(2**256 - 1), 2**256 - 1),
        ("0x", None),
        (REVERTED, None),
        (RpcFault(-32000, "timeout"), None),
        (None, None),
    ],
)
def test_an_allowance_is_a_number_or_unknown(node: Node, said: object, amount: int | None) -> None:
    """R2.11: what cannot be read is never nothing."""
    node.said["dd62ed3e"] = said

    assert amount == node.allowance()


@pytest.mark.parametrize(
    ("selector", "said", "powers"),
    [
        (OWNER, word(WALLET), ("owner",)),
        (OWNER, word(OTHER), ()),
        (IS_OWNER, word(1), ("owner of the Safe",)),
        (IS_MODULE, word(1), ("module of the Safe",)),
        (HAS_ROLE, word(1), ("admin role",)),
        (IS_OWNER, word(0), ()),
        (IS_OWNER, "0x", ()),
        (IS_OWNER, REVERTED, ()),
        (IS_OWNER, RpcFault(-32000, "execution reverted: no"), ()),
        (IS_OWNER, RpcFault(-32000, "timeout"), None),
        (IS_OWNER, None, None),
    ],
)
def test_rights_are_named_or_unknown(
    node: Node, selector: str, said: object, powers: tuple[str, ...] | None
) -> None:
    """R2.11: owners, modules and roles are found; only a revert or silence of code means none."""
    node.said[selector] = said

    assert powers == node.powers()


def test_rights_of_a_replaced_block_are_refused(node: Node) -> None:
    """Facts of another block than the one that was asked for are no facts."""
    node.block = f"0x{8:064x}"

    with pytest.raises(MissingBlockError):
        node.powers()
