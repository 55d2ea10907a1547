"""Refill windows: what people wrote, across midnight, weekends and changing clocks."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from policies.schedule import ScheduleError, is_open, next_open, parse_schedule

ZURICH = "Europe/Zurich"
NEW_YORK = "America/New_York"


def at(text: str, zone: str = "UTC", fold: int = 0) -> int:
    """Return the unix second of a wall-clock time."""
    moment = datetime.fromisoformat(text).replace(tzinfo=ZoneInfo(zone), fold=fold)
    return int(moment.timestamp())


OFFICE = "weekdays 09:00-18:00 Asia/Singapore"
TWO = "mon,wed 08:00-12:00 UTC; sat-sun 22:00-02:00 UTC"


@pytest.mark.parametrize(
    ("text", "when", "zone", "expected"),
    [
        ("always", "2026-01-01T00:00", "UTC", True),
        (" always ", "2026-06-06T03:00", "UTC", True),
        (OFFICE, "2026-01-05T08:59:59", "Asia/Singapore", False),
        (OFFICE, "2026-01-05T09:00:00", "Asia/Singapore", True),
        (OFFICE, "2026-01-05T17:59:59", "Asia/Singapore", True),
        (OFFICE, "2026-01-05T18:00:00", "Asia/Singapore", False),
        (OFFICE, "2026-01-09T09:00:00", "Asia/Singapore", True),
        (OFFICE, "2026-01-10T09:00:00", "Asia/Singapore", False),
        (OFFICE, "2026-01-05T01:00:00", "UTC", True),
        (OFFICE, "2026-01-05T00:59:59", "UTC", False),
        (TWO, "2026-01-05T08:00", "UTC", True),
        (TWO, "2026-01-06T08:00", "UTC", False),
        (TWO, "2026-01-07T11:59", "UTC", True),
        (TWO, "2026-01-10T21:59", "UTC", False),
        (TWO, "2026-01-10T22:00", "UTC", True),
        (TWO, "2026-01-11T01:59", "UTC", True),
        (TWO, "2026-01-11T02:00", "UTC", False),
        (TWO, "2026-01-12T01:59", "UTC", True),
        (TWO, "2026-01-10T01:00", "UTC", False),
        ("daily 00:00-24:00 UTC", "2026-01-10T23:59:59", "UTC", True),
        ("weekends 00:00-24:00 UTC", "2026-01-09T23:59:59", "UTC", False),
        ("weekends 00:00-24:00 UTC", "2026-01-10T00:00", "UTC", True),
        ("fri-mon 10:00-11:00 UTC", "2026-01-11T10:30", "UTC", True),
        ("fri-mon 10:00-11:00 UTC", "2026-01-13T10:30", "UTC", False),
        ("sun 22:00-00:00 UTC", "2026-01-11T23:59", "UTC", True),
        ("sun 22:00-00:00 UTC", "2026-01-12T00:00", "UTC", False),
    ],
)
def test_windows_open_and_close_to_the_second(
    text: str, when: str, zone: str, expected: bool
) -> None:
    """The first minute belongs to a window, the last does not; midnight is no border."""
    assert expected == is_open(parse_schedule(text), at(when, zone))


EARLY = f"sun 02:00-04:00 {ZURICH}"
GAP = f"sun 02:00-03:00 {ZURICH}"
LATE = f"sun 02:30-04:00 {ZURICH}"
SPRING, AUTUMN = "2026-03-29", "2026-10-25"


def test_clocks_jump_forward() -> None:
    """In spring the hour from two to three does not happen; the rest of a window does."""
    jump = at(f"{SPRING}T01:00", "UTC")

    assert at(f"{SPRING}T03:00", ZURICH) == jump
    assert not is_open(parse_schedule(EARLY), jump - 1)
    assert is_open(parse_schedule(EARLY), jump)
    assert is_open(parse_schedule(EARLY), jump + 3599)
    assert not is_open(parse_schedule(EARLY), jump + 3600)
    assert not any(is_open(parse_schedule(GAP), jump + s) for s in range(-7200, 7200, 60))


def test_clocks_fall_back() -> None:
    """In autumn the hour from two to three happens twice, and the window is open both times."""
    first, second = at(f"{AUTUMN}T02:00", ZURICH), at(f"{AUTUMN}T02:00", ZURICH, fold=1)
    schedule = parse_schedule(GAP)

    assert second - first == 3600
    assert not is_open(schedule, first - 1)
    assert all(is_open(schedule, first + s) for s in range(0, 7200, 60))
    assert not is_open(schedule, second + 3600)


def test_office_hours_follow_the_clock_on_the_wall() -> None:
    """Nine in New York is another UTC hour in summer than in winter."""
    schedule = parse_schedule(f"weekdays 09:00-17:00 {NEW_YORK}")

    assert is_open(schedule, at("2026-01-05T14:00"))
    assert not is_open(schedule, at("2026-01-05T13:59"))
    assert is_open(schedule, at("2026-07-06T13:00"))
    assert not is_open(schedule, at("2026-07-06T12:59"))


@pytest.mark.parametrize(
    ("text", "now", "expected"),
    [
        ("always", at("2026-01-03T00:00"), at("2026-01-03T00:00")),
        (
            OFFICE,
            at("2026-01-05T10:00", "Asia/Singapore"),
            at("2026-01-05T10:00", "Asia/Singapore"),
        ),
        (
            OFFICE,
            at("2026-01-09T18:00", "Asia/Singapore"),
            at("2026-01-12T09:00", "Asia/Singapore"),
        ),
        (TWO, at("2026-01-07T12:00"), at("2026-01-10T22:00")),
        ("tue 08:00-08:01 UTC", at("2026-01-06T08:01"), at("2026-01-13T08:00")),
        (EARLY, at(f"{SPRING}T00:00"), at(f"{SPRING}T01:00")),
        (LATE, at(f"{SPRING}T00:00"), at(f"{SPRING}T01:00")),
        (GAP, at(f"{SPRING}T00:00"), at("2026-04-05T02:00", ZURICH)),
        (
            f"sun 02:30-02:45 {ZURICH}",
            at(f"{AUTUMN}T02:50", ZURICH),
            at(f"{AUTUMN}T02:30", ZURICH, fold=1),
        ),
        (
            f"sun 01:30-02:30 {ZURICH}",
            at(f"{AUTUMN}T02:40", ZURICH),
            at(f"{AUTUMN}T02:00", ZURICH, fold=1),
        ),
    ],
)
def test_the_next_opening(text: str, now: int, expected: int) -> None:
    """The first open second from now on, also where clocks change."""
    assert expected == next_open(parse_schedule(text), now)


def _by_search(text: str, now: int) -> int:
    schedule = parse_schedule(text)
    moment = now
    while not is_open(schedule, moment):
        moment += 60 - moment % 60
    return moment


DAY = st.sampled_from(["mon", "sun", "weekdays", "sat-mon", "tue,thu"])
MINUTE = st.integers(0, 1439)
PLACE = st.sampled_from(["UTC", ZURICH, NEW_YORK, "Australia/Lord_Howe", "Asia/Kathmandu"])


@settings(max_examples=60, deadline=None)
@given(DAY, MINUTE, MINUTE, PLACE, st.integers(at("2026-01-01T00:00"), at("2027-01-01T00:00")))
def test_the_next_opening_is_what_a_search_finds(
    day: str, start: int, end: int, zone: str, now: int
) -> None:
    """No opening is missed and none is early, in any zone and season."""
    if start == end:
        return
    text = f"{day} {start // 60:02d}:{start % 60:02d}-{end // 60:02d}:{end % 60:02d} {zone}"

    assert _by_search(text, now) == next_open(parse_schedule(text), now)


@pytest.mark.parametrize("change", [at(f"{SPRING}T01:00"), at(f"{AUTUMN}T01:00")])
@pytest.mark.parametrize("window", ["01:30-02:30", "02:30-03:30", "00:15-02:15", "23:00-02:20"])
def test_around_every_clock_change(change: int, window: str) -> None:
    """Minute by minute through both nights, the next opening agrees with a search."""
    text = f"daily {window} {ZURICH}"
    for now in range(change - 4 * 3600, change + 4 * 3600, 660):
        assert _by_search(text, now) == next_open(parse_schedule(text), now)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "'' is no window; write \"always\""),
        ("sometimes", "'sometimes' is no window"),
        ("always; always", "'always' is no window"),
        ("mon 9:00-10:00 UTC", "is no window"),
        ("mon 09:00-10:00", "is no window"),
        ("mon 09:00 - 10:00 UTC", "is no window"),
        ("MON 09:00-10:00 UTC", "is no window"),
        ("mon 09:00-10:00 UTC\n; x", "is no window"),
        ("mon 09:00-10:00 UTC;", "'' is no window"),
        ("mon 09:00-09:00 UTC", "'mon 09:00-09:00 UTC' has no length"),
        ("mon 24:00-09:00 UTC", "'mon 24:00-09:00 UTC' has no length"),
        ("mon 09:60-10:00 UTC", "'09:60' is no time of day; write 00:00 to 24:00"),
        ("mon 09:00-24:01 UTC", "'24:01' is no time of day"),
        ("moon 09:00-10:00 UTC", "'moon' is no day; write daily, weekdays, weekends, mon"),
        ("mon- 09:00-10:00 UTC", "'mon-' is no day"),
        ("-mon 09:00-10:00 UTC", "'-mon' is no day"),
        ("mon,,tue 09:00-10:00 UTC", "'' is no day"),
        ("mon-daily 09:00-10:00 UTC", "'mon-daily' is no day"),
        ("mon 09:00-10:00 Mars/Base", "'Mars/Base' is no time zone known here; write UTC"),
        ("mon 09:00-10:00 localtime", "'localtime' is no time zone known here"),
        ("mon 09:00-10:00 CET", "'CET' is no time zone known here"),
        ("mon 09:00-10:00 Asia", "'Asia' is no time zone known here"),
        ("mon 09:00-10:00 ../../etc/passwd", "is no time zone known here"),
        ("; ".join(["mon 09:00-10:00 UTC"] * 21), "at most 20 windows"),
    ],
)
def test_bad_schedules_are_refused(text: str, message: str) -> None:
    """What is no schedule says what is wrong and how to write it."""
    with pytest.raises(ScheduleError) as caught:
        parse_schedule(text)

    assert message in str(caught.value)


def test_twenty_windows_are_read() -> None:
    """The most that a schedule may have."""
    assert len(parse_schedule("; ".join(["mon 09:00-10:00 UTC"] * 20)).windows) == 20


@settings(max_examples=300, deadline=None)
@given(st.text(alphabet="monwedkays,-;: 0123456789UTCalways/", max_size=40))
def test_no_text_breaks_the_parser(text: str) -> None:
    """R6.7: any text is a schedule or a `ScheduleError`."""
    try:
        schedule = parse_schedule(text)
    except ScheduleError:
        return
    assert next_open(schedule, at("2026-01-05T00:00")) is not None


def test_a_window_that_began_yesterday_is_open_now() -> None:
    """Past midnight the next opening is now, also where only yesterday is in the window's days."""
    now = at("2026-01-12T01:59")

    assert now == next_open(parse_schedule("sun 22:00-02:00 UTC"), now)
    assert now + 7 * 86_400 - 4 * 3600 + 60 == next_open(
        parse_schedule("sun 22:00-02:00 UTC"), now + 60
    )


def test_a_window_that_never_opens_again_within_sight() -> None:
    """Where the search ends without an opening it says so and guesses nothing."""
    schedule = parse_schedule("mon 08:00-09:00 UTC")
    (window,) = schedule.windows
    never = type(schedule)(
        windows=(type(window)(days=frozenset(), start=0, end=5, zone=window.zone),)
    )

    assert next_open(never, at("2026-01-05T00:00")) is None
    moment = datetime.fromtimestamp(next_open(schedule, at("2026-01-05T00:00")) or 0, UTC)
    assert moment - datetime(2026, 1, 5, tzinfo=UTC) == timedelta(hours=8)
