"""Ask whether contracts that shall get money are what the law says, before it goes there."""

from __future__ import annotations

from collections.abc import Collection, Mapping

from policies.law import Law
from policies.receivers import judge_receiver
from policies.terms import Address, Reason, Stamp
from treasury.world import World


def objections(
    world: World, law: Law, destinations: Collection[Address], at: Stamp
) -> Mapping[Address, tuple[Reason, ...]]:
    """Return what stands against some destinations at a block, as a quorum tells it.

    Nobody is asked when the law expects no code at any of them. Raises `ChainError`.
    """
    chain = law.chain_by_id(world.chain_id)
    expected = () if chain is None else chain.receivers
    asked = [receiver for receiver in expected if receiver.address in destinations]
    if not asked:
        return {}
    found = world.chain.token_facts([receiver.address for receiver in asked], at)
    judged = {
        receiver.address: judge_receiver(receiver, facts.code)
        for receiver, facts in zip(asked, found, strict=True)
    }
    return {address: reasons for address, reasons in judged.items() if reasons}
