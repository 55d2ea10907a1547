"""Observe: both depths from pinned blocks, changes only, and unknown is a visible state."""

from __future__ import annotations

from sqlmodel import col, func, select

from policies.terms import NATIVE
from tests.fakes.belt import CHAIN_ID, Belt
from tests.laws import ETH, address_of
from tests.treasury.stations.test_adopt import kinds
from treasury.ledger import alarms
from treasury.ledger.facts import Cells
from treasury.ledger.queries import watch
from treasury.ledger.tables_seen import ObservationRow, TickRow
from treasury.stations.observe import observe

HOT = address_of("hot-a")


def look(belt: Belt) -> tuple[Cells, Cells]:
    """Observe once, and return the facts at head and at finality."""
    observe(belt.world, belt.clock())
    with belt.ledger.read() as session:
        found = watch.newest(session, CHAIN_ID)
    assert found is not None
    return found[1], found[2]


def count(belt: Belt, table: type[ObservationRow | TickRow]) -> int:
    """Return how many rows a table has."""
    with belt.ledger.read() as session:
        return session.exec(select(func.count()).select_from(table)).one()


def test_both_depths_with_their_stamps(low: Belt) -> None:
    """Head and finality are read at their own blocks and never mixed."""
    low.chain.spend(HOT, address_of("customer"), 3 * ETH)
    low.chain.mine(1)

    head, final = look(low)

    assert (4, 2) == (head.stamp.number, final.stamp.number)
    assert (7 * ETH, 10 * ETH) == (head.balance(HOT, NATIVE), final.balance(HOT, NATIVE))
    assert (1, 0) == (head.nonces[HOT], final.nonces[HOT])


def test_only_changes_are_written(low: Belt) -> None:
    """A look at an unchanged chain writes its tick and nothing else, and stays for one look."""
    look(low)
    before = count(low, ObservationRow)
    look(low)
    low.fund("hot-a", 1)
    look(low)

    assert (before + 1, 2) == (count(low, ObservationRow), count(low, TickRow))


def test_unknown_is_kept_as_unknown(low: Belt) -> None:
    """A cell that cannot be read is neither zero nor its former value, and comes back."""
    look(low)
    low.chain.unknown.add((HOT, NATIVE))
    low.chain.unknown.add(address_of("vault"))
    head, _ = look(low)
    low.chain.unknown.clear()
    again, _ = look(low)

    assert (None, None) == (head.balance(HOT, NATIVE), head.nonces[address_of("vault")])
    assert (10 * ETH, 0) == (again.balance(HOT, NATIVE), again.nonces[address_of("vault")])


def test_a_failed_look_leaves_the_old_facts_to_grow_old(low: Belt) -> None:
    """The newest good tick stays, the newest tick says why there is no other."""
    look(low)
    low.chain.is_down = True
    low.clock.advance(5)
    outcome = observe(low.world, low.clock())

    with low.ledger.read() as session:
        newest = watch.last_tick(session, CHAIN_ID)
        good = watch.last_good_tick(session, CHAIN_ID)
    assert outcome.ends_lane
    assert newest is not None
    assert good is not None
    assert (False, "the node does not answer", 5) == (newest.ok, newest.error, newest.at - good.at)


def test_looks_that_told_nothing_do_not_pile_up(low: Belt) -> None:
    """Of idle and of failed looks the newest stays; the last good one does while others fail."""
    look(low)
    for _ in range(3):
        look(low)
    for is_down in (True, True, True, False):
        low.chain.is_down = is_down
        rows = count(low, TickRow)
        observe(low.world, low.clock())

    with low.ledger.read() as session:
        first = session.exec(select(TickRow).order_by(col(TickRow.id))).first()
        newest = watch.last_good_tick(session, CHAIN_ID)
    assert (3, 2) == (rows, count(low, TickRow))
    assert first is not None
    assert newest is not None
    assert (1, 8) == (first.id, newest.id)


def test_a_reorg_is_simply_seen(low: Belt) -> None:
    """What the new chain says replaces what the old one said."""
    low.chain.spend(HOT, address_of("customer"), 3 * ETH)
    low.chain.mine(1)
    look(low)
    low.chain.reorg(1, keep=False)

    assert 10 * ETH == look(low)[0].balance(HOT, NATIVE)


def test_a_final_block_that_is_replaced_halts_and_rings_once(low: Belt) -> None:
    """A reorganisation below finality halts exposure in the commit of its look."""
    low.chain.mine(6)
    look(low)
    low.chain.reorg(4)
    look(low)
    look(low)

    assert low.is_halted()
    assert 1 == kinds(low).count("finality_broken")
    with low.ledger.read() as session:
        assert alarms.rings(session, "finality_broken", "chain:devnet")


def test_a_replaced_block_that_was_not_final_frightens_nobody(low: Belt) -> None:
    """Down to the depth that the settings wait for, blocks may come and go."""
    low.chain.mine(6)
    for depth in (1, 2):
        look(low)
        low.chain.reorg(depth, grow=0)
        look(low)

    assert not low.is_halted()
    assert "finality_broken" not in kinds(low)
