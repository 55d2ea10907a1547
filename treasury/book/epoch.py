"""The daemon's number: each start takes the next one, and the signer hears no lower one any more.

A ledger that was brought up a second time, on this machine or on another, must not sign beside the
first. The number grows in the ledger. A ledger that is new follows the signer's book, and so does
one that `treasuryd restore` put back; an older copy laid into place by hand is fenced off instead.
"""

from __future__ import annotations

from hsm.client import SignerClient
from hsm.errors import FencedOffError, HsmError
from hsm.wire.answers import SignerStatus
from policies.lifecycles import Owner
from treasury.ledger import Ledger, marks
from treasury.ledger.queries import standings
from treasury.safety.halting import halt
from treasury.world import Books

_EPOCH = "epoch"


def begin_epoch(ledger: Ledger, signer: SignerClient) -> int:
    """Take the next number, durably, and return it; a new ledger goes on from the signer's."""
    with ledger.read() as session:
        known = standings.remembered(session, _EPOCH)
    epoch = (_heard(signer) if known is None else int(known)) + 1
    remember_epoch(ledger, epoch)
    return epoch


def remember_epoch(ledger: Ledger, epoch: int) -> None:
    """Write down the highest number that is known, for the next start to take a higher one."""
    with ledger.write() as session:
        known = int(standings.remembered(session, _EPOCH) or "0")
        marks.remember(session, _EPOCH, str(max(epoch, known)))


def _heard(signer: SignerClient) -> int:
    try:
        return signer.status().epoch
    except HsmError:
        return 0


def lead(world: Books, status: SignerStatus, now: int) -> tuple[str, ...]:
    """Tell the signer our number if it knows a lower one; halt when it knows a higher one.

    Returns what was done. Raises leaves of `HsmError`: `FencedOffError` when the younger daemon
    works on this very ledger, which is then its own to write.
    """
    ours = world.signer.epoch
    if ours is None or status.epoch == ours:
        return ()
    if status.epoch < ours:
        world.signer.lead()
        return (f"the signer hears daemon {ours} from now on, and none before it",)
    _require_own_ledger(world, ours)
    why = (
        f"the signer hears daemon {status.epoch}, we are {ours}: stop one of the two; "
        "if there is no other, carry a motion to resume"
    )
    with world.ledger.write() as session:
        is_new = halt(session, actor=Owner.DAEMON, why=why, now=now)
    return (f"halted: {why}",) if is_new else ()


def _require_own_ledger(world: Books, ours: int) -> None:
    with world.ledger.read() as session:
        newest = int(standings.remembered(session, _EPOCH) or "0")
    if newest > ours:
        raise FencedOffError(f"daemon {newest} works on this ledger, we are {ours}: stop this one")
