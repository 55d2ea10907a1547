"""The plot as a PNG: the only file that draws with matplotlib."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

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
_MARKS_AT = 0.95
_NAME_MOST = 20


def write_png(series: list[Series], path: Path, symbols: dict[str, str]) -> None:
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
        _draw(panel, one, symbols.get(one.asset, one.asset))
        _dates(panel)
    try:
        figure.savefig(path, format="png", dpi=110)
    except OSError as error:
        raise BacktestError(f"{path}: cannot be written: {error.strerror}") from error


def _draw(axes: Axes, one: Series, asset: str) -> None:
    times = [_day(time) for time in one.times]
    # A root, so that quiet days show beside the record.
    axes.set_yscale("function", functions=(_root, _square))
    axes.set_ylim(0.0, (one.record or 1.0) * 1.2)
    axes.set_xlim(times[0], max(times[-1], _day(one.warm_until), times[0] + 1e-4))
    axes.step(times, one.sums, where="post", color="#2b6cb0", linewidth=1.0, label="outflow")
    axes.fill_between(times, one.sums, step="post", color="#2b6cb0", alpha=0.15)
    axes.axhline(one.usual, color="#5a7d3a", linestyle="--", linewidth=0.9, label="usual (95 %)")
    axes.axhline(one.record, color="#999999", linestyle=":", linewidth=0.9, label="record")
    axes.axvspan(
        times[0], _day(one.warm_until), color="#000000", alpha=0.05,
        label="learning",
    )  # fmt: skip
    for verdict, colour in _COLOURS.items():
        marks = [time for time, said in one.verdicts if said is verdict]
        if marks:
            axes.scatter(
                [_day(time) for time in marks], [_MARKS_AT] * len(marks), s=30, label=verdict.word,
                facecolors=["none" if time in one.elsewhere else colour for time in marks],
                edgecolors=colour,
                marker="v", zorder=3, clip_on=False, transform=axes.get_xaxis_transform(),
            )  # fmt: skip
    if one.elsewhere:
        axes.scatter(
            [], [], s=30, facecolors="none", edgecolors="#777777", marker="v",
            label="of another asset",
        )  # fmt: skip
    name = asset if len(asset) < _NAME_MOST else _short(asset)
    axes.set_title(
        f"{_short(one.wallet)}   {name} per {step_words(one.step_s)}",
        fontsize=9,
        loc="left",
    )
    axes.tick_params(labelsize=7)
    axes.legend(
        fontsize=7, loc="lower right", bbox_to_anchor=(1.0, 1.0), ncols=10, frameon=False,
        borderaxespad=0.1, handlelength=1.4, columnspacing=1.0,
    )  # fmt: skip


def _short(address: str) -> str:
    return f"{address[:10]}…{address[-6:]}"


def _dates(axes: Axes) -> None:
    """Write the dates of the axis as shortly as they are clear."""
    from matplotlib.dates import AutoDateLocator, ConciseDateFormatter  # noqa: PLC0415 (slow)

    locator = AutoDateLocator()  # type: ignore[no-untyped-call]
    axes.xaxis.set_major_locator(locator)
    axes.xaxis.set_major_formatter(
        ConciseDateFormatter(locator)  # type: ignore[no-untyped-call]
    )


def _root(value: Any) -> Any:  # noqa: ANN401 (a number or an array of them)
    return abs(value) ** 0.5


def _square(value: Any) -> Any:  # noqa: ANN401 (a number or an array of them)
    return value * value


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
