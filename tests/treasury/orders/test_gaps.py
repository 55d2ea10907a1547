"""Gaps before a wallet's next nonce: which wallets have to wait, and what people read."""

from __future__ import annotations

from pathlib import Path

import pytest

from policies.terms import MotionKind
from tests.fakes.belt import Belt
from tests.laws import ETH, address_of, make_law
from treasury.orders.gaps import gaps

_VAULT = address_of("vault")


def texts(belt: Belt, *names: str) -> dict[str, str]:
    """Return by name what the wallets wait for."""
    sources = {address_of(name): name for name in names}
    found = gaps(belt.world, belt.law, set(sources))
    assert {"nonce_gap"} >= {reason.code for reason in found.values()}
    return {sources[address]: reason.text for address, reason in found.items()}


def test_a_wallet_whose_nonces_were_never_read_waits(low: Belt) -> None:
    """Unknown is no zero."""
    assert texts(low, "vault") == {
        "vault": "how many nonces vault has used is not known: no look could read it"
    }


def test_what_is_ours_leaves_no_gap(low: Belt) -> None:
    """R4.1: unmined, mined and final transfers of ours may all stand before the next one."""
    seen = []
    low.watch()
    low.approve(low.only_refill(), "alice", "bob")
    for _ in range(6):
        low.round()
        seen.append(texts(low, "vault", "hot-a", "hot-b", "sponsor"))

    assert not low.open_refills()
    assert seen == [{}] * 6


@pytest.mark.parametrize("ours", [0, 1])
def test_a_chain_that_is_ahead_of_the_book_stops_signing(calm: Belt, ours: int) -> None:
    """R4.1: the book would give a nonce that is spent; people have it skip that first."""
    for number in range(ours):
        calm.ask_withdrawal(ETH, "customer", key=f"key-{number}")
        calm.run(5)
    for _ in range(2):
        calm.chain.spend(address_of("hot-a"), address_of("elsewhere"), ETH)
    calm.chain.mine()
    calm.watch()

    assert texts(calm, "hot-a", "vault") == {
        "hot-a": f"the chain has used {ours + 2} nonces of hot-a, the signer's book {ours}: "
        f"have it skip the nonce to {ours + 2}"
    }


def test_the_first_nonce_that_is_nobodys_is_named(low: Belt) -> None:
    """However far people skipped, the gap begins where the chain is final."""
    low.watch()
    low.room.carry(MotionKind.SKIP_NONCE, {"wallet": "vault", "nonce": "900000000000000000"})
    low.money()

    assert texts(low, "vault", "hot-a") == {
        "vault": "nonce 0 of vault is neither ours nor final: this waits until it is final, "
        "or until the nonce is skipped back to 0"
    }


def test_only_wallets_that_are_asked_about_are_told(low: Belt) -> None:
    """Another sender's gap is not ours."""
    low.chain.spend(_VAULT, address_of("elsewhere"), ETH)
    low.chain.mine()
    low.watch()

    assert texts(low, "sponsor") == {}
    assert set(texts(low, "sponsor", "vault")) == {"vault"}


def test_where_another_engine_signs_too_nothing_waits(directory: Path, quiet: None) -> None:
    """Its transactions lie between ours, and the daemon claims the nonces there."""
    custody = {"wallets.hot-a.custody": "shared"}
    belt = Belt(directory, law=make_law(**custody).law, hot=60 * ETH)
    belt.chain.spend(address_of("hot-a"), address_of("elsewhere"), ETH)
    belt.chain.mine(3)
    belt.watch()

    assert texts(belt, "hot-a") == {}
