"""Cut a wallet off: the signer first, then one commit that nobody has to approve.

The signer's book remembers the isolation whatever becomes of the daemon, so it is told before the
ledger; if the process dies between the two, `adopt` follows the book with the same commit
(`treasury.safety.response`). Wallets of the same fate group share a host or a token, so they fall
together, on every chain. A signer that does not answer cannot sign either: then the wallet is
merely frozen, and the next tick tries again.
"""

from __future__ import annotations

from collections.abc import Sequence

from hsm.errors import HsmError
from policies.law import Law, Role, Wallet
from policies.lifecycles import Owner
from policies.terms import Reason
from treasury.ledger import marks
from treasury.ledger.queries import standings
from treasury.safety.halting import halt
from treasury.safety.preparing import prepare
from treasury.safety.response import Fall, write_response
from treasury.world import World


def isolate(
    world: World, law: Law, wallet: Wallet, findings: tuple[Reason, ...], *, now: int
) -> tuple[str, ...]:
    """Isolate a hot wallet and its whole fate group; return the names of those that fell now.

    Raises a leaf of `hsm.errors.HsmError` when the signer does not answer; nothing is written then.
    """
    why = "; ".join(reason.text for reason in findings)
    members = [w for w in law.wallets if w.role is Role.HOT and w.fate_group == wallet.fate_group]
    for member in members:
        world.signer.isolate(member.name, why)
    falls = [Fall(wallet=w, why=_why(w, wallet, findings)) for w in members]
    return answer(world, law, falls, now=now)


def answer(world: World, law: Law, falls: Sequence[Fall], *, now: int) -> tuple[str, ...]:
    """Write all that follows for wallets that the signer has isolated; return who fell now."""
    prepared = prepare(world, law, [fall.wallet for fall in falls])
    with world.ledger.write(prepared.book) as session:
        fell = write_response(session, law, falls, prepared, now=now)
    if fell:
        world.hurry()
    return fell


def act_on_proof(
    world: World, law: Law, wallet: Wallet, findings: tuple[Reason, ...], *, now: int
) -> str:
    """Isolate a hot wallet, or freeze it when the signer does not answer; else halt exposure.

    Returns what was done, empty when it was done before.
    """
    why = "; ".join(reason.text for reason in findings)
    if wallet.role is Role.HOT:
        try:
            return f"isolated {', '.join(isolate(world, law, wallet, findings, now=now))}: {why}"
        except HsmError as error:
            why = f"{why} (the signer did not isolate it: {error})"
    with world.ledger.write() as session:
        done = []
        if wallet.role is not Role.HOT and halt(session, actor=Owner.GUARD, why=findings, now=now):
            done.append("halted exposure")
        standing = standings.wallet(session, wallet.name)
        if standing is not None and not standing.frozen:
            marks.freeze(session, standing, actor=Owner.GUARD.value, why=why, now=now)
            done.append(f"froze {wallet.name}")
    return f"{' and '.join(done)}: {why}" if done else ""


def _why(member: Wallet, cause: Wallet, findings: tuple[Reason, ...]) -> tuple[Reason, ...]:
    if member.name == cause.name:
        return findings
    text = f"{member.name} shares the fate group {cause.fate_group} of {cause.name}"
    return (Reason(code="fate_group", text=text),)
