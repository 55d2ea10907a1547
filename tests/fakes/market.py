"""A real node with tokens that Alice holds, and her transfers in the very bytes of the signer.

market = Market(real)                      # close it
token = market.token("FeeToken", 100)      # Alice holds HELD base units
done = market.transfer(token)              # mined and judged: receipt, lost, gained, reasons
raw = market.signed(token, BOB, SENT)      # or by hand
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import coincurve

from hsm.token.signature import Signature
from hsm.transaction import build_transfer, digest_of, encode_signed, unsigned_payload
from hsm.wire.answers import Fees
from policies.crypto import keccak256, parse_address
from policies.fees import TOKEN_GAS
from policies.law import Asset
from policies.terms import NATIVE, Address, Purpose, TransferTerms
from policies.tokens import Movement, judge_movement
from tests.fakes.devchain import ALICE, BOB, ETHER, GWEI
from tests.fakes.nodes import CHAIN_ID, RealNode
from treasury.chain.port import Receipt, TokenTransfer
from treasury.chain.receipts import receipts
from treasury.chain.rpc import RpcClient
from treasury.chain.tokens import movement
from treasury.chain.transport import HttpTransport
from treasury.dev.contracts.deploy import Contract, Deployer, calldata

SENDER = parse_address(ALICE.address)
HELD = 1000 * 10**6
SENT = 250 * 10**6
Prepare = Callable[["Market"], Contract]


@dataclass(frozen=True, slots=True)
class Done:
    """One transfer that was mined, what it did, and the judgement."""

    receipt: Receipt
    moved: Movement
    reasons: set[str]


class Market:
    """The deployer's tokens and Alice's transfers of them."""

    def __init__(self, real: RealNode) -> None:
        self.real = real
        self.deployer = Deployer(real.node)
        self.deployer.fund()
        real.node.set_balance(SENDER, 10 * ETHER)
        self.rpc = RpcClient(HttpTransport(real.url), chain_id=CHAIN_ID, deadline_s=60)

    def close(self) -> None:
        self.rpc.close()

    def token(self, name: str, *args: object, decimals: int = 6) -> Contract:
        """Deploy a token of which Alice holds `HELD`."""
        token = self.deployer.deploy(name, "Odd", "ODD", decimals, *args)
        self.deployer.mint(token, [SENDER], HELD)
        return token

    def proxied(self) -> tuple[Contract, Contract]:
        """Deploy a token behind a proxy; return the proxy, and the token seen through it."""
        code = self.deployer.deploy("ProxiedToken")
        first = calldata(code.artifact, "initialise", ("Odd", "ODD", 6))
        proxy = self.deployer.deploy("TokenProxy", code.address, first)
        token = Contract(address=proxy.address, artifact=code.artifact)
        self.deployer.mint(token, [SENDER], HELD)
        return proxy, token

    def transfer(self, token: Contract, amount: int = SENT, *, to: Address = BOB) -> Done:
        """Send one transfer of Alice's, wait for it and judge it."""
        digest = self.post(self.signed(token, to, amount))
        self.real.node.receipt(digest)
        return self.judge(token, digest, amount, to=to)

    def judge(self, token: Contract, digest: str, amount: int = SENT, *, to: Address = BOB) -> Done:
        """Judge a transfer of Alice's that was mined."""
        receipt = receipts(self.rpc, [digest])[digest]
        assert receipt is not None
        order = TokenTransfer(asset=token.address, source=SENDER, destination=to, asked=amount)
        moved = movement(self.rpc, order, receipt)
        asset = Asset(chain="devnet", symbol="ODD", address=token.address, decimals=6)
        return Done(receipt, moved, {reason.code for reason in judge_movement(asset, moved)})

    def post(self, raw: bytes) -> str:
        """Send raw bytes and return their hash."""
        assert self.real.node.call("eth_sendRawTransaction", "0x" + raw.hex())
        return "0x" + keccak256(raw).hex()

    def signed(self, token: Contract, to: Address, amount: int) -> bytes:
        """Write Alice's transfer as the signer writes it."""
        terms = TransferTerms(
            what="",
            purpose=Purpose.WITHDRAWAL,
            salt=bytes(16),
            chain_id=CHAIN_ID,
            asset=token.address,
            source=SENDER,
            destination=to,
            amount=amount,
            max_fee=ETHER,
            maker=NATIVE,
            proposed_at=0,
            expires_at=0,
            law_digest=bytes(32),
        )
        fees = Fees(gas_limit=TOKEN_GAS, max_fee_per_gas=10 * GWEI, max_priority_fee_per_gas=GWEI)
        nonce = self.real.node.number("eth_getTransactionCount", SENDER, "pending")
        payload = unsigned_payload(build_transfer(terms, nonce, fees))
        key = coincurve.PrivateKey(bytes(ALICE.key))
        found = key.sign_recoverable(digest_of(payload), hasher=None)
        return encode_signed(payload, Signature(found[:64], found[64]))
