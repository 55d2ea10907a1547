"""Set up structured logging once: JSON lines for machines, readable lines on a terminal.

Rules: no secret and no control character reaches a line. Values under a telling key are replaced,
node URLs are cut to their host, known secrets are replaced wherever they stand, long hexadecimal
(signed transactions) is shortened, and everything that could move a cursor or reverse text is
escaped. This is the last net, not a licence to log secrets.
"""

from __future__ import annotations

import logging
import re
from collections.abc import Iterable, Mapping
from typing import Any, TextIO

import msgspec
import structlog
from structlog.typing import EventDict, Processor

REDACTED = "[redacted]"
_SECRET_KEY = re.compile(
    r"(^|_)(pin|passphrase|password|secret|token|private_key|api_key|authorization|raw)(_|$)"
)
_URL = re.compile(r"\b(https?|wss?|postgresql(?:\+\w+)?)://(?:[^\s/@]*@)?([^\s/?#]+)[^\s\"']*")
_LONG_HEX = re.compile(r"\b0x([0-9a-fA-F]{16})[0-9a-fA-F]{150,}\b")
_UNPRINTABLE = re.compile(
    "[\x00-\x09\x0b-\x1f\x7f-\x9f\u061c\u200b-\u200f\u2028-\u202e\u2060-\u206f\ud800-\udfff\ufeff]"
)
_UNPRINTABLE_OR_NEWLINE = re.compile("\n|" + _UNPRINTABLE.pattern)
_MULTILINE = ("exception", "stack")
_DEPTH_LIMIT = 6
# The journal understands a syslog level in front of a line (sd-daemon(3)).
_PRIORITY = {"critical": 2, "error": 3, "exception": 3, "warning": 4, "info": 6, "debug": 7}


def configure(
    stream: TextIO,
    *,
    environ: Mapping[str, str],
    level: str = "info",
    secrets: Iterable[str] = (),
) -> None:
    """Send every log line of this process to `stream`.

    Lines are JSON under systemd (JOURNAL_STREAM) and wherever `stream` is not a terminal.
    `secrets` are texts that must never appear, such as the keys inside node URLs.
    """
    in_journal = "JOURNAL_STREAM" in environ
    readable = stream.isatty() and not in_journal
    minimum = logging.getLevelNamesMapping()[level.upper()]
    shared: list[Processor] = [
        structlog.contextvars.merge_contextvars,
        structlog.processors.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        structlog.processors.StackInfoRenderer(),
        structlog.processors.format_exc_info,
        Cleaner(secrets),
    ]
    last = _terminal_renderer() if readable else JsonLine(with_priority=in_journal)
    structlog.configure(
        processors=[*shared, last],
        wrapper_class=structlog.make_filtering_bound_logger(minimum),
        logger_factory=structlog.WriteLoggerFactory(stream),
        cache_logger_on_first_use=False,
    )
    _bridge_foreign_loggers(stream, [*shared, last])


class Cleaner:
    """A processor that takes secrets and control characters out of every value."""

    def __init__(self, secrets: Iterable[str] = ()) -> None:
        """Remember texts that are secret wherever they stand."""
        known = sorted((secret for secret in secrets if secret), key=len, reverse=True)
        self._known = re.compile("|".join(map(re.escape, known))) if known else None

    def __call__(self, _logger: object, _method: str, event: EventDict) -> EventDict:
        """Return the same event, fit to be read by anyone who may read logs."""
        return {str(key): self._clean(str(key), value, 0) for key, value in event.items()}

    def _clean(self, key: str, value: object, depth: int) -> object:
        if _SECRET_KEY.search(key.lower()) and value is not None:
            return REDACTED
        if value is None or isinstance(value, bool | int | float):
            return value
        if depth >= _DEPTH_LIMIT:
            return "..."
        if isinstance(value, Mapping):
            return {str(k): self._clean(str(k), v, depth + 1) for k, v in value.items()}
        if isinstance(value, list | tuple | set | frozenset):
            return [self._clean(key, item, depth + 1) for item in value]
        return self._clean_text(key, _as_text(value))

    def _clean_text(self, key: str, text: str) -> str:
        if self._known is not None:
            text = self._known.sub(REDACTED, text)
        text = _LONG_HEX.sub(r"0x\1...", _URL.sub(r"\1://\2/...", text))
        pattern = _UNPRINTABLE if key in _MULTILINE else _UNPRINTABLE_OR_NEWLINE
        return pattern.sub(_escape, text)


class JsonLine:
    """The renderer of one JSON object per line, the event first."""

    def __init__(self, *, with_priority: bool) -> None:
        """Choose whether the journal's level prefix stands before the object."""
        self._with_priority = with_priority

    def __call__(self, _logger: object, _method: str, event: EventDict) -> str:
        """Return the line without its newline; big integers are written as they are."""
        ordered = {"event": event.get("event", ""), **event}
        line = msgspec.json.encode(_within_json(ordered)).decode()
        level = str(event.get("level", "info"))
        return f"<{_PRIORITY.get(level, 6)}>{line}" if self._with_priority else line


class _ForeignHandler(logging.Handler):
    """Carries what libraries say through `logging` into the same stream and the same rules."""

    def __init__(self, stream: TextIO, processors: list[Processor]) -> None:
        super().__init__()
        self._stream = stream
        self._processors = processors

    def emit(self, record: logging.LogRecord) -> None:
        event: Any = {
            "event": record.getMessage(),
            "logger": record.name,
            "exc_info": record.exc_info,
        }
        try:
            for process in self._processors:
                event = process(None, record.levelname.lower(), event)
            self._stream.write(f"{event}\n")
        except Exception:  # noqa: BLE001 - logging's own rule: a bad line never stops the program
            self.handleError(record)


def _bridge_foreign_loggers(stream: TextIO, processors: list[Processor]) -> None:
    """Let libraries speak from warning upwards; what they say below that is their own diary."""
    root = logging.getLogger()
    for handler in list(root.handlers):
        if isinstance(handler, _ForeignHandler):
            root.removeHandler(handler)
    root.addHandler(_ForeignHandler(stream, processors))
    root.setLevel(logging.WARNING)


def _terminal_renderer() -> Processor:
    renderer: Processor = structlog.dev.ConsoleRenderer(
        colors=True, exception_formatter=structlog.dev.plain_traceback, sort_keys=False
    )
    return renderer


def _within_json(value: object) -> object:
    """Write integers beyond 64 bits as text, as everywhere else in our JSON."""
    if isinstance(value, int) and not isinstance(value, bool):
        return value if -(2**63) <= value < 2**64 else str(value)
    if isinstance(value, dict):
        return {key: _within_json(item) for key, item in value.items()}
    if isinstance(value, list):
        return [_within_json(item) for item in value]
    return value


def _as_text(value: object) -> str:
    if isinstance(value, bytes):
        return "0x" + value.hex()
    return str(value)


def _escape(match: re.Match[str]) -> str:
    code = ord(match.group())
    return f"\\x{code:02x}" if code <= 0xFF else f"\\u{code:04x}"
