"""Whether what is signed next for a wallet can be mined at all.

The signer's book assigns nonces, and it cannot see the chain. People may have it skip a nonce that
a transaction of somebody else spent. Should a reorganisation take that transaction back before it
is final, nobody fills its nonce any more, and everything that was signed behind it waits for ever.
So nothing new is signed for a wallet while a nonce before its next one is neither final nor held by
a transfer of ours, or while the chain is ahead of the book. Both end by themselves or by the motion
`skip nonce`, which goes back as far as no order of ours holds a nonce.

Evacuations are not asked about here: they may take the chain's own nonce. Nor is shared custody,
where the other engine's transactions lie between ours.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping

from policies.law import Custody, Law, Wallet
from policies.terms import Address, Reason
from treasury.ledger import Session
from treasury.ledger.facts import Cells, Tick
from treasury.ledger.queries import standings, transfers, watch
from treasury.world import World


def gaps(world: World, law: Law, sources: Collection[Address]) -> Mapping[Address, Reason]:
    """Return why those of the addresses have to wait that have a gap before their next nonce."""
    found = {}
    with world.ledger.read() as session:
        look, coming = watch.newest(session, world.chain_id), standings.next_nonces(session)
        for wallet in law.wallets:
            chain = law.chain(wallet.chain)
            is_here = chain is not None and chain.chain_id == world.chain_id
            if is_here and wallet.address in sources and wallet.custody is Custody.EXCLUSIVE:
                next_nonce = max(coming.get(wallet.name, 0), wallet.start_nonce)
                text = _gap(session, look, wallet, next_nonce)
                if text:
                    found[wallet.address] = Reason(code="nonce_gap", text=text)
    return found


def _gap(
    session: Session, look: tuple[Tick, Cells, Cells] | None, wallet: Wallet, next_nonce: int
) -> str:
    tick, head, final = look or (None, None, None)
    spent = head.nonces.get(wallet.address) if head else None
    safe = final.nonces.get(wallet.address) if final else None
    if tick is None or spent is None or safe is None:
        return f"how many nonces {wallet.name} has used is not known: no look could read it"
    if spent > next_nonce:
        return (
            f"the chain has used {spent} nonces of {wallet.name}, the signer's book "
            f"{next_nonce}: have it skip the nonce to {spent}"
        )
    ours = transfers.nonces_from(session, tick.chain_id, wallet.address, safe)
    missing = next((nonce for nonce in range(safe, next_nonce) if nonce not in ours), None)
    if missing is None:
        return ""
    return (
        f"nonce {missing} of {wallet.name} is neither ours nor final: this waits until it is "
        f"final, or until the nonce is skipped back to {missing}"
    )
