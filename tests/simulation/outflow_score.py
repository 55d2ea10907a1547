"""The score table of the learned judgement: false alarms, delay, share lost, thefts found.

`python -m tests.simulation.outflow_score --seeds 0-5` prints it, with `--strangers` for wallets
and thefts of other kinds; the ordinary test run guards a small part of it.  Honest
wallets are judged once; each theft starts from a copy of the watch as it stood at that time, so
that a run of many thefts costs little.
"""

from __future__ import annotations

import argparse
import copy
import random
import sys
from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from statistics import median
from typing import Protocol

from policies.outflow.event import Outflow
from policies.outflow.verdict import Judgement, Verdict
from policies.outflow.watch import WalletWatch
from tests.simulation.outflow_incidents import HABITS, PUBLISHED
from tests.simulation.outflow_maker import DAY_S, Wallet
from tests.simulation.outflow_strangers import STRANGERS
from tests.simulation.outflow_thefts import FAMILIES, REAL, steal
from tests.simulation.outflow_wallets import ARCHETYPES

WARM_UP = 0.3
REAL_SHAPES = frozenset({*REAL, *PUBLISHED})
STYLES = ARCHETYPES | STRANGERS


class Judge(Protocol):
    """Whatever judges one transfer after another."""

    def judge(self, event: Outflow) -> Judgement:
        """Return a verdict on one transfer."""
        ...


@dataclass
class Theft:
    """How one injected theft went."""

    family: str
    archetype: str
    seed: int
    transfers: int
    found_after: int | None
    """How many of the thief's transfers had left when the first was held; None: never."""
    lost: float
    rules: str = ""


@dataclass
class Score:
    """What is added up over wallets."""

    alarms: Counter[str] = field(default_factory=Counter)
    days: Counter[str] = field(default_factory=Counter)
    rules: Counter[str] = field(default_factory=Counter)
    events: int = 0
    thefts: list[Theft] = field(default_factory=list)

    def add(self, other: Score) -> None:
        """Add another score to this one."""
        self.alarms += other.alarms
        self.days += other.days
        self.rules += other.rules
        self.events += other.events
        self.thefts += other.thefts


def merged(honest: Iterable[Outflow], stolen: Iterable[Outflow]) -> list[tuple[Outflow, bool]]:
    """Return both in the order of time, each with whether it is the thief's."""
    marked = [(event, False) for event in honest] + [(event, True) for event in stolen]
    return sorted(marked, key=lambda item: (item[0].time, item[1]))


def run_theft(
    watch: Judge, wallet: Wallet, at: int, family: str, seed: int, *, known: bool = False
) -> Theft:
    """Let a thief loose on a copy of the watch, among the honest payments of the same hours."""
    start = wallet.events[at].time + 1
    stolen = steal(family, wallet, start, seed)
    if known:
        stolen = with_balances(stolen, wallet.held_at(at), wallet)
    until = stolen[-1].time
    honest = []
    for event, before in zip(wallet.events[at + 1 :], wallet.before[at + 1 :], strict=True):
        if event.time > until:
            break
        honest.append(event._replace(balance=before) if known and before else event)
    price = {coin.name: coin.price for coin in wallet.coins}
    values = [event.amount * price.get(event.asset, 1.0) for event in stolen]
    seen, lost = 0, 0.0
    for event, is_theft in merged(honest, stolen):
        judgement = watch.judge(event)
        if not is_theft:
            continue
        if judgement.verdict >= Verdict.HOLD:
            rules = "+".join(finding.rule for finding in judgement.findings)
            share = lost / sum(values)
            return Theft(family, wallet.archetype, seed, len(stolen), seen, share, rules)
        lost += values[seen]
        seen += 1
    return Theft(family, wallet.archetype, seed, len(stolen), None, 1.0)


def with_balances(stolen: list[Outflow], held: dict[str, float], wallet: Wallet) -> list[Outflow]:
    """Return the thief's transfers with what the wallet held before each."""
    price = {coin.name: coin.price for coin in wallet.coins}
    left = {asset: value / price.get(asset, 1.0) for asset, value in held.items()}
    shown = []
    for event in stolen:
        before = left.get(event.asset, 0.0)
        left[event.asset] = before - event.amount
        shown.append(event._replace(balance=before) if before >= event.amount else event)
    return shown


