"""When refills may go out: "always", or windows of wall-clock time in a named time zone.

    weekdays 09:00-18:00 Asia/Singapore
    mon,wed 08:00-12:00 UTC; sat-sun 22:00-02:00 Europe/Zurich

Days: `daily`, `weekdays`, `weekends`, or mon..sun in lists and ranges. A window includes its first
minute and excludes its last; one that ends before it begins runs past midnight and belongs to the
day on which it begins. Several windows, separated by ";", are open when any of them is.

Wall-clock time is what people read: where clocks jump forward, the skipped part of a window does
not happen; where they fall back, the repeated hour counts twice. The rules of the zones come from
the machine's time zone data.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, time, timedelta, tzinfo
from functools import lru_cache
from zoneinfo import ZoneInfo

ALWAYS = "always"
_DAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
_GROUPS = {"daily": range(7), "weekdays": range(5), "weekends": range(5, 7)}
_WINDOW = re.compile(
    r"(?P<days>[a-z,-]+) (?P<start>[0-9]{2}:[0-9]{2})-(?P<end>[0-9]{2}:[0-9]{2}) (?P<zone>\S+)\Z"
)
_ZONE = re.compile(r"[A-Z][A-Za-z_]*(/[A-Za-z0-9_+-]+){1,2}\Z")
_EXAMPLE = 'write "always" or, for example, "weekdays 09:00-18:00 Asia/Singapore"'
_HOUR_MINUTES = 60
_DAY_MINUTES = 24 * _HOUR_MINUTES
_LOOK_AHEAD_DAYS = 15
_MOST_WINDOWS = 20


class ScheduleError(ValueError):
    """The text is no schedule; the message says how to write one."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Window:
    """One recurring window; `days` count from Monday = 0, minutes from local midnight."""

    days: frozenset[int]
    start: int
    end: int
    zone: tzinfo


@dataclass(frozen=True, slots=True, kw_only=True)
class Schedule:
    """Windows of which any may be open; without windows it is always open."""

    windows: tuple[Window, ...]


@lru_cache(maxsize=256)
def parse_schedule(text: str) -> Schedule:
    """Parse a schedule.

    Raises `ScheduleError` for anything but the grammar above, and for unknown time zones.
    """
    if text.strip() == ALWAYS:
        return Schedule(windows=())
    parts = [part.strip() for part in text.split(";")]
    if len(parts) > _MOST_WINDOWS:
        raise ScheduleError(f"at most {_MOST_WINDOWS} windows")
    return Schedule(windows=tuple(_window(part) for part in parts))


def is_open(schedule: Schedule, now: int) -> bool:
    """Say whether the schedule is open at a time in unix seconds."""
    return not schedule.windows or any(_is_within(window, now) for window in schedule.windows)


def next_open(schedule: Schedule, now: int) -> int | None:
    """Return the first second from `now` on at which the schedule is open.

    None when there is none within 15 days, which no schedule of this grammar brings about.
    """
    if is_open(schedule, now):
        return now
    turns = (turn for window in schedule.windows for turn in _turns(window, now))
    return min((turn for turn in turns if turn > now and is_open(schedule, turn)), default=None)


def _window(text: str) -> Window:
    match = _WINDOW.match(text)
    if match is None:
        raise ScheduleError(f"{text!r} is no window; {_EXAMPLE}")
    start, end = _minutes(match["start"]), _minutes(match["end"])
    if start in (end, _DAY_MINUTES):
        raise ScheduleError(f"{text!r} has no length; write the whole day as 00:00-24:00")
    days = frozenset(day for part in match["days"].split(",") for day in _days(part))
    return Window(days=days, start=start, end=end, zone=_zone(match["zone"]))


def _minutes(text: str) -> int:
    hours, minutes = int(text[:2]), int(text[3:])
    total = hours * _HOUR_MINUTES + minutes
    if minutes >= _HOUR_MINUTES or total > _DAY_MINUTES:
        raise ScheduleError(f"{text!r} is no time of day; write 00:00 to 24:00")
    return total


def _days(text: str) -> Iterator[int]:
    if text in _GROUPS:
        yield from _GROUPS[text]
        return
    first, _, last = text.partition("-")
    last = last or first
    if first not in _DAYS or last not in _DAYS or text.endswith("-"):
        names = ", ".join((*_GROUPS, *_DAYS))
        raise ScheduleError(f"{text!r} is no day; write {names}, or a range such as mon-thu")
    day = _DAYS.index(first)
    yield day
    while day != _DAYS.index(last):
        day = (day + 1) % len(_DAYS)
        yield day


def _zone(name: str) -> tzinfo:
    if name == "UTC":
        return UTC
    problem = (
        f"{name!r} is no time zone known here; write UTC or a name such as Asia/Singapore "
        "(and see that the machine has the package tzdata)"
    )
    if not _ZONE.match(name):
        # A single word may be "localtime": the law would mean another thing on each machine.
        raise ScheduleError(problem)
    try:
        return ZoneInfo(name)
    except (KeyError, ValueError, OSError) as error:
        raise ScheduleError(problem) from error


def _is_within(window: Window, now: int) -> bool:
    local = datetime.fromtimestamp(now, window.zone)
    minute, day = local.hour * _HOUR_MINUTES + local.minute, local.weekday()
    if window.start < window.end:
        return day in window.days and window.start <= minute < window.end
    since_yesterday = (day - 1) % len(_DAYS) in window.days and minute < window.end
    return since_yesterday or (day in window.days and minute >= window.start)


def _turns(window: Window, now: int) -> Iterator[int]:
    """Yield the times at which the window may begin: its first minutes, and clock changes."""
    first = datetime.fromtimestamp(now, window.zone).date()
    begin = time(*divmod(window.start, _HOUR_MINUTES))
    for offset in range(-1, _LOOK_AHEAD_DAYS):
        day = first + timedelta(days=offset)
        for fold in (0, 1):
            local = datetime.combine(day, begin, window.zone).replace(fold=fold)
            yield int(local.timestamp())
        midnight = datetime.combine(day, time(), window.zone)
        following = datetime.combine(day + timedelta(days=1), time(), window.zone)
        yield from _clock_change(window.zone, midnight, following)


def _clock_change(zone: tzinfo, before: datetime, after: datetime) -> Iterator[int]:
    """Yield the second at which the zone's offset changes between two times, if it does."""
    if before.utcoffset() == after.utcoffset():
        return
    low, high = int(before.timestamp()), int(after.timestamp())
    while high - low > 1:
        middle = (low + high) // 2
        if datetime.fromtimestamp(middle, zone).utcoffset() == before.utcoffset():
            low = middle
        else:
            high = middle
    yield high
