"""What the windows hold, to the wei: several orders in one window, and those that have left it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from hsm.book import spends as book_spends
from hsm.book.spends import Totals, first_paid_at, refilled_before, totals_for
from hsm.wire.message import Result
from policies.law import Law
from policies.limits import SAFETY_FEE_WINDOW_S
from policies.terms import Purpose, TransferTerms
from tests.fakes.clock import FakeClock
from tests.fakes.vault_room import CHAIN_ID, CUSTOMER, FEES, MAX_FEE, VaultRoom
from tests.laws import ETH, GONE, TOKEN, USDC, address_of, make_law

LEAST = FEES.total
TOKENS = {
    "per_transfer": "5000 USDC",
    "window_s": 1800,
    "window_amount": "20000 USDC",
    "window_count": 25,
    "first_use_amount": "8000 USDC",
}
BAND = {"urgent_floor": 2, "floor": 3, "target": 10, "cap": 29}
HOUR = 3600
DAY = 86_400


@pytest.fixture
def room(tmp_path: Path, clock: FakeClock) -> Iterator[VaultRoom]:
    """A room whose law also lets tokens out."""
    law = make_law(**{"pools.main.assets.USDC.withdrawal": TOKENS}).law
    made = VaultRoom(tmp_path, clock, law=law)
    yield made
    made.close()


def pay(room: VaultRoom, **changes: object) -> TransferTerms:
    """Sign a withdrawal and return its terms."""
    return settle(room, Purpose.WITHDRAWAL, **changes)


def settle(room: VaultRoom, purpose: Purpose, **changes: object) -> TransferTerms:
    """Sign an order of a purpose and return its terms."""
    terms = room.order(purpose, **changes)
    answer = room.sign(terms, "alice", "bob")
    assert Result.SIGNED == answer.result, answer.reasons
    return terms


def totals(room: VaultRoom, purpose: Purpose, law: Law | None = None, **changes: object) -> Totals:
    """Return what the windows hold for an order that is only asked for."""
    terms = room.order(purpose, **changes)
    return totals_for(room.book, terms, law or room.law, room.clock.unix())


def left(room: VaultRoom, symbol: str, law: Law | None = None) -> dict[str, int]:
    """Return what is left of a wallet's windows."""
    law = law or room.law
    wallet, asset = law.wallet("hot-a"), law.asset("devnet", symbol)
    assert wallet is not None
    assert asset is not None
    return book_spends.left(room.book, law, wallet, asset, room.clock.unix())


def test_withdrawals_of_one_window_are_added(room: VaultRoom, clock: FakeClock) -> None:
    """Amounts, new recipients, count and fees, in the order's own asset and in the native coin."""
    pay(room, amount=2 * ETH, max_fee=LEAST + 3)
    clock.advance(5)
    pay(room, amount=1 * ETH, destination=address_of("another"), max_fee=LEAST + 4)
    pay(room, asset=TOKEN, amount=50 * USDC, max_fee=LEAST + 5)

    assert totals(room, Purpose.WITHDRAWAL) == Totals(
        withdrawn=3 * ETH,
        withdrawn_new=3 * ETH,
        withdrawals=3,
        withdrawal_fees=3 * LEAST + 12,
        native_cost=3 * ETH + 3 * LEAST + 12,
    )
    of_token = totals(room, Purpose.WITHDRAWAL, asset=TOKEN)
    assert (50 * USDC, 3 * ETH + 3 * LEAST + 12) == (of_token.withdrawn, of_token.native_cost)


def test_a_withdrawal_leaves_the_window_to_the_second(room: VaultRoom, clock: FakeClock) -> None:
    """An entry exactly as old as the window has left it, one a second younger has not."""
    pay(room, amount=2 * ETH)
    clock.advance(1)
    pay(room, amount=1 * ETH)
    clock.advance(HOUR - 2)
    assert 3 * ETH == totals(room, Purpose.WITHDRAWAL).withdrawn
    clock.advance(1)
    assert (1 * ETH, 1) == (
        totals(room, Purpose.WITHDRAWAL).withdrawn,
        totals(room, Purpose.WITHDRAWAL).withdrawals,
    )
    clock.advance(1)
    assert Totals() == totals(room, Purpose.WITHDRAWAL)


