"""Allowances and rights on real nodes, of a wallet that gave and has some."""

from __future__ import annotations

from contextlib import closing

import pytest

from policies.crypto import checksum_address
from tests.fakes.devchain import BOB
from tests.fakes.market import Market
from tests.fakes.nodes import RealNode
from treasury.chain import answers
from treasury.chain.port import RightsRequest
from treasury.chain.rights import read_rights

pytestmark = pytest.mark.sockets
NOBODY = checksum_address(b"\x99" * 20)


def test_what_a_key_allowed_and_owns_is_seen(dev_chain: RealNode) -> None:
    """R2.11: an allowance and the ownership of a token are found, and gone after a revocation."""
    with closing(Market(dev_chain)) as market:
        token, wallet = market.token("MintableToken"), market.deployer.address
        asked = RightsRequest(
            wallets=(wallet, BOB),
            assets=(token.address,),
            spenders=(BOB,),
            contracts=(
                token.address,
                NOBODY,
            ),
        )

        def look() -> tuple[int | None, object, object]:
            at = answers.stamp(market.rpc.call("eth_getBlockByNumber", "latest", False))
            assert at is not None
            found = read_rights(market.rpc, asked, at)
            powers = (found.powers[wallet, token.address], found.powers[BOB, token.address])
            return found.allowances[wallet, token.address, BOB], powers, found.powers[BOB, NOBODY]

        market.deployer.do(token, "approve", BOB, 7)
        given = look()
        market.deployer.do(token, "approve", BOB, 0)
        revoked = look()

    assert (7, (("owner",), ()), ()) == given
    assert (0, (("owner",), ()), ()) == revoked
