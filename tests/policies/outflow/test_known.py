"""Known recipients in bounded memory."""

from __future__ import annotations

import random
import sys

from policies.outflow.known import EXACT_MAX, UNKNOWN, KnownRecipients, key_of

SALT = 0x9E3779B97F4A7C15


def _addresses(count: int, seed: int = 1) -> list[str]:
    dice = random.Random(seed)
    return [f"0x{dice.getrandbits(160):040x}" for _ in range(count)]


def test_few_recipients_are_known_exactly() -> None:
    """Up to the bound nobody is forgotten and nobody mistaken."""
    known = KnownRecipients()
    for address in _addresses(EXACT_MAX):
        known.remember(key_of(address, SALT), 7)

    assert {known.level(key_of(a, SALT)) for a in _addresses(EXACT_MAX)} == {7}
    assert {known.level(key_of(a, SALT)) for a in _addresses(500, seed=2)} == {UNKNOWN}


def test_many_recipients_fit_into_64_kib_and_most_are_remembered() -> None:
    """Ten thousand recipients: over nine in ten known, hardly a stranger mistaken."""
    known = KnownRecipients()
    addresses = _addresses(10_000)
    for address in addresses:
        known.remember(key_of(address, SALT), 9)
    found = sum(known.level(key_of(a, SALT)) == 9 for a in addresses)
    mistaken = sum(known.level(key_of(a, SALT)) != UNKNOWN for a in _addresses(20_000, seed=2))

    assert found > 9_000
    assert mistaken <= 2
    assert sys.getsizeof(known.table) < 70_000


def test_trust_grows_and_never_shrinks() -> None:
    """A small payment later does not lower what a recipient is trusted with."""
    known = KnownRecipients()
    key = key_of("0x" + "ab" * 20, SALT)
    for level in (5, 80, 3):
        known.remember(key, level)

    assert known.level(key) == 80


def test_who_got_much_outlives_who_got_little() -> None:
    """When the table is crowded the smallest are forgotten first."""
    known = KnownRecipients()
    large, small = _addresses(1_000, seed=3), _addresses(60_000, seed=4)
    for address in large:
        known.remember(key_of(address, SALT), 90)
    for address in small:
        known.remember(key_of(address, SALT), 10)

    assert sum(known.level(key_of(a, SALT)) == 90 for a in large) > 990


def test_state_round_trip_small_and_large() -> None:
    """Both forms are restored exactly."""
    for count in (10, 5_000):
        known = KnownRecipients()
        for address in _addresses(count):
            known.remember(key_of(address, SALT), 4)
        other = KnownRecipients()
        other.restore(known.state())  # type: ignore[arg-type]

        assert known.state() == other.state()


def test_another_salt_gives_other_keys_and_words_are_taken_too() -> None:
    """Nobody can grind an address without the salt; a name that is no address still has a key."""
    address = _addresses(1)[0]

    assert key_of(address, SALT) != key_of(address, SALT + 2)
    assert key_of("creation-1", SALT) != key_of("creation-2", SALT)
