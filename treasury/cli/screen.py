"""Words for a terminal: tables within 100 columns, times, grouped digests, escaped text.

Whatever came over a socket passes `plain`: control characters and anything outside printable
ASCII are shown as escapes, so that no answer can redraw the screen or imitate another word.
"""

from __future__ import annotations

import re
import time
from collections.abc import Iterable, Sequence

WIDTH = 100
_LONG = re.compile(r"(\.[0-9]{6})[0-9]+")
_GAP, _FEWEST = 2, 8
_MINUTE_S, _HOUR_S, _DAY_S = 60, 3600, 86_400


def plain(value: object) -> str:
    """Return text in printable ASCII; everything else appears as an escape."""
    text = "-" if value is None else str(value)
    if text.isascii() and text.isprintable():
        return text
    return text.encode("unicode_escape").decode("ascii")


def table(headings: Sequence[str], rows: Iterable[Sequence[object]]) -> list[str]:
    """Return aligned lines; where they are too long, words are shortened and never figures."""
    cells = [list(headings), *([plain(cell) for cell in row] for row in rows)]
    columns = list(zip(*cells, strict=True))
    widths = [max(map(len, column)) for column in columns]
    words = [i for i, column in enumerate(columns) if not any(c[:1].isdigit() for c in column)]
    while sum(widths) + _GAP * (len(widths) - 1) > WIDTH and words:
        widest = max(words, key=lambda i: widths[i])
        if widths[widest] <= _FEWEST:
            break
        widths[widest] -= 1
    lines = []
    for row in cells:
        shown = (_shortened(cell, width) for cell, width in zip(row, widths, strict=True))
        lines.append(cut((" " * _GAP).join(shown).rstrip()))
    return lines


def _shortened(cell: str, width: int) -> str:
    return cell.ljust(width) if len(cell) <= width else f"{cell[: width - 2]}.."


def brief(amount: object) -> str:
    """Shorten an amount for a table, visibly: "0.123456.. ETH"; pages show it in full."""
    return _LONG.sub(r"\1..", plain(amount))


def cut(line: str) -> str:
    """Cut a line at the edge of the screen, visibly."""
    return line if len(line) <= WIDTH else line[: WIDTH - 3] + "..."


def fields(pairs: Iterable[tuple[str, object]]) -> list[str]:
    """Return "name   value" lines; a value too long for its line stands on a line of its own."""
    found = [(name, plain(value)) for name, value in pairs]
    width = max((len(name) for name, _ in found), default=0)
    lines: list[str] = []
    for name, value in found:
        line = f"{name.ljust(width)}  {value}"
        if len(line) <= WIDTH:
            lines.append(line)
        else:
            lines += [name, *wrapped(value, indent="  ")]
    return lines


def wrapped(text: str, indent: str = "") -> list[str]:
    """Break text at spaces, or inside a word that is longer than a line."""
    room = WIDTH - len(indent)
    lines, line = [], ""
    for word in text.split(" "):
        rest = word
        if line and len(line) + 1 + len(rest) > room:
            lines.append(indent + line)
            line = ""
        while len(rest) > room:
            lines.append(indent + rest[:room])
            rest = rest[room:]
        line = f"{line} {rest}" if line else rest
    return [*lines, indent + line]


def duration(seconds: int) -> str:
    """Write a duration in its two largest units: "3 h 58 min"."""
    if seconds < _MINUTE_S:
        return f"{seconds} s"
    if seconds < _HOUR_S:
        return f"{seconds // _MINUTE_S} min {seconds % _MINUTE_S} s"
    if seconds < _DAY_S:
        return f"{seconds // _HOUR_S} h {seconds % _HOUR_S // _MINUTE_S} min"
    return f"{seconds // _DAY_S} d {seconds % _DAY_S // _HOUR_S} h"


def ago(at: object, now: int) -> str:
    """Write a time relative to now: "4 min 2 s ago", "in 3 h 58 min"."""
    if not isinstance(at, int):
        return "-"
    return f"{duration(now - at)} ago" if at <= now else f"in {duration(at - now)}"


def past(at: object, now: int) -> str:
    """Write when something happened; a clock that runs ahead of ours makes it "0 s ago"."""
    return ago(min(at, now), now) if isinstance(at, int) else "-"


def clock(at: object) -> str:
    """Write unix seconds as UTC: "2026-01-02 12:00:00 UTC"."""
    if not isinstance(at, int) or not 0 <= at < 2**35:
        return "-"
    return time.strftime("%Y-%m-%d %H:%M:%S UTC", time.gmtime(at))


def moment(at: object, now: int) -> str:
    """Write a time both ways: "in 3 h 58 min (2026-01-02 16:00:00 UTC)"."""
    return "-" if not isinstance(at, int) else f"{ago(at, now)} ({clock(at)})"


def grouped(digest: str) -> str:
    """Write a 0x-digest in groups of four digits, to be compared by eye or by telephone."""
    digits = digest.removeprefix("0x")
    return " ".join(digits[i : i + 4] for i in range(0, len(digits), 4))


def reasons(found: object) -> list[str]:
    """Write reasons, one per line."""
    if not isinstance(found, list):
        return []
    texts = [reason.get("text", "?") for reason in found if isinstance(reason, dict)]
    return [line for text in texts for line in wrapped("- " + plain(text), indent="  ")]
