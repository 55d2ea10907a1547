"""Release: looked at again, at head and at finality, before anything is queued."""

from __future__ import annotations

from pathlib import Path

import pytest

from hsm.wire.fields import to_hex
from policies.consent import veto_digest
from policies.lifecycles import Owner, RefillState
from policies.terms import Address
from tests.fakes.belt import Belt
from tests.laws import ETH, GONE, TOKEN, USDC, address_of, make_law, sign
from treasury.safety.halting import halt
from treasury.stations.adopt import adopt
from treasury.stations.observe import observe
from treasury.stations.release import release
from treasury.stations.tally import tally


@pytest.fixture
def approved(low: Belt) -> Belt:
    """A belt with an approved refill of 50 ETH."""
    low.watch()
    low.approve(low.only_refill(), "alice", "bob")
    tally(low.world, low.clock())
    assert RefillState.APPROVED is low.only_refill().state
    return low


def codes(belt: Belt) -> set[str]:
    """Release, and return why the refill stays."""
    release(belt.world, belt.clock())
    assert RefillState.APPROVED is belt.only_refill().state
    assert [] == belt.transfers()
    return {reason.code for reason in belt.only_refill().reasons}


def test_released_with_exactly_one_transfer(approved: Belt) -> None:
    """RELEASED and its transfer are one commit, with the same terms and order id."""
    release(approved.world, approved.clock())
    release(approved.world, approved.clock())

    refill, transfers = approved.only_refill(), approved.transfers()
    assert RefillState.RELEASED is refill.state
    assert [(refill.transfer_id, refill.order_id, refill.terms)] == [
        (t.id, t.order_id, t.terms) for t in transfers
    ]


def test_somebody_else_filled_it(approved: Belt) -> None:
    """With less room to the target than the amount, nothing goes."""
    approved.fund("hot-a", 5 * ETH)
    approved.chain.mine(1)
    approved.watch()

    assert {"above_target"} == codes(approved)


def test_room_at_finality_alone_is_not_enough(approved: Belt) -> None:
    """The head must leave room as well, though finality still does."""
    approved.fund("hot-a", 1)
    approved.chain.mine(1)
    approved.watch()

    assert {"above_target"} == codes(approved)


def test_what_is_missing_behind_an_arrival_holds_it(approved: Belt) -> None:
    """R2.7: nothing goes to a wallet that lacks money at the head, whatever the guard said."""
    approved.chain.spend(address_of("hot-a"), address_of("thief"), ETH)
    approved.chain.mine(1)
    observe(approved.world, approved.clock())

    assert "hidden_drop" in codes(approved)


def test_old_facts_release_nothing(approved: Belt) -> None:
    """When the chain was not seen for a while, nothing goes."""
    approved.clock.advance(61)

    assert {"stale"} == codes(approved)


def test_unknown_is_not_zero(approved: Belt) -> None:
    """A balance that could not be read stops the refill; it is not an empty wallet."""
    approved.chain.unknown.add((address_of("hot-a"), approved.only_refill().asset))
    approved.chain.mine()
    approved.watch()

    assert {"balance_unknown"} == codes(approved)


def test_a_halt_holds_it(approved: Belt) -> None:
    """Nothing toward exposure is released while halted."""
    with approved.ledger.write() as session:
        halt(session, actor=Owner.API, why="a person", now=approved.clock.unix())

    assert {"halted"} == codes(approved)


def test_an_empty_vault_gives_nothing(approved: Belt) -> None:
    """The vault keeps its fee headroom."""
    approved.chain.fund(address_of("vault"), -960 * ETH)
    approved.chain.mine(3)
    approved.watch()

    assert "vault_short" in codes(approved)


def test_it_expires_here_too(approved: Belt) -> None:
    """R8.2: an approval that nobody could use in time is over."""
    approved.clock.advance(3601)
    release(approved.world, approved.clock())

    assert RefillState.EXPIRED is approved.only_refill().state


def test_an_absent_signer_holds_it(approved: Belt) -> None:
    """Without the signer's word nothing is released, and the lane ends for this tick."""
    approved.signer.is_away = True

    assert release(approved.world, approved.clock()).ends_lane
    assert RefillState.APPROVED is approved.only_refill().state


def test_a_time_written_into_the_database_shortens_no_lock(directory: Path, quiet: None) -> None:
    """R5.6: the signer counts the time-lock by itself, whatever the ledger was made to say."""
    belt = Belt(directory, hot=ETH)
    belt.watch()
    belt.approve(belt.only_refill(), "alice", "bob", "carol")
    tally(belt.world, belt.clock())
    with belt.ledger.write() as session:
        session.connection().exec_driver_sql("UPDATE refill SET release_at = 0")

    assert {"time_lock"} == codes(belt)


def test_a_veto_that_only_the_signer_heard_holds_it(approved: Belt) -> None:
    """A person went past the daemon: the signer is asked once more, and says no."""
    digest = bytes.fromhex(approved.only_refill().order_id[2:])
    no = sign("carol", veto_digest(digest, approved.world.deployment))
    approved.room.call("veto", {"digest": to_hex(digest), "signature": to_hex(no)})

    assert {"vetoed"} == codes(approved)


def test_a_law_that_forgot_the_asset_holds_it(directory: Path, quiet: None) -> None:
    """People strike a token from the law after they approved a refill of it: nothing goes."""
    tokens = "pools.main.assets.USDC"
    belt = Belt(directory, law=make_law(**{f"{tokens}.refill.schedule": GONE}).law, hot=60 * ETH)
    belt.fund("vault", 1_000_000 * USDC, Address(TOKEN))
    belt.chain.mine(3)
    belt.watch()
    belt.approve(belt.only_refill(), "alice", "bob")
    tally(belt.world, belt.clock())
    forgets = {"chains.devnet.tokens": GONE, "chains.devnet.max_loss.USDC": GONE, tokens: GONE}
    belt.room.adopt(make_law(**forgets).law)
    belt.clock.advance(1)
    adopt(belt.world, belt.clock())

    assert "law_changed" in codes(belt)


def test_a_law_that_only_the_signer_knows_yet_holds_it(approved: Belt) -> None:
    """People adopted a law a moment ago: its refusal is shown, and nothing goes."""
    approved.room.adopt(make_law(**{"pools.main.gas_reserve": "0.3 ETH"}).law)
    approved.clock.advance(1)

    assert "law_changed" in codes(approved)
