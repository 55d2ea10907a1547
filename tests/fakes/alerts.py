"""Alert settings for tests: the channels given, and the times of the shipped example."""

from __future__ import annotations

from config.settings import AlertSettings, ChannelSettings


def alert_settings(*channels: ChannelSettings) -> AlertSettings:
    """Return settings with these channels and no pulse."""
    return AlertSettings(
        silence_s=600,
        settle_s=60,
        patience_s=30,
        drill_overdue_s=90 * 86_400,
        denylist_old_s=30 * 86_400,
        channels={channel.name: channel for channel in channels},
        pulse=None,
    )
