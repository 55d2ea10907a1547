"""Splits many cells into calls that a node answers whole, each prepared once."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import NamedTuple, Protocol

from policies.terms import Address

Cell = tuple[Address, Address]
"""A wallet and an asset."""


class Chunk(NamedTuple):
    """Some of the cells, and the object of the `eth_call` that answers them all."""

    cells: tuple[Cell, ...]
    call: Mapping[str, str]


class Way(Protocol):
    """A way to read many balances with few calls."""

    @property
    def name(self) -> str:
        """Return the way's name, for people."""

    def plan(self, wallets: Sequence[Address], assets: Sequence[Address]) -> list[Chunk]:
        """Prepare the calls that read every asset of every wallet."""

    def decode(self, reply: bytes, count: int) -> list[int | None]:
        """Read the cells out of a raw JSON result; `None` is unknown.

        Raises `BadAnswerError` when it is not a reply to a chunk of `count` cells.
        """


def split(
    wallets: Sequence[Address], assets: Sequence[Address], most: int
) -> Iterator[tuple[Sequence[Address], Sequence[Address]]]:
    """Yield pairs of wallets and assets whose product has at most `most` cells."""
    for first in range(0, len(assets), most):
        group = assets[first : first + most]
        rows = most // len(group)
        for start in range(0, len(wallets), rows):
            yield wallets[start : start + rows], group


def product(wallets: Sequence[Address], assets: Sequence[Address]) -> tuple[Cell, ...]:
    """Return every cell, wallet by wallet, asset by asset."""
    return tuple((wallet, asset) for wallet in wallets for asset in assets)
