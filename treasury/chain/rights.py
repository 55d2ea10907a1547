"""Reads what is left of a wallet's power over contracts: allowances it gave, rights that it has.

A contract that has no such function reverts or returns nothing, which means that there is no such
right. Any other failure is unknown, and unknown is never "none".
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from policies.terms import Address, Stamp
from treasury.chain import answers, reader
from treasury.chain.errors import BadAnswerError, NodeError
from treasury.chain.port import Rights, RightsRequest
from treasury.chain.rpc import Call, RpcClient

_ALLOWANCE = "0xdd62ed3e"
_PROBES = (
    ("owner", "0x8da5cb5b", False),
    ("pending owner", "0xe30c3978", False),
    ("proxy admin", "0xf851a440", False),
    ("owner of the Safe", "0x2f54bf6e", True),
    ("module of the Safe", "0x2d9ad53d", True),
    ("admin role", "0x91d14854" + "0" * 64, True),
)
"""What a right is called, the call that asks for it, and whether it is asked about one wallet;
otherwise the contract answers with the address of who has it."""
_GAS_PER_CALL = hex(300_000)
_WORD = 32
_REVERTED = 3
Answer = reader.Answer


def read_rights(rpc: RpcClient, request: RightsRequest, at: Stamp) -> Rights:
    """Read everything that is asked for at the block of `at`, in one batch.

    Raises `MissingBlockError` when the block is no longer on the chain, and what `rpc` raises.
    """
    triples = [(w, a, s) for w in request.wallets for a in request.assets for s in request.spenders]
    pairs = [(w, contract) for w in request.wallets for contract in request.contracts]
    calls = [_asks(a, _ALLOWANCE + _padded(w) + _padded(s), at) for w, a, s in triples]
    calls += [call for pair in pairs for call in _probes(*pair, at)]
    *found, block = rpc.batch([*calls, reader.block_call(at)])
    reader.require_same_block(block, at)
    said = [found[i : i + len(_PROBES)] for i in range(len(triples), len(found), len(_PROBES))]
    return Rights(
        allowances={t: _number(answer) for t, answer in zip(triples, found, strict=False)},
        powers={p: _powers(p[0], answer) for p, answer in zip(pairs, said, strict=True)},
    )


def _asks(to: Address, data: str, at: Stamp) -> Call:
    return Call("eth_call", ({"to": to, "data": data, "gas": _GAS_PER_CALL}, reader.pin(at)))


def _probes(wallet: Address, contract: Address, at: Stamp) -> Iterator[Call]:
    for _, data, is_personal in _PROBES:
        yield _asks(contract, data + _padded(wallet) if is_personal else data, at)


def _padded(address: Address) -> str:
    return address[2:].lower().rjust(64, "0")


def _number(answer: Answer) -> int | None:
    word = _word(answer)
    return int.from_bytes(word, "big") if word else None


def _powers(wallet: Address, found: Sequence[Answer]) -> tuple[str, ...] | None:
    mine = bytes.fromhex(_padded(wallet))
    held = []
    for (name, _, is_personal), answer in zip(_PROBES, found, strict=True):
        word = _word(answer)
        if word is None:
            return None
        if any(word) if is_personal else word == mine:
            held.append(name)
    return tuple(held)


def _word(answer: Answer) -> bytes | None:
    """Return the 32 bytes of an answer, none where there is no such function, `None` if unknown."""
    if isinstance(answer, NodeError):
        return b"" if _is_revert(answer) else None
    try:
        data = answers.data(answer)
    except BadAnswerError:
        return None
    return data if len(data) == _WORD else b""


def _is_revert(error: NodeError) -> bool:
    text = error.text.lower()
    return error.code == _REVERTED or "revert" in text or "invalid opcode" in text
