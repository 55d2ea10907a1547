"""What a mined transaction took out of a wallet, as both real nodes tell it."""

from __future__ import annotations

import pytest

from policies.terms import NATIVE, Address
from policies.tokens import Spending
from tests.fakes.bank import open_bank
from tests.fakes.nodes import RealNode, RealNodes, chosen_nodes, require_node
from tests.laws import address_of
from treasury.chain.errors import MissingBlockError
from treasury.chain.port import Chain, Receipt

pytestmark = pytest.mark.sockets
FRIEND, ELSEWHERE = address_of("customer"), address_of("carol")


def receipt_of(chain: Chain, digest: str) -> Receipt:
    """Return the receipt of a mined transaction."""
    found = chain.receipts([digest])[digest]
    assert found is not None
    return found


@pytest.mark.parametrize("name", chosen_nodes())
def test_coins_and_tokens_of_the_law_are_counted_once(real_nodes: RealNodes, name: str) -> None:
    """R2.7: what left by value and by log, the sender's alone; forged tokens count for nothing."""
    require_node(name)
    with real_nodes.lend(name) as real, real.connect() as chain:
        bank = open_bank(real, [], tokens=2)
        deployer, (token, fake) = bank.deployer, bank.tokens
        payer = deployer.address
        for each in (token, fake):
            deployer.mint(each, [payer], 100)
        coins = str(deployer.pay(FRIEND, 7)["transactionHash"])
        asked = {
            digest: receipt_of(chain, digest)
            for digest in (
                coins,
                _sent(real, deployer.submit(token, "transfer", FRIEND, 30)),
                _sent(real, deployer.submit(fake, "transfer", FRIEND, 40)),
            )
        }
        assets = (NATIVE, token.address)
        told = chain.spending([(payer, receipt) for receipt in asked.values()], assets)
        others = chain.spending([(FRIEND, asked[coins])], assets)

        assert [_own(NATIVE, 7), _own(NATIVE, 0, token.address, 30), _own(NATIVE, 0)] == list(told)
        assert [Spending(is_sender=False, amounts={})] == list(others)


@pytest.mark.parametrize("name", chosen_nodes())
def test_a_transaction_of_another_block_is_not_counted(real_nodes: RealNodes, name: str) -> None:
    """R4.6: a receipt whose block was replaced says nothing of the chain there is."""
    require_node(name)
    with real_nodes.lend(name) as real, real.connect() as chain:
        bank = open_bank(real, [], tokens=0)
        digest = str(bank.deployer.pay(ELSEWHERE, 7)["transactionHash"])
        known = receipt_of(chain, digest)
        gone = Receipt(
            transaction_hash=digest,
            block_number=known.block_number,
            block_hash=f"0x{1:064x}",
            succeeded=True,
            gas_used=known.gas_used,
            effective_gas_price=known.effective_gas_price,
        )

        with pytest.raises(MissingBlockError):
            chain.spending([(bank.deployer.address, gone)], (NATIVE,))


def _sent(real: RealNode, digest: str) -> str:
    real.node.receipt(digest)
    return digest


def _own(*cells: Address | int) -> Spending:
    assets, amounts = cells[::2], cells[1::2]
    return Spending(
        is_sender=True,
        amounts={Address(str(a)): int(n) for a, n in zip(assets, amounts, strict=True)},
    )
