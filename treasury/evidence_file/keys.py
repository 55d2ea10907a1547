"""The keys of an evidence file: every wallet of every law, with proof that its key answers."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from hsm.client import SignerClient
from hsm.errors import HsmError
from hsm.wire.answers import Proof
from policies.law import Law, Wallet

_DOMAIN = b"Treasury evidence\n"


@dataclass(frozen=True, slots=True, kw_only=True)
class Key:
    """A wallet with the signature of its key over `challenge`; `missing` says why there is none."""

    wallet: Wallet
    chain_id: int
    challenge: bytes
    proof: bytes = b""
    missing: str = ""


def prove_keys(signer: SignerClient | None, laws: Sequence[Law], head: str) -> Iterator[Key]:
    """Ask for a proof of each key over the journal's head; later laws win over earlier ones."""
    challenge = hashlib.sha256(_DOMAIN + bytes.fromhex(head[2:])).digest()
    known: dict[tuple[str, str], Key] = {}
    for law in laws:
        for wallet in law.wallets:
            chain = law.chain(wallet.chain)
            assert chain is not None, "a wallet of a parsed law has a chain"
            key = Key(wallet=wallet, chain_id=chain.chain_id, challenge=challenge)
            known[wallet.name, wallet.address] = key
    for key in known.values():
        yield _proved(signer, key)


def _proved(signer: SignerClient | None, key: Key) -> Key:
    def without(why: str) -> Key:
        return Key(wallet=key.wallet, chain_id=key.chain_id, challenge=key.challenge, missing=why)

    if signer is None:
        return without("the signer was not asked")
    try:
        answer = signer.possession(key.wallet.name, key.challenge)
    except HsmError as error:
        return without(str(error))
    if not isinstance(answer, Proof):
        return without("; ".join(reason.text for reason in answer.reasons))
    return Key(
        wallet=key.wallet, chain_id=key.chain_id, challenge=key.challenge, proof=answer.signature
    )
