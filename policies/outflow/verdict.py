"""The ladder of verdicts and the words in which a judgement is explained to a treasurer."""

from __future__ import annotations

from enum import IntEnum
from typing import NamedTuple


class Verdict(IntEnum):
    """How far to go, from nothing to the commit that takes the wallet out of service."""

    CALM = 0
    ALERT = 1
    """Tell somebody."""
    THROTTLE = 2
    """Slow down: later transfers leave at a lower pace."""
    HOLD = 3
    """This transfer waits for a person."""
    FREEZE = 4
    """No withdrawal leaves the wallet until a person lifts it."""
    ISOLATE = 5
    """The wallet is out; swap and evacuate."""

    @property
    def word(self) -> str:
        """Return the verdict as it is written in records and on screens."""
        return self.name.lower()


class Finding(NamedTuple):
    """One rule that spoke: what it saw and what it would have expected, as sentences."""

    rule: str
    observed: str
    expected: str


class Judgement(NamedTuple):
    """A verdict with every reason for it.

    `score` is in decades of return period: 3.0 means that this wallet's own past would show
    the like once in about 1,000 days; kinds of evidence that agree add to it.  Proof and limits
    have no return period and score 9.
    """

    verdict: Verdict
    score: float
    findings: tuple[Finding, ...]


CALM = Judgement(Verdict.CALM, 0.0, ())
PROOF_SCORE = 9.0


def strictest(judgements: tuple[Judgement, ...]) -> Judgement:
    """Return one judgement: the highest verdict and score, with all findings of all of them."""
    spoken = [one for one in judgements if one.verdict]
    if not spoken:
        return CALM
    return Judgement(
        max(one.verdict for one in spoken),
        max(one.score for one in spoken),
        tuple(finding for one in spoken for finding in one.findings),
    )
