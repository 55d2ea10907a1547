"""Where the ladder's rungs are, in decades of return period, and how long things are young."""

from __future__ import annotations

from dataclasses import dataclass

HOUR_S = 3_600


@dataclass(frozen=True, slots=True, kw_only=True)
class Sensitivity:
    """The settings of the learned judgement; the defaults are for all wallets.

    Rungs are decades of return period (2.7: once in about 500 days of this wallet's own past).
    A wallet of which fewer than `events_min` transfers are known is not judged at all.
    """

    alert: float = 1.8
    throttle: float = 2.3
    hold: float = 3.0
    slow_margin: float = 0.65
    freeze: float = 4.8
    isolate: float = 7.5
    events_min: int = 8
    young_s: int = 72 * HOUR_S
    young_max: int = 512
    assets_max: int = 256
    freeze_after_holds: int = 3
    isolate_after_holds: int = 8


DEFAULT = Sensitivity()
