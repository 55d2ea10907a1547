"""Read the part of treasuryd.toml that says how people are told of trouble."""

from __future__ import annotations

from pathlib import Path

from config.settings import AlertSettings, ChannelKind, ChannelSettings, PulseSettings
from policies.alarms import Severity
from policies.document import Table

_DAY_S = 86_400
_YEAR_S = 366 * _DAY_S
_MOST_LEVELS = 9


def read_alerts(table: Table, base: Path) -> AlertSettings:
    """Read [alerts]; left out, nobody is told and the journal alone keeps the alarms."""
    channels = table.tables("channels", optional=True)
    settings = AlertSettings(
        silence_s=table.seconds("silence_s", least=1, most=_DAY_S, default=600),
        settle_s=table.seconds("settle_s", least=0, most=_DAY_S, default=60),
        patience_s=table.seconds("patience_s", least=0, most=_DAY_S, default=30),
        drill_overdue_s=table.seconds(
            "drill_overdue_s", least=1, most=_YEAR_S, default=90 * _DAY_S
        ),
        denylist_old_s=table.seconds("denylist_old_s", least=1, most=_YEAR_S, default=30 * _DAY_S),
        channels={name: _channel(name, one, base) for name, one in channels.items()},
        pulse=_pulse(table.table("pulse"), base) if table.has("pulse") else None,
    )
    if settings.channels and not any(c.level == 0 for c in settings.channels.values()):
        table.refuse("channels", "give at least one channel the level 0, which is told at once")
    table.finish()
    return settings


def _channel(name: str, table: Table, base: Path) -> ChannelSettings:
    kind = table.choice("kind", ChannelKind)
    settings = ChannelSettings(
        name=name,
        kind=kind,
        address_file=base / table.text("address_file"),
        secret_file=base / table.text("secret_file") if kind is ChannelKind.WEBHOOK else None,
        level=table.integer("level", least=0, most=_MOST_LEVELS, default=0),
        least=table.choice("least", Severity, Severity.WARNING),
        deadline_s=table.seconds("deadline_s", least=0.1, most=120, default=10),
        most_tries=table.integer("most_tries", least=1, most=100, default=12),
    )
    table.finish()
    return settings


def _pulse(table: Table, base: Path) -> PulseSettings:
    settings = PulseSettings(
        address_file=base / table.text("address_file"),
        secret_file=base / table.text("secret_file"),
        every_s=table.seconds("every_s", least=1, most=_DAY_S, default=60),
        deadline_s=table.seconds("deadline_s", least=0.1, most=120, default=10),
    )
    table.finish()
    return settings
