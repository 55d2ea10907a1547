"""Log lines: readable by machines and people, free of secrets and control characters."""

from __future__ import annotations

import io
import json
import logging
from collections.abc import Iterator

import pytest
import structlog
from hypothesis import given
from hypothesis import strategies as st

from treasury.log import REDACTED, Cleaner, configure


class Terminal(io.StringIO):
    """A stream that says it is a terminal."""

    def isatty(self) -> bool:
        return True


@pytest.fixture(autouse=True)
def _own_logging() -> Iterator[None]:
    root = logging.getLogger()
    handlers, level = list(root.handlers), root.level
    yield
    structlog.reset_defaults()
    root.handlers[:] = handlers
    root.setLevel(level)


def lines_of(stream: io.StringIO) -> list[dict[str, object]]:
    """Return the JSON objects that were logged."""
    return [json.loads(line) for line in stream.getvalue().splitlines()]


def test_a_file_gets_one_json_object_per_line() -> None:
    """Bound ids and the level are fields; the event comes first."""
    stream = io.StringIO()
    configure(stream, environ={})

    structlog.get_logger().bind(refill_id=17).info("refill_approved", amount=2**200)

    (line,) = lines_of(stream)
    assert next(iter(line)) == "event"
    assert line["event"] == "refill_approved"
    assert line["refill_id"] == 17
    assert line["amount"] == str(2**200)
    assert line["level"] == "info"


def test_the_journal_gets_the_syslog_level_in_front() -> None:
    """Under systemd `journalctl -p err` finds our errors."""
    stream = io.StringIO()
    configure(stream, environ={"JOURNAL_STREAM": "8:1"})

    structlog.get_logger().error("lane_fell")

    assert stream.getvalue().startswith('<3>{"event":"lane_fell"')


def test_a_terminal_gets_readable_lines() -> None:
    """A person sees the event and its fields, not JSON."""
    stream = Terminal()
    configure(stream, environ={})

    structlog.get_logger().info("tick_finished", chain="devnet")

    assert "tick_finished" in stream.getvalue()
    assert "{" not in stream.getvalue()


def test_lines_below_the_level_are_not_written() -> None:
    """The level of the settings holds."""
    stream = io.StringIO()
    configure(stream, environ={}, level="warning")

    structlog.get_logger().info("tick_finished")

    assert stream.getvalue() == ""


def test_libraries_speak_through_the_same_net() -> None:
    """What a library logs is JSON too, and its secrets are taken out; its chatter is dropped."""
    stream = io.StringIO()
    configure(stream, environ={}, secrets=["k3y"])

    logging.getLogger("apscheduler").info("chatter")
    logging.getLogger("urllib3").warning("retry %s", "https://node.example/v3/k3y")

    (line,) = lines_of(stream)
    assert line["event"] == "retry https://node.example/..."
    assert line["logger"] == "urllib3"
    assert line["level"] == "warning"


def test_configuring_twice_does_not_write_twice() -> None:
    """A second set-up replaces the first."""
    stream = io.StringIO()
    configure(stream, environ={})
    configure(stream, environ={})

    logging.getLogger("library").warning("once")

    assert len(lines_of(stream)) == 1


def test_a_traceback_keeps_its_lines_and_loses_its_secrets() -> None:
    """R5.9: an exception text is cleaned like every other value."""
    stream = io.StringIO()
    configure(stream, environ={}, secrets=["marker-pin"])
    try:
        raise ValueError("login with marker-pin\x1b[2J failed")
    except ValueError:
        structlog.get_logger().exception("login_failed")

    text = str(lines_of(stream)[0]["exception"])
    assert "marker-pin" not in text
    assert "\\x1b[2J" in text
    assert "Traceback" in text.splitlines()[0]


@pytest.mark.parametrize(
    "key", ["pin", "user_pin", "passphrase", "PASSWORD", "api_key", "private_key", "raw", "raw_tx"]
)
def test_a_telling_key_hides_its_value(key: str) -> None:
    """R5.9: values under these keys never appear, however deep they stand."""
    cleaned = Cleaner()(None, "info", {"event": "x", "outer": [{key: "1234"}], key: b"1234"})

    assert cleaned[key] == REDACTED
    assert cleaned["outer"] == [{key: REDACTED}]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("https://node.example/v3/abcdef?x=1", "https://node.example/..."),
        ("wss://user:word@node.example:8546", "wss://node.example:8546/..."),
        ("postgresql+psycopg://me:word@db/ledger", "postgresql+psycopg://db/..."),
        ("0x02" + "ab" * 110, "0x02ababababababab..."),
        ("0x" + "ab" * 32, "0x" + "ab" * 32),
        ("spinning", "spinning"),
    ],
)
def test_urls_lose_their_keys_and_raw_transactions_their_bytes(text: str, expected: str) -> None:
    """Paths, queries and user parts are secrets; hashes stay whole, signed bytes do not."""
    assert Cleaner()(None, "info", {"event": text})["event"] == expected


def test_a_key_that_merely_contains_a_secret_word_is_kept() -> None:
    """`spinning_since` has nothing to do with a PIN."""
    assert Cleaner()(None, "info", {"spinning_since": "noon"})["spinning_since"] == "noon"


@given(st.text(), st.text())
def test_no_value_can_move_the_cursor_or_reverse_the_text(key: str, value: str) -> None:
    """R7.7: control, bidirectional and invisible characters are escaped in every value."""
    cleaned = Cleaner()(None, "info", {"event": value, "list": [value], "map": {"k": value}})

    for text in (cleaned["event"], cleaned["list"][0], cleaned["map"]["k"]):
        assert not any(ord(c) < 32 or 0x7F <= ord(c) < 0xA0 for c in text)
        assert not any(c in text for c in "\u202e\u2066\u200b\u2028\ufeff")


@given(st.text())
def test_every_line_is_one_line_of_ascii_safe_json(text: str) -> None:
    """R7.7: whatever is logged, one event is exactly one line that parses."""
    stream = io.StringIO()
    configure(stream, environ={})

    structlog.get_logger().info(text, value=text, nested={"deep": [text]})

    assert stream.getvalue().count("\n") == 1
    json.loads(stream.getvalue())
