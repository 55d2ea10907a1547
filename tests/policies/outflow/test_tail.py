"""Return periods from histograms."""

from __future__ import annotations

from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from policies.outflow.tail import Tail, total


def _tail(buckets: list[int], **options: float) -> Tail:
    tail = Tail(size=64, excess_prior=2.0, excess_floor=1.0, **options)  # type: ignore[arg-type]
    for bucket in buckets:
        tail.add(bucket)
    return tail


@given(st.lists(st.integers(0, 63), max_size=200), st.floats(0.01, 5_000.0))
def test_a_higher_bucket_is_never_more_usual(buckets: list[int], days: float) -> None:
    """Return periods never fall from one bucket to the next."""
    tail = _tail(buckets)
    tail.refresh(days)

    assert sorted(tail.decades) == tail.decades


def test_inside_the_data_the_count_speaks() -> None:
    """What was reached eleven times in a hundred days, one of them spare, comes once in ten."""
    tail = _tail([10] * 1_000 + [20] * 11)
    tail.refresh(100.0)

    assert abs(tail.decades[20] - 1.0) < 1e-9


def test_beyond_the_data_rarity_grows_without_end() -> None:
    """Ten buckets above the record are rarer than one, and the record rarer than the middle."""
    tail = _tail([10] * 1_000 + [20] * 11)
    tail.refresh(100.0)

    assert tail.decades[10] < tail.decades[20] < tail.decades[23] < tail.decades[40]


def test_a_single_outlier_does_not_make_the_like_usual() -> None:
    """One probe far out changes little; three do."""
    calm, probed, usual = _tail([10] * 500), _tail([10] * 500 + [50]), _tail([10] * 500 + [50] * 3)
    for tail in (calm, probed, usual):
        tail.refresh(100.0)

    assert probed.decades[50] > 2.0
    assert usual.decades[50] <= 2.0


def test_nothing_below_the_anchor_is_rare_while_little_was_seen() -> None:
    """One tiny first payment must not make an ordinary one look enormous."""
    bare, anchored = _tail([5]), _tail([5], anchor=30)
    bare.refresh(100.0)
    anchored.refresh(100.0)

    assert anchored.decades[30] < bare.decades[30]
    assert anchored.decades[30] == anchored.decades[6]


def test_a_firm_anchor_holds_with_much_data_too() -> None:
    """A second payment is not rare, however many recipients were paid once."""
    soft, firm = (
        _tail([0] * 1_000 + [1] * 40),
        _tail([0] * 1_000 + [1] * 40, anchor=4, is_firm=True),
    )
    soft.refresh(30.0)
    firm.refresh(30.0)

    assert firm.decades[4] == firm.decades[1]
    assert soft.decades[4] > firm.decades[4]


def test_moving_and_taking_keep_the_count() -> None:
    """A recipient is counted once wherever it stands, and not at all when it is taken out."""
    tail = _tail([1, 1])
    tail.move(1, 5)
    tail.take(5)
    tail.take(5)

    assert total(tail) == 1.0


def test_tails_that_end_early_are_rarer_beyond_the_record_than_a_power_law_says() -> None:
    """Amounts spread evenly below a limit speak against twice the limit; a power law's do not."""
    even = _tail([10] * 1_000 + [20, 21, 22, 23, 24, 25, 26, 27] * 5)
    power = _tail([10] * 1_000 + [20] * 16 + [22] * 8 + [24] * 6 + [26] * 4 + [28] * 3 + [32] * 3)
    for tail in (even, power):
        tail.refresh(100.0)

    assert even.shoulder()[3] > power.shoulder()[3]
    assert even.decades[36] > power.decades[36] + 0.5


@given(st.lists(st.integers(0, 63), min_size=20, max_size=200))
def test_beyond_the_record_rarity_grows_at_a_bounded_pace(
    buckets: list[int],
) -> None:
    """Whoever came close may come closer, whatever law was fitted."""
    tail = _tail(buckets)
    tail.refresh(100.0)
    beyond = tail.decades[max(buckets) + 1 :]

    assert all(b - a <= 0.44 for a, b in pairwise(beyond))
