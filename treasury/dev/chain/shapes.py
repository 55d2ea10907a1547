"""Writes blocks, transactions, receipts and logs the way a node's JSON-RPC does."""

from __future__ import annotations

from eth.abc import LogAPI, SignedTransactionAPI

from policies.crypto import keccak256
from treasury.dev.chain.engine import SealedBlock
from treasury.dev.chain.ledger import Mined
from treasury.dev.chain.mempool import Waiting

Shape = dict[str, object]


def hex_of(data: bytes) -> str:
    """Return bytes as 0x-hex."""
    return "0x" + bytes(data).hex()


def word(number: int) -> str:
    """Return a number as 32 bytes of 0x-hex."""
    return f"0x{number:064x}"


def block_shape(sealed: SealedBlock, *, with_transactions: bool) -> Shape:
    """Return a block; its transactions as objects or as hashes."""
    header, transactions = sealed.header, sealed.block.transactions
    listed: list[object] = [
        transaction_shape(t, sealed, i) if with_transactions else hex_of(t.hash)
        for i, t in enumerate(transactions)
    ]
    return {
        "number": hex(sealed.number),
        "hash": hex_of(sealed.hash),
        "parentHash": hex_of(header.parent_hash),
        "nonce": hex_of(header.nonce),
        "sha3Uncles": hex_of(header.uncles_hash),
        "logsBloom": f"0x{header.bloom:0512x}",
        "transactionsRoot": hex_of(header.transaction_root),
        "stateRoot": hex_of(header.state_root),
        "receiptsRoot": hex_of(header.receipt_root),
        "miner": hex_of(header.coinbase),
        "difficulty": "0x0",
        "extraData": hex_of(header.extra_data),
        "mixHash": hex_of(header.mix_hash),
        "size": hex(sealed.size),
        "gasLimit": hex(header.gas_limit),
        "gasUsed": hex(header.gas_used),
        "timestamp": hex(header.timestamp),
        "baseFeePerGas": hex(sealed.base_fee),
        "transactions": listed,
        "uncles": [],
        "withdrawals": [],
    }


def transaction_shape(
    transaction: SignedTransactionAPI, sealed: SealedBlock | None, index: int
) -> Shape:
    """Return a transaction; without a block it is a waiting one."""
    kind = _type_of(transaction)
    base_fee = 0 if sealed is None else sealed.base_fee
    shape: Shape = {
        "type": hex(kind),
        "hash": hex_of(transaction.hash),
        "nonce": hex(transaction.nonce),
        "blockHash": None if sealed is None else hex_of(sealed.hash),
        "blockNumber": None if sealed is None else hex(sealed.number),
        "transactionIndex": None if sealed is None else hex(index),
        "from": hex_of(transaction.sender),
        "to": hex_of(transaction.to) if transaction.to else None,
        "value": hex(transaction.value),
        "gas": hex(transaction.gas),
        "input": hex_of(transaction.data),
        "gasPrice": hex(price_paid(transaction, base_fee)),
        "r": hex(transaction.r),
        "s": hex(transaction.s),
        "v": hex(transaction.y_parity if kind else getattr(transaction, "v", 0)),
    }
    if kind >= 1:
        shape |= {"chainId": hex(transaction.chain_id or 0), "accessList": []}
    if kind >= 2:
        shape |= {
            "maxFeePerGas": hex(transaction.max_fee_per_gas),
            "maxPriorityFeePerGas": hex(transaction.max_priority_fee_per_gas),
            "yParity": hex(transaction.y_parity),
        }
    return shape


def waiting_shape(waiting: Waiting) -> Shape:
    """Return a transaction that is not mined yet."""
    return transaction_shape(waiting.transaction, None, 0)


def receipt_shape(mined: Mined) -> Shape:
    """Return the receipt of a mined transaction."""
    block, receipt = mined.block, mined.block.receipts[mined.index]
    before = mined.block.receipts[mined.index - 1].gas_used if mined.index else 0
    transaction = mined.waiting.transaction
    return {
        "type": hex(_type_of(transaction)),
        "status": "0x1" if receipt.state_root == b"\x01" else "0x0",
        "transactionHash": hex_of(mined.waiting.hash),
        "transactionIndex": hex(mined.index),
        "blockHash": hex_of(block.hash),
        "blockNumber": hex(block.number),
        "from": hex_of(mined.waiting.sender),
        "to": hex_of(transaction.to) if transaction.to else None,
        "contractAddress": None if transaction.to else hex_of(_created_by(transaction)),
        "cumulativeGasUsed": hex(receipt.gas_used),
        "gasUsed": hex(receipt.gas_used - before),
        "effectiveGasPrice": hex(price_paid(transaction, block.base_fee)),
        "logs": [log for log in logs_of(mined.block) if log["transactionHash"] == _hash(mined)],
        "logsBloom": f"0x{receipt.bloom:0512x}",
    }


def logs_of(sealed: SealedBlock) -> list[Shape]:
    """Return every log of a block, in order."""
    logs: list[Shape] = []
    pairs = zip(sealed.block.transactions, sealed.receipts, strict=True)
    for index, (transaction, receipt) in enumerate(pairs):
        for log in receipt.logs:
            logs.append(_log_shape(log, sealed, (hex_of(transaction.hash), index), len(logs)))
    return logs


def price_paid(transaction: SignedTransactionAPI, base_fee: int) -> int:
    """Return the price per gas that is paid at this base fee, in wei."""
    tipped = base_fee + int(transaction.max_priority_fee_per_gas)
    return (
        min(int(transaction.max_fee_per_gas), tipped)
        if base_fee
        else int(transaction.max_fee_per_gas)
    )


def _log_shape(log: LogAPI, sealed: SealedBlock, place: tuple[str, int], index: int) -> Shape:
    digest, position = place
    return {
        "address": hex_of(log.address),
        "topics": [word(topic) for topic in log.topics],
        "data": hex_of(log.data),
        "blockNumber": hex(sealed.number),
        "blockHash": hex_of(sealed.hash),
        "transactionHash": digest,
        "transactionIndex": hex(position),
        "logIndex": hex(index),
        "removed": False,
    }


def _hash(mined: Mined) -> str:
    return hex_of(mined.waiting.hash)


def _type_of(transaction: SignedTransactionAPI) -> int:
    return int(getattr(transaction, "type_id", 0) or 0)


def _created_by(transaction: SignedTransactionAPI) -> bytes:
    """Return the address of the contract that a transaction creates (CREATE, not CREATE2)."""
    nonce = int(transaction.nonce)
    digits = nonce.to_bytes((nonce.bit_length() + 7) // 8, "big")
    item = digits if nonce and nonce < 0x80 else bytes([0x80 + len(digits)]) + digits
    payload = b"\x94" + bytes(transaction.sender) + item
    return keccak256(bytes([0xC0 + len(payload)]) + payload)[12:]
