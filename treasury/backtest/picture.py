"""The plot as a PNG: the only file that draws with matplotlib."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from policies.outflow.verdict import Verdict
from treasury.backtest.errors import BacktestError
from treasury.backtest.series import Series

if TYPE_CHECKING:
    from matplotlib.axes import Axes

_COLOURS = {
    Verdict.ALERT: "#d9a400",
    Verdict.THROTTLE: "#e07b00",
    Verdict.HOLD: "#d43d2a",
    Verdict.FREEZE: "#8e24aa",
    Verdict.ISOLATE: "#111111",
}
_WIDTH_IN = 11.0
_HEIGHT_IN = 2.8
_DAY_S = 86_400


def write_png(series: list[Series], path: Path) -> None:
    """Draw one panel per wallet: outflow, its bounds, and a mark for each verdict.

    Raises `BacktestError` when the extra `report` is not installed or the file cannot be written.
    """
    try:
        from matplotlib.backends.backend_agg import FigureCanvasAgg  # noqa: PLC0415 (slow)
        from matplotlib.figure import Figure  # noqa: PLC0415 (slow)
    except ImportError as error:
        advice = "install the extra `report`, or give --no-png"
        raise BacktestError(f"a PNG needs matplotlib: {advice}") from error
    figure = Figure(figsize=(_WIDTH_IN, _HEIGHT_IN * len(series)), layout="constrained")
    FigureCanvasAgg(figure)
    panels = figure.subplots(len(series), 1, squeeze=False)
    for panel, one in zip(panels[:, 0], series, strict=True):
        _draw(panel, one)
    try:
        figure.savefig(path, format="png", dpi=110)
    except OSError as error:
        raise BacktestError(f"{path}: cannot be written: {error.strerror}") from error


def _draw(axes: Axes, one: Series) -> None:
    times = [_day(time) for time in one.times]
    axes.xaxis_date()
    axes.step(times, one.sums, where="post", color="#2b6cb0", linewidth=1.0, label="outflow")
    axes.fill_between(times, one.sums, step="post", color="#2b6cb0", alpha=0.15)
    axes.axhline(one.usual, color="#5a7d3a", linestyle="--", linewidth=0.9, label="usual (95 %)")
    axes.axhline(one.record, color="#999999", linestyle=":", linewidth=0.9, label="record")
    axes.axvspan(
        times[0], _day(one.warm_until), color="#000000", alpha=0.05,
        label="learning",
    )  # fmt: skip
    for verdict, colour in _COLOURS.items():
        marks = [_day(t) for t, said in one.verdicts if said is verdict]
        if marks:
            heights = [one.record * (0.55 + 0.08 * verdict)] * len(marks)
            axes.scatter(marks, heights, s=26, color=colour, label=verdict.word, zorder=3)
    axes.set_title(f"{one.wallet}  {one.asset} per {step_words(one.step_s)}", fontsize=9)
    axes.tick_params(labelsize=7)
    axes.margins(x=0.01)
    axes.legend(fontsize=7, loc="upper left", ncols=4, frameon=False)


def _day(time: int) -> float:
    """Return a time as matplotlib counts it: days of the epoch."""
    return time / _DAY_S


def step_words(step_s: int) -> str:
    """Return a step as people say it."""
    for unit_s, word in ((604_800, "week"), (86_400, "day"), (3_600, "hour"), (60, "minute")):
        if step_s >= unit_s:
            count = step_s // unit_s
            return word if count == 1 else f"{count} {word}s"
    return f"{step_s} seconds"
