"""Exposure: whether orders toward exposure may be released and signed at all.

    RUNNING <----> HALTED

    nothing -> RUNNING     [daemon]  the first start, and doctor is content
    nothing -> HALTED      [daemon]  the first start, and doctor shows a red line
    RUNNING -> HALTED      [api]     one person
                           [guard]   a broken invariant
                           [confirm] a nonce of the vault or the gas sponsor was USURPED
                           [dispatch] the signer signed something else than it was asked for
                           [daemon]  a red line at the start, a journal that does not verify, a law
                                     that lets go more than its own `max_loss`
    HALTED -> RUNNING      [tally]   motion `resume`

RUNNING     refills, withdrawals and top-ups are released and signed.
HALTED      nothing toward exposure is released or signed. Watching, confirming, cancelling,
            sweeping and evacuating go on.
"""

from __future__ import annotations

from enum import StrEnum

from policies.lifecycles.machine import Machine, Owner, edge


class ExposureState(StrEnum):
    """Whether money may move toward exposure."""

    RUNNING = "RUNNING"
    HALTED = "HALTED"


_S = ExposureState

EXPOSURE = Machine(
    name="exposure",
    states=ExposureState,
    edges=(
        edge(None, _S.RUNNING, Owner.DAEMON),
        edge(None, _S.HALTED, Owner.DAEMON),
        edge(
            _S.RUNNING,
            _S.HALTED,
            Owner.API,
            Owner.GUARD,
            Owner.CONFIRM,
            Owner.DISPATCH,
            Owner.DAEMON,
        ),
        edge(_S.HALTED, _S.RUNNING, Owner.TALLY),
    ),
    closed=frozenset(),
)
