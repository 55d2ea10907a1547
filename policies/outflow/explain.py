"""Sentences for the learned signals: what was observed, and what this wallet's past expects."""

from __future__ import annotations

from typing import TYPE_CHECKING

from policies.outflow.signals import Signal
from policies.outflow.verdict import Finding

if TYPE_CHECKING:
    from policies.outflow.case import Case
    from policies.outflow.event import Outflow
    from policies.outflow.watch import WalletWatch


def explain(
    event: Outflow, watch: WalletWatch, case: Case | None, signals: list[Signal]
) -> tuple[Finding, ...]:
    return tuple(Finding(s.rule, f"{s.seen:.3g}", f"{s.decades:.2f}") for s in signals)
