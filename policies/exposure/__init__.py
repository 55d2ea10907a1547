"""What a theft could cost at most under the law in force, threat by threat, with the arithmetic.

    stolen key        all that the wallet holds or may come to hold while nobody notices: its cap
                      (or its balance, when that is more) and the refills on their way
    stolen together   the same for every wallet of one fate group, which fall in the same minute
    stolen daemon     what the signer signs without a person: the windows of withdrawals, of one hot
                      wallet after the other (it may isolate one and activate the next), and every
                      fee on the way; as often as a window opens before somebody halts
    corrupt service   the windows of the active wallet alone; in shared custody it has the key
    lying minority    nothing: a fact that the read quorum does not share decides nothing
    bribed treasurer  nothing, while every consent needs at least two people
    patient insider   what a day's windows let through without one hold, of each wallet that pays,
                      to anybody and to recipients never paid before: those of the law, or the
                      learned ones where they are narrower. The bounds of the settings (shares of
                      a balance, counts, quarantine) narrow it further and are not counted, because
                      the operator alone changes them. It is told and not held against
                      `max_loss`: who takes it every day is bounded by nothing but people who look

A figure is an upper bound and not a forecast: what is learned of normal outflow, and what people
do within `reaction_s`, only lowers it. Windows slide, so a period of `reaction_s` seconds sees
`reaction_s // window_s + 1` of them in full. Amounts are base units.
"""

from policies.exposure.facts import (
    REACTION_S,
    Coming,
    ExposureFacts,
    Figure,
    Part,
    Threat,
    above_max_loss,
)
from policies.exposure.threats import exposures
from policies.exposure.windows import windows_within

__all__ = [
    "REACTION_S",
    "Coming",
    "ExposureFacts",
    "Figure",
    "Part",
    "Threat",
    "above_max_loss",
    "exposures",
    "windows_within",
]
