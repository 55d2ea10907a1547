"""Coarse faults of a token's random numbers are noticed; a fair token is not accused."""

from __future__ import annotations

import random
from pathlib import Path

import pytest

from hsm.book.bias import ENOUGH, Bias, measure, warnings_of
from hsm.token.signature import Signature
from policies.crypto import SECP256K1_N
from tests.fakes.clock import FakeClock
from tests.fakes.vault_room import VaultRoom

Pair = tuple[bytes, bytes]


def fair(dice: random.Random) -> Pair:
    """Draw r and s as a good token does."""
    r, s = dice.randrange(1, SECP256K1_N), dice.randrange(1, SECP256K1_N // 2)
    return r.to_bytes(32, "big"), s.to_bytes(32, "big")


def short_r(dice: random.Random) -> Pair:
    """One r in ten has its highest bits cleared."""
    r, s = fair(dice)
    return (bytes([r[0] & 0x0F]) + r[1:] if dice.random() < 0.1 else r), s


def short_s(dice: random.Random) -> Pair:
    """One s in ten is small."""
    r, s = fair(dice)
    return r, (b"\x00" + s[1:] if dice.random() < 0.1 else s)


def tied(dice: random.Random) -> Pair:
    """One s in ten is a small multiple of its r: the nonce is tied to the message."""
    r, s = fair(dice)
    if dice.random() >= 0.1:
        return r, s
    small = dice.randrange(1, 2**240)
    tied_s = int.from_bytes(r, "big") * small % SECP256K1_N
    return r, min(tied_s, SECP256K1_N - tied_s).to_bytes(32, "big")


@pytest.mark.parametrize("kind", [short_r, short_s, tied])
def test_a_biased_token_is_noticed_within_5000_signatures(kind: object) -> None:
    """Bias in one signature of ten, in r, in s or in their ratio, raises the alarm (R3.12)."""
    assert callable(kind)
    dice = random.Random(3)

    assert measure(kind(dice) for _ in range(5000)).is_alarming


def test_a_fair_token_is_not_accused() -> None:
    """Twenty fair runs stay far below the alarm (R3.12)."""
    dice = random.Random(5)
    runs = [measure(fair(dice) for _ in range(ENOUGH)) for _ in range(20)]

    assert 4.5 > max(max(run.of_r, run.of_s, run.of_ratio) for run in runs)


def test_the_distance_is_told_in_standard_deviations() -> None:
    """Counts that one fair token in a thousand shows lie three deviations away (R3.12)."""
    rows = [14] * 103 + [6] * 103 + [10] * 50
    dice = random.Random(9)
    pairs = [
        (bytes([byte]) + dice.randbytes(31), fair(dice)[1])
        for byte, count in enumerate(rows)
        for _ in range(count)
    ]

    # Chi-square is 329.6; of 255 degrees of freedom, tables give 330.5 for one in a thousand.
    assert measure(pairs).of_r == pytest.approx(3.06, abs=0.02)


def test_few_signatures_are_not_judged() -> None:
    """Below the least number nothing is said, whatever it looks like."""
    assert Bias(count=100, of_r=0, of_s=0, of_ratio=0) == measure(
        [(b"\x01" * 32, b"\x01" * 32)] * 100
    )


def test_the_warning_stands_in_the_status(tmp_path: Path, clock: FakeClock) -> None:
    """What the statistic finds in the book is told with every status (R3.12)."""
    from hsm.book.orders import keep_signature

    room, dice = VaultRoom(tmp_path, clock), random.Random(7)
    with room.book.transaction():
        for number in range(3000):
            r, s = short_r(dice)
            signature = Signature(r + s, 0)
            keep_signature(room.book, "hot-a", number.to_bytes(32, "big"), signature, 1)
    room.desk.warnings = warnings_of(room.book)
    waivers = room.call("status", {}).body["waivers"]
    room.close()

    assert any("key hot-a" in line for line in waivers)


def test_every_bin_is_counted_alike() -> None:
    """Numbers that are spread evenly by hand fill each bin as often: no more even one there is."""
    step, dice = SECP256K1_N // 2 // ENOUGH, random.Random(7)
    evenly = [(k * step + step // 2).to_bytes(32, "big") for k in range(ENOUGH)]

    assert measure((fair(dice)[0], s) for s in evenly).of_s == pytest.approx(-33.85, abs=0.1)
