"""Read treasuryd.toml and law.toml strictly; every problem is told at once, with advice.

Relative paths are taken from the folder of the file that names them. Nothing is created, and
no path is opened except the file itself: `doctor` looks at the world.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Mapping
from pathlib import Path
from urllib.parse import urlsplit

from config.errors import ConfigError
from config.load_alerts import read_alerts
from config.load_tcp import read_tcp
from config.settings import (
    Anchor,
    ApiRole,
    ApiSettings,
    ChainSettings,
    DaemonSettings,
    Finality,
    FinalityKind,
    JournalSettings,
    JudgementSettings,
    LaneSettings,
    LogStyle,
    Rollup,
    Rung,
    Settings,
    SignerLink,
)
from policies.document import Table
from policies.law import Law, LawError, parse_law

MAX_FILE_BYTES = 1_000_000
MAX_SOCKET_PATH_BYTES = 107
_DAY_S = 86_400
_SQLITE = "sqlite:///"
_ANCHOR = re.compile(r"(?P<number>[0-9]{1,15}):(?P<hash>0x[0-9a-f]{64})\Z")


def load_settings(path: Path) -> Settings:
    """Read treasuryd.toml.

    Raises `ConfigError` listing every problem as "file: key = value: what to do".
    """
    problems: list[str] = []
    root = Table(read_document(path), source=str(path), path="", problems=problems)
    settings = _settings(root, path)
    root.finish()
    if problems:
        raise ConfigError(*problems)
    return settings


def load_law(path: Path) -> Law:
    """Read law.toml. Raises `ConfigError` listing every problem."""
    try:
        return parse_law(read_document(path), source=str(path))
    except LawError as error:
        raise ConfigError(*error.problems) from error


def read_document(path: Path) -> Mapping[str, object]:
    """Parse a TOML file. Raises `ConfigError` when it is missing, unreadable or broken."""
    try:
        with path.open("rb") as file:
            data = file.read(MAX_FILE_BYTES + 1)
    except OSError as error:
        advice = "create it or name another file" if not path.exists() else "let this user read it"
        raise ConfigError(f"{path}: cannot be read ({error.strerror}): {advice}") from error
    if len(data) > MAX_FILE_BYTES:
        raise ConfigError(f"{path}: larger than {MAX_FILE_BYTES} bytes: name a settings file")
    try:
        return tomllib.loads(data.decode())
    except UnicodeDecodeError as error:
        line = data[: error.start].count(b"\n") + 1
        raise ConfigError(f"{path}: line {line} is not UTF-8 text: save it as UTF-8") from error
    except tomllib.TOMLDecodeError as error:
        raise ConfigError(f"{path}: not valid TOML: {error}: mend that line") from error


def _settings(root: Table, path: Path) -> Settings:
    base = path.absolute().parent
    settings = Settings(
        source=path,
        daemon=_daemon(root.table("daemon"), base),
        signer=_signer(root.table("signer"), base),
        api=_api(root.table("api"), base),
        chains={name: _chain(name, table) for name, table in root.tables("chains").items()},
        watch=_lane(root.table("watch", optional=True), default_s=30),
        money=_lane(root.table("money", optional=True), default_s=60),
        journal=_journal(root.table("journal", optional=True)),
        alerts=read_alerts(root.table("alerts", optional=True), base),
        judgement=_judgement(root.table("judgement", optional=True)),
    )
    if not settings.chains:
        root.refuse("chains", "name at least one chain in a table [chains.<name>]")
    return settings


def _daemon(table: Table, base: Path) -> DaemonSettings:
    state_dir = base / table.text("state_dir")
    settings = DaemonSettings(
        state_dir=state_dir,
        database=_database(table, base, default=f"{_SQLITE}{state_dir}/ledger.sqlite3"),
        law=base / table.text("law") if table.has("law") else None,
        log=table.choice("log", LogStyle, LogStyle.AUTO),
        live_wallets=base / table.text("live_wallets") if table.has("live_wallets") else None,
    )
    table.finish()
    return settings


def _database(table: Table, base: Path, default: str) -> str:
    url = table.text("database", default)
    if url.startswith(_SQLITE) and len(url) > len(_SQLITE):
        return f"{_SQLITE}{base / url.removeprefix(_SQLITE)}"
    table.refuse("database", 'the ledger is a SQLite file: write "sqlite:///<path>"')
    return default


def _signer(table: Table, base: Path) -> SignerLink:
    link = SignerLink(
        socket=_socket(table, "socket", base),
        deadline_s=table.seconds("deadline_s", least=0.1, most=60, default=5),
    )
    table.finish()
    return link


def _api(table: Table, base: Path) -> ApiSettings:
    directory = base / table.text("directory")
    settings = ApiSettings(
        sockets={
            role: _socket(table, role.value, directory, f"{role.value}.sock") for role in ApiRole
        },
        body_limit_bytes=table.integer(
            "body_limit_bytes", least=1024, most=16 * 2**20, default=65536
        ),
        requests_per_s=table.integer("requests_per_s", least=1, most=100_000, default=200),
        request_burst=table.integer("request_burst", least=1, most=100_000, default=400),
        stop_deadline_s=table.seconds("stop_deadline_s", least=0.1, most=60, default=5),
        tcp=read_tcp(table.table("tcp"), base) if table.has("tcp") else None,
    )
    table.finish()
    return settings


def _socket(table: Table, key: str, base: Path, default: str | None = None) -> Path:
    path = base / table.text(key, default)
    size = len(str(path).encode())
    if size > MAX_SOCKET_PATH_BYTES:
        table.refuse(
            key,
            f"{path} has {size} bytes and a Unix socket's path may have "
            f"{MAX_SOCKET_PATH_BYTES}: use a shorter folder",
        )
    return path


def _chain(name: str, table: Table) -> ChainSettings:
    endpoints = _endpoints(table)
    settings = ChainSettings(
        name=name,
        endpoints=endpoints,
        read_quorum=_read_quorum(table, len(endpoints)),
        lag_blocks=table.integer("lag_blocks", least=0, most=10_000, default=5),
        anchor=_anchor(table),
        rollup=table.choice("rollup", Rollup, Rollup.NONE),
        finality=_finality(table),
        poll_s=table.seconds("poll_s", least=0.05, most=3600, default=4),
        deadline_s=table.seconds("deadline_s", least=0.1, most=120, default=5),
        stale_after_s=table.seconds("stale_after_s", least=1, most=_DAY_S, default=120),
        resend_after_s=table.seconds("resend_after_s", least=0.1, most=_DAY_S, default=30),
        bump_after_s=table.seconds("bump_after_s", least=0.1, most=_DAY_S, default=90),
        vault_in_flight=table.integer("vault_in_flight", least=1, most=512, default=1),
        hot_in_flight=table.integer("hot_in_flight", least=1, most=512, default=1),
        sweep_below_gwei=_sweep_below(table),
        spenders=table.addresses("spenders"),
        authorities=table.addresses("authorities"),
    )
    table.finish()
    return settings


def _sweep_below(table: Table) -> int | None:
    """Return the base fee above which sweeps wait; nothing stands for: they never do."""
    gwei = table.integer("sweep_below_gwei", least=0, most=1_000_000, default=0)
    return gwei or None


def _endpoints(table: Table) -> tuple[str, ...]:
    urls = table.texts("endpoints")
    for number, url in enumerate(urls, start=1):
        if not _is_endpoint(url):
            advice = '"http://host:port", "ws://host:port" or "ipc:///path"'
            table.refuse("endpoints", f"entry {number} is no address of a node: {advice}")
    return urls


def _is_endpoint(url: str) -> bool:
    try:
        parts = urlsplit(url)
        _ = parts.port
    except ValueError:
        return False
    if parts.scheme == "ipc":
        return not parts.netloc and len(parts.path) > 1
    return parts.scheme in ("http", "https", "ws", "wss") and bool(parts.hostname)


def _read_quorum(table: Table, count: int) -> int:
    """Read how many endpoints must agree: below the majority, two groups could both be right."""
    majority = count // 2 + 1
    return table.integer("read_quorum", least=majority, most=max(count, 1), default=majority)


def _anchor(table: Table) -> Anchor | None:
    if not table.has("anchor"):
        return None
    match = _ANCHOR.match(table.text("anchor"))
    if match is None:
        table.refuse("anchor", 'write number and hash of an old block: "0:0x<64 hex digits>"')
        return None
    return Anchor(number=int(match["number"]), hash=match["hash"])


def _finality(table: Table) -> Finality:
    text = table.text("finality")
    kind, _, depth = text.partition(":")
    if text in (FinalityKind.SAFE, FinalityKind.FINALIZED):
        return Finality(kind=FinalityKind(text), depth_blocks=0)
    if kind == FinalityKind.DEPTH and depth.isascii() and depth.isdigit() and len(depth) < 6:
        return Finality(kind=FinalityKind.DEPTH, depth_blocks=int(depth))
    if table.has("finality"):
        table.refuse("finality", 'write "finalized", "safe", or "depth:12" for 12 blocks')
    return Finality(kind=FinalityKind.FINALIZED, depth_blocks=0)


def _lane(table: Table, *, default_s: float) -> LaneSettings:
    lane = LaneSettings(
        deadline_s=table.seconds("deadline_s", least=1, most=3600, default=default_s)
    )
    table.finish()
    return lane


def _journal(table: Table) -> JournalSettings:
    settings = JournalSettings(
        checkpoint_every=table.integer("checkpoint_every", least=1, most=10**6, default=1000),
        checkpoint_after_s=table.seconds(
            "checkpoint_after_s", least=1, most=7 * _DAY_S, default=3600
        ),
    )
    table.finish()
    return settings


def _judgement(table: Table) -> JudgementSettings:
    settings = JudgementSettings(
        strictest=table.choice("strictest", Rung, Rung.FREEZE),
        tiny_permille=table.integer("tiny_permille", least=0, most=1000, default=1),
        quarantine_s=table.integer("quarantine_s", least=1, most=7 * _DAY_S, default=3600),
        drain_percent=table.integer("drain_percent", least=0, most=100, default=90),
        window_s=table.integer("window_s", least=1, most=7 * _DAY_S, default=3600),
        first_use_assets=table.integer("first_use_assets", least=0, most=10_000, default=20),
        first_use_recipients=table.integer(
            "first_use_recipients", least=0, most=100_000, default=0
        ),
    )
    table.finish()
    return settings
