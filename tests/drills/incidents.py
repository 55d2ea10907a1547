"""Real thefts from hot wallets, as sequences of blocks, replayed through the daemon's stations.

What is kept of each: the order of the assets, how many wallets, how many transactions in a block,
to how many collectors, who had the gas. Values are shares of what the wallets hold; pauses are
shortened to a few blocks, which helps the thief. The thief has the key: every transaction is valid,
comes before ours in its block, and is known to the daemon by what the chain shows alone.

    python -m tests.drills.replay            # the table of all cases
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

TOKENS = 24
"""Tokens beside the native coin; cases with hundreds of them went on as they had begun."""
COIN = -1


@dataclass(frozen=True, slots=True, kw_only=True)
class Take:
    """One malicious transaction: a share of what a wallet then holds of one asset.

    `asset` counts the tokens by falling value from 0 and is `COIN` for the native coin; `to` counts
    the collectors.
    """

    asset: int
    share: float = 1.0
    wallet: str = "hot-a"
    to: int = 0


Block = tuple[Take, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    """One theft, block by block; an empty block is a pause.

    `wallets` hold money, all of them on one host; `has_gas`: they had coins when it began.
    """

    name: str
    blocks: tuple[Block, ...]
    wallets: tuple[str, ...] = ("hot-a",)
    has_gas: bool = True


PAUSE = ((), ())
_BOTH = ("hot-a", "hot-b")
_ALL = range(TOKENS)
_COINS = Take(asset=COIN, share=0.999)
_HALF = replace(_COINS, share=0.5)


def _one_by_one(assets: Sequence[int], *, each: int = 1, collectors: int = 1) -> Iterator[Block]:
    takes = [Take(asset=asset, to=number % collectors) for number, asset in enumerate(assets)]
    yield from (tuple(takes[start : start + each]) for start in range(0, len(takes), each))


def _from(wallet: str, block: Block) -> Block:
    return tuple(replace(take, wallet=wallet) for take in block)


def _together(blocks: Iterator[Block]) -> Iterator[Block]:
    """Let each block rob both wallets."""
    yield from ((*block, *_from("hot-b", block)) for block in blocks)


def _in_turn(blocks: Iterator[Block], rest: int = 0) -> Iterator[Block]:
    """Rob one wallet, then the other, with pauses."""
    for block in blocks:
        yield block
        yield from [()] * rest
        yield _from("hot-b", block)


MANDATORY: tuple[Case, ...] = (
    Case(name="KuCoin 2020", blocks=((_COINS,), *PAUSE, *_one_by_one(_ALL))),
    Case(
        name="Stake 2023",
        blocks=((Take(asset=0),), (_HALF,), (_COINS,), *_one_by_one(range(1, TOKENS))),
    ),
    Case(name="CoinEx 2023", blocks=((_COINS,), *_one_by_one(_ALL))),
    Case(name="Poloniex 2023", blocks=((_COINS,), *_one_by_one(_ALL, each=3, collectors=12))),
    Case(name="Phemex 2025", blocks=(*_one_by_one(_ALL, collectors=3), (_COINS,))),
    Case(
        name="CoinDCX 2025",
        blocks=(
            (Take(asset=0, share=1e-5),),
            *PAUSE,
            *((Take(asset=0, share=share),) for share in (0.05, 0.17, 0.29, 0.4, 0.67, 1.0)),
        ),
    ),
    Case(name="Upbit 2025", blocks=tuple(_together(_one_by_one(_ALL))), wallets=_BOTH),
)
OTHERS: tuple[Case, ...] = (
    Case(name="Liquid 2021", blocks=(*_one_by_one(_ALL[:12]), (_COINS,), *_one_by_one(_ALL[12:]))),
    Case(name="BitMart 2021", blocks=tuple(_in_turn(_one_by_one(_ALL), 1)), wallets=_BOTH),
    Case(
        name="AscendEX 2021",
        blocks=(*_in_turn(iter([(_COINS,)])), *_in_turn(_one_by_one(_ALL))),
        wallets=_BOTH,
    ),
    Case(name="Wintermute 2022", blocks=tuple(_one_by_one(_ALL, each=2)), has_gas=False),
    Case(
        name="FTX 2022",
        blocks=tuple(_together(iter([(_COINS,), *_one_by_one(_ALL, collectors=4)]))),
        wallets=_BOTH,
    ),
    Case(name="Deribit 2022", blocks=((_HALF,), (Take(asset=0),), (_COINS,))),
    Case(
        name="HTX 2023",
        blocks=((_COINS,), *PAUSE, _from("hot-b", (_COINS,)), *_in_turn(_one_by_one(_ALL))),
        wallets=_BOTH,
    ),
    Case(
        name="BingX 2024",
        blocks=tuple(_together(_one_by_one(_ALL[::-1], each=2))),
        wallets=_BOTH,
    ),
    Case(name="Nobitex 2025", blocks=(*_one_by_one(_ALL, each=2, collectors=24), (_COINS,))),
    Case(name="BtcTurk 2025", blocks=(*_one_by_one(_ALL, each=2, collectors=2), (_COINS,))),
)
CASES = (*MANDATORY, *OTHERS)
