"""The daemon's settings as frozen facts: how it runs, never what it may do (that is the law).

Durations are seconds (`_s`), sizes bytes (`_bytes`). Everything here is changed by the operator
alone, without a quorum, so nothing here may widen what the law or the signer allows.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

from policies.alarms import Severity
from policies.terms import Address


class LogStyle(StrEnum):
    """How the daemon writes its log; `auto` is console on a terminal and JSON elsewhere."""

    AUTO = "auto"
    JSON = "json"
    CONSOLE = "console"


class FinalityKind(StrEnum):
    """What makes a block final: enough blocks above it, or the node's own tag."""

    DEPTH = "depth"
    SAFE = "safe"
    FINALIZED = "finalized"


class ApiRole(StrEnum):
    """Who knocks at which socket of the API; the role is the socket."""

    READER = "reader"
    OPERATOR = "operator"
    TREASURER = "treasurer"
    SERVICE = "service"


class Rung(StrEnum):
    """How far the learned judgement may go by itself, from telling to freezing.

    Statistics never isolate: what came through our own door is no proof that the key is gone.
    """

    ALERT = "alert"
    THROTTLE = "throttle"
    HOLD = "hold"
    FREEZE = "freeze"


class Rollup(StrEnum):
    """What a chain is, where its transactions may also pay for room on another chain."""

    NONE = "none"
    OP_STACK = "op-stack"


@dataclass(frozen=True, slots=True, kw_only=True)
class Anchor:
    """An old block by number and hash, by which a chain is told from others with the same id."""

    number: int
    hash: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Finality:
    """The rule of finality of one chain; `depth_blocks` counts only for `depth`."""

    kind: FinalityKind
    depth_blocks: int

    def __str__(self) -> str:
        return f"depth:{self.depth_blocks}" if self.kind is FinalityKind.DEPTH else self.kind.value


@dataclass(frozen=True, slots=True, kw_only=True)
class DaemonSettings:
    """Where the daemon keeps its things; `law` is only compared with the adopted law by doctor."""

    state_dir: Path
    database: str
    law: Path | None
    log: LogStyle
    live_wallets: Path | None


@dataclass(frozen=True, slots=True, kw_only=True)
class SignerLink:
    """Where the signer listens for the daemon, and how long one call may take."""

    socket: Path
    deadline_s: float


@dataclass(frozen=True, slots=True, kw_only=True)
class ServiceClient:
    """A payout service that comes over TCP, and the pools that it may ask and see.

    `fingerprint` is the SHA-256 of its certificate in DER, 64 lower-case hex digits.
    """

    name: str
    fingerprint: str
    pools: frozenset[str]


@dataclass(frozen=True, slots=True, kw_only=True)
class TcpSettings:
    """Where payout services of other machines knock, and by which certificates they are known."""

    host: str
    port: int
    certificate: Path
    key: Path
    client_ca: Path
    clients: tuple[ServiceClient, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class ApiSettings:
    """The API's sockets, one per role, and the limits of one request and one socket."""

    sockets: Mapping[ApiRole, Path]
    body_limit_bytes: int
    requests_per_s: int
    request_burst: int
    stop_deadline_s: float
    tcp: TcpSettings | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ChainSettings:
    """How one chain is read and written.

    A reading older than `stale_after_s` is no reading; unmined bytes are sent again after
    `resend_after_s` and bid higher after `bump_after_s`; `*_in_flight` is the number of unmined
    transfers that one sender may have. While the base fee is above `sweep_below_gwei` sweeps wait
    for it to fall (None: they never wait). `read_quorum` of the endpoints must agree on what
    decisions rest on (None: the majority); an endpoint more than `lag_blocks` behind does not count
    among them. A wallet retires only when none of `spenders` may take its tokens and it has no
    right at any of `authorities` (Safes, contracts with owners or roles) nor at the law's tokens.
    Both are watched at every look.
    """

    name: str
    endpoints: tuple[str, ...]
    finality: Finality
    poll_s: float
    deadline_s: float
    stale_after_s: float
    resend_after_s: float
    bump_after_s: float
    vault_in_flight: int
    hot_in_flight: int
    sweep_below_gwei: int | None = None
    read_quorum: int | None = None
    lag_blocks: int = 5
    anchor: Anchor | None = None
    rollup: Rollup = Rollup.NONE
    spenders: tuple[Address, ...] = ()
    authorities: tuple[Address, ...] = ()

    @property
    def quorum(self) -> int:
        """Return how many endpoints must agree."""
        return self.read_quorum or len(self.endpoints) // 2 + 1


@dataclass(frozen=True, slots=True, kw_only=True)
class LaneSettings:
    """How long one tick of a lane may take before the watchdog is no longer fed."""

    deadline_s: float


@dataclass(frozen=True, slots=True, kw_only=True)
class JournalSettings:
    """How many journal entries, and how many seconds, may pass without a signed checkpoint."""

    checkpoint_every: int
    checkpoint_after_s: float


class ChannelKind(StrEnum):
    """How a channel is spoken to: a signed POST, or the library that knows chats and pagers."""

    WEBHOOK = "webhook"
    APPRISE = "apprise"


@dataclass(frozen=True, slots=True, kw_only=True)
class ChannelSettings:
    """One way to tell people; its address and its secret lie in files of their own.

    Level 0 is told at once, each further level when the one before stayed silent. What is less
    loud than `least` is not told here. A delivery is given up after `most_tries`.
    """

    name: str
    kind: ChannelKind
    address_file: Path
    secret_file: Path | None
    level: int
    least: Severity
    deadline_s: float
    most_tries: int


@dataclass(frozen=True, slots=True, kw_only=True)
class PulseSettings:
    """The heartbeat: where it goes, and the seconds between two beats."""

    address_file: Path
    secret_file: Path
    every_s: float
    deadline_s: float


@dataclass(frozen=True, slots=True, kw_only=True)
class AlertSettings:
    """How people are told of trouble.

    An alarm that nobody acknowledged for `silence_s` goes to the next level; one that is over must
    stay over for `settle_s` before it is told; a condition must last for `patience_s` before it
    rings. Drills older than `drill_overdue_s` and denylists older than `denylist_old_s` ring.
    """

    silence_s: float
    settle_s: float
    patience_s: float
    drill_overdue_s: float
    denylist_old_s: float
    channels: Mapping[str, ChannelSettings]
    pulse: PulseSettings | None


@dataclass(frozen=True, slots=True, kw_only=True)
class JudgementSettings:
    """How payouts are judged before they are signed; it only ever makes the daemon stricter.

    `strictest` is how far the learned judgement goes by itself. A first payment below
    `tiny_permille` thousandths of the law's limit per withdrawal is a test: more to that recipient
    within `quarantine_s` is held. `drain_percent` of a balance at once to a recipient never paid
    before is held; so is more than `first_use_assets` assets, or `first_use_recipients`, within
    `window_s`. Zero is no bound.
    """

    strictest: Rung = Rung.FREEZE
    tiny_permille: int = 1
    quarantine_s: int = 3_600
    drain_percent: int = 90
    window_s: int = 3_600
    first_use_assets: int = 20
    first_use_recipients: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """Everything in treasuryd.toml; `source` is the file."""

    source: Path
    daemon: DaemonSettings
    signer: SignerLink
    api: ApiSettings
    chains: Mapping[str, ChainSettings]
    watch: LaneSettings
    money: LaneSettings
    journal: JournalSettings
    alerts: AlertSettings
    judgement: JudgementSettings
