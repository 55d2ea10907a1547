"""A cheap statistic over the signatures of a key: whether the token draws its nonces evenly.

A token that leaks or repeats parts of its nonces gives its key away after some hundred
signatures. For every key the highest eight bits of r, of s and of s/r are counted and compared
with an even spread (chi-square, 255 degrees of freedom). It finds coarse faults of a generator; a
fault that hides in the nonces alone does not show in these numbers, so silence proves nothing.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from hsm.book.book import Book
from policies.crypto import SECP256K1_N

ENOUGH = 2048
"""Fewer signatures than this are not judged: eight expected in each of 256 bins."""
NEWEST = 20_000
"""The newest so many are looked at, so that a long life does not hold up the loop."""
ALARM_SIGMA = 5.6
"""A fair token is accused less than once in 10^8 judgements, which is 10^-6 for a hundred."""
_BINS = 256
_HALF = SECP256K1_N // 2


@dataclass(frozen=True, slots=True, kw_only=True)
class Bias:
    """How far from even each part is, in standard deviations; `count` signatures were seen."""

    count: int
    of_r: float
    of_s: float
    of_ratio: float

    @property
    def is_alarming(self) -> bool:
        """Tell whether a fair token would do this less than once in a million times."""
        return max(self.of_r, self.of_s, self.of_ratio) > ALARM_SIGMA


def measure(pairs: Iterable[tuple[bytes, bytes]]) -> Bias:
    """Measure the spread of (r, s) pairs of 32 bytes, s in the lower half."""
    bins = [[0] * _BINS for _ in range(3)]
    count = 0
    for r, s in pairs:
        count += 1
        ratio = int.from_bytes(s, "big") * pow(int.from_bytes(r, "big"), -1, SECP256K1_N)
        ratio %= SECP256K1_N
        bins[0][r[0]] += 1
        bins[1][_high_bits(int.from_bytes(s, "big"))] += 1
        # s was folded to the lower half, so the sign of the ratio means nothing.
        bins[2][_high_bits(min(ratio, SECP256K1_N - ratio))] += 1
    of_r, of_s, of_ratio = (_sigmas(row, count) for row in bins)
    return Bias(count=count, of_r=of_r, of_s=of_s, of_ratio=of_ratio)


def _high_bits(value: int) -> int:
    """Return the highest eight bits of a number in the lower half."""
    return min(value * _BINS // _HALF, _BINS - 1)


def _sigmas(bins: Sequence[int], count: int) -> float:
    """Return the chi-square of even bins as standard deviations (Wilson and Hilferty)."""
    if count < ENOUGH:
        return 0.0
    expected, freedom = count / _BINS, _BINS - 1
    chi_square = sum((seen - expected) ** 2 / expected for seen in bins)
    spread = 2 / (9 * freedom)
    return float(((chi_square / freedom) ** (1 / 3) - (1 - spread)) / math.sqrt(spread))


def warnings_of(book: Book) -> tuple[str, ...]:
    """Return one line for every key whose signatures are not spread evenly."""
    keys = [key for (key,) in book.connection.execute("SELECT DISTINCT key FROM signatures")]
    found = []
    for key in keys:
        pairs = book.connection.execute(
            "SELECT r, s FROM signatures WHERE key = ? ORDER BY at DESC LIMIT ?", (key, NEWEST)
        )
        bias = measure(pairs)
        if bias.is_alarming:
            found.append(
                f"key {key}: {bias.count} signatures are not spread evenly: the token's random "
                "numbers may be weak; isolate its wallets and ask the vendor"
            )
    return tuple(found)