def test_what_the_book_remembers_is_what_it_reads(room: VaultRoom, clock: FakeClock) -> None:
    """Totals and nonces are the same after a restart, which knows the file alone."""
    for amount in (1, 2, 3):
        pay(room, amount=amount * ETH)
    clock.advance(7)
    remembered = totals(room, Purpose.WITHDRAWAL), room.call("status", {}).body
    room.reopen()

    assert remembered == (totals(room, Purpose.WITHDRAWAL), room.call("status", {}).body)
    assert 6 * ETH == remembered[0].withdrawn


def test_refills_toward_a_wallet_are_added(room: VaultRoom, clock: FakeClock) -> None:
    """The tier of a refill is found by what was signed before it in the window, for ever."""
    first = settle(room, Purpose.REFILL, amount=20 * ETH)
    clock.advance(10)
    second = settle(room, Purpose.REFILL, amount=11 * ETH)
    third = settle(room, Purpose.REFILL, amount=3 * ETH)
    before = [refilled_before(room.book, room.id_of(t), t, room.law) for t in (first, second)]
    unknown = room.order(amount=5 * ETH)

    assert [0, 20 * ETH] == before
    assert 31 * ETH == refilled_before(room.book, room.id_of(third), third, room.law)
    assert refilled_before(room.book, room.id_of(unknown), unknown, room.law) is None
    assert Totals(refilled=34 * ETH) == totals(room, Purpose.REFILL)
    clock.advance(DAY - 10)
    assert Totals(refilled=14 * ETH) == totals(room, Purpose.REFILL)
    assert [0, 20 * ETH] == before


def test_a_refill_of_another_day_does_not_raise_the_tier(room: VaultRoom, clock: FakeClock) -> None:
    """What had left the window when an order was recorded counts no more for it."""
    settle(room, Purpose.REFILL, amount=20 * ETH)
    clock.advance(DAY - 1)
    late = settle(room, Purpose.REFILL, amount=7 * ETH)
    clock.advance(1)
    later = settle(room, Purpose.REFILL, amount=6 * ETH)

    assert 20 * ETH == refilled_before(room.book, room.id_of(late), late, room.law)
    assert 7 * ETH == refilled_before(room.book, room.id_of(later), later, room.law)


def test_fees_of_moves_home_are_added_for_a_day(room: VaultRoom, clock: FakeClock) -> None:
    """Sweeps count with the most that they may cost, amounts do not."""
    settle(room, Purpose.SWEEP, amount=1, max_fee=MAX_FEE)
    clock.advance(3)
    settle(room, Purpose.SWEEP, amount=2, max_fee=MAX_FEE)
    room.isolate("hot-a")
    assert Totals(home_fees=2 * MAX_FEE) == totals(room, Purpose.EVACUATION)
    clock.advance(SAFETY_FEE_WINDOW_S - 3)

    assert Totals(home_fees=MAX_FEE) == totals(room, Purpose.SWEEP)


