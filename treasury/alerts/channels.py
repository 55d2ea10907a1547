"""Channels: where a notice can go, made from the settings.

Address and secret are read anew for each telling, so that a token is replaced without a restart,
and a file that is missing is an undelivered notice and not a daemon that does not start.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

from config.settings import AlertSettings, ChannelKind, ChannelSettings
from policies.alarms import CATALOGUE
from treasury.alerts.errors import UndeliveredError
from treasury.alerts.relay import relay
from treasury.alerts.webhook import Letter, post
from treasury.ledger.outbox import Delivery, Ear, Notice

SECRET_LEAST_BYTES = 16
_FILE_MOST_BYTES = 4_096
Teller = Callable[[Delivery, Notice, int], None]
"""Tells one notice at a time (unix seconds); raises `UndeliveredError`."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Channel:
    """A way to tell people: what it wants to hear, how often it is tried, and how it is told."""

    ear: Ear
    most_tries: int
    tell: Teller


def channels_of(settings: AlertSettings) -> tuple[Channel, ...]:
    """Make every channel of the settings."""
    return tuple(_channel(one) for one in settings.channels.values())


def last_level(settings: AlertSettings) -> int:
    """Return the highest level that has a channel."""
    return max((one.level for one in settings.channels.values()), default=0)


def read_private(path: Path) -> str:
    """Read an address or a secret: one line of a small file. Raises `UndeliveredError`."""
    try:
        text = path.read_text(encoding="utf-8")[:_FILE_MOST_BYTES].strip()
    except (OSError, ValueError) as error:
        raise UndeliveredError(f"{path} cannot be read: {error}") from error
    if not text:
        raise UndeliveredError(f"{path} is empty: write one line into it")
    return text


def read_secret(path: Path) -> bytes:
    """Read a secret of at least 16 bytes. Raises `UndeliveredError`."""
    secret = read_private(path).encode()
    if len(secret) < SECRET_LEAST_BYTES:
        raise UndeliveredError(f"{path} holds fewer than {SECRET_LEAST_BYTES} bytes: draw more")
    return secret


def document(notice: Notice) -> Mapping[str, object]:
    """Return what a machine is told; every field is always there."""
    return {
        "version": 1,
        "notice": str(notice.id),
        "event": notice.event,
        "alarm": None if notice.alarm_id is None else str(notice.alarm_id),
        "severity": notice.severity,
        "kind": notice.kind,
        "subject": notice.subject,
        "text": notice.text,
        "at": notice.at,
        "page": _page(notice),
    }


def words(notice: Notice) -> tuple[str, str]:
    """Return title and text for people."""
    title = f"[{notice.severity.upper()}] {notice.event}: {notice.kind} {notice.subject}"
    lines = [notice.text]
    if notice.alarm_id is not None:
        lines.append(f"treasuryctl alarm acknowledge {notice.alarm_id} --why …")
    if _page(notice):
        lines.append(f"Runbook: {_page(notice)}")
    return title, "\n".join(lines)


def _channel(settings: ChannelSettings) -> Channel:
    tell = _webhook(settings) if settings.kind is ChannelKind.WEBHOOK else _relayed(settings)
    ear = Ear(channel=settings.name, level=settings.level, least=settings.least)
    return Channel(ear=ear, most_tries=settings.most_tries, tell=tell)


def _webhook(settings: ChannelSettings) -> Teller:
    def tell(delivery: Delivery, notice: Notice, now: int) -> None:
        assert settings.secret_file is not None, "the loader asks every webhook for its secret"
        body = json.dumps(document(notice), sort_keys=True, separators=(",", ":")).encode()
        letter = Letter(body=body, number=str(delivery.id), at=now)
        url, secret = read_private(settings.address_file), read_secret(settings.secret_file)
        post(url, secret, letter, deadline_s=settings.deadline_s)

    return tell


def _relayed(settings: ChannelSettings) -> Teller:
    def tell(_delivery: Delivery, notice: Notice, _now: int) -> None:
        title, text = words(notice)
        address = read_private(settings.address_file)
        relay(address, title=title, text=text, deadline_s=settings.deadline_s)

    return tell


def _page(notice: Notice) -> str:
    ring = CATALOGUE.get(notice.kind)
    return "" if ring is None else f"RUNBOOK.md#{ring.page}"
