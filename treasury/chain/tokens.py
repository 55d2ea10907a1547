"""Reads what token contracts say of themselves, and what a mined transfer really moved."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import msgspec

from policies.crypto import keccak256
from policies.terms import Address, Stamp
from policies.tokens import Movement, TokenFacts
from treasury.chain import answers, reader
from treasury.chain.errors import BadAnswerError, MissingBlockError, NodeError
from treasury.chain.port import Receipt, TokenTransfer
from treasury.chain.rpc import Call, RpcClient

_DECIMALS, _SYMBOL = "0x313ce567", "0x95d89b41"
_GAS_PER_CALL = hex(300_000)
# Where proxies keep what stands behind them: EIP-1967 logic and beacon, and the older slot of
# keccak256("org.zeppelinos.proxy.implementation") that some of the largest tokens still use.
_SLOTS = (
    "0x360894a13ba1a3210667c828492db98dca3e2076cc3735a920a3ca505d382bbc",
    "0xa3f0ad74e5423aebfd80d3ef4346578335a9a72aeaee59ff6cb3582b35133d50",
    "0x7050c9e0f4ca769c69bd3a8ef740bc37934f8e2c036e5a723fd8ee048ed3f8c3",
)
_TRANSFER = "0xddf252ad1be2c89b69c2b068fc378daa952ba7f163c4a11628f55a4df523b3ef"
_DECIMALS_MOST = 255
_SYMBOL_MOST = 64
_WORD = 32


class _Log(msgspec.Struct):
    address: str
    topics: list[str]
    data: str
    blockHash: str  # noqa: N815 - the node's name
    transactionHash: str  # noqa: N815 - the node's name


class _Parent(msgspec.Struct):
    hash: str
    parentHash: str  # noqa: N815 - the node's name


_LOGS = msgspec.json.Decoder(list[_Log])
_PARENT = msgspec.json.Decoder(_Parent)
Answer = msgspec.Raw | NodeError


@dataclass(frozen=True, slots=True)
class _Transferred:
    source: Address
    destination: Address
    amount: int
    is_ours: bool


def token_facts(rpc: RpcClient, assets: Sequence[Address], at: Stamp) -> list[TokenFacts]:
    """Read what each contract says of itself, all at the block of `at`.

    Raises `MissingBlockError` when the block is no longer on the chain, and what `rpc` raises.
    """
    pin = reader.pin(at)
    calls = [call for asset in assets for call in _questions(asset, pin)]
    found = rpc.batch([*calls, Call("eth_getBlockByNumber", (hex(at.number), False))])
    reader.require_same_block(found[-1], at)
    size = len(calls) // len(assets) if assets else 1
    return [_facts(asset, found[i * size : (i + 1) * size]) for i, asset in enumerate(assets)]


def movement(rpc: RpcClient, transfer: TokenTransfer, receipt: Receipt) -> Movement:
    """Read what a mined transfer logged, and what both balances did in its block.

    Raises `MissingBlockError` when its block is no longer on the chain, and what `rpc` raises.
    """
    of_block = {"blockHash": receipt.block_hash, "address": transfer.asset, "topics": [_TRANSFER]}
    logs, block = rpc.batch(
        [
            Call("eth_getLogs", (of_block,)),
            Call("eth_getBlockByHash", (receipt.block_hash, False)),
        ]
    )
    before, after = _stamps(block, receipt)
    cells = [(w, transfer.asset) for w in (transfer.source, transfer.destination)]
    then, now = (reader.read_cells(rpc, cells, at) for at in (before, after))
    made = _transfers(logs, transfer.asset, receipt)
    ours = [t.amount for t in made or () if t.is_ours and _joins(t, transfer)]
    lost, gained = (
        _gain(then[cell], now[cell], cell[0], [t for t in made if not t.is_ours])
        if made is not None
        else None
        for cell in cells
    )
    return Movement(
        asked=transfer.asked,
        logged=None if made is None else sum(ours),
        left=None if lost is None else -lost,
        arrived=gained,
    )


def _questions(asset: Address, pin: object) -> list[Call]:
    def asks(data: str) -> Call:
        return Call("eth_call", ({"to": asset, "data": data, "gas": _GAS_PER_CALL}, pin))

    slots = [Call("eth_getStorageAt", (asset, slot, pin)) for slot in _SLOTS]
    return [asks(_DECIMALS), asks(_SYMBOL), Call("eth_getCode", (asset, pin)), *slots]


def _facts(asset: Address, found: Sequence[Answer]) -> TokenFacts:
    decimals, symbol, code, *slots = (_data(answer) for answer in found)
    number = None if decimals is None or len(decimals) != _WORD else int.from_bytes(decimals, "big")
    return TokenFacts(
        asset=asset,
        decimals=number if number is not None and number <= _DECIMALS_MOST else None,
        symbol=_text(symbol or b""),
        code=code and keccak256(code),
        behind=tuple(None if word is None else word.rjust(_WORD, b"\0") for word in slots),
    )


def _data(answer: Answer) -> bytes | None:
    if isinstance(answer, NodeError):
        return None
    try:
        return answers.data(answer)
    except BadAnswerError:
        return None


def _text(data: bytes) -> str | None:
    """Read a string, or the 32 bytes that the oldest tokens return instead."""
    if len(data) == _WORD:
        raw = data.rstrip(b"\0")
    elif int.from_bytes(data[:_WORD], "big") == _WORD and len(data) > _WORD:
        size = int.from_bytes(data[_WORD : 2 * _WORD], "big")
        raw = data[2 * _WORD : 2 * _WORD + size]
        raw = raw if len(raw) == size else b""
    else:
        raw = b""
    try:
        text = raw.decode()
    except UnicodeDecodeError:
        return None
    return text if 0 < len(text) <= _SYMBOL_MOST and text.isprintable() else None


def _stamps(block: Answer, receipt: Receipt) -> tuple[Stamp, Stamp]:
    if isinstance(block, NodeError):
        raise block
    if answers.is_null(block):
        raise MissingBlockError(f"block {receipt.block_hash} is no longer part of the chain")
    body = answers.decoded(_PARENT, block)
    if answers.text_hash(body.hash) != receipt.block_hash:
        raise BadAnswerError(f"asked for block {receipt.block_hash}, got another one")
    number = receipt.block_number
    before = Stamp(number=number - 1, hash=answers.text_hash(body.parentHash), time=0)
    return before, Stamp(number=number, hash=receipt.block_hash, time=0)


def _transfers(answer: Answer, asset: Address, receipt: Receipt) -> list[_Transferred] | None:
    """Return the token's transfers in the block; `None` when they cannot be read."""
    if isinstance(answer, NodeError):
        return None
    try:
        logs = answers.decoded(_LOGS, answer)
        return [_transferred(log, asset, receipt) for log in logs if len(log.topics) == 3]
    except BadAnswerError:
        return None


def _transferred(log: _Log, asset: Address, receipt: Receipt) -> _Transferred:
    if (
        log.topics[0].lower() != _TRANSFER
        or log.address.lower() != asset.lower()
        or answers.text_hash(log.blockHash) != receipt.block_hash
    ):
        raise BadAnswerError("the node answered other logs than were asked for")
    amount = answers.word(f'"{log.data}"'.encode())
    source, destination = (answers.text_hash(topic)[-40:] for topic in log.topics[1:])
    return _Transferred(
        source=Address("0x" + source),
        destination=Address("0x" + destination),
        amount=amount,
        is_ours=answers.text_hash(log.transactionHash) == receipt.transaction_hash.lower(),
    )


def _joins(made: _Transferred, transfer: TokenTransfer) -> bool:
    ends = (transfer.source.lower(), transfer.destination.lower())
    return (made.source, made.destination) == ends


def _gain(
    then: int | None, now: int | None, wallet: Address, others: Iterable[_Transferred]
) -> int | None:
    """Return what our transaction alone did to a balance."""
    if then is None or now is None:
        return None
    gain, who = now - then, wallet.lower()
    for made in others:
        gain += (made.amount if made.source == who else 0) - (
            made.amount if made.destination == who else 0
        )
    return gain