def test_top_ups_count_with_their_fees(room: VaultRoom, clock: FakeClock) -> None:
    """What the sponsor gives away is amount and fee, whoever gets it."""
    settle(room, Purpose.TOP_UP, amount=ETH // 10)
    settle(room, Purpose.TOP_UP, amount=ETH // 5, destination=address_of("hot-b"))

    assert Totals(topped_up=3 * ETH // 10 + 2 * MAX_FEE) == totals(room, Purpose.TOP_UP)
    clock.advance(HOUR)
    assert Totals() == totals(room, Purpose.TOP_UP)


def test_what_is_left_is_told_to_the_wei(room: VaultRoom, clock: FakeClock) -> None:
    """Cap less refills, window less withdrawals; fees count in the native coin alone."""
    assert {"refill": 100 * ETH, "withdrawal": 20 * ETH} == left(room, "ETH")
    pay(room, amount=2 * ETH, max_fee=LEAST + 6)
    pay(room, amount=1 * ETH, max_fee=LEAST + 7)
    settle(room, Purpose.REFILL, amount=20 * ETH)
    clock.advance(1)
    settle(room, Purpose.REFILL, amount=9 * ETH)

    assert {"refill": 71 * ETH, "withdrawal": 17 * ETH - 2 * LEAST - 13} == left(room, "ETH")
    assert 20_000 * USDC == left(room, "USDC")["withdrawal"]
    pay(room, asset=TOKEN, amount=50 * USDC, max_fee=LEAST + 9)
    assert 19_950 * USDC == left(room, "USDC")["withdrawal"]
    assert 17 * ETH - 3 * LEAST - 22 == left(room, "ETH")["withdrawal"]
    clock.advance(HOUR)
    assert 20 * ETH == left(room, "ETH")["withdrawal"]


def test_a_window_that_was_lowered_leaves_nothing(room: VaultRoom) -> None:
    """Less than nothing is told as nothing, and what has no rule is not named."""
    pay(room, amount=3 * ETH)
    settle(room, Purpose.REFILL, amount=30 * ETH)
    assets = "pools.main.assets"
    low = {f"{assets}.ETH.withdrawal.window_amount": "1 ETH"}
    low |= {f"{assets}.ETH.withdrawal.per_transfer": "1 ETH"}
    low |= {f"{assets}.ETH.band.{name}": f"{n} ETH" for name, n in BAND.items()}
    law = make_law(**low).law

    assert {"refill": 0, "withdrawal": 0} == left(room, "ETH", law)
    assert {"refill": 100_000 * USDC} == left(room, "USDC", make_law().law)


def test_a_wallet_of_no_pool_has_nothing_left(room: VaultRoom) -> None:
    """The vault pays no withdrawals and is not refilled."""
    vault, asset = room.law.wallet("vault"), room.law.asset("devnet", "ETH")
    assert vault is not None
    assert asset is not None

    assert {} == book_spends.left(room.book, room.law, vault, asset, room.clock.unix())


def test_without_a_rule_everything_counts(room: VaultRoom, clock: FakeClock) -> None:
    """A law that lost its rule makes no room by forgetting what was signed long ago."""
    settle(room, Purpose.TOP_UP, amount=ETH // 10)
    clock.advance(10 * DAY)
    law = make_law(**{"chains.devnet.top_up": GONE}).law
    nothing = Totals()

    assert ETH // 10 + MAX_FEE == totals(room, Purpose.TOP_UP, law).topped_up
    assert (0, 0, 0) == (nothing.refilled, nothing.home_fees, nothing.topped_up)
    assert (0, HOUR) == book_spends.withdrawal_windows(
        room.order(Purpose.WITHDRAWAL, asset=TOKEN), make_law().law
    )


@pytest.mark.parametrize(("asset", "seconds"), [("ETH", (60, 60)), ("USDC", (1800, 60))])
def test_each_asset_has_its_window_and_fees_have_the_coins(
    tmp_path: Path, clock: FakeClock, asset: str, seconds: tuple[int, int]
) -> None:
    """A token is counted in its own window, its fees in that of the native coin."""
    assets = "pools.main.assets"
    law = make_law(
        **{f"{assets}.ETH.withdrawal.window_s": 60, f"{assets}.USDC.withdrawal": TOKENS}
    ).law
    room = VaultRoom(tmp_path, clock, law=law)
    found = law.asset("devnet", asset)
    assert found is not None
    terms = room.order(Purpose.WITHDRAWAL, asset=found.address, amount=USDC)
    stranger = room.order(Purpose.WITHDRAWAL, source=address_of("mallory"))
    room.close()

    assert seconds == book_spends.withdrawal_windows(terms, law)
    assert (0, 0) == book_spends.withdrawal_windows(stranger, law)


def test_a_recipient_is_new_until_the_first_payment(room: VaultRoom, clock: FakeClock) -> None:
    """The first payment is remembered with its time, later ones do not change it."""
    assert first_paid_at(room.book, CHAIN_ID, CUSTOMER) is None
    pay(room, amount=1 * ETH)
    since = clock.unix()
    clock.advance(HOUR)
    pay(room, amount=2 * ETH)

    assert since == first_paid_at(room.book, CHAIN_ID, CUSTOMER)
    assert first_paid_at(room.book, CHAIN_ID + 1, CUSTOMER) is None
    assert 1 * ETH == totals(room, Purpose.WITHDRAWAL, amount=1).withdrawn - 1 * ETH
    assert 0 == totals(room, Purpose.WITHDRAWAL).withdrawn_new
