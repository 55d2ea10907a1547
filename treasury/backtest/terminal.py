"""The plot in a terminal: columns of outflow, the usual bound, and a row of verdicts.

Drawn here and not by a library: it is forty lines, and the terminal plotting libraries change
their interfaces from one major version to the next.
"""

from __future__ import annotations

from policies.outflow.verdict import Verdict
from treasury.backtest.picture import step_words
from treasury.backtest.series import Series

_WIDTH = 96
_HEIGHT = 8
_EIGHTHS = " ▁▂▃▄▅▆▇█"
_MARKS = {
    Verdict.CALM: " ",
    Verdict.ALERT: "a",
    Verdict.THROTTLE: "t",
    Verdict.HOLD: "H",
    Verdict.FREEZE: "F",
    Verdict.ISOLATE: "I",
}


def draw_text(one: Series) -> str:
    """Return the plot as lines of text, with a square root scale so that quiet days show too."""
    width = min(_WIDTH, len(one.sums))
    columns = [0.0] * width
    for index, value in enumerate(one.sums):
        slot = index * width // len(one.sums)
        columns[slot] = max(columns[slot], value)
    top = max(columns) or 1.0
    heights = [round((value / top) ** 0.5 * _HEIGHT * 8) for value in columns]
    usual = (one.usual / top) ** 0.5 * _HEIGHT
    lines = [f"  {one.asset} per {step_words(one.step_s)}; record {one.record:,.6g}"]
    for row in range(_HEIGHT - 1, -1, -1):
        bound = row <= usual < row + 1 and one.usual < one.record
        note = f" - usual {one.usual:,.4g} (95 %)" if bound else ""
        lines.append(f"  |{_cells(heights, row, bound=bound)}|{note}")
    lines.append(f"  |{_verdict_row(one, width)}| worst verdict; . learned in silence")
    lines.append("   a alert, t throttle, H hold, F freeze, I isolate (of any asset)")
    return "\n".join(lines)


def _cells(heights: list[int], row: int, *, bound: bool) -> str:
    cells = [_EIGHTHS[max(0, min(8, height - row * 8))] for height in heights]
    return "".join("-" if bound and cell == " " else cell for cell in cells)


def _verdict_row(one: Series, width: int) -> str:
    worst = [Verdict.CALM] * width
    for time, verdict in one.verdicts:
        index = (time - one.times[0]) // one.step_s
        slot = index * width // len(one.sums)
        worst[slot] = max(worst[slot], verdict)
    learning = (one.warm_until - one.times[0]) // one.step_s * width // len(one.sums)
    marks = [_MARKS[verdict] for verdict in worst]
    return "".join("." if i < learning and m == " " else m for i, m in enumerate(marks))