def score_wallet(
    wallet: Wallet,
    seed: int,
    families: list[str],
    *,
    known: bool = False,
    judge: Callable[[], Judge] = WalletWatch,
) -> Score:
    """Judge an honest wallet, and every family of theft at a random time after the warm-up."""
    score = Score()
    events = wallet.events
    begin = events[0].time + WARM_UP * (events[-1].time - events[0].time)
    dice = random.Random(f"{wallet.archetype}-{seed}-starts")
    warm = next(i for i, event in enumerate(events) if event.time >= begin)
    starts: dict[int, list[str]] = {}
    for family in families:
        starts.setdefault(dice.randrange(warm, len(events) - 1), []).append(family)
    watch = judge()
    kind = "busy" if wallet.busy else "slow"
    for index, event in enumerate(events):
        before = wallet.before[index] if known else 0.0
        judgement = watch.judge(event._replace(balance=before) if before else event)
        if event.time >= begin and judgement.verdict >= Verdict.HOLD:
            score.alarms[kind] += 1
            score.alarms[wallet.archetype] += 1
            score.rules["+".join(finding.rule for finding in judgement.findings)] += 1
        for family in starts.get(index, ()):
            theft = run_theft(copy.deepcopy(watch), wallet, index, family, seed, known=known)
            score.thefts.append(theft)
    score.events = len(events)
    days = (events[-1].time - begin) / DAY_S
    score.days[kind] += days  # type: ignore[assignment]
    score.days[wallet.archetype] += days  # type: ignore[assignment]
    return score


def table(score: Score) -> str:
    """Return the score as text."""
    lines = [f"{score.events} honest events"]
    for name in sorted(score.days):
        alarms, days = score.alarms[name], score.days[name]
        per = days / alarms if alarms else float("inf")
        lines.append(f"  {name:15} {alarms:5} false alarms in {days:8.0f} days: one in {per:8.0f}")
    lines.append("  by rule: " + ", ".join(f"{r} {n}" for r, n in score.rules.most_common(8)))
    for label, is_real in (("real patterns", True), ("injected", False)):
        chosen = [t for t in score.thefts if (t.family in REAL_SHAPES) == is_real]
        if not chosen:
            continue
        lines.append(_line(label, chosen))
        lines += [
            "  " + _line(family, [t for t in chosen if t.family == family])
            for family in dict.fromkeys(t.family for t in chosen)
        ]
    return "\n".join(lines)


def _line(label: str, thefts: list[Theft]) -> str:
    found = [t for t in thefts if t.found_after is not None]
    early = sum(t.found_after is not None and t.found_after <= 1 for t in thefts)
    delays = [t.found_after for t in found if t.found_after is not None]
    return (
        f"{label:16} n {len(thefts):4}  found {len(found) / len(thefts):6.1%}"
        f"  by 2nd {early / len(thefts):6.1%}"
        f"  median delay {median(delays) if delays else -1:5.1f}"
        f"  median lost {median(t.lost for t in thefts):6.1%}"
        f"  mean lost {sum(t.lost for t in thefts) / len(thefts):6.1%}"
    )


def run(
    seeds: Iterable[int], archetypes: Iterable[str], families: list[str], *, known: bool = False
) -> Score:
    """Score many wallets; with known balances if the judge may see what they hold."""
    whole = Score()
    for seed in seeds:
        for name in archetypes:
            wallet = STYLES[name](seed)
            whole.add(score_wallet(wallet, seed, families, known=known))
    return whole


def main() -> int:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seeds", default="0-2")
    parser.add_argument("--only", nargs="*")
    parser.add_argument("--families", nargs="*")
    parser.add_argument(
        "--strangers", action="store_true", help="wallets and thefts of other kinds"
    )
    parser.add_argument("--known", action="store_true", help="let the judge see balances")
    options = parser.parse_args()
    first, last = options.seeds.split("-")
    seeds = range(int(first), int(last) + 1)
    styles = options.only or list(STRANGERS if options.strangers else ARCHETYPES)
    untuned = [*PUBLISHED, *HABITS]
    families = options.families or (untuned if options.strangers else list(FAMILIES))
    score = run(seeds, styles, families, known=options.known)
    sys.stdout.write(table(score) + "\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
