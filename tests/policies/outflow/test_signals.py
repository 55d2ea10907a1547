"""How several rules' answers become one."""

from __future__ import annotations

from policies.outflow.signals import Signal, rank_of


def _rank(**decades: float) -> float:
    return rank_of([Signal(rule, value, 1.0, 0) for rule, value in decades.items()])


def test_rules_of_one_kind_see_the_same_thing() -> None:
    """Only the strongest of a kind counts."""
    assert _rank(recipient_total=2.5, fresh=2.4, large=2.3) == 2.5
    assert _rank(recipient_total=2.0, recipient_pace=2.5, recipient_count=2.4) == _rank(
        recipient_total=2.0, recipient_pace=2.5
    )


def test_much_odd_and_fast_together_say_more_than_each() -> None:
    """Three kinds that agree are worth a hold where none of them is."""
    two = _rank(recipient_total=2.2, recipient_surprise=2.2)
    three = _rank(recipient_total=2.2, recipient_surprise=2.2, recipient_pace=2.2)

    assert 2.2 < two < 3.0 < three


def test_what_comes_every_few_days_supports_nothing() -> None:
    """A second and third kind below one decade are no evidence."""
    assert _rank(recipient_total=2.4, recipient_surprise=0.9, recipient_pace=1.0) == 2.4


def test_an_odd_way_of_paying_crumbs_is_capped() -> None:
    """However fast crumbs follow each other, they are worth what they add up to and a bit."""
    assert _rank(storm=9.0) < _rank(storm=9.0, recipient_total=1.0) < 3.0


def test_a_crowd_supports_nothing() -> None:
    """Campaigns are crowds too: a crowd speaks for itself alone."""
    assert _rank(crowd=2.0, recipient_total=1.5) == 2.0
